// What the processor's own counters say of a block: cycles, instructions, cache misses, floating-point operations and
// energy. Each is NaN where the system does not count it, and why_not says why.
//
// Left out: what the kernel did for the program, and counters of a thread's parts of a step: reading costs
// microseconds, and stays outside the timed steps.
#pragma once

#include <sys/types.h>

#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/machine/energy.hpp"
#include "experiments/machine/perf_events.hpp"

namespace stepbench {

/// Summed over all threads of the processes that train, but energy, which is the whole machine's. In user mode.
struct CounterValues {
  double cycles = std::numeric_limits<double>::quiet_NaN();
  double instructions = std::numeric_limits<double>::quiet_NaN();
  double cache_misses = std::numeric_limits<double>::quiet_NaN();   // of the last level, reads and writes
  double fp_operations = std::numeric_limits<double>::quiet_NaN();  // an FMA counts 2
  double energy = std::numeric_limits<double>::quiet_NaN();         // J
};

/// Events whose counts, each times its weight, make a value.
struct WeightedEvent {
  PerfEvent event;
  double weight = 1;
};
struct Counter {
  std::string_view name;  // as in the result file
  double CounterValues::*member;
  std::vector<WeightedEvent> events;  // none: no event of this CPU is known for it
};
/// Those of a CPU, by /proc/cpuinfo. Only floating-point operations have no event that is the same on all.
[[nodiscard]] std::vector<Counter> counters_of(const CpuDescription& cpu);

class BlockCounters {
 public:
  /// `events` outlive it.
  BlockCounters(PerfEvents& events, std::vector<Counter> counters, EnergyMeter energy);
  /// This machine's.
  BlockCounters();
  BlockCounters(const BlockCounters&) = delete;
  BlockCounters& operator=(const BlockCounters&) = delete;
  ~BlockCounters() { close_all(); }

  /// Makes a counter for each thread of the processes, none: of this one. What cannot be had is not asked for again.
  void prepare(std::span<const pid_t> processes = {});
  /// Counts from here to stop().
  void start();
  [[nodiscard]] CounterValues stop();

  /// Why a value is NaN, with what would change it; empty for one that could be counted when it was last prepared.
  struct Absence {
    std::string name, why, advice;
  };
  [[nodiscard]] std::vector<Absence> absences() const;

 private:
  struct Open {
    std::size_t counter;  // in counters_
    double weight;
    int number;  // of PerfEvents
  };
  void open_for(pid_t thread);
  void close_all();

  PerfEvents& events_;
  std::vector<Counter> counters_;
  std::vector<int> refused_;  // by counter: errno, 0 for none
  std::vector<Open> open_;
  EnergyMeter energy_;
  EnergyMeter::Reading energy_before_;
};

}  // namespace stepbench
