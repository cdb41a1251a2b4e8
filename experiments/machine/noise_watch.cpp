#include "experiments/machine/noise_watch.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <limits>
#include <map>

#include "core/buffer.hpp"
#include "core/lap_clock.hpp"
#include "core/results/trial_record.hpp"
#include "core/statistics.hpp"
#include "experiments/machine/thread_times.hpp"
#include "variants/kernels/direct_product.hpp"

namespace stepbench {
namespace {

constexpr double kSentinelSeconds = 0.0003;
constexpr int kSentinelRuns = 3;

// Limits above which a block counts as disturbed. Each is well above what an idle machine shows, and about what moves
// a median by as much as the differences that people want to see.
constexpr double kStolenShare = 0.02;       // of the time of all cores
constexpr double kWaitingShare = 0.02;      // of the time of the block's threads
constexpr double kSwitchesPerSecond = 100;  // of each thread; a timer tick that finds nothing else to run is no switch
constexpr double kFewestSwitches = 10;      // in a block: below, the rate of a short block says nothing
constexpr double kSentinelDrift = 1.1;      // over the median of the group's blocks

std::array<DisturbanceText, 4> constexpr kTexts = {{
    {kStolenTime, "stolen time", "the host ran others on these cores: use a dedicated machine, or run again later"},
    {kWaitedForCore, "waited for a core", "other programs use these cores: stop them, or pin this run with taskset"},
    {kInvoluntarySwitches, "taken off the core", "other programs compete: stop them, or pin this run with taskset"},
    {kSlowSentinel, "slow core",
     "the clock dropped or a neighbour shares the core: fix the frequency, run again later"},
}};

/// Small matrix products from the first-level cache, by the kernels that train: a neighbour on the same core takes its
/// loads and its cache, too, which a loop in registers never misses.
class Sentinel {
 public:
  /// Seconds of so many products.
  double time(long products) {
    LapClock clock;
    for (long i = 0; i < products; ++i) {
      direct_product<float>(Transpose::no, kRows, kColumns, kDepth, 1, {a_.data(), kDepth}, {b_.data(), kColumns}, 0,
                            {c_.data(), kColumns});
    }
    return clock.lap();
  }

 private:
  static constexpr std::ptrdiff_t kRows = 32, kColumns = 64, kDepth = 48;  // 26 KB in all
  // Not in braces, which would hold two elements.
  Buffer<float> a_ = Buffer<float>(kRows * kDepth, 0.5F), b_ = Buffer<float>(kDepth * kColumns, 0.25F);
  Buffer<float> c_ = Buffer<float>(kRows * kColumns);
};

Sentinel& sentinel() {
  static Sentinel one;
  return one;
}

/// Of kSentinelSeconds, when nothing disturbs.
long calibrated_sentinel() {
  long iterations = 10;
  while (sentinel().time(iterations) < kSentinelSeconds / 4) iterations *= 2;
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kSentinelRuns; ++i) best = std::min(best, sentinel().time(iterations));
  return std::max(1L, static_cast<long>(static_cast<double>(iterations) * kSentinelSeconds / best));
}

/// Seconds stolen from all cores since boot: eighth number of the first line of /proc/stat.
double stolen_seconds() {
  std::ifstream file("/proc/stat");
  std::string name;
  file >> name;
  double ticks = 0;
  for (int field = 0; field < 8; ++field) file >> ticks;
  return file ? ticks / static_cast<double>(sysconf(_SC_CLK_TCK)) : std::numeric_limits<double>::quiet_NaN();
}

/// Over all threads; NaN where the system tells of none.
ThreadTimes sum_of(const std::map<std::string, ThreadTimes>& threads) {
  if (threads.empty()) {
    constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
    return {kUnknown, kUnknown, 0};
  }
  ThreadTimes sum;
  for (const auto& [number, times] : threads) {
    sum.running += times.running;
    sum.waiting += times.waiting;
    sum.involuntary_switches += times.involuntary_switches;
  }
  return sum;
}

}  // namespace

double process_cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

NoiseWatch::Counters NoiseWatch::read(const std::vector<pid_t>& processes) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const std::chrono::duration<double> now = std::chrono::steady_clock::now().time_since_epoch();
  Counters counters{.wall = now.count(),
                    .cpu = process_cpu_seconds(),
                    .steal = stolen_seconds(),
                    .run_delay = sum_of(thread_times()).waiting,
                    .involuntary_switches = static_cast<double>(usage.ru_nivcsw)};
  if (processes.empty()) return counters;
  const ThreadTimes others = sum_of(thread_times(processes));
  counters.cpu += others.running;
  counters.run_delay += others.waiting;
  counters.involuntary_switches += others.involuntary_switches;
  return counters;
}

void NoiseWatch::begin_block(const std::vector<pid_t>& processes) {
  processes_ = processes;
  static const long iterations = calibrated_sentinel();
  sentinel_time_ = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kSentinelRuns; ++i) {
    sentinel_time_ = std::min(sentinel_time_, sentinel().time(iterations));
  }
  begin_ = read(processes_);
}

BlockNoise NoiseWatch::end_block() {
  const Counters end = read(processes_);
  return {.block_time = end.wall - begin_.wall,
          .cpu_time = end.cpu - begin_.cpu,
          .steal_time = end.steal - begin_.steal,
          .run_delay = std::max(0.0, end.run_delay - begin_.run_delay),  // a thread that ended took its count along
          .involuntary_switches = end.involuntary_switches - begin_.involuntary_switches,
          .sentinel_time = sentinel_time_};
}

std::vector<std::int64_t> find_disturbances(std::span<const BlockNoise> blocks, std::span<const std::int64_t> threads,
                                            int cores) {
  std::vector<double> sentinels;
  for (const BlockNoise& block : blocks) {
    if (std::isfinite(block.sentinel_time)) sentinels.push_back(block.sentinel_time);
  }
  const double usual = median(sentinels);
  std::vector<std::int64_t> disturbed;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const BlockNoise& block = blocks[i];
    const double thread_time = block.block_time * static_cast<double>(threads[i]);
    const bool has_cores = threads[i] <= cores;
    std::int64_t bits = 0;  // a comparison with NaN, what the system does not tell, sets none
    if (block.steal_time > kStolenShare * block.block_time * cores) bits |= kStolenTime;
    if (has_cores && block.run_delay > kWaitingShare * thread_time) bits |= kWaitedForCore;
    if (has_cores && block.involuntary_switches >= kFewestSwitches &&
        block.involuntary_switches > kSwitchesPerSecond * thread_time) {
      bits |= kInvoluntarySwitches;
    }
    if (block.sentinel_time > kSentinelDrift * usual) bits |= kSlowSentinel;
    disturbed.push_back(bits);
  }
  return disturbed;
}

std::span<const DisturbanceText> disturbance_texts() { return kTexts; }

std::string describe_disturbances(std::span<const std::int64_t> disturbed) {
  const auto count = std::count_if(disturbed.begin(), disturbed.end(), [](std::int64_t bits) { return bits != 0; });
  if (count == 0) return "";
  std::string text = fmt::format("{} of {} blocks disturbed:", count, disturbed.size());
  const char* separator = " ";
  for (const DisturbanceText& cause : kTexts) {
    const auto hits =
        std::count_if(disturbed.begin(), disturbed.end(), [&](std::int64_t bits) { return (bits & cause.bit) != 0; });
    if (hits == 0) continue;
    text += fmt::format("{}{} ({})", separator, cause.name, hits);
    separator = ", ";
  }
  return text;
}

}  // namespace stepbench
