// The model of a study of scaling: that a fit finds what made the times, and what the model leaves out it does not
// bend.
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "core/scaling_model.hpp"

namespace stepbench::testing {
namespace {

/// Points as the model has them, with all of the time in phases where it belongs.
std::vector<ScalingPoint> points_of(const ScalingModel& model, std::vector<ScalingPoint> points) {
  for (ScalingPoint& point : points) {
    const double computing = model.sample_time * point.share * point.crowding;
    point.update = model.fixed_time * point.crowding;
    point.reduce = std::max(0.0, point.transfer - model.overlap * computing);
    point.step = computing + point.update + point.reduce;
  }
  return points;
}

constexpr ScalingModel kModel{.sample_time = 1e-5, .fixed_time = 2e-4, .overlap = 0.1};

}  // namespace

TEST_CASE("a step takes what its busiest worker computes, what does not shrink, and the way that is not hidden") {
  CHECK(kModel.step_time({.workers = 4, .share = 100}) == Approx(1e-3 + 2e-4));
  CHECK(kModel.step_time({.workers = 4, .share = 100, .transfer = 3e-4}) == Approx(1e-3 + 2e-4 + 2e-4));
  CHECK(kModel.step_time({.workers = 4, .share = 100, .transfer = 5e-5}) == Approx(1e-3 + 2e-4));
  CHECK(kModel.step_time({.workers = 4, .share = 100, .crowding = 2}) == Approx(2e-3 + 4e-4));
}

TEST_CASE("a fit of ranks finds the model that made the times") {
  const auto points = points_of(kModel, {{.workers = 1, .share = 512},
                                         {.workers = 2, .share = 256, .transfer = 4e-4},
                                         {.workers = 4, .share = 128, .transfer = 5e-4}});
  const ScalingModel fitted = fit_ranks(points);
  CHECK(fitted.sample_time == Approx(kModel.sample_time));
  CHECK(fitted.fixed_time == Approx(kModel.fixed_time));
  CHECK(fitted.overlap == Approx(kModel.overlap));
  CHECK(fitted.step_time({.workers = 64, .share = 8, .transfer = 1e-3}) ==
        Approx(kModel.step_time({.workers = 64, .share = 8, .transfer = 1e-3})));
}

TEST_CASE("ranks that share cores are predicted, and not fitted to") {
  auto points = points_of(kModel, {{.workers = 1, .share = 512}, {.workers = 2, .share = 256, .transfer = 4e-4}});
  points.push_back({.workers = 4, .share = 128, .crowding = 2, .step = 1, .update = 0.5, .reduce = 0.4});
  CHECK(fit_ranks(points).sample_time == Approx(kModel.sample_time));
  CHECK(fit_ranks(points).fixed_time == Approx(kModel.fixed_time));
}

TEST_CASE("where all ranks share cores, they are all there is to fit to") {
  CHECK(fit_ranks(points_of(kModel, {{.workers = 4, .share = 128, .crowding = 2}})).sample_time ==
        Approx(kModel.sample_time));
}

TEST_CASE("a link that was slower than its ping-pong hides nothing") {
  auto points = points_of(kModel, {{.workers = 1, .share = 512}, {.workers = 2, .share = 256, .transfer = 4e-4}});
  points[1].reduce += 1e-3;
  points[1].step += 1e-3;
  CHECK(fit_ranks(points).overlap == 0);
}

TEST_CASE("a fit of threads finds what they share and what they do not") {
  const auto points =
      points_of({.sample_time = 1e-5, .fixed_time = 3e-4}, {{.workers = 1, .share = 512},
                                                            {.workers = 2, .share = 256},
                                                            {.workers = 4, .share = 128},
                                                            {.workers = 8, .share = 64, .crowding = 2}});
  const ScalingModel fitted = fit_threads(points);
  CHECK(fitted.sample_time == Approx(1e-5));
  CHECK(fitted.fixed_time == Approx(3e-4));
}

TEST_CASE("threads that do better than sharing everything have nothing that is not shared") {
  const std::vector<ScalingPoint> points = {{.workers = 1, .share = 512, .step = 6e-3},
                                            {.workers = 2, .share = 256, .step = 2.8e-3}};
  const ScalingModel fitted = fit_threads(points);
  CHECK(fitted.fixed_time == 0);
  CHECK(fitted.step_time(points[0]) / 6e-3 == Approx(1).epsilon(0.05));
}

TEST_CASE("threads that gain nothing share nothing") {
  const std::vector<ScalingPoint> points = {{.workers = 1, .share = 512, .step = 5e-3},
                                            {.workers = 2, .share = 256, .step = 6e-3}};
  const ScalingModel fitted = fit_threads(points);
  CHECK(fitted.sample_time == 0);
  CHECK(fitted.fixed_time > 5e-3);
  CHECK(fitted.fixed_time < 6e-3);
}

TEST_CASE("a message takes its latency, and its bytes by the bandwidth") {
  CHECK(transfer_time(10, 2e6, 1e-6, 1e9) == Approx(1e-5 + 2e-3));
}

}  // namespace stepbench::testing
