// What else happened on this machine while a block was trained. It watches and tells; nothing is corrected or dropped.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace stepbench {

/// CPU seconds of all threads of this process.
[[nodiscard]] double process_cpu_seconds();

/// What was seen of one block. NaN where the system does not tell.
struct BlockNoise {
  double block_time = 0;            // s, wall
  double cpu_time = 0;              // s, of the process that trains
  double steal_time = 0;            // s, summed over all cores; the kernel counts it in steps of 10 ms
  double run_delay = 0;             // s, summed over this process's threads that were ready to run and waited
  double involuntary_switches = 0;  // of this process's threads
  double sentinel_time = 0;         // s
};

/// Watches one block after the other.
class NoiseWatch {
 public:
  /// Runs the sentinel (best of a few), then starts to watch. The sentinel is about 0.3 ms of multiply-adds in
  /// registers, one thread, the same work in the whole process: it slows down when the clock does, or when the host
  /// puts somebody else on our core's other thread.
  /// `processes`: those that train, and are watched with this one; none: this one does.
  void begin_block(const std::vector<pid_t>& processes = {});
  [[nodiscard]] BlockNoise end_block();

 private:
  struct Counters {
    double wall, cpu, steal, run_delay, involuntary_switches;
  };
  static Counters read(const std::vector<pid_t>& processes);

  double sentinel_time_ = 0;
  std::vector<pid_t> processes_;
  Counters begin_{};
};

/// For each block, the sum of the Disturbance that apply (core/results/trial_record.hpp). `threads[i]`: what block i
/// was given; threads beyond `cores` wait for each other by design and are not held against anybody.
[[nodiscard]] std::vector<std::int64_t> find_disturbances(std::span<const BlockNoise> blocks,
                                                          std::span<const std::int64_t> threads, int cores);

/// What a Disturbance (a single bit) is called, and what can be done about it: `stolen time`, `the host ...`.
struct DisturbanceText {
  std::int64_t bit;
  const char* name;
  const char* advice;
};
[[nodiscard]] std::span<const DisturbanceText> disturbance_texts();

/// `3 of 24 blocks disturbed: stolen time (2), waited for a core (1)`; empty when none was.
[[nodiscard]] std::string describe_disturbances(std::span<const std::int64_t> disturbed);

}  // namespace stepbench
