// The reports for programs: JSON and CSV.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "experiments/history/report.hpp"
#include "experiments/terminal/csv.hpp"

namespace stepbench::history {
namespace {

using Json = nlohmann::ordered_json;  // writes NaN and infinities as null

Json point_json(const History& history, const Series& series, std::size_t f) {
  const Point& point = *series.points[f];
  const bool times = history.found.one_machine;
  return {{"file", history.files[f].name},
          {"seeds", point.seeds},
          {"speed_ratio", point.speed.speed.ratio},
          {"speed_ratio_low", point.speed.speed.low},
          {"speed_ratio_high", point.speed.speed.high},
          {"rounds", point.speed.speed.pairs},
          {"noise_floor", point.speed.noise_floor},
          {"percent_of_peak", point.percent_of_peak},
          {"baseline_percent_of_peak", point.baseline_percent_of_peak},
          {"step_time", times ? Json(point.step_time) : Json(nullptr)},
          {"baseline_step_time", times ? Json(point.baseline_step_time) : Json(nullptr)}};
}

Json change_json(const History& history, const Change& change) {
  const RatioEstimate& speed = change.evidence.speed;
  return {{"from", history.files[change.from].name},
          {"to", history.files[change.to].name},
          {"change", speed.ratio},
          {"change_low", speed.low},
          {"change_high", speed.high},
          {"noise_floor", change.evidence.noise_floor},
          {"verdict", to_text(change.verdict)},
          {"because", speed_reason(change.evidence, history.speed_margin)},
          {"change_point", change.is_change_point}};
}

Json series_json(const History& history, std::size_t s) {
  const Series& series = history.found.series[s];
  Json json = {{"settings", series.settings}, {"trial", series.trial},    {"baseline", series.baseline},
               {"files", Json::array()},      {"changes", Json::array()}, {"over_all", nullptr}};
  for (std::size_t f = 0; f < history.files.size(); ++f) {
    if (series.points[f]) json["files"].push_back(point_json(history, series, f));
  }
  for (const Change& change : history.consecutive) {
    if (change.series == s) json["changes"].push_back(change_json(history, change));
  }
  for (const Change& change : history.over_all) {
    if (change.series == s) json["over_all"] = change_json(history, change);
  }
  return json;
}

}  // namespace

std::string json_report(const History& history, const std::vector<Finding>& findings) {
  Json json = {{"experiment", history.experiment},
               {"speed_margin", history.speed_margin},
               {"one_machine", history.found.one_machine},
               {"files", Json::array()},
               {"series", Json::array()},
               {"change_points", change_point_lines(history)},
               {"differences", Json::array()},
               {"not_compared", history.found.not_compared},
               {"warnings", history.found.warnings},
               {"fail_if", Json::array()},
               {"exit_code", compare::exit_code(findings)}};
  for (const FileFacts& file : history.files) {
    json["files"].push_back(
        {{"file", file.name}, {"created", file.created}, {"commit", file.commit}, {"machine", file.machine}});
  }
  for (std::size_t s = 0; s < history.found.series.size(); ++s) json["series"].push_back(series_json(history, s));
  for (const Step& step : history.steps) {
    for (const Difference& of : step.differences) {
      json["differences"].push_back({{"from", history.files[step.to - 1].name},
                                     {"to", history.files[step.to].name},
                                     {"of", of.of},
                                     {"name", of.name},
                                     {"before", of.before},
                                     {"after", of.after}});
    }
  }
  for (const Finding& finding : findings) {
    json["fail_if"].push_back({{"condition", finding.condition},
                               {"trial", finding.trial},
                               {"outcome", to_text(finding.outcome)},
                               {"detail", finding.detail}});
  }
  // Names may be any bytes; what is not UTF-8 is replaced.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string csv_report(const History& history) {
  std::string text =
      "settings,trial,baseline,file,created,commit,machine,speed_ratio,low,high,noise_floor,percent_of_peak,"
      "baseline_percent_of_peak,step_time,change,change_low,change_high,verdict,change_point\n";
  for (std::size_t s = 0; s < history.found.series.size(); ++s) {
    const Series& series = history.found.series[s];
    for (std::size_t f = 0; f < history.files.size(); ++f) {
      if (!series.points[f]) continue;
      const Point& point = *series.points[f];
      const FileFacts& file = history.files[f];
      std::vector<std::string> fields;
      for (const std::string& field :
           {series.settings, series.trial, series.baseline, file.name, file.created, file.commit, file.machine}) {
        fields.push_back(csv_field(field));
      }
      for (const double value : {point.speed.speed.ratio, point.speed.speed.low, point.speed.speed.high,
                                 point.speed.noise_floor, point.percent_of_peak, point.baseline_percent_of_peak,
                                 history.found.one_machine ? point.step_time : kNotANumber}) {
        fields.push_back(csv_field(value));
      }
      const Change* change = nullptr;
      for (const Change& of : history.consecutive) {
        if (of.series == s && of.to == f) change = &of;
      }
      const RatioEstimate none{kNotANumber, kNotANumber, kNotANumber};
      const RatioEstimate& speed = change == nullptr ? none : change->evidence.speed;
      for (const double value : {speed.ratio, speed.low, speed.high}) fields.push_back(csv_field(value));
      fields.emplace_back(change == nullptr ? "" : to_text(change->verdict));
      fields.emplace_back(change == nullptr ? "" : change->is_change_point ? "yes" : "no");
      text += fmt::format("{}\n", fmt::join(fields, ","));
    }
  }
  return text;
}

}  // namespace stepbench::history
