// The kernel's performance events (perf_event_open) behind a narrow interface, so that tests can plant their own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace stepbench {

/// As perf_event_attr has them: PERF_TYPE_HARDWARE and PERF_COUNT_HW_CPU_CYCLES, say.
struct PerfEvent {
  std::uint32_t type = 0;
  std::uint64_t config = 0;
  auto operator<=>(const PerfEvent&) const = default;
};

class PerfEvents {
 public:
  PerfEvents() = default;
  PerfEvents(const PerfEvents&) = delete;
  PerfEvents& operator=(const PerfEvents&) = delete;
  virtual ~PerfEvents() = default;

  /// A counter of the thread, and of those that it starts later, in user mode; it does not run yet. Its number, or
  /// minus the errno of the refusal.
  [[nodiscard]] virtual int open(const PerfEvent& event, pid_t thread) = 0;
  /// From now on it counts.
  virtual void start(int counter) = 0;
  /// What it counted; where it had to share the CPU's counters with others, scaled to the whole time. Nothing where it
  /// cannot be read, or never got a turn.
  [[nodiscard]] virtual std::optional<double> read(int counter) = 0;
  virtual void close(int counter) = 0;
};

/// This machine's.
[[nodiscard]] PerfEvents& system_perf_events();

}  // namespace stepbench
