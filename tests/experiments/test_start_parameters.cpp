// `model.init = file:PATH#TRIAL`: training that goes on from stored parameters.
#include <catch2/catch.hpp>
#include <cmath>
#include <memory>

#include "core/bfloat16.hpp"
#include "core/error.hpp"
#include "core/results/result_file.hpp"
#include "experiments/measure/group_run.hpp"
#include "experiments/plan/start_parameters.hpp"
#include "tests/experiments/run_first_group.hpp"
#include "tests/experiments/small_experiment.hpp"
#include "tests/experiments/stored_trials.hpp"
#include "tests/support/temporary_folder.hpp"

namespace stepbench::testing {
namespace {

using Catch::Matchers::Contains;

GroupResult run_small(const std::vector<std::string>& overrides) {
  return run_first_group(small_experiment(overrides));
}

std::filesystem::path store(const TemporaryFolder& folder, std::vector<TrialRecord> trials) {
  const std::filesystem::path file = folder / "stored.h5";
  publish(to_image(stored_file(std::move(trials))), file, IfExists::refuse);
  return file;
}

std::string plan_error(const std::vector<std::string>& overrides) {
  try {
    static_cast<void>(plan_experiment(small_experiment(overrides), backends()));
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

/// The experiment's model, 4-8-3, as a trial that was stored.
TrialRecord stored_mlp(const std::string& id) {
  ModelSettings model;
  model.layers = {4, 8, 3};
  TrialRecord trial;
  trial.id = id;
  trial.final_parameters = named_tensors(model, random_parameters(model));
  return trial;
}

// A full batch in stored order: the loss of a step is that of all the data at the parameters before it.
const std::vector<std::string> kFullBatch = {"training.batch_size=180", "dataset.shuffle=false",
                                             "training.learning_rate=0.5", "record.parameters=final"};

std::vector<std::string> with(std::vector<std::string> overrides, const std::vector<std::string>& more) {
  overrides.insert(overrides.end(), more.begin(), more.end());
  return overrides;
}

}  // namespace

TEST_CASE("training goes on from the stored parameters, on every backend and in both precisions") {
  const std::string precision = GENERATE("float32", "float64");
  const std::vector<std::string> common = with(kFullBatch, {"training.precision=" + precision});
  const double tolerance = precision == "float32" ? 1e-5 : 1e-12;  // relative, of a mean of 180 terms
  // Plain SGD has no state: 20 steps and then 20 more are 40 steps.
  const TrialRecord whole = run_small(with(common, {"training.steps=40"})).trials.front();
  const TemporaryFolder folder;
  const auto file = store(folder, {run_small(with(common, {"training.steps=20"})).trials.front()});
  const GroupResult second =
      run_small(with(common, {"training.steps=20", "model.init=file:" + file.string() + "#neuron-t1-s1", "sweep.seed=2",
                              "sweep.backend=neuron,blas,tbb"}));
  REQUIRE(second.trials.size() == 3);
  for (const TrialRecord& trial : second.trials) {
    INFO(trial.id);
    REQUIRE(trial.status == Status::completed);
    CHECK(trial.steps.train_loss.front() == Approx(whole.steps.train_loss[20]).epsilon(tolerance));
    CHECK(trial.steps.train_loss.back() == Approx(whole.steps.train_loss[39]).epsilon(tolerance));
  }
}

TEST_CASE("stored parameters of the other precision are converted") {
  const TemporaryFolder folder;
  TrialRecord stored = stored_mlp("x");
  const auto file = store(folder, {stored});
  const std::string init = "model.init=file:" + file.string() + "#x";
  const std::string precision = GENERATE("float32", "float64");
  const Experiment experiment = small_experiment({init, "training.precision=" + precision});
  const auto groups = plan_experiment(experiment, backends());
  const TrialSettings& trial = *groups.front().trials.front().settings;
  const auto& first = std::get<std::vector<double>>(stored.final_parameters[0].values);
  CHECK(start_parameters<float>(trial)[5] == static_cast<float>(first[5]));
  CHECK(start_parameters<double>(trial)[5] == first[5]);
}

TEST_CASE("a start file is looked up in the config's folder") {
  const TemporaryFolder folder;
  const auto file = store(folder, {stored_mlp("x")});
  ModelSettings model;
  model.layers = {4, 8, 3};
  model.init = Initialisation::file;
  model.init_file = "stored.h5";
  model.init_trial = "x";
  StartFiles files({"/nowhere", file.parent_path()});
  CHECK(*files.read(model, Precision::float32) == random_parameters(model));
}

TEST_CASE("start parameters that cannot be had are refused where the config asks for them") {
  const TemporaryFolder folder;
  TrialRecord bare = stored_mlp("bare");
  bare.final_parameters.clear();
  TrialRecord partial = stored_mlp("partial");
  partial.final_parameters.pop_back();
  TrialRecord broken = stored_mlp("broken");
  std::get<std::vector<double>>(broken.final_parameters[1].values)[2] = kNotANumber;
  const std::string file = store(folder, {stored_mlp("good"), bare, partial, broken}).string();
  const auto error = [&file](const std::string& trial, const std::vector<std::string>& more = {}) {
    return plan_error(with({"model.init=file:" + file + "#" + trial}, more));
  };
  CHECK(error("good") == "no error");
  CHECK(error("x") == "--set model.init: " + file + " has no trial \"x\", allowed: good, bare, partial, broken");
  CHECK_THAT(error("bare"), Contains("record.parameters = final"));
  CHECK_THAT(error("partial"), Contains("layers.1.bias (3) is needed, but is not stored"));
  CHECK_THAT(error("broken"), Contains("layers.0.bias") && Contains("not finite"));
  CHECK_THAT(error("good", {"model.layers=4,9,3"}),
             Contains("layers.0.weight has the shape (8, 4), but (9, 4) is needed"));
  CHECK_THAT(error("good", {"model.layers=4,3"}), Contains("layers.0.weight"));
  CHECK_THAT(plan_error({"model.init=file:nowhere.h5#x"}), Contains("--set model.init: ") && Contains("nowhere.h5"));
  write_text_file(folder / "text.h5", "this is no result file");
  CHECK_THAT(plan_error({"model.init=file:" + (folder / "text.h5").string() + "#x"}),
             Contains("--set model.init: ") && Contains("text.h5"));
}

TEST_CASE("stored parameters beyond float32 are refused with their place when training is to be in float32") {
  const TemporaryFolder folder;
  TrialRecord large = stored_mlp("large");
  std::get<std::vector<double>>(large.final_parameters[0].values)[9] = -1e300;
  std::get<std::vector<double>>(large.final_parameters[0].values)[8] = 1e-300;  // 0 in float32: fine
  const std::string init = "model.init=file:" + store(folder, {large}).string() + "#large";
  CHECK_THAT(
      plan_error({init, "training.precision=float32"}),
      Contains("--set model.init: ") &&
          Contains("layers.0.weight, row 2, column 1 is -1e+300, which training.precision = float32 cannot hold"));
  CHECK(plan_error({init, "training.precision=float64"}) == "no error");
}

TEST_CASE("a tensor that the model does not have is refused") {
  const TemporaryFolder folder;
  TrialRecord larger = stored_mlp("larger");
  larger.final_parameters.push_back({"layers.2.bias", {2}, std::vector<double>{1, 2}});
  const std::string file = store(folder, {larger}).string();
  CHECK_THAT(plan_error({"model.init=file:" + file + "#larger"}),
             Contains("layers.2.bias (2) is stored, but the model has none"));
}

TEST_CASE("a perturbed trial starts from weights that differ in the last bit of one of them") {
  const auto start_of = [](const std::vector<std::string>& overrides) {
    const Experiment experiment = small_experiment(overrides);
    return start_parameters<float>(experiment.trials.front());
  };
  const std::vector<float> plain = start_of({}), first = start_of({"model.perturb=one_bit"}),
                           other = start_of({"model.perturb=one_bit", "model.perturb_seed=2"});
  const auto differences = [&plain](const std::vector<float>& changed) {
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < plain.size(); ++i) {
      if (plain[i] == changed[i]) continue;
      places.push_back(i);
      CHECK((std::nextafter(plain[i], changed[i]) == changed[i]));
    }
    return places;
  };
  REQUIRE(differences(first).size() == 1);
  REQUIRE(differences(other).size() == 1);
  CHECK(differences(first) != differences(other));
  CHECK(start_of({"model.perturb=one_bit"}) == first);
}

TEST_CASE("a trial in bfloat16 starts from numbers of it, and is perturbed in the last bit that they have") {
  const auto start_of = [](const std::vector<std::string>& overrides) {
    std::vector<std::string> all = {"training.precision=bfloat16"};
    all.insert(all.end(), overrides.begin(), overrides.end());
    const Experiment experiment = small_experiment(all);
    const std::vector<float> start = start_parameters<float>(experiment.trials.front());
    const std::vector<double> wide = start_parameters<double>(experiment.trials.front());
    CHECK(std::vector<double>(start.begin(), start.end()) == wide);
    return start;
  };
  const std::vector<float> exact = start_parameters<float>(small_experiment({}).trials.front());
  const std::vector<float> plain = start_of({}), changed = start_of({"model.perturb=one_bit"});
  std::size_t differences = 0;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    CHECK(plain[i] == rounded_to_bfloat16(exact[i]));
    CHECK(changed[i] == rounded_to_bfloat16(changed[i]));
    if (plain[i] == changed[i]) continue;
    ++differences;
    CHECK((to_bfloat16(plain[i]).bits ^ to_bfloat16(changed[i]).bits) == 1);
  }
  CHECK(differences == 1);
}

TEST_CASE("weights that are all 0 have no last bit to change") {
  TrialSettings trial;
  trial.model.layers = {2, 3};
  trial.model.perturb = Perturbation::one_bit;
  trial.model.start_parameters = std::make_shared<const std::vector<double>>(9, 0.0);
  CHECK(start_parameters<double>(trial) == std::vector<double>(9, 0.0));
}

}  // namespace stepbench::testing
