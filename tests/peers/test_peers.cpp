// Peers in the rounds, as `stepbench run` has them: what they compute, what becomes of those that do it wrong or not at
// all, and what they leave running. The faulty ones are in faulty/.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "core/data/dataset.hpp"
#include "experiments/measure/group_run.hpp"
#include "experiments/measure/trial_run.hpp"
#include "tests/experiments/small_experiment.hpp"
#include "tests/support/relative_error.hpp"

namespace stepbench::testing {
namespace {

constexpr double kTolerance = 1e-10;  // relative, float64

std::string faulty(const std::string& name) {
  return "backend.peer.script=" STEPBENCH_SOURCE_DIR "/tests/peers/faulty/" + name + ".py";
}

std::string example() { return "backend.peer.script=" STEPBENCH_SOURCE_DIR "/scripts/peers/example.py"; }

/// Without the one group's plan, whose data the trials refer to, there would be nothing to look at.
struct Ran {
  PlannedGroup group;
  GroupResult result;
  std::string said;
};

Ran run(const Experiment& experiment) {
  Ran ran{.group = plan_experiment(experiment, backends()).front(), .result = {}, .said = {}};
  std::FILE* stream = std::tmpfile();
  {
    Progress progress(stream, Verbosity::quiet, 1);
    PeakHistory peaks;
    ran.result = run_group(ran.group, *find_backend(backends(), kReferenceBackend), peaks, progress);
  }
  std::rewind(stream);
  for (int c = std::fgetc(stream); c != EOF; c = std::fgetc(stream)) ran.said += static_cast<char>(c);
  std::fclose(stream);
  return ran;
}

std::vector<double> all_values(const TrialRecord& record) {
  std::vector<double> values;
  for (const NamedTensor& tensor : record.final_parameters) {
    std::visit([&](const auto& own) { values.insert(values.end(), own.begin(), own.end()); }, tensor.values);
  }
  return values;
}

const TrialRecord& trial_of(const GroupResult& result, const std::string& backend) {
  const auto found = std::ranges::find(result.trials, backend, &TrialRecord::backend);
  REQUIRE(found != result.trials.end());
  return *found;
}

using Overrides = std::vector<std::string>;

/// In float64, through whole trainings.
void require_agreement(const std::string& peer, Overrides overrides,
                       Experiment (*experiment)(const std::vector<std::string>&)) {
  overrides.insert(overrides.end(), {"sweep.backend=neuron," + peer, "training.precision=float64",
                                     "record.parameters=final", "measure.rounds=3"});
  const Ran ran = run(experiment(overrides));
  INFO(peer << " " << overrides.front() << ": " << ran.said);
  const TrialRecord& expected = trial_of(ran.result, "neuron");
  const TrialRecord& actual = trial_of(ran.result, peer);
  if (actual.status == Status::unsupported) {
    WARN("not checked: " << peer << ": " << actual.message);
    return;
  }
  REQUIRE(actual.status == Status::completed);
  CHECK(relative_l2_error(actual.steps.train_loss, expected.steps.train_loss) <= kTolerance);
  CHECK(relative_l2_error(actual.epochs.validation_loss, expected.epochs.validation_loss) <= kTolerance);
  CHECK(actual.epochs.validation_accuracy == expected.epochs.validation_accuracy);
  CHECK(relative_l2_error(all_values(actual), all_values(expected)) <= kTolerance);
  CHECK_FALSE(actual.library.empty());
}

double cpu_seconds(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/schedstat");
  double total = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task")) {
    std::ifstream stat(task.path() / "schedstat");
    double running = 0;
    if (stat >> running) total += running * 1e-9;
  }
  return total;
}

}  // namespace

TEST_CASE("peers train an MLP as the reference does") {
  const std::string peer = GENERATE("numpy", "pytorch", "pytorch_compiled", "jax");
  const Overrides overrides =
      GENERATE(Overrides{"training.optimizer=sgd", "training.batch_size=48", "measure.evaluate_every=7 steps"},
               Overrides{"training.optimizer=adam", "training.schedule=cosine", "training.warmup_steps=5"},
               Overrides{"training.optimizer=adamw", "training.weight_decay=0.1", "training.gradient_clip=0.5"},
               Overrides{"training.optimizer=momentum", "model.loss=squared_error", "model.output=relu",
                         "training.weight_decay=0.01"});
  require_agreement(peer, overrides, small_experiment);
}

TEST_CASE("the tutorial's classes in numpy train as the reference does") {
  const std::string order = GENERATE("simultaneous", "layerwise");
  require_agreement("numpy_original",
                    {"training.update_order=" + order, "model.loss=squared_error", "model.output=relu",
                     "training.learning_rate=0.02"},
                    small_experiment);
}

TEST_CASE("peers train a transformer as the reference does") {
  const std::string peer = GENERATE("pytorch", "pytorch_compiled", "jax");
  const Overrides overrides =
      GENERATE(Overrides{"training.optimizer=adamw", "training.weight_decay=0.1", "training.gradient_clip=1",
                         "training.learning_rate=0.01"},
               Overrides{"model.tied_embeddings=false", "model.position=sinusoidal", "model.activation=relu"});
  require_agreement(peer, overrides, small_transformer_experiment);
}

TEST_CASE("a peer takes its turns, with a twin, and is paired") {
  const Ran ran = run(small_experiment({"sweep.backend=blas,peer", "measure.baseline=peer", example()}));
  INFO(ran.said);
  const TrialRecord& peer = trial_of(ran.result, "peer");
  REQUIRE(peer.status == Status::completed);
  CHECK(peer.is_baseline);
  CHECK(peer.steps.wall_time.size() == 60);
  CHECK(peer.setting == "as it comes");
  CHECK(peer.library.starts_with("numpy"));
  CHECK(trial_of(ran.result, "blas").summary.speed_ratio_low > 0);
  CHECK(peer.summary.noise_floor >= 0);
  const auto twin = std::ranges::find(ran.result.rounds.trials, twin_id(peer.id));
  CHECK(twin != ran.result.rounds.trials.end());
  for (const double cpu : ran.result.rounds.cpu_time) CHECK(cpu > 0);
}

TEST_CASE("a peer that computes something else is not timed, and the others go on") {
  const auto [name, reason] =
      GENERATE(table<std::string, std::string>({{"wrong_gradient", "the gradient of"},
                                                {"wrong_update", "by an update"},
                                                {"not_a_number", "differs from"},
                                                {"other_batch", "the loss of a training step"}}));
  const Ran ran = run(small_experiment({"sweep.backend=blas,peer", faulty(name)}));
  const TrialRecord& peer = trial_of(ran.result, "peer");
  INFO(name << ": " << peer.message);
  CHECK(peer.status == Status::failed);
  CHECK(peer.cause == FailureCause::gate);
  CHECK(peer.message.find(reason) != std::string::npos);
  CHECK(peer.steps.wall_time.empty());
  CHECK(trial_of(ran.result, "blas").status == Status::completed);
}

TEST_CASE("a peer that leaves the protocol fails its own trial, with one line") {
  const auto [name, reason] =
      GENERATE(table<std::string, std::string>({{"rubbish", "says \"hello"},
                                                {"silent", "says nothing for 1 s where its greeting was due"},
                                                {"dies", "has ended: "},
                                                {"hangs", "says nothing for 1 s where an answer was due"}}));
  const Ran ran = run(small_experiment({"sweep.backend=blas,peer", faulty(name), "backend.peer.time_limit=1"}));
  const TrialRecord& peer = trial_of(ran.result, "peer");
  INFO(name << ": " << peer.message);
  CHECK(peer.status == Status::failed);
  CHECK(peer.cause == FailureCause::error);
  CHECK(peer.message.find(reason) != std::string::npos);
  CHECK(peer.message.find('\n') == std::string::npos);
  CHECK(trial_of(ran.result, "blas").status == Status::completed);
}

TEST_CASE("a peer sleeps between its blocks, whatever it leaves running") {
  const std::vector<PlannedGroup> groups =
      plan_experiment(small_experiment({"sweep.backend=peer", faulty("spins")}), backends());
  const PlannedTrial& planned = groups.front().trials.front();
  const auto trial = start_trial(*planned.backend, *planned.settings, *planned.dataset, TrialRecord{});
  CHECK(trial->train(5, 0).losses.size() == 5);
  const double before = cpu_seconds(trial->processes().front());
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  CHECK(cpu_seconds(trial->processes().front()) - before < 0.01);
  CHECK(trial->train(5, 1).losses.size() == 5);
}

TEST_CASE("what cannot run says what to do") {
  const auto reason = [](const Overrides& overrides) {
    try {
      static_cast<void>(plan_experiment(small_experiment(overrides), backends()));
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK_THAT(reason({"sweep.backend=peer"}), Catch::Contains("set backend.peer.script"));
  CHECK_THAT(reason({"sweep.backend=peer", "backend.peer.script=gone.py"}),
             Catch::Contains("the script of the peer peer is not there; looked at gone.py"));
  CHECK_THAT(reason({"sweep.backend=numpy", "training.update_order=layerwise"}), Catch::Contains("numpy_original"));
}

}  // namespace stepbench::testing
