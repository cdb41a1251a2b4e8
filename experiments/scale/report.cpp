#include "experiments/scale/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "experiments/machine/cores.hpp"
#include "experiments/machine/environment.hpp"
#include "experiments/terminal/exit_code.hpp"
#include "experiments/terminal/text_table.hpp"

namespace stepbench::scale {
namespace {

using Json = nlohmann::ordered_json;  // writes NaN and infinities as null

const std::string kNothing = "-";

/// What is known of an arm on so many cores.
struct At {
  const ScalingForecast* forecast = nullptr;
  const Measurement* measured = nullptr;
  /// By how much the forecast is above the measurement, as a part of it; NaN where there are not both.
  [[nodiscard]] double off_by() const {
    if (forecast == nullptr || measured == nullptr) return kNotANumber;
    return forecast->speedup / measured->speedup.ratio - 1;
  }
};
std::map<std::int64_t, At> by_cores(const ArmScaling& arm) {
  std::map<std::int64_t, At> rows;
  for (const ScalingForecast& forecast : arm.forecast.cores) rows[forecast.cores].forecast = &forecast;
  for (const Measurement& measured : arm.measured) rows[measured.cores].measured = &measured;
  return rows;
}

/// `1.84 ms`, `20.5 us`
std::string time_text(double seconds) {
  return seconds < 1e-4 ? fmt::format("{:.3g} us", 1e6 * seconds)
         : seconds < 1  ? fmt::format("{:.3g} ms", 1e3 * seconds)
                        : fmt::format("{:.3g} s", seconds);
}

std::string measured_text(const Measurement& measured) {
  const RatioEstimate& speedup = measured.speedup;
  if (std::isnan(speedup.low)) return fmt::format("{:.2f}x", speedup.ratio);
  return fmt::format("{:.2f}x [{:.2f}, {:.2f}]", speedup.ratio, speedup.low, speedup.high);
}

std::string table_of(const ArmScaling& arm, std::int64_t machine_cores, std::size_t columns) {
  TextTable table;
  for (const char* heading : {"cores", "tasks", "predicted", "measured", "off by"}) table.add_column(heading);
  table.add_column("bound by", TextTable::Align::left);
  for (const auto& [cores, at] : by_cores(arm)) {
    const double off_by = at.off_by();
    const bool beyond = cores > machine_cores;
    table.add_row({fmt::format("{}{}", cores, beyond ? "*" : " "),
                   at.forecast != nullptr ? std::to_string(at.forecast->tasks) : kNothing,
                   at.forecast != nullptr ? fmt::format("{:.2f}x", at.forecast->speedup) : kNothing,
                   at.measured != nullptr ? measured_text(*at.measured) : kNothing,
                   std::isnan(off_by) ? kNothing : fmt::format("{:+.1f}%", 100 * off_by),
                   at.forecast != nullptr ? bound_text(at.forecast->bound) : kNothing});
  }
  return table.text(columns);
}

std::string paragraph(const std::string& text, std::size_t columns) {
  std::string lines;
  for (const std::string& line : wrapped_lines(text, columns)) lines += line + "\n";
  return lines;
}

/// The finest cut's headline, or why there is none.
std::string headline(const ArmScaling& arm, std::size_t columns) {
  const std::string& id = arm.entry.id;
  if (!arm.failure.empty() && arm.forecast.cores.empty()) return paragraph(id + " failed: " + arm.failure, columns);
  if (arm.forecast.cores.empty()) {
    const bool unsupported = !arm.entry.one_core.unsupported.empty();
    return paragraph(unsupported
                         ? fmt::format("{}: unsupported: {}", id, arm.forecast.why_none)
                         : fmt::format("{}: no prediction: {} {}", id, arm.entry.arm.backend, arm.forecast.why_none),
                     columns);
  }
  const ScalingForecast& finest = arm.forecast.cores.back();
  std::string text =
      paragraph(fmt::format("{}: work {}, span {}, parallelism {:.1f} (cut for {} core{})", id, time_text(finest.work),
                            time_text(finest.span), finest.parallelism(), finest.cores, finest.cores == 1 ? "" : "s"),
                columns);
  text += paragraph(
      fmt::format("a step on one core {}; handing out {} a task, {} a step", time_text(arm.forecast.one_core_step),
                  time_text(finest.hand_out.task), time_text(finest.hand_out.step)),
      columns);
  if (!arm.failure.empty()) text += paragraph("not measured: " + arm.failure, columns);
  return text;
}

std::string noise_line(const ArmScaling& arm) {
  if (arm.measured.empty() || std::isnan(arm.measured.front().noise_floor)) return "";
  return fmt::format("noise floor of what was measured: {:.1f}%\n", 100 * arm.measured.front().noise_floor);
}

std::string heading(const Subject& subject) {
  std::string text =
      fmt::format("{} on {}, {} core{}", subject.experiment, subject.cpu, subject.cores, subject.cores == 1 ? "" : "s");
  if (subject.other_seeds > 0) {
    text += fmt::format("; {} of the config's {} groups are left out, as they differ in their seed only",
                        subject.other_seeds, subject.groups + subject.other_seeds);
  }
  return text;
}

Json trial_json(const ArmScaling& arm, std::int64_t machine_cores) {
  const auto& [entry, forecast, measured, failure, gate_failed] = arm;
  Json json = {{"id", entry.id},
               {"group", entry.group},
               {"backend", entry.arm.backend},
               {"arm", entry.arm.backend + entry.arm.settings}};
  if (!failure.empty()) json["failure"] = failure;
  if (!forecast.why_none.empty()) json["no_prediction"] = forecast.why_none;
  if (forecast.one_core_step > 0) json["one_core_step"] = forecast.one_core_step;
  for (const char* key :
       {"predicted", "beyond_this_machine", "measured", "measured_interval", "off_by", "bound", "cuts"})
    json[key] = Json::object();
  if (!forecast.cores.empty()) {
    const ScalingForecast& finest = forecast.cores.back();
    json.update({{"cut_for", finest.cores},
                 {"work", finest.work},
                 {"span", finest.span},
                 {"parallelism", finest.parallelism()},
                 {"tasks", finest.tasks},
                 {"hand_out", {{"task", finest.hand_out.task}, {"step", finest.hand_out.step}}}});
  }
  if (!measured.empty()) json["noise_floor"] = measured.front().noise_floor;
  for (const auto& [cores, at] : by_cores(arm)) {
    const std::string key = std::to_string(cores);
    json["beyond_this_machine"][key] = cores > machine_cores;
    if (at.forecast != nullptr) {
      const ScalingForecast& f = *at.forecast;
      json["predicted"][key] = f.speedup;
      json["bound"][key] = {{"kind", to_text(f.bound.kind)},
                            {"name", f.bound.name},
                            {"tasks", f.bound.tasks},
                            {"seconds", f.bound.seconds},
                            {"text", bound_text(f.bound)}};
      json["cuts"][key] = {{"tasks", f.tasks},
                           {"work", f.work},
                           {"span", f.span},
                           {"parallelism", f.parallelism()},
                           {"outside", f.outside},
                           {"step", f.seconds},
                           {"hand_out", {{"task", f.hand_out.task}, {"step", f.hand_out.step}}}};
    }
    if (at.measured != nullptr) {
      json["measured"][key] = at.measured->speedup.ratio;
      json["measured_interval"][key] = {at.measured->speedup.low, at.measured->speedup.high};
    }
    if (const double off_by = at.off_by(); !std::isnan(off_by)) json["off_by"][key] = off_by;
  }
  return json;
}

}  // namespace

Subject describe_subject(const std::string& experiment, const Selection& selection) {
  const KeyValues facts = environment_facts();
  return {experiment, text_of(facts, "cpu_model"), available_cores(), selection.groups, selection.other_seeds};
}

std::string as_text(const Subject& subject, std::span<const ArmScaling> arms, std::size_t columns) {
  std::string text = paragraph(heading(subject), columns);
  bool beyond = false;
  for (const ArmScaling& arm : arms) {
    text += "\n" + headline(arm, columns);
    const std::map<std::int64_t, At> rows = by_cores(arm);
    if (rows.empty()) continue;
    text += table_of(arm, subject.cores, columns) + noise_line(arm);
    beyond = beyond || rows.rbegin()->first > subject.cores;
  }
  if (beyond) text += "\n*: more cores than this machine has: a prediction, measured nowhere\n";
  return text + "\n" +
         paragraph(
             "predicted: speed over one core, by a greedy schedule of the tasks as one core took them, with what "
             "handing them out costs; cores that share caches and memory may be slower. measured: paired by round, "
             "with 95% interval; off by: predicted against measured. bound by: work: more cores would help; tasks: "
             "those with the most seconds of the longest chain, and how many there are of them.",
             std::min<std::size_t>(columns, 110));
}

std::string as_json(const Subject& subject, std::span<const ArmScaling> arms) {
  Json trials = Json::array();
  for (const ArmScaling& arm : arms) trials.push_back(trial_json(arm, subject.cores));
  const Json json = {{"experiment", subject.experiment},
                     {"machine", {{"cpu", subject.cpu}, {"cores", subject.cores}}},
                     {"groups_left_out", subject.other_seeds},
                     {"trials", std::move(trials)}};
  // The CPU's name comes from the firmware and need not be UTF-8.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

int exit_code(std::span<const ArmScaling> arms) {
  if (std::ranges::any_of(arms, &ArmScaling::gate_failed)) return kExitGateFailed;
  return std::ranges::any_of(arms, [](const ArmScaling& arm) { return !arm.failure.empty(); }) ? kExitFailure : kExitOk;
}

}  // namespace stepbench::scale
