// Writes files with planted speeds, losses and times to target, which `stepbench compare` and the report are held
// against each other on, and verdicts.json: what the verdict on speed says of a grid of evidence.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "core/results/result_file.hpp"
#include "core/speed_verdict.hpp"
#include "tests/compare/compare_files.hpp"

namespace stepbench::testing {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The step times of a trial's column; empty without one.
std::vector<double> column(const GroupRecord& group, const std::string& trial) {
  std::vector<double> times;
  for (std::size_t i = 0; i < group.step_time.size(); ++i) {
    if (group.trials[i % group.trials.size()] == trial) times.push_back(group.step_time[i]);
  }
  return times;
}

/// Fills in what a run writes into /summary: from the rounds, or of a trial without from its planted median.
ResultFile summarised(ResultFile file) {
  for (TrialRecord& trial : file.trials) {
    const GroupRecord& group = *std::ranges::find(file.groups, trial.group, &GroupRecord::id);
    const std::string baseline = group.trials[0];
    const std::vector<double> times = column(group, trial.id), of_baseline = column(group, baseline);
    TrialSummary& summary = trial.summary;
    if (!times.empty()) summary.step_time_median = median(times);
    summary.step_time_mad = 0;
    summary.samples_per_second = 32 / summary.step_time_median;
    if (times.empty()) continue;
    const RatioEstimate speed = paired_ratio(of_baseline, times);
    summary.speed_ratio = speed.ratio;
    if (!trial.is_baseline && text_of(trial.settings, "measure.interleave") != "false") {
      summary.speed_ratio_low = speed.low;
      summary.speed_ratio_high = speed.high;
    }
    const std::vector<double> twin = column(group, twin_id(baseline));
    if (!twin.empty()) summary.noise_floor = noise_floor(of_baseline, twin);
  }
  return file;
}

ResultFile with_setting(ResultFile file, const std::string& key, const Value& value) {
  for (TrialRecord& trial : file.trials) trial.settings.emplace_back(key, value);
  return file;
}

/// Both files' trials and groups, told apart by `suffix`.
ResultFile joined(ResultFile file, ResultFile other, const std::string& suffix) {
  for (TrialRecord& trial : other.trials) trial.id += suffix, trial.group += suffix;
  for (GroupRecord& group : other.groups) {
    group.id += suffix;
    for (std::string& trial : group.trials) {
      const std::size_t end = trial.find('~');
      trial.insert(end == std::string::npos ? trial.size() : end, suffix);
    }
  }
  std::ranges::move(other.trials, std::back_inserter(file.trials));
  std::ranges::move(other.groups, std::back_inserter(file.groups));
  return file;
}

ResultFile without_twin(ResultFile file) {
  for (GroupRecord& group : file.groups) {
    group = columns_of(group, std::vector<std::string>{group.trials[0], group.trials[2]});
  }
  return file;
}

/// Neither backend reaches the target with every seed: tbb with seeds 4 and 5 of five, blas with 2 to 5.
ResultFile with_missed_targets() {
  ResultFile file = compared_file(1, 5);
  for (TrialRecord& trial : file.trials) {
    const auto seed = static_cast<double>(trial.seed);
    const bool reached = trial.backend == "tbb" ? trial.seed >= 4 : trial.seed >= 2;
    trial.summary.time_to_target = !reached ? kNotANumber : trial.backend == "tbb" ? 0.1 * seed : seed;
  }
  return file;
}

void diverge(TrialRecord& trial) {
  trial.status = Status::diverged;
  trial.diverged_at_step = 13;
  trial.steps.train_loss.back() = kInfinity;
}

/// Better by the losses, worse by the accuracy.
ResultFile with_better_losses_and_worse_accuracy() {
  return with(with_learning(4, [](double) { return -0.06; }), "tbb",
              [](TrialRecord& trial) { trial.summary.best_validation_accuracy -= 0.02; });
}

/// Evaluations and no steps; `last` is the second evaluation's training loss of tbb, 0.5 that of blas.
ResultFile with_evaluations_alone(double last) {
  ResultFile file = compared_file(1);
  for (TrialRecord& trial : file.trials) {
    trial.steps = {};
    trial.epochs = {.epoch = {1, 2},
                    .train_loss = {1, trial.backend == "tbb" ? last : 0.5},
                    .validation_loss = {1, 0.5},
                    .validation_accuracy = {0.5, 0.9},
                    .train_time = {1, 2},
                    .step = {}};
  }
  return file;
}

std::map<std::string, ResultFile> planted_files() {
  const auto batch = [](std::int64_t size) { return Value(size); };
  const auto text = [](const char* name) { return Value(std::string(name)); };
  return {
      {"base", compared_file(1, 3)},
      {"slow", compared_file(0.8, 3)},
      {"few", compared_file(1, 1, 7)},
      {"fast", compared_file(2, 3)},
      {"inside", compared_file(1.03, 2)},
      {"faster", compared_file(1.06, 2)},
      {"inside-twin-too", with_twin_off_by(compared_file(1.03, 2), 0.04)},
      {"floor", with_twin_off_by(compared_file(1, 2), 0.3)},
      {"floor-fast", with_twin_off_by(compared_file(1.2, 2), 0.3)},
      {"wide", compared_file(1.02, 1, 12, 0.2)},
      {"very-wide", compared_file(1, 1, 8, 0.9)},
      {"no-twin", without_twin(compared_file(1.1))},
      {"not-interleaved", with_setting(compared_file(2), "measure.interleave", Value(false))},
      {"unpaired", with_peer(compared_file(1, 2))},
      {"one-seed-coincides", with_learning(1, [](double) { return 1e-7; })},
      {"one-seed-parts", with_learning(1, [](double) { return 0.01; })},
      {"one-seed-coincides-elsewhere",
       with(compared_file(1), "tbb", [](TrialRecord& trial) { trial.summary.best_validation_loss *= 1.2; })},
      {"one-seed-unrecorded",
       with(with_learning(1, [](double) { return 0.01; }), "tbb", [](TrialRecord& trial) { trial.steps = {}; })},
      {"learns-worse", with_learning(4, [](double seed) { return 0.06 + 0.001 * seed; })},
      {"learns-better", with_learning(4, [](double seed) { return -0.06 - 0.001 * seed; })},
      {"learns-inside", with_learning(4, [](double seed) { return 0.001 + 0.0001 * seed; })},
      {"learns-nearly-inside", with_learning(4, [](double seed) { return seed > 2 ? -0.001 : -0.005; })},
      {"better-and-worse", with_better_losses_and_worse_accuracy()},
      {"evaluations-alone", with_evaluations_alone(0.5)},
      {"evaluations-part", with_evaluations_alone(0.6)},
      {"close-losses",
       with(compared_file(1), "tbb", [](TrialRecord& trial) { trial.steps.train_loss[13] *= 1.0010005; })},
      {"learns-scattered", with_learning(4, [](double seed) { return seed > 2 ? 0.05 : -0.05; })},
      {"accuracy-alone",
       with(compared_file(1, 3), "tbb", [](TrialRecord& trial) { trial.summary.best_validation_accuracy -= 0.02; })},
      {"lost-loss", with(compared_file(1), "tbb", [](TrialRecord& trial) { trial.steps.train_loss[13] = kInfinity; })},
      {"no-validation",
       with(compared_file(1, 3), "tbb", [](TrialRecord& trial) { trial.summary.best_validation_loss = kInfinity; })},
      {"diverged", with(compared_file(1, 3), "tbb",
                        [](TrialRecord& trial) {
                          if (trial.seed == 2) diverge(trial);
                        })},
      {"baseline-diverged", with(compared_file(1, 3), "blas",
                                 [](TrialRecord& trial) {
                                   if (trial.seed == 2) diverge(trial);
                                 })},
      {"both-diverged", with(with(compared_file(1), "blas", diverge), "tbb", diverge)},
      {"missed-targets", with_missed_targets()},
      {"batches", joined(with_setting(compared_file(2, 2), "training.batch_size", batch(32)),
                         with_setting(compared_file(0.5, 2), "training.batch_size", batch(128)), "-b128")},
      {"kinds", joined(with_setting(compared_file(2, 2), "dataset.kind", text("blobs")),
                       with_setting(compared_file(0.5, 2), "dataset.kind", text("spirals")), "-spirals")},
  };
}

/// Every verdict, and both sides of what separates them.
nlohmann::json verdict_grid() {
  nlohmann::json grid = nlohmann::json::array();
  const std::vector<double> ratios = {0.5, 0.94, 0.97, 1, 1.01, 1.03, 1.06, 1.2, 3};
  const std::vector<double> widths = {1, 1.005, 1.02, 1.08, 1.5, 4, kNotANumber};
  for (const double ratio : ratios) {
    for (const double width : widths) {
      for (const double noise_floor : {kNotANumber, 0.0, 0.02, 0.05, 0.3}) {
        for (const double margin : {0.0, 0.02, kSpeedMargin}) {
          for (const std::size_t rounds : {8U, 60U}) {
            for (const Basis basis : {Basis::rounds, Basis::not_interleaved, Basis::unpaired}) {
              for (const std::size_t withheld_among : {0U, 60U}) {
                const SpeedEvidence evidence = {
                    {ratio, ratio / width, ratio * width, rounds}, noise_floor, basis, withheld_among};
                grid.push_back({{"ratio", ratio},
                                {"low", evidence.speed.low},
                                {"high", evidence.speed.high},
                                {"rounds", rounds},
                                {"noise_floor", noise_floor},
                                {"basis", static_cast<int>(basis)},
                                {"withheld_among", withheld_among},
                                {"margin", margin},
                                {"verdict", to_text(speed_verdict(evidence, margin))},
                                {"because", speed_reason(evidence, margin)}});
              }
            }
          }
        }
      }
    }
  }
  return grid;
}

}  // namespace
}  // namespace stepbench::testing

int main(int count, char** arguments) {
  using namespace stepbench;
  if (count != 2) return 2;
  const std::filesystem::path folder = arguments[1];
  for (auto& [name, file] : testing::planted_files()) {
    publish(to_image(testing::summarised(file)), folder / (name + ".h5"), IfExists::refuse);
  }
  std::ofstream(folder / "verdicts.json") << testing::verdict_grid();
  return 0;
}
