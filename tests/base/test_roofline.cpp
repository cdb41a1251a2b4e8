// The verdict on what limits a phase, on made-up numbers.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/roofline.hpp"

namespace stepbench::testing {
namespace {

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();
constexpr Roof kRoof{.peak = 100e9, .bandwidth = 10e9};

Limit limit_of(const PhaseMeasured& measured) { return judge_phase("forward", measured, kRoof).limit; }

}  // namespace

TEST_CASE("a large square layer is limited by compute") {
  // 1024^2 weights, 1024 rows: 2.1 GFLOP and 13 MB, at 80% of the peak.
  const PhaseLimit limit =
      judge_phase("forward", {.flops = 2.1e9, .bytes = 13e6, .seconds = 0.026, .busy_share = 1}, kRoof);
  CHECK(limit.limit == Limit::compute);
  CHECK(limit.compute_time == Approx(0.021));
  CHECK(limit.memory_time == Approx(0.0013));
  CHECK(limit.idle_time == 0);
  CHECK(limit.other_time == Approx(0.005));
  CHECK(limit.attainable() == Approx(100e9));
  CHECK(limit.share_of_roof() == Approx(0.021 / 0.026));
}

TEST_CASE("weights beyond any cache at batch 1 are limited by memory") {
  // 100 million float32 weights, each used once: 0.5 FLOP/B.
  const PhaseLimit limit =
      judge_phase("forward", {.flops = 2e8, .bytes = 4e8, .seconds = 0.05, .busy_share = 1}, kRoof);
  CHECK(limit.limit == Limit::memory);
  CHECK(limit.intensity() == Approx(0.5));
  CHECK(limit.attainable() == Approx(5e9));  // min(peak, 0.5 * bandwidth)
}

TEST_CASE("16 threads of which 2 have a shard are limited by too little parallel work") {
  CHECK(limit_of({.flops = 1e8, .bytes = 1e6, .seconds = 0.01, .busy_share = 2.0 / 16}) == Limit::parallelism);
}

TEST_CASE("a network of width 8 is limited by overhead") {
  // 4096 FLOP in 5 us: 0.8% of what the peak needs.
  CHECK(limit_of({.flops = 4096, .bytes = 4096, .seconds = 5e-6, .busy_share = 1}) == Limit::overhead);
}

TEST_CASE("shares that exceed the time leave nothing for the rest") {
  const PhaseLimit limit = judge_phase("step", {.flops = 1.2e9, .bytes = 0, .seconds = 0.01, .busy_share = 0.5}, kRoof);
  CHECK(limit.other_time == 0);
  CHECK(limit.limit == Limit::compute);
  CHECK(limit.share_of_roof() == Approx(1.2));
}

TEST_CASE("what was not measured leaves the verdict unknown") {
  const PhaseMeasured known{.flops = 1e9, .bytes = 1e6, .seconds = 0.02, .busy_share = 1};
  PhaseMeasured measured = known;
  measured.seconds = kNotANumber;
  CHECK(limit_of(measured) == Limit::unknown);
  measured = known;
  measured.busy_share = kNotANumber;
  CHECK(limit_of(measured) == Limit::unknown);
  CHECK(judge_phase("loss", known, {.peak = kNotANumber, .bandwidth = 1e9}).limit == Limit::unknown);
  CHECK(judge_phase("loss", known, {.peak = 1e9, .bandwidth = kNotANumber}).limit == Limit::unknown);
  CHECK(limit_of(known) == Limit::compute);
}

TEST_CASE("every limit reads back from its name") {
  for (const Limit limit : {Limit::unknown, Limit::compute, Limit::memory, Limit::parallelism, Limit::overhead}) {
    CHECK(limit_from_text(to_text(limit)) == limit);
  }
  CHECK_FALSE(limit_from_text("weather").has_value());
}

}  // namespace stepbench::testing
