// `compare`'s verdict on learning, on real training: a copy of a backend, one that learns 1% faster, and one that
// started from other weights.
#include <algorithm>
#include <catch2/catch.hpp>
#include <iterator>
#include <stdexcept>

#include "experiments/compare/comparison.hpp"
#include "experiments/measure/group_run.hpp"
#include "tests/experiments/small_experiment.hpp"
#include "tests/support/forwarding_network.hpp"
#include "variants/blas/blas.hpp"

namespace stepbench::testing {
namespace {

enum class Plant { faster_rate, other_start };

/// blas, but for what is planted.
template <typename Scalar, Plant kPlant>
class PlantedNetwork final : public ForwardingNetwork<Scalar> {
 public:
  explicit PlantedNetwork(const NetworkSettings& settings)
      : ForwardingNetwork<Scalar>(make_blas_network<Scalar>(settings)) {}
  void write(Content content, std::span<const Scalar> values) override {
    std::vector<Scalar> start(values.begin(), values.end());
    if constexpr (kPlant == Plant::other_start) {
      for (Scalar& weight : start) weight = -weight;  // as likely as what was drawn
    }
    this->real().write(content, start);
  }
  StepResult train_step(const Batch<Scalar>& batch, const UpdateStep& update) override {
    constexpr double kFactor = kPlant == Plant::faster_rate ? 1.01 : 1;
    return this->real().train_step(batch, {.learning_rate = kFactor * update.learning_rate, .number = update.number});
  }
};

template <typename Scalar, Plant kPlant>
std::unique_ptr<Network<Scalar>> make_planted(const NetworkSettings& settings) {
  return std::make_unique<PlantedNetwork<Scalar, kPlant>>(settings);
}

template <Plant kPlant>
Backend planted(std::string_view name) {
  return {name, "", 1, true, make_planted<float, kPlant>, make_planted<double, kPlant>};
}

/// Six seeds of blas against the three, compared with a loss margin of `margin`.
compare::Comparison compare_planted(double margin) {
  std::vector<Backend> table(backends().begin(), backends().end());
  Backend copy = *find_backend(table, "blas");
  copy.name = "copy";
  table.push_back(copy);
  table.push_back(planted<Plant::faster_rate>("hasty"));
  table.push_back(planted<Plant::other_start>("mirrored"));
  const Experiment experiment =
      small_experiment({"sweep.backend=blas,copy,hasty,mirrored", "sweep.seed=1,2,3,4,5,6", "measure.gate=false",
                        "measure.twin=false", "training.precision=float64", "dataset.samples=600"});
  ResultFile file;
  file.experiment = "planted";
  std::FILE* quiet = std::fopen("/dev/null", "w");
  {
    Progress progress(quiet, Verbosity::quiet, 1);
    PeakHistory peaks;
    for (const PlannedGroup& group : plan_experiment(experiment, table)) {
      GroupResult result = run_group(group, *find_backend(table, kReferenceBackend), peaks, progress);
      std::move(result.trials.begin(), result.trials.end(), std::back_inserter(file.trials));
      file.groups.push_back(std::move(result.rounds));
    }
  }
  std::fclose(quiet);
  compare::CompareOptions options;
  options.learning.loss_margin = {margin, true};
  return compare::compare_within(file, "blas", options);
}

const compare::LearningComparison& of(const compare::Comparison& comparison, const std::string& backend) {
  for (const compare::LearningComparison& row : comparison.learning) {
    if (row.trial.starts_with(backend)) return row;
  }
  throw std::runtime_error("no comparison of " + backend);
}

bool parts(const compare::LearningComparison& row) {
  return std::ranges::any_of(row.partings, [](const compare::Parting& parting) { return parting.step.has_value(); });
}

}  // namespace

TEST_CASE("a learning rate that is 1% off is told from none, and so is another start; a copy is the same") {
  const compare::Comparison comparison = compare_planted(1e-4);
  const compare::LearningComparison &copy = of(comparison, "copy"), &hasty = of(comparison, "hasty"),
                                    &mirrored = of(comparison, "mirrored");
  CHECK(copy.verdict == compare::LearningVerdict::same);
  CHECK_FALSE(parts(copy));
  INFO(hasty.why);
  CHECK(hasty.verdict == compare::LearningVerdict::different);
  CHECK(parts(hasty));
  CHECK(mirrored.verdict != compare::LearningVerdict::same);
  CHECK(parts(mirrored));
}

}  // namespace stepbench::testing
