// The processor's counters: a planted kernel and planted energy files, and a known loop where this machine counts.
#include <linux/perf_event.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <cmath>
#include <map>
#include <set>

#include "experiments/machine/block_counters.hpp"
#include "tests/machine/made_up_tree.hpp"

namespace stepbench::testing {
namespace {

using Catch::Matchers::Contains;

/// Counts for each event what it is told to, and knows which counters are open.
class PlantedEvents final : public PerfEvents {
 public:
  int open(const PerfEvent& event, pid_t) override {
    ++asked;
    if (const auto refused = refuses.find(event); refused != refuses.end()) return -refused->second;
    events_[next_] = event;
    return next_++;
  }
  void start(int counter) override { started_.insert(counter); }
  std::optional<double> read(int counter) override {
    if (!started_.contains(counter)) return 0;
    return counts.at(events_.at(counter));
  }
  void close(int counter) override { events_.erase(counter); }
  [[nodiscard]] std::size_t open_counters() const { return events_.size(); }

  std::map<PerfEvent, std::optional<double>> counts;  // of each thread
  std::map<PerfEvent, int> refuses;                   // errno
  int asked = 0;

 private:
  int next_ = 100;
  std::map<int, PerfEvent> events_;
  std::set<int> started_;
};

constexpr PerfEvent kCycles{PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES};
constexpr PerfEvent kInstructions{PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS};
constexpr PerfEvent kNarrow{PERF_TYPE_RAW, 1}, kWide{PERF_TYPE_RAW, 2};

std::vector<Counter> planted_counters() {
  return {{"cycles", &CounterValues::cycles, {{kCycles}}},
          {"instructions", &CounterValues::instructions, {{kInstructions}}},
          {"fp_operations", &CounterValues::fp_operations, {{kNarrow, 1}, {kWide, 16}}},
          {"cache_misses", &CounterValues::cache_misses, {}}};
}

EnergyMeter no_energy() { return EnergyMeter(MadeUpTree{}.root()); }

CounterValues counted(BlockCounters& counters) {
  counters.prepare();
  counters.start();
  return counters.stop();
}

void write_energy(const MadeUpTree& tree, const char* zone, const char* microjoules) {
  write_text_file(tree.root() / "sys/class/powercap" / zone / "energy_uj", microjoules);
}

}  // namespace

TEST_CASE("a block's counts are those of all events, each by its weight") {
  PlantedEvents events;
  events.counts = {{kCycles, 1000.0}, {kInstructions, 2500.0}, {kNarrow, 10.0}, {kWide, 3.0}};
  BlockCounters counters(events, planted_counters(), no_energy());
  const CounterValues first = counted(counters);
  // The test program has one thread, or more where a library started some: each has the same.
  const double threads = first.cycles / 1000;
  CHECK(threads >= 1);
  CHECK(first.instructions == 2500 * threads);
  CHECK(first.fp_operations == (10 + 16 * 3) * threads);
  CHECK(std::isnan(first.cache_misses));
  CHECK(std::isnan(first.energy));
  CHECK(events.open_counters() == 0);
  CHECK(counted(counters).cycles == first.cycles);  // a block's, not of all blocks before
}

TEST_CASE("what the kernel refuses is NaN, with the reason, and is not asked for again") {
  PlantedEvents events;
  events.counts = {{kCycles, 1.0}, {kInstructions, 1.0}, {kNarrow, 1.0}, {kWide, 1.0}};
  events.refuses = {{kCycles, EACCES}, {kWide, ENOENT}};
  BlockCounters counters(events, planted_counters(), no_energy());
  const CounterValues values = counted(counters);
  CHECK(std::isnan(values.cycles));
  CHECK(values.instructions >= 1);
  CHECK(std::isnan(values.fp_operations));  // a part of them would be taken for all
  const std::vector<BlockCounters::Absence> absences = counters.absences();
  REQUIRE(absences.size() == 4);  // with the cache's, that has no event, and energy
  CHECK(absences[0].name == "cycles");
  CHECK_THAT(absences[0].why, Contains("perf_event_paranoid"));
  CHECK_THAT(absences[0].advice, Contains("sysctl"));
  CHECK(absences[1].name == "fp_operations");
  CHECK_THAT(absences[1].why, Contains("virtual machine"));
  CHECK(absences[3].name == "energy");
  const int asked = events.asked;
  static_cast<void>(counted(counters));
  CHECK(events.asked - asked == values.instructions);  // once for each thread
}

TEST_CASE("too many open files now need not be too many in the next block") {
  PlantedEvents events;
  events.counts = {{kCycles, 1.0}, {kInstructions, 1.0}, {kNarrow, 1.0}, {kWide, 1.0}};
  events.refuses = {{kInstructions, EMFILE}};
  BlockCounters counters(events, planted_counters(), no_energy());
  CHECK(std::isnan(counted(counters).instructions));
  events.refuses.clear();
  CHECK(counted(counters).instructions >= 1);
}

TEST_CASE("a counter that cannot be read makes its value NaN") {
  PlantedEvents events;
  events.counts = {{kCycles, std::nullopt}, {kInstructions, 1.0}, {kNarrow, 1.0}, {kWide, 1.0}};
  BlockCounters counters(events, planted_counters(), no_energy());
  const CounterValues values = counted(counters);
  CHECK(std::isnan(values.cycles));
  CHECK(values.instructions >= 1);
}

TEST_CASE("energy is summed over processors, and a counter may begin anew") {
  const MadeUpTree tree({{"sys/class/powercap/intel-rapl:0/name", "package-0\n"},
                         {"sys/class/powercap/intel-rapl:0/energy_uj", "1000000\n"},
                         {"sys/class/powercap/intel-rapl:0/max_energy_range_uj", "50000000\n"},
                         {"sys/class/powercap/intel-rapl:1/name", "package-1\n"},
                         {"sys/class/powercap/intel-rapl:1/energy_uj", "49000000\n"},
                         {"sys/class/powercap/intel-rapl:1/max_energy_range_uj", "50000000\n"},
                         {"sys/class/powercap/intel-rapl:0:0/name", "core\n"},
                         {"sys/class/powercap/intel-rapl:0:0/energy_uj", "7\n"}});
  PlantedEvents events;
  BlockCounters counters(events, {}, EnergyMeter(tree.root()));
  counters.prepare();
  counters.start();
  write_energy(tree, "intel-rapl:0", "3500000\n");
  write_energy(tree, "intel-rapl:1", "500000\n");  // 1 J to its range, and half a joule beyond
  CHECK(counters.stop().energy == Approx(2.5 + 1.5));
  CHECK(counters.absences().empty());
}

TEST_CASE("energy that cannot be read is NaN, with the reason") {
  const MadeUpTree absent{};
  CHECK_THAT(EnergyMeter(absent.root()).why_not(), Contains("virtual machine"));
  const MadeUpTree unreadable({{"sys/class/powercap/intel-rapl:0/name", "package-0\n"}});
  const EnergyMeter meter(unreadable.root());
  CHECK_THAT(meter.why_not(), Contains("only root"));
  CHECK_THAT(meter.advice(), Contains("chmod"));
  CHECK(std::isnan(meter.between(meter.read(), meter.read())));
}

TEST_CASE("a CPU without a known event for floating-point operations has none, and those with one count an FMA twice") {
  const auto events_of = [](const CpuDescription& cpu) {
    for (const Counter& counter : counters_of(cpu)) {
      if (counter.name == "fp_operations") return counter.events;
    }
    return std::vector<WeightedEvent>();
  };
  CHECK(events_of({.model = "", .vendor = "", .family = 0}).empty());
  CHECK(events_of({.model = "", .vendor = "AuthenticAMD", .family = 0x15}).empty());
  CHECK(events_of({.model = "", .vendor = "AuthenticAMD", .family = 0x1A}).size() == 1);
  double widest = 0;
  for (const WeightedEvent& each : events_of({.model = "", .vendor = "GenuineIntel", .family = 6})) {
    widest = std::max(widest, each.weight);
  }
  CHECK(widest == 16);  // 512 bits of float32
}

TEST_CASE("a known loop's instructions are counted to 1%") {
  BlockCounters counters;
  counters.prepare();
  for (const BlockCounters::Absence& absence : counters.absences()) {
    if (absence.name != "instructions") continue;
    WARN("not counted here: " << absence.why);
    return;
  }
#if defined(__x86_64__)
  constexpr long kTurns = 10'000'000, kInstructionsEach = 2;
  counters.start();
  long turns = kTurns;
  asm volatile("1: dec %0\n jnz 1b" : "+r"(turns) : : "cc");
  const double instructions = counters.stop().instructions;
  CHECK(instructions == Approx(kTurns * kInstructionsEach).epsilon(0.01));
#else
  WARN("the loop is x86's");
#endif
}

}  // namespace stepbench::testing
