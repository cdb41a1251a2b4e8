#include "experiments/table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <locale>
#include <set>

#include "core/results/environments.hpp"
#include "core/statistics.hpp"
#include "experiments/machine/noise_watch.hpp"
#include "experiments/varying_settings.hpp"

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

std::string speed(const TrialSummary& summary, double TrialSummary::*per_second) {
  const double speed = summary.*per_second;
  if (std::isnan(speed)) return kNothing;
  return fmt::format("{} ±{:.1f}%", with_thousands(speed), 100 * summary.step_time_mad / summary.step_time_median);
}

/// Whether the trial was timed in turns with its group's others. A peer's trial, added from outside, was not.
bool shares_rounds(const ResultFile& file, const TrialRecord& record) {
  const auto group = std::ranges::find(file.groups, record.group, &GroupRecord::id);
  return group != file.groups.end() && std::ranges::find(group->trials, record.id) != group->trials.end();
}

std::string ratio(const ResultFile& file, const TrialRecord& record) {
  const TrialSummary& summary = record.summary;
  if (record.is_baseline && !std::isnan(summary.speed_ratio)) return "1 (baseline)";
  if (std::isnan(summary.speed_ratio)) return kNothing;
  const int digits = summary.speed_ratio < 10 ? 2 : 1;
  if (std::isnan(summary.speed_ratio_low)) {
    return fmt::format("{:.{}f}x{}", summary.speed_ratio, digits, shares_rounds(file, record) ? "" : " unpaired");
  }
  const SpeedVerdict verdict =
      speed_verdict({summary.speed_ratio, summary.speed_ratio_low, summary.speed_ratio_high}, summary.noise_floor);
  return fmt::format("{:.{}f}x [{:.{}f}, {:.{}f}]{}", summary.speed_ratio, digits, summary.speed_ratio_low, digits,
                     summary.speed_ratio_high, digits, verdict == SpeedVerdict::no_difference ? " =" : "");
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
    return real == nullptr ? to_text(*value) : fmt::format("{:.0f}", *real);
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

/// `noise: ...` and `disturbed: ...`, a line each for what the file knows.
std::string noise_lines(const ResultFile& file) {
  std::vector<double> floors;
  for (const TrialRecord& record : file.trials) {
    if (record.is_baseline && !std::isnan(record.summary.noise_floor)) floors.push_back(record.summary.noise_floor);
  }
  std::string text;
  if (!floors.empty()) {
    const auto [least, most] = std::ranges::minmax(floors);
    text += fmt::format(
        "noise floor, from the baseline run twice: {:.1f}%{}; a ratio inside it, or whose interval "
        "holds 1, is no difference (=)\n",
        100 * least, floors.size() > 1 ? fmt::format(" to {:.1f}%", 100 * most) : "");
  }
  std::vector<std::int64_t> disturbed;
  for (const GroupRecord& group : file.groups) {
    disturbed.insert(disturbed.end(), group.disturbed.begin(), group.disturbed.end());
  }
  if (std::ranges::any_of(file.trials, [](const TrialRecord& r) { return r.summary.percent_of_peak > 100; })) {
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

void TextTable::add_column(std::string heading, Align align) {
  headings_.push_back(std::move(heading));
  alignments_.push_back(align);
}

void TextTable::add_row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

void TextTable::add_blank_line() { rows_.emplace_back(); }

std::string TextTable::text() const {
  // Counts code points, not bytes: "±" is one column wide.
  const auto width = [](const std::string& cell) {
    return static_cast<std::size_t>(std::count_if(cell.begin(), cell.end(), [](char c) { return (c & 0xC0) != 0x80; }));
  };
  std::vector<std::size_t> widths;
  for (const std::string& heading : headings_) widths.push_back(width(heading));
  for (const auto& row : rows_) {
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width(row[c]));
  }
  std::string text;
  const auto add_line = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t c = 0; c < cells.size(); ++c) {
      const std::string padding(widths[c] - width(cells[c]), ' ');
      if (c > 0) line += "  ";
      line += alignments_[c] == Align::left ? cells[c] + padding : padding + cells[c];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  add_line(headings_);
  for (const auto& row : rows_) add_line(row);
  return text;
}

std::string same_bits(const ResultFile& file, const TrialRecord& record) {
  const auto comparable = [&record](const TrialRecord& other) {
    return other.group == record.group && other.backend == record.backend && !other.parameter_digest.empty();
  };
  const auto others = std::count_if(file.trials.begin(), file.trials.end(), comparable);
  if (!record.same_bits_for_any_threads || record.parameter_digest.empty() || others < 2) return kNothing;
  const bool equal = std::all_of(file.trials.begin(), file.trials.end(), [&](const TrialRecord& other) {
    return !comparable(other) || other.parameter_digest == record.parameter_digest;
  });
  return equal ? "yes" : "NO";
}

std::string results_table(const ResultFile& file) {
  if (file.trials.empty()) return file.experiment + ": no trials\n";
  const std::vector<VaryingSetting> varying = varying_settings(file);
  const bool many_seeds = std::any_of(file.trials.begin(), file.trials.end(), [&file](const TrialRecord& record) {
    return record.seed != file.trials.front().seed;
  });
  const TrialRecord* baseline = baseline_of(file);
  std::set<std::string> baseline_names;
  for (const TrialRecord& record : file.trials) {
    if (record.is_baseline) baseline_names.insert(fmt::format("{}-t{}", record.backend, record.threads));
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
  for (const TrialRecord& record : file.trials) {
    if (record.group != group) table.add_blank_line();
    group = record.group;
    std::vector<std::string> cells(varying.size());
    std::ranges::transform(varying, cells.begin(),
                           [&record](const VaryingSetting& of) { return text_of(record.settings, of.key); });
    if (many_seeds) cells.push_back(std::to_string(record.seed));
    const TrialSummary& summary = record.summary;
    const bool timed = !std::isnan(summary.step_time_median);
    const std::string rate =
        speed(summary, tokens ? &TrialSummary::tokens_per_second : &TrialSummary::samples_per_second);
    cells.insert(
        cells.end(),
        {record.backend, std::to_string(record.threads), timed ? rate : to_text(record.status), ratio(file, record),
         number(summary.percent_of_peak, "{:.1f}"), number(summary.final_train_loss, "{:.4f}"),
         number(summary.best_validation_loss, "{:.4f}"), number(summary.best_validation_accuracy, "{:.4f}"),
         worst_gradient_error(record), same_bits(file, record)});
    table.add_row(std::move(cells));
    if (record.status != Status::completed) {
      notes += fmt::format("{} {}: {}\n", record.id, to_text(record.status), record.message);
    }
  }

  std::string text = heading(file, varying) + "\n";
  text += machine_lines(file) + "\n";
  text += table.text() + "\n" + notes + noise_lines(file);
  text += speed_heading;
  text +=
      ": of the median step, ± its median absolute deviation; vs: speed, paired by round, with 95% interval;\n"
      "peak: FMA peak of as many cores, best of the rounds; grad. error: worst tensor's relative L2 against float64\n"
      "neuron; same bits: equal final parameters on every number of threads (-: not promised, or nothing to compare)\n";
  return text;
}

}  // namespace stepbench
