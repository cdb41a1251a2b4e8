// What the interleaved run of a group records.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <set>
#include <stdexcept>
#include <thread>

#include "core/affinity.hpp"
#include "experiments/machine/topology.hpp"
#include "experiments/measure/group_run.hpp"
#include "tests/experiments/run_first_group.hpp"
#include "tests/experiments/small_experiment.hpp"
#include "tests/support/faulty_network.hpp"
#include "tests/support/forwarding_network.hpp"
#include "tests/support/throwing_network.hpp"

namespace stepbench::testing {
namespace {

/// Keeps `kThreads` threads of its own busy, however many its trial has, and does nothing on the calling one.
template <typename Scalar, int kThreads>
class WorkingNetwork final : public ForwardingNetwork<Scalar> {
 public:
  explicit WorkingNetwork(NetworkSettings settings)
      : ForwardingNetwork<Scalar>(neuron::make_neuron_network<Scalar>((settings.threads = 1, settings))) {}
  StepResult train_step(const Batch<Scalar>&, const UpdateStep&) override {
    if (!started_) {  // for the whole block: a thread that has ended has no times to be read
      started_ = true;
      for (int t = 0; t < kThreads; ++t) {
        workers_.emplace_back([](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
          }
        });
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return {.loss = 1, .phases = {}};
  }

 private:
  bool started_ = false;
  std::vector<std::jthread> workers_;
};
template <typename Scalar, int kThreads>
std::unique_ptr<Network<Scalar>> make_working(const NetworkSettings& settings) {
  return std::make_unique<WorkingNetwork<Scalar, kThreads>>(settings);
}

/// Has not heard of NetworkSettings::cpus.
template <typename Scalar>
class UnheldNetwork final : public ForwardingNetwork<Scalar> {
 public:
  explicit UnheldNetwork(const NetworkSettings& settings)
      : ForwardingNetwork<Scalar>(neuron::make_neuron_network<Scalar>(settings)) {}
  std::unique_ptr<ThreadClaim> claim_threads() override { return std::make_unique<ThreadClaim>(); }
};
template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_unheld(const NetworkSettings& settings) {
  return std::make_unique<UnheldNetwork<Scalar>>(settings);
}

std::vector<Backend> all_backends() {
  std::vector<Backend> table(backends().begin(), backends().end());
  table.insert(table.end(), kFaultyBackends.begin(), kFaultyBackends.end());
  table.push_back(throwing_backend<21>());
  table.push_back({"unheld", "", 1, true, make_unheld<float>, make_unheld<double>});
  table.push_back({"lazy", "", 8, true, make_working<float, 1>, make_working<double, 1>});
  table.push_back({"busy", "", 8, true, make_working<float, 3>, make_working<double, 3>});
  return table;
}

/// `said`: takes what the run told the user.
GroupResult run_small_group(const std::vector<std::string>& overrides, std::string* said = nullptr) {
  return run_first_group(small_experiment(overrides), all_backends(), said);
}

}  // namespace

TEST_CASE("planted faults are not timed, and the others go on") {
  std::string names = "neuron,blas";
  for (const Backend& backend : kFaultyBackends) names += "," + std::string(backend.name);
  const GroupResult result = run_small_group({"sweep.backend=" + names});
  REQUIRE(result.trials.size() == 2 + kFaultyBackends.size());
  for (const TrialRecord& record : result.trials) {
    INFO(record.id);
    const bool real = record.backend == "neuron" || record.backend == "blas";
    CHECK(record.status == (real ? Status::completed : Status::failed));
    CHECK(record.steps.wall_time.size() == (real ? 60U : 0U));
    CHECK(std::isnan(record.summary.step_time_median) != real);
    CHECK(record.checks.size() == 4);
    CHECK(record.cause == (real ? FailureCause::none : FailureCause::gate));
  }
  CHECK(result.rounds.trials == std::vector<std::string>{"neuron-t1-s1", "blas-t1-s1", "neuron-t1-s1~twin"});
}

TEST_CASE("without the gate a fault is timed like any other: it is the gate that stops it") {
  const GroupResult result = run_small_group({"sweep.backend=scaled", "measure.gate=false"});
  CHECK(result.trials.front().status == Status::completed);
  CHECK(result.trials.front().checks.empty());
}

TEST_CASE("a backend that throws is recorded as failed with its message and what it did, and the others go on") {
  const GroupResult result = run_small_group({"sweep.backend=throwing,blas"});
  CHECK(result.trials[0].status == Status::failed);
  CHECK(result.trials[0].cause == FailureCause::error);
  CHECK(result.trials[0].message == "out of paper");
  CHECK(result.trials[0].steps.wall_time.size() == 20);
  CHECK(result.trials[1].status == Status::completed);
  CHECK(result.trials[1].steps.wall_time.size() == 60);
}

TEST_CASE("the user is told of trials on whose label more threads stand than worked, or fewer") {
  const std::vector<std::string> brief = {"training.steps=36", "measure.rounds=12", "measure.gate=false"};
  const auto said_of = [&brief](const char* backend, const char* threads) {
    std::vector<std::string> overrides = brief;
    overrides.push_back(std::string("sweep.backend=") + backend);
    overrides.push_back(std::string("sweep.threads=") + threads);
    std::string said;
    static_cast<void>(run_small_group(overrides, &said));
    return said;
  };
  using Catch::Matchers::Contains;
  CHECK_THAT(said_of("lazy", "2"),
             Contains("fewer threads did a share of the work than the trial has: lazy-t2-s1 (on 1)"));
  CHECK_THAT(said_of("busy", "1"),
             Contains("more threads did a share of the work than the trial has: busy-t1-s1 (on 3)"));
  CHECK_THAT(said_of("neuron", "1"), !Contains("a share of the work"));
}

TEST_CASE("a trial records where its threads were held, and the user is told of a backend that does not hold them") {
  const auto run = [](const char* backend, const char* pin, std::string* said = nullptr) {
    const GroupResult result =
        run_small_group({std::string("sweep.backend=") + backend, std::string("measure.pin=") + pin,
                         "training.steps=36", "measure.rounds=12", "measure.gate=false"},
                        said);
    return result.trials.front().cpus;
  };
  const std::vector<int> before = cpus_of_thread();
  const std::string planned = listed_cpus(place_threads(Pin::compact, 1, this_topology()).cpus);
  std::string said;
  CHECK(run("neuron", "compact", &said) == planned);
  CHECK_THAT(said, !Catch::Matchers::Contains("not pinned"));
  CHECK(run("tbb", "compact") == planned);
  CHECK(run("neuron", "none") == "not pinned");
  CHECK(run("unheld", "compact", &said) == "not pinned: its backend does not hold its threads");
  CHECK_THAT(said, Catch::Matchers::Contains("unheld-t1-s1: not pinned: its backend does not hold its threads"));
  CHECK(cpus_of_thread() == before);
}

TEST_CASE("every round gives every member the same steps, in an order drawn from the seed") {
  const std::vector<std::string> overrides = {"sweep.backend=neuron,blas,tbb"};
  const GroupResult result = run_small_group(overrides), again = run_small_group(overrides);
  const GroupRecord& rounds = result.rounds;
  CHECK(rounds.rounds() == 12);
  CHECK(rounds.position == again.rounds.position);
  std::set<std::vector<std::int64_t>> orders;
  for (std::size_t r = 0; r < 12; ++r) {
    std::vector<std::int64_t> order(rounds.position.begin() + static_cast<std::ptrdiff_t>(4 * r),
                                    rounds.position.begin() + static_cast<std::ptrdiff_t>(4 * r + 4));
    orders.insert(order);
    std::sort(order.begin(), order.end());
    CHECK(order == std::vector<std::int64_t>{0, 1, 2, 3});  // the last is the twin
    for (const TrialRecord& record : result.trials) {
      CHECK(std::count(record.steps.round.begin(), record.steps.round.end(), static_cast<std::int64_t>(r)) == 5);
    }
  }
  CHECK(orders.size() > 1);
}

TEST_CASE("the baseline's twin is timed in every round and stands among the rounds, not among the trials") {
  const GroupResult result = run_small_group({"sweep.backend=neuron,blas", "measure.baseline=blas"});
  CHECK(result.trials.size() == 2);
  const GroupRecord& rounds = result.rounds;
  REQUIRE(rounds.trials == std::vector<std::string>{"neuron-t1-s1", "blas-t1-s1", "blas-t1-s1~twin"});
  for (std::size_t r = 0; r < 12; ++r) CHECK(rounds.step_time[3 * r + 2] > 0);
  for (const TrialRecord& record : result.trials) CHECK(record.summary.noise_floor >= 0);
}

TEST_CASE("there is no twin without a rival, without alternating blocks, without being asked for, or of a failure") {
  for (const std::vector<std::string>& overrides : {std::vector<std::string>{"sweep.backend=blas"},
                                                    {"sweep.backend=neuron,blas", "measure.interleave=false"},
                                                    {"sweep.backend=neuron,blas", "measure.twin=false"},
                                                    {"sweep.backend=scaled,neuron,blas", "measure.baseline=scaled"}}) {
    const GroupResult result = run_small_group(overrides);
    for (const std::string& id : result.rounds.trials) CHECK(id.find('~') == std::string::npos);
    for (const TrialRecord& record : result.trials) CHECK(std::isnan(record.summary.noise_floor));
  }
}

TEST_CASE("every block is watched") {
  const GroupRecord rounds = run_small_group({"sweep.backend=neuron,blas,tbb"}).rounds;
  const std::size_t cells = rounds.trials.size() * 12;
  for (const auto* column : {&rounds.block_time, &rounds.cpu_time, &rounds.sentinel_time}) {
    REQUIRE(column->size() == cells);
    for (const double seconds : *column) CHECK(seconds > 0);
  }
  for (const auto* column : {&rounds.steal_time, &rounds.run_delay, &rounds.involuntary_switches}) {
    REQUIRE(column->size() == cells);
    for (const double value : *column) CHECK(value >= 0);
  }
  CHECK(rounds.disturbed.size() == cells);
  CHECK(rounds.peak_gflops.front() > 0);
  CHECK(rounds.gemm_gflops.front() > 0);
  CHECK(rounds.gemm_gflops.size() == 12);
}

TEST_CASE("the parts of a step are never more than the step") {
  const GroupResult result = run_small_group({"sweep.backend=neuron,blas,tbb"});
  for (const TrialRecord& record : result.trials) {
    for (std::size_t i = 0; i < record.steps.wall_time.size(); ++i) {
      double sum = 0;
      for (const double seconds : record.steps.phase_time[i].seconds) sum += seconds;
      CHECK(sum > 0);
      CHECK(sum <= record.steps.wall_time[i]);
    }
  }
}

TEST_CASE("a run of fewer steps than the rounds need has fewer rounds") {
  const GroupResult result = run_small_group({"sweep.backend=blas", "training.steps=7"});
  CHECK(result.rounds.rounds() == 2);
  CHECK(result.trials.front().steps.wall_time.size() == 7);
}

TEST_CASE("members that take turns record the losses that each has alone") {
  const GroupResult together = run_small_group({"sweep.backend=neuron,blas,tbb"});
  for (const TrialRecord& record : together.trials) {
    const GroupResult alone = run_small_group({"sweep.backend=" + record.backend});
    CHECK(alone.trials.front().steps.train_loss == record.steps.train_loss);
    CHECK(alone.trials.front().parameter_digest == record.parameter_digest);
  }
}

}  // namespace stepbench::testing
