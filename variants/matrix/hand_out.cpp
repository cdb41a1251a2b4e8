#include "variants/matrix/hand_out.hpp"

#include <algorithm>
#include <array>

#include "core/lap_clock.hpp"

namespace stepbench {
namespace {

using Id = TaskGraph::Id;

/// `width` chains of `length` tasks, each of which waits for the one before it in its own chain and in the next, as the
/// parts of a layer wait for those of the layer below.
TaskGraph chains(int width, int length) {
  TaskGraph graph;
  for (int level = 0; level < length; ++level) {
    for (int i = 0; i < width; ++i) {
      const Id first = (level - 1) * width;
      const std::array<Id, 2> below{first + i, first + (i + 1) % width};
      graph.add_task(Phase::forward, "", level == 0 ? std::span<const Id>() : std::span<const Id>(below));
    }
  }
  graph.finish();
  return graph;
}

/// The seconds that a run of the graph takes when each of its tasks keeps a core busy for `seconds`: the lower
/// quartile, which other programs on these cores spoil later than the median.
double time_of_run(Executor& executor, const TaskGraph& graph, double seconds) {
  constexpr std::size_t kRuns = 41;
  std::array<double, kRuns> times{};
  const auto wait = [seconds](Id) {
    LapClock clock;
    for (double waited = 0; waited < seconds;) waited += clock.lap();
  };
  for (double& time : times) {
    LapClock clock;
    executor.run(graph, wait);
    time = clock.lap();
  }
  std::nth_element(times.begin(), times.begin() + kRuns / 4, times.end());
  return times[kRuns / 4];
}

}  // namespace

StepTrace trace_of(const TaskGraph& graph, const std::vector<double>& seconds, double summing_seconds,
                   double wall_seconds) {
  // A join stands for the tasks that it waits for.
  std::vector<std::vector<std::int32_t>> tasks_of(static_cast<std::size_t>(graph.size()));
  StepTrace trace;
  trace.wall_seconds = wall_seconds;
  std::vector<std::int32_t> last;
  for (Id id = 0; id < graph.size(); ++id) {
    std::vector<std::int32_t> after;
    for (const Id before : graph.predecessors(id)) {
      const std::vector<std::int32_t>& some = tasks_of[static_cast<std::size_t>(before)];
      after.insert(after.end(), some.begin(), some.end());
    }
    std::sort(after.begin(), after.end());
    after.erase(std::unique(after.begin(), after.end()), after.end());
    const auto at = static_cast<std::size_t>(id);
    if (graph.is_join(id)) {
      tasks_of[at] = std::move(after);
    } else {
      tasks_of[at] = {static_cast<std::int32_t>(trace.tasks.size())};
      if (graph.successors(id).empty()) last.push_back(tasks_of[at].front());
      trace.tasks.push_back({graph.name(id), seconds[at], std::move(after)});
    }
  }
  trace.tasks.push_back({"sum of the losses", summing_seconds, std::move(last)});
  return trace;
}

HandOutCosts measure_hand_out(Executor& executor) {
  constexpr int kLength = 200;
  constexpr double kTaskSeconds = 50e-6;
  const int threads = executor.threads(), width = 4 * threads;
  const double empty = time_of_run(executor, chains(width, kLength), 0);
  const double one_each = time_of_run(executor, chains(threads, 1), kTaskSeconds);
  return {.task = empty * threads / (width * kLength), .step = std::max(0.0, one_each - kTaskSeconds)};
}

}  // namespace stepbench
