// By what --resume takes a stored trial for the planned one: the program and every library that makes its bits.
#include <catch2/catch.hpp>
#include <set>

#include "experiments/machine/environment.hpp"
#include "experiments/run/resume.hpp"
#include "tests/experiments/small_experiment.hpp"

namespace stepbench::testing {
namespace {

struct Planned {
  PlannedTrial trial = plan_experiment(small_experiment({}), backends()).front().trials.front();
  RunIdentity identity = this_identity();

  [[nodiscard]] TrialRecord stored() const {
    TrialRecord record;
    record.settings = setting_values(*trial.settings, key_table());
    record.backend = trial.settings->backend;
    record.threads = trial.settings->threads;
    record.seed = trial.settings->seed;
    record.dataset_digest = trial.dataset->digest;
    return record;
  }
};

}  // namespace

TEST_CASE("a trial of this program and these libraries is the planned one") {
  const Planned planned;
  CHECK(difference(planned.stored(), planned.identity, planned.trial, planned.identity).empty());
}

TEST_CASE("a trial of another version of any library is not, and the library is named with both") {
  const Planned planned;
  std::vector<LibraryFact> facts = library_facts();
  std::erase_if(facts, [](const LibraryFact& fact) { return !fact.makes_bits; });
  REQUIRE(planned.identity.libraries.size() == facts.size());
  std::set<std::string> names;
  for (const LibraryFact& fact : facts) names.insert(fact.name);
  for (const char* name : {"blas_core", "openblas_version", "tbb_version", "hdf5_version", "libc_version"}) {
    CHECK(names.contains(name));
  }
  for (std::size_t i = 0; i < facts.size(); ++i) {
    CHECK_FALSE(planned.identity.libraries[i].empty());
    RunIdentity other = planned.identity;
    other.libraries[i] = "0.0.1";
    const std::string differs = difference(planned.stored(), other, planned.trial, planned.identity);
    CHECK(differs == facts[i].what + ": 0.0.1, now " + planned.identity.libraries[i]);
  }
}

TEST_CASE("a trial of another build of the same commit is not") {
  const Planned planned;
  RunIdentity other = planned.identity;
  other.binary_digest = "0123";
  CHECK_THAT(difference(planned.stored(), other, planned.trial, planned.identity), Catch::Contains("another build of"));
}

TEST_CASE("a key that there was not yet is no difference while it has its default, and is one else") {
  const Planned planned;
  TrialRecord stored = planned.stored();
  std::erase_if(stored.settings, [](const auto& setting) { return setting.first == "training.noise_scale"; });
  REQUIRE(stored.settings.size() + 1 == planned.stored().settings.size());
  CHECK(difference(stored, planned.identity, planned.trial, planned.identity).empty());
  const PlannedTrial changed =
      plan_experiment(small_experiment({"training.noise_scale=8"}), backends()).front().trials.front();
  CHECK(difference(stored, planned.identity, changed, planned.identity) == "training.noise_scale was not set, now 8");
}

TEST_CASE("the identity of a stored trial is of the environment of its own group") {
  ResultFile file;
  file.environments = {{{"tbb_version", std::string("old")}}, {{"tbb_version", std::string("new")}}};
  file.groups = {GroupRecord{.id = "s1"}, GroupRecord{.id = "s2", .environment = 1}};
  CHECK(identity_of(file, "s1") != identity_of(file, "s2"));
  CHECK(identity_of(file, "s3") == identity_of(file, "s1"));
}

}  // namespace stepbench::testing
