// What counts as a disturbed block, on made-up readings; and that the real counters count.
#include <catch2/catch.hpp>
#include <limits>

#include "core/results/trial_record.hpp"
#include "experiments/machine/noise_watch.hpp"

namespace stepbench::testing {
namespace {

constexpr int kCores = 2;

BlockNoise calm() {
  return {.block_time = 1,
          .cpu_time = 1,
          .steal_time = 0,
          .run_delay = 0.001,
          .involuntary_switches = 3,
          .sentinel_time = 0.0003};
}

/// The verdict on the last of five blocks, the others being calm.
std::int64_t verdict(const BlockNoise& noise, std::int64_t threads = 1) {
  const std::vector<BlockNoise> blocks = {calm(), calm(), calm(), calm(), noise};
  const std::vector<std::int64_t> all_threads(blocks.size(), threads);
  const std::vector<std::int64_t> disturbed = find_disturbances(blocks, all_threads, kCores);
  for (std::size_t i = 0; i + 1 < blocks.size(); ++i) CHECK(disturbed[i] == 0);
  return disturbed.back();
}

}  // namespace

TEST_CASE("a calm block is not disturbed") { CHECK(verdict(calm()) == 0); }

TEST_CASE("time stolen from the cores disturbs a block") {
  BlockNoise noise = calm();
  noise.steal_time = 0.05;  // of 1 s on 2 cores
  CHECK(verdict(noise) == kStolenTime);
}

TEST_CASE("waiting for a core disturbs a block, unless it has more threads than there are cores") {
  BlockNoise noise = calm();
  noise.run_delay = 0.2;
  CHECK(verdict(noise, 2) == kWaitedForCore);
  CHECK(verdict(noise, 4) == 0);
}

TEST_CASE("being taken off the core again and again disturbs a block") {
  BlockNoise noise = calm();
  noise.involuntary_switches = 150;
  CHECK(verdict(noise, 1) == kInvoluntarySwitches);
  CHECK(verdict(noise, 2) == 0);  // 75 a second each
}

TEST_CASE("a few switches in a very short block say nothing") {
  BlockNoise noise = calm();
  noise.block_time = 0.01;
  noise.involuntary_switches = 4;
  CHECK((verdict(noise) & kInvoluntarySwitches) == 0);
}

TEST_CASE("a sentinel slower than in the other blocks disturbs a block") {
  BlockNoise noise = calm();
  noise.sentinel_time = 0.0004;
  CHECK(verdict(noise) == kSlowSentinel);
}

TEST_CASE("causes add up, and what the system does not tell is no cause") {
  BlockNoise noise = calm();
  noise.steal_time = 1;
  noise.run_delay = 1;
  CHECK(verdict(noise) == (kStolenTime | kWaitedForCore));
  noise.steal_time = noise.run_delay = noise.involuntary_switches = std::numeric_limits<double>::quiet_NaN();
  CHECK(verdict(noise) == 0);
}

TEST_CASE("the description counts blocks and causes") {
  const std::vector<std::int64_t> disturbed = {0, kStolenTime, kStolenTime | kSlowSentinel, 0};
  CHECK(describe_disturbances(disturbed) == "2 of 4 blocks disturbed: stolen time (2), slow core (1)");
  CHECK(describe_disturbances(std::vector<std::int64_t>{0, 0}).empty());
}

TEST_CASE("the watch sees the CPU time that a block takes") {
  NoiseWatch watch;
  watch.begin_block();
  const double begin = process_cpu_seconds();
  while (process_cpu_seconds() - begin < 0.02) {
  }
  const BlockNoise noise = watch.end_block();
  CHECK(noise.cpu_time >= 0.02);
  CHECK(noise.block_time > 0);
  CHECK(noise.sentinel_time > 0);
  CHECK(noise.involuntary_switches >= 0);
}

}  // namespace stepbench::testing
