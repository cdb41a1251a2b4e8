// `stepbench scale` on a network whose tasks are known, and what of a config it looks at.
#include <catch2/catch.hpp>
#include <cstdio>

#include "core/error.hpp"
#include "experiments/measure/arm_forecast.hpp"
#include "experiments/measure/group_run.hpp"
#include "experiments/scale/arms.hpp"
#include "experiments/scale/scale.hpp"
#include "tests/experiments/small_experiment.hpp"
#include "tests/support/traced_network.hpp"

namespace stepbench::testing {
namespace {

const std::vector<Backend>& with_traced() {
  static const std::vector<Backend> table = [] {
    std::vector<Backend> all(backends().begin(), backends().end());
    all.push_back(traced_backend());
    return all;
  }();
  return table;
}

std::vector<PlannedGroup> planned(const std::vector<std::string>& overrides) {
  return plan_experiment(small_experiment(overrides), with_traced());
}

ArmForecast forecast_of(const std::vector<std::string>& overrides, const std::vector<std::int64_t>& cores) {
  return forecast_arm(planned(overrides).front().trials.front(), cores, {.seconds = 0});
}

std::vector<TrialRecord> run_group_of(const std::vector<std::string>& overrides) {
  const std::vector<PlannedGroup> groups = planned(overrides);
  std::FILE* stream = std::tmpfile();
  std::vector<TrialRecord> trials;
  {
    Progress progress(stream, Verbosity::quiet, 1);
    PeakHistory peaks;
    trials = run_group(groups.front(), *find_backend(with_traced(), kReferenceBackend), peaks, progress).trials;
  }
  std::fclose(stream);
  return trials;
}

std::vector<std::string> ids(const std::vector<std::string>& overrides) {
  std::vector<std::string> found;
  for (const scale::Entry& entry : scale::select_entries(planned(overrides)).entries) found.push_back(entry.id);
  return found;
}

}  // namespace

TEST_CASE("a network's known tasks give its known work, span and speed on more cores") {
  for (const char* precision : {"float32", "float64"}) {
    const ArmForecast forecast =
        forecast_of({"sweep.backend=traced", std::string("training.precision=") + precision}, {1, 4, 64});
    CHECK(forecast.why_none.empty());
    CHECK(forecast.one_core_step == Approx(10));  // and some microseconds to gather the batch
    REQUIRE(forecast.cores.size() == 3);
    CHECK(forecast.cores[0].speedup == Approx(1));
    CHECK(forecast.cores[1].tasks == 6);
    CHECK(forecast.cores[1].work == 10);
    CHECK(forecast.cores[1].span == 4);
    CHECK(forecast.cores[2].tasks == 10);
    CHECK(forecast.cores[2].span == 3);
    CHECK(forecast.cores[2].bound.kind == ScalingBound::Kind::chain);
  }
}

TEST_CASE("steps are traced without an end, however few the config has") {
  const ArmForecast forecast = forecast_of({"sweep.backend=traced", "training.steps=1"}, {2});
  CHECK(forecast.cores.size() == 1);
}

TEST_CASE("a network without tasks of its own has no forecast, but a reason") {
  const ArmForecast neuron = forecast_of({"sweep.backend=neuron"}, {2, 4}),
                    blas = forecast_of({"sweep.backend=blas"}, {2});
  CHECK(neuron.cores.empty());
  CHECK(neuron.why_none == "runs on one thread");
  CHECK(blas.cores.empty());
  CHECK_THAT(blas.why_none, Catch::Contains("has no tasks of its own"));
}

TEST_CASE("time that is spent ends a forecast, and what there is stays") {
  const std::vector<PlannedGroup> groups = planned({"sweep.backend=traced"});
  const std::vector<std::int64_t> cores = {2, 4, 8};
  CHECK(forecast_arm(groups.front().trials.front(), cores, {.seconds = 0, .at_most = 0}).cores.size() == 1);
}

TEST_CASE("the step on one core is timed for whatever backend") {
  CHECK(one_core_step_time(planned({"sweep.backend=neuron"}).front().trials.front(), {.seconds = 0}) > 0);
}

TEST_CASE("a run keeps the forecast with every trial of an arm on several threads") {
  const std::vector<TrialRecord> trials = run_group_of({"sweep.backend=traced,neuron", "sweep.threads=1,2"});
  REQUIRE(trials.size() == 4);
  for (const TrialRecord& trial : trials) {
    INFO(trial.id);
    const bool traced = trial.backend == "traced";
    CHECK(trial.scaling.cores ==
          (traced ? std::vector<std::int64_t>(kUsualCores.begin(), kUsualCores.end()) : std::vector<std::int64_t>{}));
    if (!traced) continue;
    CHECK(trial.scaling.predicted_speedup.size() == kUsualCores.size());
    CHECK(trial.scaling.work == 10);
    CHECK(trial.scaling.span == 3);
  }
}

TEST_CASE("a run on one number of threads has no forecast unless it asks for one, and one on several may do without") {
  CHECK(run_group_of({"sweep.backend=traced"}).front().scaling.cores.empty());
  CHECK_FALSE(run_group_of({"sweep.backend=traced", "measure.scaling=true"}).front().scaling.cores.empty());
  CHECK(run_group_of({"sweep.backend=traced", "sweep.threads=1,2", "measure.scaling=false"})
            .front()
            .scaling.cores.empty());
}

TEST_CASE("each backend stands once for all its threads and seeds, under each of the other settings") {
  CHECK(ids({"sweep.backend=blas,traced", "sweep.threads=1,2,4"}) == std::vector<std::string>{"blas-s1", "traced-s1"});
  CHECK(ids({"sweep.backend=blas", "sweep.seed=5,6,7"}) == std::vector<std::string>{"blas-s5"});
  CHECK(ids({"sweep.backend=blas", "sweep.seed=1,2", "sweep.model.init=he,xavier"}) ==
        std::vector<std::string>{"blas-s1-inithe", "blas-s1-initxavier"});
  CHECK(ids({"sweep.backend=tbb", "sweep.backend.tbb.shard_rows=8,16", "sweep.threads=1,2"}) ==
        std::vector<std::string>{"tbb-shard_rows8-s1", "tbb-shard_rows16-s1"});
}

TEST_CASE("groups that are left out for their seed are counted") {
  const scale::Selection selection = scale::select_entries(planned({"sweep.backend=blas", "sweep.seed=1,2,3"}));
  CHECK(selection.groups == 1);
  CHECK(selection.other_seeds == 2);
}

TEST_CASE("an entry is of one thread, though the config asks for others, and can be had on several") {
  const scale::Selection selection = scale::select_entries(planned({"sweep.backend=blas", "sweep.threads=2"}));
  REQUIRE(selection.entries.size() == 1);
  CHECK(selection.entries.front().one_core.settings->threads == 1);
  CHECK(selection.entries.front().one_core.settings->id == "blas-t1-s1");
  CHECK(scale::on_threads(selection.entries.front(), 4).settings->id == "blas-t4-s1");
}

TEST_CASE("an entry's threads get the CPUs of as many threads as it has") {
  const scale::Selection selection =
      scale::select_entries(planned({"sweep.backend=tbb", "sweep.threads=2", "measure.pin=compact"}));
  for (const std::int64_t threads : {1, 2}) {
    const ThreadPlaces places = scale::on_threads(selection.entries.front(), threads).settings->places;
    INFO(places.why_not);
    CHECK((std::ssize(places.cpus) == threads || !places.why_not.empty()));
  }
}

TEST_CASE("numbers of cores are sorted, each once") {
  CHECK(scale::parse_cores("8, 2,4,2") == std::vector<std::int64_t>{2, 4, 8});
  CHECK(scale::parse_cores("1024") == std::vector<std::int64_t>{1024});
}

TEST_CASE("what is no number of cores is refused with what is allowed") {
  for (const char* text : {"0", "x", "1025", "-2", "", "2,", "2;4", "2.5", "99999999999999999999"}) {
    INFO(text);
    CHECK_THROWS_AS(scale::parse_cores(text), InputError);
  }
  CHECK_THROWS_WITH(scale::parse_cores("2,x"),
                    "scale: --cores: found \"x\", allowed: integers from 1 to 1024, as in 2,4,8");
}

}  // namespace stepbench::testing
