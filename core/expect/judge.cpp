#include "core/expect/judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/fisher_f.hpp>
#include <cmath>
#include <utility>
#include <vector>

#include "core/statistics.hpp"

namespace stepbench {
namespace {

using Verdict = ExpectationVerdict;

constexpr double kChance = 0.05;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

constexpr std::pair<std::string_view, Verdict> kVerdicts[] = {{"reproduced", Verdict::reproduced},
                                                              {"not reproduced", Verdict::not_reproduced},
                                                              {"cannot tell", Verdict::cannot_tell},
                                                              {"not judged", Verdict::not_judged}};

struct Bounds {
  double low, high;
};

bool is_inside(double value, Allowed allowed) { return allowed.low <= value && value <= allowed.high; }

/// `bounds_at(chance)`: such that the number is below the lower with this chance at most, and above the higher.
template <typename BoundsAt>
Judgement decide(double value, std::size_t runs, BoundsAt bounds_at, Allowed allowed, std::size_t comparisons) {
  const bool one_sided = std::isinf(allowed.low) || std::isinf(allowed.high);
  const double chance = one_sided ? kChance : kChance / 2;
  const Bounds shown = bounds_at(chance);
  const Bounds wide = bounds_at(chance / static_cast<double>(std::max<std::size_t>(1, comparisons)));
  Judgement judgement{.value = value, .low = shown.low, .high = shown.high, .runs = runs};
  if (allowed.low <= shown.low && shown.high <= allowed.high) {
    judgement.verdict = Verdict::reproduced;
  } else if (wide.high < allowed.low || wide.low > allowed.high) {
    judgement.verdict = Verdict::not_reproduced;
  } else if (shown.high < allowed.low || shown.low > allowed.high) {
    judgement.why = fmt::format("outside, but as one of {} comparisons that may be chance: more seeds", comparisons);
  } else {
    judgement.why = fmt::format("the spread over {} runs is too large: more seeds", runs);
  }
  return judgement;
}

/// A mean with its standard error; one run has no degrees, and stands by itself.
Judgement decide_mean(double mean, double error, double degrees, std::size_t runs, Allowed allowed,
                      std::size_t comparisons) {
  const auto bounds_at = [&](double chance) {
    const double half = degrees > 0 && error > 0 ? t_quantile(1 - chance, degrees) * error : 0;
    return Bounds{mean - half, mean + half};
  };
  return decide(mean, runs, bounds_at, allowed, comparisons);
}

struct Moments {
  double mean = 0, variance = 0;
  std::size_t count = 0;
};

Moments moments_of(std::span<const double> values) {
  Moments moments{.count = values.size()};
  for (const double value : values) moments.mean += value / static_cast<double>(values.size());
  for (const double value : values) moments.variance += (value - moments.mean) * (value - moments.mean);
  moments.variance /= std::max(1.0, static_cast<double>(values.size()) - 1);
  return moments;
}

/// Of a ratio's bounds.
double log_bound(double bound) { return std::isinf(bound) ? bound : std::log(std::max(0.0, bound)); }
Allowed log_bounds(Allowed allowed) {
  return {allowed.low <= 0 ? -kInfinity : log_bound(allowed.low), log_bound(allowed.high)};
}
Judgement exponentiated(Judgement judgement) {
  for (double* number : {&judgement.value, &judgement.low, &judgement.high}) *number = std::exp(*number);
  return judgement;
}

/// Numbers that are finite, and how many are not.
struct Sorted {
  std::vector<double> finite;
  std::size_t above = 0, below = 0, unknown = 0;
  [[nodiscard]] std::size_t infinite() const { return above + below; }
  [[nodiscard]] std::size_t all() const { return finite.size() + infinite() + unknown; }
};

Sorted sorted_out(std::span<const double> values) {
  Sorted sorted;
  for (const double value : values) {
    if (std::isnan(value)) {
      ++sorted.unknown;
    } else if (std::isinf(value)) {
      ++(value > 0 ? sorted.above : sorted.below);
    } else {
      sorted.finite.push_back(value);
    }
  }
  return sorted;
}

Judgement cannot_tell(std::size_t runs, std::string why) { return {.runs = runs, .why = std::move(why)}; }

/// With infinities among them, only what holds of those and of the others alike.
Judgement judge_values(std::span<const double> values, Allowed allowed, std::size_t comparisons) {
  const Sorted sorted = sorted_out(values);
  if (sorted.all() == 0) return cannot_tell(0, "no run has this number");
  if (sorted.unknown > 0) {
    return cannot_tell(sorted.all(), fmt::format("{} of {} runs have no such number", sorted.unknown, sorted.all()));
  }
  Judgement judgement;
  if (!sorted.finite.empty()) {
    const Moments moments = moments_of(sorted.finite);
    const auto count = static_cast<double>(moments.count);
    judgement =
        decide_mean(moments.mean, std::sqrt(moments.variance / count), count - 1, moments.count, allowed, comparisons);
    if (sorted.infinite() == 0) return judgement;
  }
  const double infinite = sorted.above > 0 ? kInfinity : -kInfinity;
  const Verdict of_infinite = is_inside(infinite, allowed) ? Verdict::reproduced : Verdict::not_reproduced;
  const bool agree =
      (sorted.above == 0 || sorted.below == 0) && (sorted.finite.empty() || judgement.verdict == of_infinite);
  judgement.runs = sorted.all();
  judgement.value = judgement.low = judgement.high = infinite;
  if (!agree) {
    return cannot_tell(sorted.all(), fmt::format("without bound in {} of {} runs", sorted.infinite(), sorted.all()));
  }
  judgement.verdict = of_infinite;
  judgement.why.clear();
  return judgement;
}

std::vector<double> values_of(const Sample& sample) {
  std::vector<double> values;
  for (const auto& [name, value] : sample) values.push_back(value);
  return values;
}

/// Where the sides share at most one sample: Welch's interval, or where a side has one run only the other's spread for
/// both.
Judgement judge_unpaired(std::span<const double> first, std::span<const double> second, Allowed allowed,
                         std::size_t comparisons) {
  const Sorted one = sorted_out(first), other = sorted_out(second);
  const std::size_t runs = std::min(one.all(), other.all());
  if (runs == 0 || one.unknown + other.unknown > 0) return cannot_tell(runs, "a run has no such number");
  if (one.infinite() + other.infinite() > 0) {
    // Of those that are all on one side, the difference is known.
    const auto whole = [](const Sorted& sorted) { return sorted.finite.empty() || sorted.infinite() == 0; };
    if (!whole(one) || !whole(other)) return cannot_tell(runs, "without bound in some runs");
    return judge_values(std::array{first.front() - second.front()}, allowed, comparisons);
  }
  const Moments a = moments_of(first), b = moments_of(second);
  const auto n = static_cast<double>(a.count), m = static_cast<double>(b.count);
  const double difference = a.mean - b.mean;
  if (a.count < 2 || b.count < 2) {
    const double variance = a.count < 2 ? b.variance : a.variance;
    return decide_mean(difference, std::sqrt(variance * (1 / n + 1 / m)), std::max(n, m) - 1, runs, allowed,
                       comparisons);
  }
  const double va = a.variance / n, vb = b.variance / m;
  const double degrees = va + vb > 0 ? (va + vb) * (va + vb) / (va * va / (n - 1) + vb * vb / (m - 1)) : n + m - 2;
  return decide_mean(difference, std::sqrt(va + vb), degrees, runs, allowed, comparisons);
}

std::string no_spread_why(const Spread& spread) {
  return !spread.known() ? "a run has no such number, or none that is finite" : "a spread needs two runs: more seeds";
}

double quantile_above(const auto& distribution, double chance) {
  return boost::math::quantile(boost::math::complement(distribution, chance));
}

}  // namespace

std::string_view to_text(ExpectationVerdict verdict) {
  return std::ranges::find(kVerdicts, verdict, [](const auto& row) { return row.second; })->first;
}

std::optional<ExpectationVerdict> expectation_verdict_from_text(std::string_view text) {
  const auto* const found = std::ranges::find(kVerdicts, text, [](const auto& row) { return row.first; });
  return found == std::end(kVerdicts) ? std::nullopt : std::optional(found->second);
}

bool is_worse(ExpectationVerdict first, ExpectationVerdict second) {
  const auto rank = [](Verdict verdict) {
    return verdict == Verdict::not_reproduced ? 2 : verdict == Verdict::cannot_tell ? 1 : 0;
  };
  return rank(first) > rank(second);
}

Judgement judge_mean(const Sample& sample, Allowed allowed, std::size_t comparisons, Scale scale) {
  std::vector<double> values = values_of(sample);
  if (scale == Scale::linear) return judge_values(values, allowed, comparisons);
  for (double& value : values) value = value < 0 ? std::nan("") : std::log(value);
  return exponentiated(judge_values(values, log_bounds(allowed), comparisons));
}

Judgement judge_difference(const Sample& first, const Sample& second, Allowed allowed, std::size_t comparisons) {
  Sample paired;
  for (const auto& [name, value] : first) {
    const auto found = second.find(name);
    if (found != second.end()) paired[name] = value - found->second;
  }
  const bool one_each = first.size() == 1 && second.size() == 1;
  if (paired.size() >= 2 || (one_each && !paired.empty())) return judge_values(values_of(paired), allowed, comparisons);
  return judge_unpaired(values_of(first), values_of(second), allowed, comparisons);
}

Judgement judge_ratio(const Sample& first, const Sample& second, Allowed allowed, std::size_t comparisons) {
  const auto logarithms = [](Sample sample) {
    for (auto& [name, value] : sample) value = value < 0 ? std::nan("") : std::log(value);
    return sample;
  };
  return exponentiated(judge_difference(logarithms(first), logarithms(second), log_bounds(allowed), comparisons));
}

void Spread::add(std::span<const double> sample) {
  if (!std::ranges::all_of(sample, [](double value) { return std::isfinite(value); })) known_ = false;
  if (!known_ || sample.size() < 2) return;
  const double degrees = static_cast<double>(sample.size()) - 1, squares = degrees * moments_of(sample).variance;
  runs_ += sample.size();
  all_degrees_ += degrees;
  sum_ += squares;
  // A variance's square comes out too large, by (d + 2) / d on average: of many samples of two runs that would leave a
  // third of the degrees, although all have the same variance.
  sum_of_squares_ += squares * squares / (degrees + 2);
}

double Spread::degrees() const {
  return sum_ > 0 ? std::min(sum_ * sum_ / sum_of_squares_ - 2, all_degrees_) : all_degrees_;
}

Judgement judge_spread(const Spread& spread, Allowed allowed, std::size_t comparisons) {
  if (!spread.known() || spread.degrees() == 0) return cannot_tell(spread.runs(), no_spread_why(spread));
  const boost::math::chi_squared distribution(spread.degrees());
  const double sum = spread.variance() * spread.degrees();
  const auto bounds_at = [&](double chance) {
    return Bounds{std::sqrt(sum / quantile_above(distribution, chance)),
                  std::sqrt(sum / boost::math::quantile(distribution, chance))};
  };
  return decide(std::sqrt(spread.variance()), spread.runs(), bounds_at, allowed, comparisons);
}

Judgement judge_spread_ratio(const Spread& first, const Spread& second, Allowed allowed, std::size_t comparisons) {
  const std::size_t runs = std::min(first.runs(), second.runs());
  for (const Spread* spread : {&first, &second}) {
    if (!spread->known() || spread->degrees() == 0) return cannot_tell(runs, no_spread_why(*spread));
  }
  if (second.variance() == 0) return cannot_tell(runs, "all runs of the second spread have the same number");
  const double ratio = first.variance() / second.variance();
  const boost::math::fisher_f distribution(first.degrees(), second.degrees());
  const auto bounds_at = [&](double chance) {
    return Bounds{std::sqrt(ratio / quantile_above(distribution, chance)),
                  std::sqrt(ratio / boost::math::quantile(distribution, chance))};
  };
  return decide(std::sqrt(ratio), runs, bounds_at, allowed, comparisons);
}

std::optional<double> crossing_of(std::span<const double> along, std::span<const double> first,
                                  std::span<const double> second) {
  std::optional<std::size_t> last;  // where they last differed
  for (std::size_t i = 0; i < along.size(); ++i) {
    const double here = first[i] - second[i];
    if (here == 0) continue;
    const double before = last ? first[*last] - second[*last] : here;
    if ((here > 0) != (before > 0)) {
      if (*last + 1 < i) return along[*last + 1];  // they met between
      return along[*last] + (along[i] - along[*last]) * before / (before - here);
    }
    last = i;
  }
  return std::nullopt;
}

}  // namespace stepbench
