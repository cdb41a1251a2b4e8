#include "experiments/show/results_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <locale>
#include <optional>
#include <set>

#include "core/arm.hpp"
#include "core/results/environments.hpp"
#include "core/results/lookup.hpp"
#include "experiments/expect/report.hpp"
#include "experiments/machine/noise_watch.hpp"
#include "experiments/show/found_line.hpp"
#include "experiments/show/peers_shown.hpp"
#include "experiments/show/planned_rounds.hpp"
#include "experiments/show/shown_speed.hpp"
#include "experiments/show/speed_margin.hpp"
#include "experiments/show/study_table.hpp"
#include "experiments/show/varying_settings.hpp"
#include "experiments/terminal/latex.hpp"
#include "experiments/terminal/text_table.hpp"

namespace stepbench {
namespace {

const std::string kNothing = "-";

std::string number(double value, const char* format) {
  return std::isnan(value) ? kNothing : fmt::format(fmt::runtime(format), value);
}

/// Of all seeds, of those that did not complete, too: a gate is passed or failed before the training.
std::string worst_gradient_error(const TableRow& row) {
  bool checked = false;
  double worst = 0;
  for (const TrialRecord* trial : row.trials) {
    for (const TensorCheck& check : trial->checks) {
      if (!std::isnan(worst) && !(check.gradient_error <= worst)) worst = check.gradient_error;  // NaN wins
      checked = true;
    }
  }
  if (!checked) return kNothing;
  return std::isnan(worst) ? "NaN" : worst == 0 ? "0" : fmt::format("{:.1e}", worst);
}

/// NO when any seed's bits differ; yes when the bits of all that count are equal.
std::string same_bits_of_row(const ResultFile& file, const TableRow& row) {
  const auto says = [&file](const char* text) {
    return [&file, text](const TrialRecord* trial) { return same_bits(file, *trial) == text; };
  };
  if (std::ranges::any_of(row.trials, says("NO"))) return "NO";
  return !row.counted.empty() && std::ranges::all_of(row.counted, says("yes")) ? "yes" : kNothing;
}

/// `5`, or `4 of 5` where one of them did not complete.
std::string seeds_text(const TableRow& row) {
  const std::size_t all = row.trials.size(), counted = row.counted.size();
  return counted == all ? std::to_string(all) : fmt::format("{} of {}", counted, all);
}

std::string heading(const ResultFile& file, const std::vector<VaryingSetting>& varying) {
  std::string text = file.experiment;
  if (!file.shard.is_whole()) text += fmt::format(" (shard {})", to_text(file.shard));
  text += ":";
  const TrialRecord& first = file.trials.front();
  const auto add = [&](const char* key, const std::string& format) {
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
  const std::string noise_scale = text_of(first.settings, "training.noise_scale");
  const bool is_scaled = !noise_scale.empty() && noise_scale != "0" &&
                         std::ranges::find(varying, "training.noise_scale", &VaryingSetting::key) == varying.end();
  add("training.learning_rate",
      is_scaled ? "learning rate {} / (1 + " + noise_scale + " / batch)" : "learning rate {}");
  add("training.batch_size", text_of(first.settings, "scaling.kind") == "weak" ? "batch {} each" : "batch {}");
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
std::string noise_lines(const ResultFile& file, const std::vector<ShownSpeed>& speeds, bool together, double margin) {
  std::vector<double> floors;
  std::vector<SpeedEvidence> compared;
  for (const ShownSpeed& speed : speeds) {
    const double floor = speed.baseline_noise_floor();
    if (!std::isnan(floor)) floors.push_back(floor);
    if (speed.evidence()) compared.push_back(*speed.evidence());
  }
  std::string text;
  if (!floors.empty()) {
    const auto [least, most] = std::ranges::minmax(floors);
    text += fmt::format("noise floor, from the baseline run twice: {:.1f}%{}\n", 100 * least,
                        floors.size() > 1 ? fmt::format(" to {:.1f}%", 100 * most) : "");
  }
  text += planned_rounds_lines(file) + processes_line(compared) + found_line(compared);
  const std::string remedies = what_would_tell(compared, margin);
  if (!remedies.empty()) {
    text += fmt::format("what would tell where a speed cannot be told (?): {}{}\n", remedies,
                        together ? "; rounds are those of all seeds together" : "");
  }
  std::vector<std::int64_t> disturbed;
  for (const GroupRecord& group : file.groups) {
    disturbed.insert(disturbed.end(), group.disturbed.begin(), group.disturbed.end());
  }
  if (std::ranges::any_of(speeds, [](const ShownSpeed& speed) { return speed.above_peak(); })) {
    text += "more than 100% of peak: whatever measured the peak was disturbed each time; the percentages say nothing\n";
  }
  const std::string disturbances = describe_disturbances(disturbed);
  if (!disturbances.empty()) text += "noise watch: " + disturbances + "; `stepbench doctor` says what to do\n";
  return text;
}

/// How to read the table.
std::string legend(const std::string& speed_heading, bool together, bool some_noise, double margin) {
  const char* const noise =
      some_noise ? "noise scale: of the gradient, samples: a larger batch gains less (experiments/noise-scale.md)\n"
                 : "";
  if (together) {
    return fmt::format(
        "seeds: a row is of the trials that differ in the seed alone and completed (`show --all`: a row for each);\n"
        "{}: geometric mean ± geometric standard deviation over the seeds (one seed: ± its steps' median absolute\n"
        "deviation), of each the geometric mean of the rounds' median steps (unpaired: the median step); vs: speed,\n"
        "paired by round, all seeds' rounds together, with 95% interval (=: same, interval and noise floor are\n"
        "within {}; ?: cannot tell); peak: mean over the seeds, of the FMA peak of as many cores, best of the\n"
        "rounds; losses, accuracy: mean ± standard deviation over the seeds; grad. error: the worst seed's worst\n"
        "tensor's relative L2 against float64 neuron; same bits: equal parameters on every number of threads, of\n"
        "every seed (-: not promised, or alone)\n{}",
        speed_heading, margin_percent(margin), noise);
  }
  return fmt::format(
      "{}: geometric mean of the rounds' median steps (unpaired: the median step), ± the steps' median absolute\n"
      "deviation; vs: speed, paired by round, with 95% interval (=: same, interval and noise floor are within {}; ?:\n"
      "cannot tell); peak: FMA peak of as many cores, best of the rounds; grad. error: worst tensor's relative L2\n"
      "against float64 neuron; same bits: equal parameters on every number of threads (-: not promised, or alone)\n{}",
      speed_heading, margin_percent(margin), noise);
}

/// Of every row, with the false discovery rate held among them.
std::vector<ShownSpeed> speeds_of(const std::vector<TableRow>& rows, const TimedTrials& timed) {
  std::vector<ShownSpeed> speeds;
  for (const TableRow& row : rows) speeds.emplace_back(row, timed);
  std::vector<SpeedEvidence*> evidence;
  for (ShownSpeed& speed : speeds) evidence.push_back(speed.evidence_to_hold());
  hold_false_discoveries(evidence);
  return speeds;
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
    return other.group == record.group && same_batches(other, record) &&
           same_but_threads(arm_of(other), arm_of(record)) && !other.parameter_digest.empty();
  };
  const auto others = std::count_if(file.trials.begin(), file.trials.end(), comparable);
  if (!record.same_bits_for_any_threads || record.parameter_digest.empty() || others < 2) return kNothing;
  const bool equal = std::all_of(file.trials.begin(), file.trials.end(), [&](const TrialRecord& other) {
    return !comparable(other) || other.parameter_digest == record.parameter_digest;
  });
  return equal ? "yes" : "NO";
}

std::string results_table(const ResultFile& file, double margin, SeedRows seeds, TableFormat format) {
  if (file.trials.empty()) {
    const std::string none = file.experiment + ": no trials\n";
    return format == TableFormat::latex ? latex_comment(none) : none;
  }
  const std::vector<VaryingSetting> varying = varying_settings(file);
  const bool many_seeds = std::any_of(file.trials.begin(), file.trials.end(), [&file](const TrialRecord& record) {
    return record.seed != file.trials.front().seed;
  });
  const TrialRecord* baseline = baseline_of(file);
  std::set<std::string> baseline_names;
  for (const TrialRecord& record : file.trials) {
    if (record.is_baseline) baseline_names.insert(arm_of(record).name());
  }
  const auto& [rows, together, apart_by_machine] = table_rows(file, seeds);

  TextTable table;
  for (const VaryingSetting& of : varying) table.add_column(of.name);
  if (many_seeds) table.add_column(together ? "seeds" : "seed");
  table.add_column("backend", TextTable::Align::left);
  const bool some_ranks = std::ranges::any_of(file.trials, [](const TrialRecord& record) { return record.ranks > 0; });
  if (some_ranks) table.add_column("ranks");
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
  const bool some_noise = std::ranges::any_of(
      file.trials, [](const TrialRecord& record) { return !std::isnan(record.summary.gradient_noise_scale); });
  if (some_noise) table.add_column("noise scale");
  table.add_column("grad. error");
  table.add_column("same bits");
  std::string notes, block = rows.front().block;
  const TimedTrials timed(file);
  std::vector<ShownSpeed> speeds = speeds_of(rows, timed);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const TableRow& row = rows[i];
    const ShownSpeed& speed = speeds[i];
    const TrialRecord& first = *row.trials.front();
    if (row.block != block) table.add_blank_line();
    block = row.block;
    std::vector<std::string> cells(varying.size());
    std::ranges::transform(varying, cells.begin(),
                           [&first](const VaryingSetting& of) { return text_of(first.settings, of.key); });
    if (many_seeds) cells.push_back(together ? seeds_text(row) : std::to_string(first.seed));
    cells.push_back(first.backend);
    if (some_ranks) cells.push_back(first.ranks > 0 ? std::to_string(first.ranks) : kNothing);
    cells.insert(
        cells.end(),
        {std::to_string(first.threads),
         speed.rate(tokens ? &TrialSummary::tokens_per_second : &TrialSummary::samples_per_second), speed.ratio(margin),
         number(speed.percent_of_peak(), "{:.1f}"), mean_over_seeds(row, &TrialSummary::final_train_loss),
         mean_over_seeds(row, &TrialSummary::best_validation_loss),
         mean_over_seeds(row, &TrialSummary::best_validation_accuracy)});
    if (some_noise) cells.push_back(mean_over_seeds(row, &TrialSummary::gradient_noise_scale, "{:.1f}"));
    cells.insert(cells.end(), {worst_gradient_error(row), same_bits_of_row(file, row)});
    table.add_row(std::move(cells));
    notes += unfinished_lines(row) + speed.left_out();
  }
  if (apart_by_machine) notes += "a row for each seed, as seeds of one row ran on different machines\n";

  std::string ahead = peers_ahead(file, margin);
  if (!ahead.empty()) ahead += "\n";
  std::string further = study_tables(file, format);
  if (!further.empty()) further = "\n" + further;
  const std::string expected = expectation_table(file.expectations, format);
  if (!expected.empty()) further += "\n" + expected;
  if (format == TableFormat::latex) {
    const std::vector<std::string> below = {machine_lines(file),
                                            ahead,
                                            notes,
                                            peer_lines(file),
                                            noise_lines(file, speeds, together, margin),
                                            legend(speed_heading, together, some_noise, margin)};
    return drawn_as_latex(table, heading(file, varying), below) + further;
  }
  return heading(file, varying) + "\n" + machine_lines(file) + "\n" + ahead + table.text() + "\n" + notes +
         peer_lines(file) + noise_lines(file, speeds, together, margin) +
         legend(speed_heading, together, some_noise, margin) + further;
}

}  // namespace stepbench
