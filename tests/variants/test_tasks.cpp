// How a step is cut into tasks, and that none runs before those that it waits for.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <numeric>

#include "core/random.hpp"
#include "core/step_trace.hpp"
#include "tests/variants/random_transformer.hpp"
#include "variants/matrix/blocks.hpp"
#include "variants/matrix/hand_out.hpp"
#include "variants/matrix/network.hpp"
#include "variants/products/direct.hpp"
#include "variants/tbb/executor.hpp"
#include "variants/tbb/tbb.hpp"

namespace stepbench::testing {
namespace {

using Id = TaskGraph::Id;

/// Some hundred nodes, each after up to four earlier ones; a third of them joins.
TaskGraph random_graph(std::uint64_t seed) {
  RandomStream stream(seed, Purpose::generated_data);
  TaskGraph graph;
  for (int i = 0; i < 400; ++i) {
    std::vector<Id> after;
    const auto edges = graph.size() == 0 ? 0 : stream.below(5);
    for (std::uint64_t e = 0; e < edges; ++e) {
      after.push_back(static_cast<Id>(stream.below(static_cast<std::uint64_t>(graph.size()))));
    }
    if (after.size() > 1 && stream.below(3) == 0) {
      graph.join(after);
    } else {
      graph.add_task(Phase::forward, "task", after);
    }
  }
  graph.finish();
  return graph;
}

/// The tasks that must be through before `id`, seen through joins.
void check_all_through(const TaskGraph& graph, Id id, const std::vector<std::atomic<int>>& runs,
                       std::atomic<int>& early) {
  for (const Id before : graph.predecessors(id)) {
    if (graph.is_join(before)) {
      check_all_through(graph, before, runs, early);
    } else if (runs[static_cast<std::size_t>(before)].load() != 1) {
      ++early;
    }
  }
}

struct LongestChain {
  double work = 0, span = 0;
};

/// By the seconds that the tasks say.
LongestChain longest_chain(const StepTrace& trace) {
  LongestChain chain;
  std::vector<double> end;
  for (const TracedTask& task : trace.tasks) {
    double begin = 0;
    for (const std::int32_t before : task.after) begin = std::max(begin, end[static_cast<std::size_t>(before)]);
    end.push_back(begin + task.seconds);
    chain.work += task.seconds;
    chain.span = std::max(chain.span, end.back());
  }
  return chain;
}

/// One step of `tbb` on one thread, cut for `cores`.
StepTrace traced_step(const NetworkSettings& of, std::int64_t cores, const Batch<float>& batch) {
  NetworkSettings settings = of;
  settings.cores = cores;
  const auto network = make_tbb_network<float>(settings);
  const auto claim = network->claim_threads();
  StepTrace trace;
  REQUIRE(network->trace_steps(&trace));
  network->train_step(batch, {.learning_rate = 0.01, .number = 1});
  return trace;
}

}  // namespace

TEST_CASE("an executor runs each task once, and none before those that it waits for") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const TaskGraph graph = random_graph(seed);
    for (const int threads : {1, 2, 8}) {
      const auto executor = make_tbb_executor(threads, 0);
      const auto claim = executor->claim_threads();
      for (int repeat = 0; repeat < 20; ++repeat) {
        std::vector<std::atomic<int>> runs(static_cast<std::size_t>(graph.size()));
        std::atomic<int> early = 0;
        executor->run(graph, [&](Id id) {
          check_all_through(graph, id, runs, early);
          ++runs[static_cast<std::size_t>(id)];
        });
        CHECK(early == 0);
        for (Id id = 0; id < graph.size(); ++id) {
          REQUIRE(runs[static_cast<std::size_t>(id)] == (graph.is_join(id) ? 0 : 1));
        }
      }
    }
  }
}

TEST_CASE("blocks cover each parameter once, and leaves do not depend on them") {
  for (const LeafGrid grid : {LeafGrid{5, 512, 784}, {5, 10, 256}, {5, 1, 1}, {5, 33, 130}}) {
    std::vector<std::pair<Range, Range>> expected;
    for (const Cut::BlockSize size :
         {Cut::BlockSize{grid.rows, grid.columns}, {16, grid.columns}, {32, 100}, {1, 1}, {1000, 1}}) {
      std::vector<int> covered(static_cast<std::size_t>(grid.rows * grid.columns));
      std::vector<std::pair<Range, Range>> leaves(static_cast<std::size_t>(grid.end() - 5));
      for (const ParameterBlock& block : blocks_of(3, grid, size)) {
        CHECK(block.unit == 3);
        for (std::ptrdiff_t r = block.rows.begin; r < block.rows.end; ++r) {
          for (std::ptrdiff_t c = block.columns.begin; c < block.columns.end; ++c) {
            ++covered[static_cast<std::size_t>(r * grid.columns + c)];
          }
        }
        for_leaves(block, [&](std::size_t leaf, Range rows, Range columns) { leaves.at(leaf - 5) = {rows, columns}; });
      }
      CHECK(std::all_of(covered.begin(), covered.end(), [](int times) { return times == 1; }));
      if (expected.empty()) expected = leaves;
      for (std::size_t i = 0; i < leaves.size(); ++i) {
        CHECK(leaves[i].first.size() > 0);
        CHECK(leaves[i].first.begin == expected[i].first.begin);
        CHECK(leaves[i].second.begin == expected[i].second.begin);
        CHECK(leaves[i].second.end == expected[i].second.end);
      }
    }
  }
}

TEST_CASE("a step's trace is its tasks in an order in which one core can run them") {
  NetworkSettings settings;
  settings.model = transformer_model({.vocabulary = 65, .width = 64, .heads = 4, .blocks = 2, .context = 64});
  settings.max_batch = 8;
  const TokenData tokens(settings.model, 8, 1);
  for (const std::int64_t cores : {1, 16}) {
    const StepTrace trace = traced_step(settings, cores, tokens.view<float>());
    REQUIRE(!trace.tasks.empty());
    double sum = 0;
    for (std::size_t t = 0; t < trace.tasks.size(); ++t) {
      for (const std::int32_t before : trace.tasks[t].after) REQUIRE(before < static_cast<std::int32_t>(t));
      CHECK(!trace.tasks[t].name.empty());
      sum += trace.tasks[t].seconds;
    }
    CHECK(sum > 0);
    CHECK(sum <= trace.wall_seconds);
  }
}

TEST_CASE("tbb's cut follows the cores: few tasks for one, enough for many") {
  NetworkSettings settings;
  settings.model.layers = {784, 512, 256, 10};
  settings.max_batch = 128;
  const std::vector<float> features(static_cast<std::size_t>(128 * 784), 0.5F);
  const std::vector<std::int32_t> labels(128, 3);
  const Batch<float> batch{.size = 128, .counted = 128, .features = features, .labels = labels, .targets = {}};
  const auto tasks = [&](std::int64_t cores) {
    StepTrace trace = traced_step(settings, cores, batch);
    for (TracedTask& task : trace.tasks) task.seconds = 1;
    return trace;
  };
  CHECK(tasks(1).tasks.size() < 30);
  const StepTrace fine = tasks(64);
  CHECK(fine.tasks.size() > 200);
  // Tasks of about one size: what a chain has of them is how many steps one after the other there are.
  CHECK(longest_chain(fine).work / longest_chain(fine).span > 24);
}

TEST_CASE("handing out work costs something on several threads") {
  const auto executor = make_tbb_executor(2, 0);
  const auto claim = executor->claim_threads();
  const HandOutCosts costs = measure_hand_out(*executor);
  CHECK(costs.task > 0);
  CHECK(costs.step >= 0);
}

}  // namespace stepbench::testing
