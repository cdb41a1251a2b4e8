#include "experiments/show/shown_speed.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/math/statistics/univariate_statistics.hpp>
#include <cmath>
#include <iterator>
#include <set>

#include "core/arm.hpp"
#include "core/results/lookup.hpp"
#include "core/results/step_times.hpp"
#include "core/statistics.hpp"

namespace stepbench {
namespace {

namespace statistics = boost::math::statistics;

const std::string kNothing = "-";

/// 12345.6 -> `12,346`
std::string with_thousands(double value) {
  std::string digits = fmt::format("{:.0f}", value);
  for (auto i = static_cast<std::ptrdiff_t>(digits.size()) - 3; i > 0; i -= 3) {
    digits.insert(static_cast<std::size_t>(i), ",");
  }
  return digits;
}

bool any_nan(const std::vector<double>& values) {
  return std::ranges::any_of(values, [](double value) { return std::isnan(value); });
}

/// Of at least two.
double standard_deviation(const std::vector<double>& values) { return std::sqrt(statistics::sample_variance(values)); }

/// s; of the baseline for as many samples.
double step_time(const TimedTrial& trial) { return typical_step_time(trial.rounds, *trial.record); }
double baseline_step_time(const TimedTrial& trial) {
  return typical_step_time(trial.rounds, *trial.baseline) * samples_of_step(*trial.record) /
         samples_of_step(*trial.baseline);
}

double faster_than_median(const TimedTrial& trial) { return median_over_typical(trial.rounds, *trial.record); }

double percent_of_peak_of(const TimedTrial& trial) {
  return trial.record->summary.percent_of_peak * faster_than_median(trial);
}

bool has_rounds(const TimedTrial& trial) {
  return !std::isnan(geometric_mean(round_times(trial.rounds, trial.record->id)));
}

Basis basis_of(const TimedTrial& trial) {
  return text_of(trial.record->settings, "measure.interleave") == "false" ? Basis::not_interleaved : Basis::rounds;
}

double pooled_noise_floor(const std::vector<TimedTrial>& seeds) {
  std::set<const GroupRecord*> groups;
  for (const TimedTrial& seed : seeds) groups.insert(seed.rounds);
  return noise_floor_of(groups);
}

RatioEstimate without_interval(const RatioEstimate& speed) {
  return {speed.ratio, kNotANumber, kNotANumber, speed.pairs};
}

/// Of one trial, by its rounds: what its file says of them may be an older rule's.
std::optional<SpeedEvidence> evidence_of(const TimedTrial& trial) {
  const TrialSummary& summary = trial.record->summary;
  if (!has_rounds(trial)) {
    const double ratio = baseline_step_time(trial) / step_time(trial);
    if (std::isnan(ratio)) return std::nullopt;
    return SpeedEvidence{{ratio, kNotANumber, kNotANumber}, summary.noise_floor, Basis::unpaired};
  }
  RatioEstimate speed = paired_ratio(time_per_sample(round_times(trial.rounds, trial.baseline->id), *trial.baseline),
                                     time_per_sample(round_times(trial.rounds, trial.record->id), *trial.record),
                                     round_processes(trial.rounds));
  if (std::isnan(speed.ratio)) return std::nullopt;
  const Basis basis = basis_of(trial);
  if (basis == Basis::not_interleaved) speed = without_interval(speed);
  return SpeedEvidence{speed, noise_floor_of({trial.rounds}), basis};
}

std::optional<SpeedEvidence> pooled_evidence(const std::vector<TimedTrial>& seeds) {
  SpeedEvidence evidence{{}, pooled_noise_floor(seeds), basis_of(seeds.front())};
  std::vector<double> own, baseline;
  std::vector<std::int64_t> processes;
  if (std::ranges::all_of(seeds, has_rounds)) {
    for (const TimedTrial& seed : seeds) {
      std::ranges::copy(time_per_sample(round_times(seed.rounds, seed.record->id), *seed.record),
                        std::back_inserter(own));
      std::ranges::copy(time_per_sample(round_times(seed.rounds, seed.baseline->id), *seed.baseline),
                        std::back_inserter(baseline));
      if (own.size() != baseline.size()) return std::nullopt;
      std::ranges::copy(round_processes(seed.rounds), std::back_inserter(processes));
    }
    evidence.speed = paired_ratio(baseline, own, processes);
    if (evidence.basis == Basis::not_interleaved) evidence.speed = without_interval(evidence.speed);
  } else {
    std::ranges::transform(seeds, std::back_inserter(own), step_time);
    std::ranges::transform(seeds, std::back_inserter(baseline), baseline_step_time);
    evidence.speed = {paired_ratio(baseline, own).ratio, kNotANumber, kNotANumber};
    evidence.basis = Basis::unpaired;
  }
  if (std::isnan(evidence.speed.ratio)) return std::nullopt;
  return evidence;
}

bool is_baseline(const TimedTrial& trial) { return trial.baseline == trial.record; }

/// Why a seed is not in the ratio of its row, whose other seeds are held against `usual`; empty when it is.
std::string why_not_compared(const TimedTrial& seed, const TrialRecord& usual) {
  if (seed.baseline == nullptr) return "its group has no baseline";
  if (is_baseline(seed)) return "it is the baseline itself";
  if (seed.baseline->status != Status::completed) {
    return fmt::format("its baseline {} did not complete", seed.baseline->id);
  }
  if (arm_of(*seed.baseline) != arm_of(usual)) {
    return fmt::format("its baseline is another, {}", seed.baseline->id);
  }
  return "";
}

/// The baseline that the first seed has that has one; null where none has.
const TrialRecord* usual_baseline(const std::vector<TimedTrial>& seeds) {
  const auto found = std::ranges::find_if(
      seeds, [](const TimedTrial& seed) { return seed.baseline != nullptr && !is_baseline(seed); });
  return found == seeds.end() ? nullptr : found->baseline;
}

}  // namespace

TimedTrials::TimedTrials(const ResultFile& file) {
  for (const GroupRecord& group : file.groups) rounds_[group.id] = &group;
  for (const TrialRecord& record : file.trials) {
    if (record.is_baseline) baselines_.try_emplace(record.group, &record);
  }
}

TimedTrial TimedTrials::of(const TrialRecord& record) const {
  const auto found = [&record](const auto& known) {
    const auto place = known.find(record.group);
    return place == known.end() ? nullptr : place->second;
  };
  return {&record, found(rounds_), found(baselines_)};
}

ShownSpeed::ShownSpeed(const TableRow& row, const TimedTrials& timed) {
  std::set<std::string> ends;
  for (const TrialRecord* record : row.trials) {
    trials_.push_back(timed.of(*record));
    ends.insert(to_text(record->status));
  }
  end_ = fmt::format("{}", fmt::join(ends, ", "));
  for (const TrialRecord* record : row.counted) counted_.push_back(timed.of(*record));
  const TrialRecord* usual = usual_baseline(counted_);
  if (usual == nullptr) return;
  std::ranges::copy_if(counted_, std::back_inserter(compared_), [&](const TimedTrial& trial) {
    return row.trials.size() == 1 || why_not_compared(trial, *usual).empty();
  });
  if (compared_.empty()) return;
  evidence_ = compared_.size() == 1 ? evidence_of(compared_.front()) : pooled_evidence(compared_);
}

std::string ShownSpeed::rate(double TrialSummary::*per_second) const {
  std::vector<double> rates, logs;
  for (const TimedTrial& trial : counted_) {
    const TrialSummary& summary = trial.record->summary;
    if (std::isnan(summary.step_time_median)) return end_;
    rates.push_back(summary.*per_second * faster_than_median(trial));
    logs.push_back(std::log(rates.back()));
  }
  if (rates.empty()) return end_;
  if (any_nan(rates)) return kNothing;
  const TrialSummary& first = counted_.front().record->summary;
  const double spread =
      rates.size() == 1 ? first.step_time_mad / first.step_time_median : std::exp(standard_deviation(logs)) - 1;
  return fmt::format("{} ±{:.1f}%", with_thousands(rates.size() == 1 ? rates.front() : geometric_mean(rates)),
                     100 * spread);
}

double ShownSpeed::percent_of_peak() const {
  if (counted_.empty()) return kNotANumber;
  double sum = 0;
  for (const TimedTrial& trial : counted_) sum += percent_of_peak_of(trial);
  return sum / static_cast<double>(counted_.size());
}

bool ShownSpeed::above_peak() const {
  return std::ranges::any_of(trials_, [](const TimedTrial& trial) { return percent_of_peak_of(trial) > 100; });
}

double ShownSpeed::baseline_noise_floor() const {
  if (counted_.empty() || !std::ranges::all_of(counted_, [](const TimedTrial& t) { return t.record->is_baseline; })) {
    return kNotANumber;
  }
  return counted_.size() == 1 ? noise_floor_of({counted_.front().rounds}) : pooled_noise_floor(counted_);
}

std::string ShownSpeed::ratio(double margin) const {
  const bool timed = std::ranges::none_of(counted_, [](const TimedTrial& t) { return std::isnan(step_time(t)); });
  if (!counted_.empty() && std::ranges::all_of(counted_, is_baseline) && timed) return "1 (baseline)";
  if (!evidence_) return kNothing;
  const RatioEstimate& speed = evidence_->speed;
  const int digits = speed.ratio < 10 ? 2 : 1;
  std::string text = fmt::format("{:.{}f}x", speed.ratio, digits);
  if (!std::isnan(speed.low)) text += fmt::format(" [{:.{}f}, {:.{}f}]", speed.low, digits, speed.high, digits);
  if (evidence_->basis == Basis::unpaired) text += " unpaired";
  const SpeedVerdict verdict = speed_verdict(*evidence_, margin);
  return text + (verdict == SpeedVerdict::same ? " =" : verdict == SpeedVerdict::cannot_tell ? " ?" : "");
}

std::string ShownSpeed::left_out() const {
  const TrialRecord* usual = usual_baseline(counted_);
  if (usual == nullptr || compared_.size() == counted_.size()) return "";
  std::string lines;
  for (const TimedTrial& trial : counted_) {
    const std::string why = why_not_compared(trial, *usual);
    if (!why.empty())
      lines += fmt::format("{} is not in its row's speed against the baseline: {}\n", trial.record->id, why);
  }
  return lines;
}

std::string mean_over_seeds(const TableRow& row, double TrialSummary::*quantity, const char* format) {
  std::vector<double> values;
  for (const TrialRecord* trial : row.counted) values.push_back(trial->summary.*quantity);
  if (values.empty() || any_nan(values)) return kNothing;
  const auto text = [format](double value) { return fmt::format(fmt::runtime(format), value); };
  if (values.size() == 1) return text(values.front());
  return text(statistics::mean(values)) + " ±" + text(standard_deviation(values));
}

}  // namespace stepbench
