#include "core/scaling_forecast.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "core/step_schedule.hpp"

namespace stepbench {
namespace {

ScalingBound chain_bound(std::span<const TracedTask> tasks, const TaskChain& chain) {
  std::map<std::string_view, double> seconds;  // by name; the first of equals is that which the alphabet has first
  for (const std::size_t task : chain.tasks) seconds[tasks[task].name] += tasks[task].seconds;
  const auto most = std::ranges::max_element(seconds, {}, [](const auto& entry) { return entry.second; });
  ScalingBound bound{.kind = ScalingBound::Kind::chain, .seconds = chain.seconds};
  if (most == seconds.end()) return bound;
  bound.name = most->first;
  bound.tasks = std::ranges::count(tasks, bound.name, &TracedTask::name);
  return bound;
}

}  // namespace

std::string_view to_text(ScalingBound::Kind kind) {
  using enum ScalingBound::Kind;
  switch (kind) {
    case work:
      return "work";
    case chain:
      return "chain";
    case hand_out:
      return "hand-out";
    case outside:
      break;
  }
  return "outside";
}

std::string bound_text(const ScalingBound& bound) {
  using enum ScalingBound::Kind;
  switch (bound.kind) {
    case work:
      return "work";
    case chain:
      return fmt::format("{}, {} task{}", bound.name, bound.tasks, bound.tasks == 1 ? "" : "s");
    case hand_out:
      return "handing tasks out";
    case outside:
      break;
  }
  return bound.name;
}

ScalingForecast forecast_scaling(const StepCut& cut) {
  const std::span<const TracedTask> tasks = cut.trace.tasks;
  const TaskChain longest = longest_chain(tasks);
  const auto cores = static_cast<double>(cut.cores), count = static_cast<double>(tasks.size());
  ScalingForecast forecast{.cores = cut.cores,
                           .tasks = std::ssize(tasks),
                           .work = work_of(tasks),
                           .span = longest.seconds,
                           .hand_out = cut.cores > 1 ? cut.hand_out : HandOutCosts{},  // one core runs them itself
                           .outside = cut.outside,
                           .bound = {}};
  const HandOutCosts& costs = forecast.hand_out;
  forecast.seconds = cut.outside + costs.step + greedy_schedule(tasks, cut.cores, costs.task);
  forecast.speedup = cut.one_core / forecast.seconds;
  using Kind = ScalingBound::Kind;
  const std::string around = 2 * cut.gathering >= cut.outside ? "gathering the batch" : "what no task holds";
  const std::array<ScalingBound, 4> bounds = {{{Kind::work, forecast.work / cores},
                                               chain_bound(tasks, longest),
                                               {Kind::hand_out, costs.step + costs.task * count / cores},
                                               {Kind::outside, cut.outside, around, 0}}};
  forecast.bound = *std::ranges::max_element(bounds, {}, &ScalingBound::seconds);  // the first of equals
  return forecast;
}

}  // namespace stepbench
