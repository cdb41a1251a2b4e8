#include "experiments/show/study_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/arm.hpp"
#include "core/results/lookup.hpp"
#include "core/results/step_times.hpp"
#include "core/statistics.hpp"
#include "experiments/terminal/latex.hpp"

namespace stepbench {
namespace {

const std::string kNothing = "-";

std::int64_t workers_of(const TrialRecord& trial) { return trial.ranks > 0 ? trial.ranks : trial.threads; }

/// Trials of one study, by their number of workers.
struct Series {
  const GroupRecord* rounds;
  std::vector<const TrialRecord*> trials;
  [[nodiscard]] const TrialRecord& first() const { return *trials.front(); }
  [[nodiscard]] const StudyRecord& study() const { return first().study; }
};

bool belong_together(const TrialRecord& first, const TrialRecord& second) {
  return first.group == second.group && same_but_workers(arm_of(first), arm_of(second));
}

std::vector<Series> series_of(const ResultFile& file) {
  std::vector<Series> all;
  for (const TrialRecord& trial : file.trials) {
    if (trial.study.workers.empty()) continue;
    const auto found = std::ranges::find_if(all, [&](const Series& s) { return belong_together(s.first(), trial); });
    if (found == all.end()) {
      all.push_back({find_group(file, trial.group), {&trial}});
    } else {
      found->trials.push_back(&trial);
    }
  }
  for (Series& series : all) std::ranges::sort(series.trials, {}, [](const TrialRecord* t) { return workers_of(*t); });
  return all;
}

/// `1.87x [1.84, 1.89]`, and of the ideal.
void add_speed(const RatioEstimate& speed, double ideal, std::vector<std::string>& cells) {
  std::string text = fmt::format("{:.2f}x", speed.ratio);
  if (!std::isnan(speed.low)) text += fmt::format(" [{:.2f}, {:.2f}]", speed.low, speed.high);
  cells.insert(cells.end(), {text, fmt::format("{:.1f}", 100 * speed.ratio / ideal)});
}

std::string milliseconds(double seconds) { return fmt::format("{:.4g}", 1e3 * seconds); }

std::string title(const Series& series) {
  const TrialRecord& first = series.first();
  const Arm arm = arm_of(first);
  std::string text =
      fmt::format("{} scaling of {}{}", text_of(first.settings, "scaling.kind"), arm.backend, arm.settings);
  if (arm.ranks > 0) text += fmt::format(", {} thread{} a rank", arm.threads, arm.threads == 1 ? "" : "s");
  return text + fmt::format(" ({})", first.group);
}

/// The numbers of the model.
std::string model_line(const Series& series) {
  const TrialRecord& last = *series.trials.back();
  const StudyRecord& study = series.study();
  const bool ranks = last.ranks > 0;
  const double operations = last.flops_per_step / samples_of_step(last);
  std::string text = fmt::format("F {:.3g} MFLOP a sample; eta {:.3g} GFLOP/s a {}; ", operations * 1e-6,
                                 operations / study.sample_time * 1e-9, ranks ? "rank" : "thread");
  text += fmt::format("T_fixed {} ms", milliseconds(study.fixed_time));
  if (last.link_bandwidth > 0 && text_of(last.settings, "scaling.kind") != "throughput") {
    text += fmt::format(
        "; T_reduce from a ping-pong with the last rank: {:.2g} us, {:.3g} GB/s; T_overlap {:.0f}% of the "
        "computing",
        1e6 * last.link_latency, 1e-9 * last.link_bandwidth, 100 * study.overlap);
  }
  return text + "\n";
}

std::string table_of(const Series& series, TableFormat format) {
  const StudyRecord& study = series.study();
  const TrialRecord& first = series.first();
  const double fewest = static_cast<double>(workers_of(first));
  const std::vector<double> first_times = time_per_sample(round_times(series.rounds, first.id), first);
  TextTable table;
  for (const char* heading : {first.ranks > 0 ? "ranks" : "threads", "samples", "step (ms)", "samples/s", "speed-up",
                              "efficiency (%)", "model (ms)", "off by"}) {
    table.add_column(heading);
  }
  for (std::size_t i = 0; i < study.workers.size(); ++i) {
    const auto workers = static_cast<double>(study.workers[i]);
    const auto found = std::ranges::find_if(
        series.trials, [&](const TrialRecord* trial) { return workers_of(*trial) == study.workers[i]; });
    std::vector<std::string> cells;
    if (found != series.trials.end()) {
      const double step = typical_step_time(series.rounds, **found);
      cells = {std::to_string(study.workers[i]), fmt::format("{:.0f}", study.samples[i]), milliseconds(step),
               fmt::format("{:.0f}", study.samples[i] / step)};
      if (*found == &first) {
        cells.insert(cells.end(), {"1", "100"});
      } else {
        add_speed(paired_ratio(first_times, time_per_sample(round_times(series.rounds, (*found)->id), **found),
                               round_processes(series.rounds)),
                  workers / fewest, cells);
      }
      cells.insert(cells.end(),
                   {milliseconds(study.step_time[i]), fmt::format("{:+.1f}%", 100 * (study.step_time[i] / step - 1))});
    } else {
      const double speed = study.samples[i] / study.step_time[i];
      cells = {fmt::format("{}*", study.workers[i]), fmt::format("{:.0f}", study.samples[i]), kNothing,
               fmt::format("{:.0f}", speed)};
      add_speed({speed * geometric_mean(first_times), kNotANumber, kNotANumber}, workers / fewest, cells);
      cells.insert(cells.end(), {milliseconds(study.step_time[i]), kNothing});
    }
    table.add_row(std::move(cells));
  }
  if (format == TableFormat::latex)
    return drawn_as_latex(table, title(series), std::vector<std::string>{model_line(series)});
  return title(series) + ":\n" + table.text() + model_line(series) + "\n";
}

}  // namespace

std::string study_tables(const ResultFile& file, TableFormat format) {
  std::string text;
  bool fitted_exactly = false;
  for (const Series& series : series_of(file)) {
    text += table_of(series, format);
    fitted_exactly = fitted_exactly || (series.first().ranks == 0 && series.trials.size() < 3);
  }
  if (text.empty()) return "";
  std::string legend =
      "speed-up: of samples per second, over the fewest, paired by round, with 95% interval; efficiency: of the "
      "ideal;\n"
      "model: T = F b / (eta P) + T_fixed + max(0, T_reduce - T_overlap), fitted to the measured; off by: the model;\n"
      "*: nobody has measured it: the model, on a machine with a core for each thread, whose links are all like this "
      "one\n";
  if (fitted_exactly)
    legend += "two numbers of threads fix both numbers of the model: it cannot be off, and says little\n";
  return text + (format == TableFormat::latex ? latex_comment(legend) : legend);
}

}  // namespace stepbench
