// What a group run says of what limited its trials, and which trials it refuses for want of memory.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>

#include "core/models/step_work.hpp"
#include "core/supply.hpp"
#include "experiments/machine/cores.hpp"
#include "experiments/measure/group_run.hpp"
#include "experiments/measure/trial_limits.hpp"
#include "tests/experiments/run_first_group.hpp"
#include "tests/experiments/small_experiment.hpp"

namespace stepbench::testing {
namespace {

using Catch::Matchers::Contains;

}  // namespace

TEST_CASE("every timed trial says what limited its phases and its step, against measured limits") {
  const GroupResult result = run_first_group(small_experiment({"sweep.backend=neuron,blas"}));
  for (const TrialRecord& record : result.trials) {
    INFO(record.id);
    REQUIRE_FALSE(record.limits.phases.empty());
    CHECK(record.limits.peak_gflops > 0);
    CHECK(record.limits.bandwidth > 0);
    CHECK(record.limits.touched_bytes > 0);
    CHECK(record.limits.busy_share == 1);  // of one thread
    const PhaseLimit* step = record.limits.find(kWholeStep);
    REQUIRE(step != nullptr);
    CHECK(step == &record.limits.phases.back());
    CHECK(step->seconds == record.summary.step_time_median);
    CHECK(step->flops == record.flops_per_step);
    double flops = 0, bytes = 0;
    for (const PhaseLimit& phase : record.limits.phases) {
      CHECK(phase.limit != Limit::unknown);
      if (&phase == step) break;
      flops += phase.flops;
      bytes += phase.bytes;
    }
    CHECK(flops == Approx(step->flops));
    CHECK(bytes == Approx(step->bytes));
    CHECK(step->limit == Limit::overhead);  // 4-8-3
  }
}

TEST_CASE("threads that have no task are told from the tasks of a step, whatever the cores") {
  // Two shards, forward and back, and few blocks of weights: far from 16 threads' work.
  const GroupResult result =
      run_first_group(small_experiment({"sweep.backend=tbb", "sweep.threads=16", "backend.tbb.shard_rows=8"}));
  CHECK(result.trials.front().limits.busy_share < 0.5);
}

TEST_CASE(
    "idle time is counted against the cores that threads can have at once, not against threads that no core is for") {
  const std::int64_t cores = available_cores();
  const auto limits_on = [](std::int64_t threads, int shard_rows) {
    return run_first_group(small_experiment({"sweep.backend=tbb", "sweep.threads=" + std::to_string(threads),
                                             "backend.tbb.shard_rows=" + std::to_string(shard_rows)}))
        .trials.front()
        .limits;
  };
  const LimitRecord many = limits_on(4 * cores, 8);
  CHECK(many.busy_cores > 1.5 * many.busy_share);  // a core has four times as much to do as a thread, at most
  const PhaseLimit& step = many.phases.back();
  CHECK(step.idle_time == Approx((1 - many.busy_cores) * step.seconds));
  const LimitRecord each = limits_on(cores, 1024);  // a shard, and as many threads as cores
  CHECK(each.busy_cores == each.busy_share);
  if (cores > 1) CHECK(each.busy_cores < 0.8);
}

TEST_CASE("without steps that count there is no verdict") {
  const GroupResult result =
      run_first_group(small_experiment({"sweep.backend=neuron", "training.steps=1", "measure.rounds=1"}));
  CHECK(result.trials.front().limits.phases.empty());
}

TEST_CASE("a trial's memory is recorded by the model and as it was touched, and every block has its counters") {
  const GroupResult result = run_first_group(small_experiment({"sweep.backend=neuron,tbb", "training.optimizer=adam"}));
  const auto parameters = 4.0 * (4 * 8 + 8 + 8 * 3 + 3);
  for (const TrialRecord& record : result.trials) {
    CHECK(record.memory.model.parameters == parameters);
    CHECK(record.memory.model.moments == 2 * parameters);
    CHECK(record.memory.model.copies == (record.backend == "tbb" ? 4.0 * 8 * 3 : 0));
    CHECK_FALSE(std::isnan(record.memory.resident_peak));
  }
  const std::size_t cells = result.rounds.trials.size() * static_cast<std::size_t>(result.rounds.rounds());
  for (const std::vector<double>& counted :
       {result.rounds.cycles, result.rounds.instructions, result.rounds.cache_misses, result.rounds.fp_operations,
        result.rounds.energy}) {
    CHECK(counted.size() == cells);
  }
}

TEST_CASE("each thread of hogwild takes gradients, activations and a batch of its own, by the model and of the heap") {
  const auto of_threads = [](const std::string& threads) {
    return run_first_group(small_experiment({"sweep.backend=hogwild", "sweep.threads=" + threads,
                                             "dataset.features=256", "model.layers=256,256,3", "training.batch_size=64",
                                             "training.steps=12", "measure.rounds=1"}))
        .trials.front();
  };
  const TrialRecord one = of_threads("1"), three = of_threads("3");
  const NetworkMemory &lone = one.memory.model, &shared = three.memory.model;
  CHECK(shared.parameters == lone.parameters);
  CHECK(shared.copies == lone.copies);
  CHECK(shared.gradients == 3 * lone.gradients);
  CHECK(shared.activations == 3 * lone.activations);
  CHECK(three.limits.touched_bytes - one.limits.touched_bytes == 2 * (lone.gradients + lone.activations));
  const auto taken = static_cast<double>(three.network_bytes - one.network_bytes);
  CHECK(taken == Approx(shared.sum() - lone.sum()).epsilon(0.1));  // rows are padded
}

TEST_CASE("a network that does not fit what is free is refused, with what it needs and what there is") {
  constexpr double kGiga = 1e9;
  const NetworkMemory needed{kGiga, kGiga, 2 * kGiga, kGiga / 2, 0};
  CHECK_NOTHROW(require_memory(needed, 5.6 * kGiga, 8 * kGiga));
  CHECK_THROWS_AS(require_memory(needed, 5.4 * kGiga, 8 * kGiga), SupplyError);  // 4.5 GB, and a GB to start from
  CHECK_THROWS_WITH(require_memory(needed, 5.4 * kGiga, 8 * kGiga),
                    Contains("needs 5.50 GB") && Contains("moments 2.00") && Contains("5.40 GB of 8.00 GB"));
  CHECK_NOTHROW(require_memory(needed, 0, 0));           // the system does not tell
  CHECK_NOTHROW(require_memory(NetworkMemory(), 1, 1));  // nobody knows what it needs
}

}  // namespace stepbench::testing
