#include "experiments/show/results_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <locale>
#include <map>
#include <optional>
#include <set>

#include "core/arm.hpp"
#include "core/results/environments.hpp"
#include "core/statistics.hpp"
#include "experiments/machine/noise_watch.hpp"
#include "experiments/show/speed_margin.hpp"
#include "experiments/show/step_times.hpp"
#include "experiments/show/varying_settings.hpp"
#include "experiments/terminal/text_table.hpp"

namespace stepbench {
namespace {

const std::string kNothing = "-";

std::string number(double value, const char* format) {
  return std::isnan(value) ? kNothing : fmt::format(fmt::runtime(format), value);
}

/// 12345.6 -> `12,346`
std::string with_thousands(double value) {
  std::string digits = fmt::format("{:.0f}", value);
  for (auto i = static_cast<std::ptrdiff_t>(digits.size()) - 3; i > 0; i -= 3) {
    digits.insert(static_cast<std::size_t>(i), ",");
  }
  return digits;
}

/// A trial's speed as the table shows it. All of a row is of one step time, typical_step_time's, where the summary has
/// the median step's: its numbers then agree with each other, and with the ratio.
class ShownSpeed {
 public:
  ShownSpeed(const TrialRecord& record, const GroupRecord* rounds, const TrialRecord* baseline)
      : record_(record), rounds_(rounds), baseline_(baseline) {}

  /// Samples or tokens per second, with the spread of the steps.
  [[nodiscard]] std::string rate(double TrialSummary::*per_second) const {
    const TrialSummary& summary = record_.summary;
    if (std::isnan(summary.*per_second)) return kNothing;
    return fmt::format("{} ±{:.1f}%", with_thousands(summary.*per_second * faster_than_median()),
                       100 * summary.step_time_mad / summary.step_time_median);
  }

  [[nodiscard]] double percent_of_peak() const { return record_.summary.percent_of_peak * faster_than_median(); }

  /// Against the group's baseline; nothing for the baseline itself, and where there is none.
  [[nodiscard]] std::optional<SpeedEvidence> evidence() const {
    if (baseline_ == nullptr || baseline_ == &record_) return std::nullopt;
    const TrialSummary& summary = record_.summary;
    const std::vector<double> times = round_times(rounds_, record_.id);
    if (std::isnan(geometric_mean(times))) {
      const double ratio = typical_step_time(rounds_, *baseline_) / typical_step_time(rounds_, record_);
      if (std::isnan(ratio)) return std::nullopt;
      return SpeedEvidence{{ratio, kNotANumber, kNotANumber}, summary.noise_floor, Basis::unpaired};
    }
    if (std::isnan(summary.speed_ratio)) return std::nullopt;
    const std::size_t pairs = paired_ratio(round_times(rounds_, baseline_->id), times).pairs;
    return SpeedEvidence{
        {summary.speed_ratio, summary.speed_ratio_low, summary.speed_ratio_high, pairs},
        summary.noise_floor,
        text_of(record_.settings, "measure.interleave") == "false" ? Basis::not_interleaved : Basis::rounds};
  }

  [[nodiscard]] std::string ratio(double margin) const {
    if (baseline_ == &record_ && !std::isnan(typical_step_time(rounds_, record_))) return "1 (baseline)";
    const std::optional<SpeedEvidence> found = evidence();
    if (!found) return kNothing;
    const RatioEstimate& speed = found->speed;
    const int digits = speed.ratio < 10 ? 2 : 1;
    std::string text = fmt::format("{:.{}f}x", speed.ratio, digits);
    if (!std::isnan(speed.low)) text += fmt::format(" [{:.{}f}, {:.{}f}]", speed.low, digits, speed.high, digits);
    if (found->basis == Basis::unpaired) text += " unpaired";
    const SpeedVerdict verdict = speed_verdict(speed, found->noise_floor, margin);
    return text + (verdict == SpeedVerdict::same ? " =" : verdict == SpeedVerdict::cannot_tell ? " ?" : "");
  }

 private:
  [[nodiscard]] double faster_than_median() const {
    return record_.summary.step_time_median / typical_step_time(rounds_, record_);
  }

  const TrialRecord& record_;
  const GroupRecord* rounds_;
  const TrialRecord* baseline_;
};

/// Of all trials of a file, in their order.
std::vector<ShownSpeed> shown_speeds(const ResultFile& file) {
  std::map<std::string_view, const GroupRecord*> rounds;
  std::map<std::string_view, const TrialRecord*> baselines;
  for (const GroupRecord& group : file.groups) rounds[group.id] = &group;
  for (const TrialRecord& record : file.trials) {
    if (record.is_baseline) baselines.try_emplace(record.group, &record);
  }
  const auto of = [](const auto& known, const std::string& group) {
    const auto found = known.find(group);
    return found == known.end() ? nullptr : found->second;
  };
  std::vector<ShownSpeed> speeds;
  for (const TrialRecord& record : file.trials) {
    speeds.emplace_back(record, of(rounds, record.group), of(baselines, record.group));
  }
  return speeds;
}

std::string worst_gradient_error(const TrialRecord& record) {
  if (record.checks.empty()) return kNothing;
  double worst = 0;
  for (const TensorCheck& check : record.checks) {
    if (!(check.gradient_error <= worst)) worst = check.gradient_error;  // NaN wins
  }
  return std::isnan(worst) ? "NaN" : worst == 0 ? "0" : fmt::format("{:.1e}", worst);
}

std::string heading(const ResultFile& file, const std::vector<VaryingSetting>& varying) {
  std::string text = file.experiment + ":";
  const TrialRecord& first = file.trials.front();
  const auto add = [&](const char* key, const char* format) {
    if (std::ranges::find(varying, key, &VaryingSetting::key) != varying.end()) return;
    const std::string value = text_of(first.settings, key);
    if (value.empty()) return;
    text += (text.ends_with(':') ? " " : ", ") + fmt::format(fmt::runtime(format), value);
  };
  add("dataset.kind", "{}");
  add("model.layers", "layers {}");
  add("model.d_model", "D {}");
  add("model.blocks", "L {}");
  add("model.heads", "H {}");
  add("model.context", "T {}");
  add("model.loss", "{}");
  add("training.optimizer", "{}");
  add("training.update_order", "{} updates");
  add("training.learning_rate", "learning rate {}");
  add("training.batch_size", "batch {}");
  add("training.epochs", "{} epochs");
  add("training.steps", "{} steps");
  add("training.precision", "{}");
  return text;
}

/// `AMD EPYC, 2 cores, OpenBLAS SkylakeX; FMA peak 114 GFLOP/s on one core, 226 on all`
std::string machine_text(const KeyValues& environment) {
  const auto fact = [&environment](std::string_view name) {
    const Value* value = find_value(environment, name);
    if (value == nullptr) return std::string("?");
    const double* real = std::get_if<double>(value);
    if (real == nullptr) return to_text(*value);
    return std::isnan(*real) ? "?" : fmt::format("{:.0f}", *real);
  };
  return fmt::format("{}, {} cores, OpenBLAS {}{}; FMA peak {} GFLOP/s on one core, {} on all", fact("cpu_model"),
                     fact("cores"), fact("blas_core"), fact("blas_core_forced") == "true" ? " (forced)" : "",
                     fact("peak_gflops_1"), fact("peak_gflops_all"));
}

/// A line; of a file with several machines a line each, with what ran there.
std::string machine_lines(const ResultFile& file) {
  const std::vector<Machine> machines = machines_of(file);
  if (machines.size() == 1) return "on " + machine_text(machines.front().environment) + "\n";
  std::string text = fmt::format("on {} machines, whose times are not to be compared:\n", machines.size());
  for (const Machine& machine : machines) {
    text += fmt::format("  {} ({}): {}\n", listed_groups(machine), text_of(machine.environment, "hostname"),
                        machine_text(machine.environment));
  }
  return text;
}

/// What noise there was, and what it leaves open, a line each for what the file knows.
std::string noise_lines(const ResultFile& file, const std::vector<ShownSpeed>& speeds, double margin) {
  std::vector<double> floors;
  std::vector<SpeedEvidence> compared;
  for (const TrialRecord& record : file.trials) {
    if (record.is_baseline && !std::isnan(record.summary.noise_floor)) floors.push_back(record.summary.noise_floor);
  }
  for (const ShownSpeed& speed : speeds) {
    if (const std::optional<SpeedEvidence> evidence = speed.evidence()) compared.push_back(*evidence);
  }
  std::string text;
  if (!floors.empty()) {
    const auto [least, most] = std::ranges::minmax(floors);
    text += fmt::format("noise floor, from the baseline run twice: {:.1f}%{}\n", 100 * least,
                        floors.size() > 1 ? fmt::format(" to {:.1f}%", 100 * most) : "");
  }
  const std::string remedies = what_would_tell(compared, margin);
  if (!remedies.empty()) text += "what would tell where a speed cannot be told (?): " + remedies + "\n";
  std::vector<std::int64_t> disturbed;
  for (const GroupRecord& group : file.groups) {
    disturbed.insert(disturbed.end(), group.disturbed.begin(), group.disturbed.end());
  }
  if (std::ranges::any_of(speeds, [](const ShownSpeed& speed) { return speed.percent_of_peak() > 100; })) {
    text += "more than 100% of peak: whatever measured the peak was disturbed each time; the percentages say nothing\n";
  }
  const std::string disturbances = describe_disturbances(disturbed);
  if (!disturbances.empty()) text += "noise watch: " + disturbances + "; `stepbench doctor` says what to do\n";
  return text;
}

const TrialRecord* baseline_of(const ResultFile& file) {
  for (const TrialRecord& record : file.trials) {
    if (record.is_baseline) return &record;
  }
  return nullptr;
}

}  // namespace

std::string same_bits(const ResultFile& file, const TrialRecord& record) {
  const auto comparable = [&record](const TrialRecord& other) {
    return other.group == record.group && other.backend == record.backend &&
           arm_of(other).settings == arm_of(record).settings && !other.parameter_digest.empty();
  };
  const auto others = std::count_if(file.trials.begin(), file.trials.end(), comparable);
  if (!record.same_bits_for_any_threads || record.parameter_digest.empty() || others < 2) return kNothing;
  const bool equal = std::all_of(file.trials.begin(), file.trials.end(), [&](const TrialRecord& other) {
    return !comparable(other) || other.parameter_digest == record.parameter_digest;
  });
  return equal ? "yes" : "NO";
}

std::string results_table(const ResultFile& file, double margin) {
  if (file.trials.empty()) return file.experiment + ": no trials\n";
  const std::vector<VaryingSetting> varying = varying_settings(file);
  const bool many_seeds = std::any_of(file.trials.begin(), file.trials.end(), [&file](const TrialRecord& record) {
    return record.seed != file.trials.front().seed;
  });
  const TrialRecord* baseline = baseline_of(file);
  std::set<std::string> baseline_names;
  for (const TrialRecord& record : file.trials) {
    if (record.is_baseline) baseline_names.insert(arm_of(record).name());
  }

  TextTable table;
  for (const VaryingSetting& of : varying) table.add_column(of.name);
  if (many_seeds) table.add_column("seed");
  table.add_column("backend", TextTable::Align::left);
  table.add_column("threads");
  const bool tokens = std::ranges::all_of(
      file.trials, [](const TrialRecord& record) { return text_of(record.settings, "model.kind") == "transformer"; });
  const std::string speed_heading = tokens ? "tokens/s" : "samples/s";
  table.add_column(speed_heading);
  table.add_column("vs " + (baseline_names.size() == 1 ? baseline->backend : "baseline"));
  table.add_column("% of peak");
  table.add_column("train loss");
  table.add_column("val. loss");
  table.add_column("val. acc.");
  table.add_column("grad. error");
  table.add_column("same bits");
  std::string notes, group = file.trials.front().group;
  const std::vector<ShownSpeed> speeds = shown_speeds(file);
  for (std::size_t i = 0; i < speeds.size(); ++i) {
    const TrialRecord& record = file.trials[i];
    if (record.group != group) table.add_blank_line();
    group = record.group;
    std::vector<std::string> cells(varying.size());
    std::ranges::transform(varying, cells.begin(),
                           [&record](const VaryingSetting& of) { return text_of(record.settings, of.key); });
    if (many_seeds) cells.push_back(std::to_string(record.seed));
    const TrialSummary& summary = record.summary;
    const bool timed = !std::isnan(summary.step_time_median);
    const ShownSpeed& speed = speeds[i];
    const std::string rate = speed.rate(tokens ? &TrialSummary::tokens_per_second : &TrialSummary::samples_per_second);
    cells.insert(
        cells.end(),
        {record.backend, std::to_string(record.threads), timed ? rate : to_text(record.status), speed.ratio(margin),
         number(speed.percent_of_peak(), "{:.1f}"), number(summary.final_train_loss, "{:.4f}"),
         number(summary.best_validation_loss, "{:.4f}"), number(summary.best_validation_accuracy, "{:.4f}"),
         worst_gradient_error(record), same_bits(file, record)});
    table.add_row(std::move(cells));
    if (record.status != Status::completed) {
      notes += fmt::format("{} {}: {}\n", record.id, to_text(record.status), record.message);
    }
  }

  std::string text = heading(file, varying) + "\n";
  text += machine_lines(file) + "\n";
  text += table.text() + "\n" + notes + noise_lines(file, speeds, margin);
  text += fmt::format(
      "{}: geometric mean of the rounds' median steps (unpaired: the median step), ± the steps' median absolute\n"
      "deviation; vs: speed, paired by round, with 95% interval (=: same, interval and noise floor are within {}; ?:\n"
      "cannot tell); peak: FMA peak of as many cores, best of the rounds; grad. error: worst tensor's relative L2\n"
      "against float64 neuron; same bits: equal parameters on every number of threads (-: not promised, or alone)\n",
      speed_heading, margin_percent(margin));
  return text;
}

}  // namespace stepbench
