// Known graphs have known work, spans and schedules, and random ones keep to Graham's bound.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "core/error.hpp"
#include "core/step_schedule.hpp"
#include "tests/support/known_graphs.hpp"

namespace stepbench::testing {
namespace {

double span_of(const std::vector<TracedTask>& tasks) { return longest_chain(tasks).seconds; }

/// Layers of tasks, each of which waits for some of those before it.
std::vector<TracedTask> random_graph(std::mt19937& random) {
  std::uniform_int_distribution<std::int32_t> count(1, 60), few(0, 3);
  std::exponential_distribution<double> seconds(1.0);
  std::vector<TracedTask> tasks(static_cast<std::size_t>(count(random)));
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    std::set<std::int32_t> after;
    for (std::int32_t k = few(random); k > 0 && i > 0; --k) {
      after.insert(std::uniform_int_distribution<std::int32_t>(0, static_cast<std::int32_t>(i) - 1)(random));
    }
    tasks[i] = {"t", seconds(random), {after.begin(), after.end()}};
  }
  return tasks;
}

}  // namespace

TEST_CASE("a chain gains nothing from cores") {
  const std::vector<TracedTask> tasks = chain_of({1, 2, 3, 4});
  CHECK(work_of(tasks) == 10);
  CHECK(span_of(tasks) == 10);
  for (const std::int64_t cores : {1, 2, 100}) CHECK(greedy_schedule(tasks, cores) == 10);
}

TEST_CASE("independent tasks take as long as the rounds that the cores need for them") {
  const std::vector<TracedTask> tasks(5, {"t", 1.0, {}});
  CHECK(span_of(tasks) == 1);
  CHECK(greedy_schedule(tasks, 1) == 5);
  CHECK(greedy_schedule(tasks, 2) == 3);
  CHECK(greedy_schedule(tasks, 4) == 2);
  CHECK(greedy_schedule(tasks, 5) == 1);
  CHECK(greedy_schedule(tasks, 64) == 1);
}

TEST_CASE("a fork and a join wait for each other") {
  const std::vector<TracedTask> tasks = fork_join(8, 1.0);
  CHECK(work_of(tasks) == 10);
  CHECK(span_of(tasks) == 3);
  CHECK(greedy_schedule(tasks, 2) == 6);
  CHECK(greedy_schedule(tasks, 4) == 4);
  CHECK(greedy_schedule(tasks, 8) == 3);
  CHECK(greedy_schedule(tasks, 9) == 3);
}

TEST_CASE("the longest chain is longest in seconds, not in tasks, and is told in the order in which it runs") {
  //  0 -> 1 -> 3    1 s each, but 2 takes 5
  //  0 -> 2 -> 3
  const std::vector<TracedTask> tasks = {{"a", 1, {}}, {"b", 1, {0}}, {"c", 5, {0}}, {"d", 1, {1, 2}}, {"e", 1, {1}}};
  const TaskChain chain = longest_chain(tasks);
  CHECK(chain.seconds == 7);
  CHECK(chain.tasks == std::vector<std::size_t>{0, 2, 3});
}

TEST_CASE("a task starts when a core is free, not when the others of its kind have ended") {
  // 3 s and 1 s side by side on two cores, then 1 s and 1 s on the second.
  const std::vector<TracedTask> tasks = {{"a", 3, {}}, {"b", 1, {}}, {"c", 1, {}}, {"d", 1, {}}};
  CHECK(greedy_schedule(tasks, 2) == 3);
}

TEST_CASE("what handing out costs lengthens every task of the schedule") {
  CHECK(greedy_schedule(chain_of({1, 2, 3}), 4, 0.5) == 7.5);
  CHECK(greedy_schedule(std::vector<TracedTask>(4, {"t", 1.0, {}}), 2, 0.25) == 2.5);
}

TEST_CASE("no tasks take no time") {
  CHECK(work_of({}) == 0);
  CHECK(longest_chain({}).tasks.empty());
  CHECK(greedy_schedule({}, 4) == 0);
}

TEST_CASE("a greedy schedule lies between what no schedule beats and Graham's bound") {
  std::mt19937 random(1);
  for (int trial = 0; trial < 200; ++trial) {
    const std::vector<TracedTask> tasks = random_graph(random);
    const double work = work_of(tasks), span = span_of(tasks);
    CAPTURE(trial, tasks.size(), work, span);
    CHECK(greedy_schedule(tasks, 1) == Approx(work));
    for (const std::int64_t cores : {2, 3, 8, 64}) {
      const double seconds = greedy_schedule(tasks, cores), even = work / static_cast<double>(cores);
      CHECK(seconds >= Approx(std::max(even, span)));
      CHECK(seconds <= Approx(even + span));
    }
  }
}

TEST_CASE("a task that waits for one that does not come before it is a fault of the backend") {
  const std::vector<TracedTask> tasks = {{"a", 1, {}}, {"b", 1, {1}}};
  CHECK_THROWS_WITH(require_ordered(tasks), Catch::Contains("`b`, waits for task 1"));
  CHECK_THROWS_AS(require_ordered(std::vector<TracedTask>{{"a", 1, {-1}}}), Error);
  CHECK_NOTHROW(require_ordered(fork_join(3, 1.0)));
}

TEST_CASE("of several traces the lower quartile of each task counts, whatever step it is of") {
  TraceSample traces;
  for (const auto& [first, second] : {std::pair{1, 9}, {2, 50}, {3, 5}, {40, 6}, {50, 7}}) {
    traces.add({chain_of({static_cast<double>(first), static_cast<double>(second)}), 10.0 * first});
  }
  const StepTrace step = traces.lower_quartile();
  REQUIRE(step.tasks.size() == 2);
  CHECK(step.tasks[0].seconds == 2);
  CHECK(step.tasks[1].seconds == 6);
  CHECK(step.tasks[1].after == std::vector<std::int32_t>{0});
  CHECK(step.wall_seconds == 20);
}

TEST_CASE("a trace with other tasks than the first does not count") {
  TraceSample traces;
  CHECK(traces.lower_quartile().tasks.empty());
  traces.add({chain_of({5, 5}), 10});
  traces.add({chain_of({1}), 1});
  traces.add({chain_of({1, 1}, "another"), 2});
  REQUIRE(traces.lower_quartile().tasks.size() == 2);
  CHECK(traces.lower_quartile().wall_seconds == 10);
}

}  // namespace stepbench::testing
