// The reports for programs: JSON and CSV.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/detection.hpp"
#include "experiments/compare/fail_if.hpp"
#include "experiments/compare/report.hpp"
#include "experiments/terminal/csv.hpp"

namespace stepbench::compare {
namespace {

using Json = nlohmann::ordered_json;  // writes NaN and infinities as null

template <typename Row>
Json named(const Row& row) {
  return {{"settings", row.settings}, {"trial", row.trial}, {"baseline", row.baseline}, {"seeds", row.seeds}};
}

Json margin_json(const Margin& margin) { return {{"value", margin.value}, {"relative", margin.relative}}; }

/// Of the rows that decide, which are the table that its comparisons are counted in, or of those of single seeds.
std::size_t comparisons_like(const Comparison& comparison, const SpeedRow& row) {
  return static_cast<std::size_t>(std::ranges::count_if(comparison.speed, [&](const SpeedRow& other) {
    return other.decides == row.decides && !std::isnan(other.evidence.speed.log_error);
  }));
}

/// With the usual power.
double smallest_difference_of(const Comparison& comparison, const SpeedRow& row) {
  return smallest_difference(row.evidence, comparisons_like(comparison, row));
}

Json speed_json(const Comparison& comparison, const SpeedRow& row) {
  Json json = named(row);
  json.update({{"decides", row.decides},
               {"rounds", row.evidence.speed.pairs},
               {"processes", row.evidence.speed.processes},
               {"step_time", row.step_time},
               {"baseline_step_time", row.baseline_step_time},
               {"speed_ratio", row.evidence.speed.ratio},
               {"speed_ratio_low", row.evidence.speed.low},
               {"speed_ratio_high", row.evidence.speed.high},
               {"noise_floor", row.evidence.noise_floor},
               {"p_value", p_value(row.evidence.speed)},
               {"smallest_difference", smallest_difference_of(comparison, row)},
               {"margin", comparison.options.speed_margin},
               {"verdict", to_text(row.verdict)},
               {"because", row.why},
               {"unpaired", row.evidence.basis == Basis::unpaired}});
  return json;
}

Json learning_json(const LearningComparison& row) {
  Json json = named(row);
  json.update({{"verdict", to_text(row.verdict)}, {"worse", row.worse}, {"because", row.why}});
  for (const Parting& parting : row.partings) {
    json["losses_part"].push_back({{"seed", parting.seed},
                                   {"recorded", parting.known},
                                   {"step", parting.step ? Json(*parting.step) : Json(nullptr)}});
  }
  json["metrics"] = Json::array();
  for (const MetricRow& metric : row.metrics) {
    json["metrics"].push_back({{"metric", metric.metric},
                               {"mean", metric.value},
                               {"baseline_mean", metric.baseline_value},
                               {"difference", metric.difference.mean},
                               {"difference_low", metric.difference.low},
                               {"difference_high", metric.difference.high},
                               {"seeds", metric.difference.pairs},
                               {"baseline_spread", metric.baseline_spread},
                               {"margin", metric.margin},
                               {"verdict", to_text(metric.verdict)},
                               {"worse", metric.worse},
                               {"because", metric.why}});
  }
  return json;
}

Json times_json(const TimesToTarget& times) {
  return {{"seconds", times.seconds},
          {"reached", times.reached},
          {"median", times.median},
          {"shortest", times.shortest},
          {"longest", times.longest}};
}

Json target_json(const TargetRow& row) {
  Json json = named(row);
  json.update(
      {{"target", row.target}, {"time", times_json(row.time)}, {"baseline_time", times_json(row.baseline_time)}});
  return json;
}

template <typename Rows, typename Convert>
Json list(const Rows& rows, Convert convert) {
  Json json = Json::array();
  for (const auto& row : rows) json.push_back(convert(row));
  return json;
}

std::string seed_field(const std::vector<std::uint64_t>& seeds) {
  return seeds.size() == 1 ? std::to_string(seeds.front()) : "all";
}

struct Conclusion {
  std::string_view verdict;
  double margin = kNotANumber;
  std::string because = {};
  double p_value = kNotANumber, smallest_difference = kNotANumber;  // of a ratio of speeds
};

/// The columns that all lines have.
template <typename Row>
std::string line(const char* quantity, const Row& row, const std::string& seed, const char* unit, double value,
                 double baseline_value, const std::array<double, 4>& estimate_low_high_limit,
                 const Conclusion& conclusion) {
  const auto& [estimate, low, high, limit] = estimate_low_high_limit;
  return fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", quantity, csv_field(row.settings),
                     row.trial, row.baseline, seed, unit, csv_field(value), csv_field(baseline_value),
                     csv_field(estimate), csv_field(low), csv_field(high), csv_field(limit), conclusion.verdict,
                     csv_field(conclusion.margin), csv_field(conclusion.because), csv_field(conclusion.p_value),
                     csv_field(conclusion.smallest_difference));
}
constexpr std::array<double, 4> kNoEstimate = {kNotANumber, kNotANumber, kNotANumber, kNotANumber};

}  // namespace

std::string json_report(const Comparison& comparison, const std::vector<Finding>& findings) {
  const Json json = {
      {"experiment", comparison.experiment},
      {"file", comparison.file},
      {"baseline_file", comparison.baseline_file.empty() ? Json(nullptr) : Json(comparison.baseline_file)},
      {"paired", comparison.paired},
      {"speed_margin", comparison.options.speed_margin},
      {"loss_margin", margin_json(comparison.options.learning.loss_margin)},
      {"accuracy_margin", margin_json(comparison.options.learning.accuracy_margin)},
      {"loss_tolerance", comparison.options.learning.loss_tolerance},
      {"speed", list(comparison.speed, [&](const SpeedRow& row) { return speed_json(comparison, row); })},
      {"learning", list(comparison.learning, learning_json)},
      {"time_to_target", list(comparison.targets, target_json)},
      {"not_compared", comparison.unmatched},
      {"warnings", comparison.warnings},
      {"notes", comparison.notes},
      {"fail_if", list(findings,
                       [](const Finding& finding) {
                         return Json{{"condition", finding.condition},
                                     {"trial", finding.trial},
                                     {"outcome", to_text(finding.outcome)},
                                     {"detail", finding.detail}};
                       })},
      {"exit_code", exit_code(findings)}};
  // Names may be any bytes; what is not UTF-8 is replaced.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string csv_report(const Comparison& comparison) {
  std::string text =
      "quantity,settings,trial,baseline,seed,unit,value,baseline_value,estimate,low,high,limit,verdict,margin,"
      "because,p_value,smallest_difference\n";
  for (const SpeedRow& row : comparison.speed) {
    const RatioEstimate& speed = row.evidence.speed;
    text += line("speed_ratio", row, seed_field(row.seeds), "s", row.step_time, row.baseline_step_time,
                 {speed.ratio, speed.low, speed.high, row.evidence.noise_floor},
                 {to_text(row.verdict), comparison.options.speed_margin, row.why, p_value(speed),
                  smallest_difference_of(comparison, row)});
  }
  for (const TargetRow& row : comparison.targets) {
    for (std::size_t i = 0; i < row.seeds.size(); ++i) {
      text += line("time_to_target", row, std::to_string(row.seeds[i]), "s", row.time.seconds[i],
                   row.baseline_time.seconds[i], kNoEstimate,
                   {std::isfinite(row.time.seconds[i]) ? "reached" : "not reached"});
    }
  }
  for (const LearningComparison& row : comparison.learning) {
    text += line("learning", row, seed_field(row.seeds), "", kNotANumber, kNotANumber, kNoEstimate,
                 {to_text(row.verdict), kNotANumber, row.why});
    for (const MetricRow& metric : row.metrics) {
      const DifferenceEstimate& difference = metric.difference;
      text += line(metric.metric.c_str(), row, seed_field(row.seeds), "", metric.value, metric.baseline_value,
                   {difference.mean, difference.low, difference.high, metric.margin},
                   {to_text(metric.verdict), metric.margin, metric.why});
    }
    for (const Parting& parting : row.partings) {
      text += line("losses_part_at_step", row, std::to_string(parting.seed), "1",
                   parting.step ? static_cast<double>(*parting.step) : kNotANumber, kNotANumber, kNoEstimate,
                   {!parting.known ? "not recorded"
                    : parting.step ? "part"
                                   : "never"});
    }
  }
  return text;
}

}  // namespace stepbench::compare
