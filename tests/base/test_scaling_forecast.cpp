// What more cores give, of steps whose tasks are known, and what is said to bound them.
#include <catch2/catch.hpp>

#include "core/scaling_forecast.hpp"
#include "tests/support/known_graphs.hpp"

namespace stepbench::testing {
namespace {

using Kind = ScalingBound::Kind;

StepCut cut_of(std::vector<TracedTask> tasks, std::int64_t cores, double one_core) {
  return {.cores = cores, .trace = {std::move(tasks), one_core}, .one_core = one_core, .hand_out = {}};
}

}  // namespace

TEST_CASE("the speed-up is over the step that is cut for one core, however much work this cut has") {
  const ScalingForecast forecast = forecast_scaling(cut_of(fork_join(8, 1.0), 4, 8.0));
  CHECK(forecast.cores == 4);
  CHECK(forecast.tasks == 10);
  CHECK(forecast.work == 10);
  CHECK(forecast.span == 3);
  CHECK(forecast.parallelism() == Approx(10.0 / 3));
  CHECK(forecast.seconds == 4);
  CHECK(forecast.speedup == 2);
}

TEST_CASE("a step pays for handing its tasks out and for what no task holds") {
  StepCut cut = cut_of(fork_join(8, 1.0), 4, 10.0);
  cut.outside = 0.5;
  cut.hand_out = {.task = 0.25, .step = 2};
  CHECK(forecast_scaling(cut).seconds == 0.5 + 2 + 4 * 1.25);
}

TEST_CASE("one core hands nothing out") {
  StepCut cut = cut_of(fork_join(8, 1.0), 1, 10.0);
  cut.hand_out = {.task = 0.25, .step = 2};
  const ScalingForecast forecast = forecast_scaling(cut);
  CHECK(forecast.speedup == 1);
  CHECK(forecast.bound.kind == Kind::work);
}

TEST_CASE("where each core has work enough, the work is the bound") {
  const ScalingForecast forecast = forecast_scaling(cut_of(fork_join(8, 1.0), 2, 10.0));
  CHECK(forecast.bound.kind == Kind::work);
  CHECK(forecast.bound.seconds == 5);
  CHECK(bound_text(forecast.bound) == "work");
}

TEST_CASE("where cores wait, the bound is the name with the most seconds of the longest chain, with its tasks") {
  std::vector<TracedTask> tasks = {{"forward", 1, {}}};
  for (int i = 0; i < 4; ++i) tasks.push_back({"dW of layer 0", 3, {0}});
  tasks.push_back({"update", 2, {1, 2, 3, 4}});
  const ScalingForecast forecast = forecast_scaling(cut_of(tasks, 16, 15.0));
  CHECK(forecast.bound.kind == Kind::chain);
  CHECK(forecast.bound.name == "dW of layer 0");
  CHECK(forecast.bound.tasks == 4);
  CHECK(forecast.bound.seconds == 6);
  CHECK(bound_text(forecast.bound) == "dW of layer 0, 4 tasks");
}

TEST_CASE("of a chain, the seconds of one name are added up before the most of them are looked for") {
  const std::vector<TracedTask> tasks = {{"a", 2, {}}, {"b", 3, {0}}, {"a", 2, {1}}};
  CHECK(forecast_scaling(cut_of(tasks, 8, 7.0)).bound.name == "a");
}

TEST_CASE("tasks so short that handing them out takes longer are bound by it") {
  StepCut cut = cut_of(std::vector<TracedTask>(100, {"t", 0.01, {}}), 4, 1.0);
  cut.hand_out = {.task = 0.02, .step = 0};
  const ScalingForecast forecast = forecast_scaling(cut);
  CHECK(forecast.bound.kind == Kind::hand_out);
  CHECK(forecast.speedup < 4);
  CHECK(bound_text(forecast.bound) == "handing tasks out");
}

TEST_CASE("what one core does outside the tasks is a bound, too") {
  StepCut cut = cut_of(std::vector<TracedTask>(16, {"t", 1.0, {}}), 16, 18.0);
  cut.outside = 2;
  const ScalingForecast forecast = forecast_scaling(cut);
  CHECK(forecast.bound.kind == Kind::outside);
  CHECK(forecast.speedup == 6);
  CHECK(bound_text(forecast.bound) == "what no task holds");
  cut.gathering = 1.5;
  CHECK(bound_text(forecast_scaling(cut).bound) == "gathering the batch");
}

}  // namespace stepbench::testing
