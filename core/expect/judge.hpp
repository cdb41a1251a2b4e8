// Numbers held against what they should be: reproduced, not reproduced, cannot tell. Knows no trial.
//
// A sample of several runs has an interval: Student's t of its mean, of the logarithm for ratios (Welch's where the
// sides share no seeds), chi-squared and F for spreads (by Welch and Satterthwaite, where several are pooled). Bounds
// on one side are 95% each, the two of an interval together. All of it inside is reproduced, all outside is not; what
// is outside is held to 5% over all `comparisons` (Bonferroni), so that an expectation judged in many cells does not
// fail by chance. One run is judged by its value alone.
//
// Infinity is a number here: what a diverged run's loss is, and the steps to a target that was not reached.
#pragma once

#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace stepbench {

enum class ExpectationVerdict { reproduced, not_reproduced, cannot_tell, not_judged };
/// `reproduced`, `not reproduced`, `cannot tell`, `not judged`: as result files have it.
[[nodiscard]] std::string_view to_text(ExpectationVerdict verdict);
[[nodiscard]] std::optional<ExpectationVerdict> expectation_verdict_from_text(std::string_view text);

/// The numbers that are expected.
struct Allowed {
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
};

struct Judgement {
  ExpectationVerdict verdict = ExpectationVerdict::cannot_tell;
  double value = std::numeric_limits<double>::quiet_NaN();
  double low = std::numeric_limits<double>::quiet_NaN(), high = std::numeric_limits<double>::quiet_NaN();
  std::size_t runs = 0;  // of the smaller side
  std::string why = {};  // it cannot be told; else empty
};

/// By which sample (seed): NaN where there is no number.
using Sample = std::map<std::string, double>;

/// `log_scale`: of a ratio, whose numbers are to be logarithms; `allowed` and what is found are ratios.
enum class Scale { linear, logarithmic };
[[nodiscard]] Judgement judge_mean(const Sample& sample, Allowed allowed, std::size_t comparisons,
                                   Scale scale = Scale::linear);
/// first - second, of means; paired where both sides have at least two samples in common.
[[nodiscard]] Judgement judge_difference(const Sample& first, const Sample& second, Allowed allowed,
                                         std::size_t comparisons);
/// first / second, of geometric means; numbers that are not positive have none.
[[nodiscard]] Judgement judge_ratio(const Sample& first, const Sample& second, Allowed allowed,
                                    std::size_t comparisons);

/// A variance pooled over several samples, each about its own mean.
class Spread {
 public:
  void add(std::span<const double> sample);

  /// False: a run has no number, or none that is finite. Then nothing more is told.
  [[nodiscard]] bool known() const { return known_; }
  /// Of the samples that had two or more.
  [[nodiscard]] std::size_t runs() const { return runs_; }
  [[nodiscard]] double variance() const { return all_degrees_ > 0 ? sum_ / all_degrees_ : 0; }
  /// Of freedom, by Welch and Satterthwaite (as Welch 1947, Biometrika 34, has them): where the samples' own variances
  /// differ, fewer than theirs together, which are the most. 0: no sample had two runs.
  [[nodiscard]] double degrees() const;

 private:
  bool known_ = true;
  std::size_t runs_ = 0;
  // Over the samples: degrees d, d times the variance v, d v squared over d + 2.
  double all_degrees_ = 0, sum_ = 0, sum_of_squares_ = 0;
};
[[nodiscard]] Judgement judge_spread(const Spread& spread, Allowed allowed, std::size_t comparisons);
[[nodiscard]] Judgement judge_spread_ratio(const Spread& first, const Spread& second, Allowed allowed,
                                           std::size_t comparisons);

/// Where the line through `first` and that through `second`, at each `along`, first cross, one above the other on
/// either side; nothing where they do not.
[[nodiscard]] std::optional<double> crossing_of(std::span<const double> along, std::span<const double> first,
                                                std::span<const double> second);

/// The less agreeable of the two: not reproduced, cannot tell, reproduced.
[[nodiscard]] bool is_worse(ExpectationVerdict first, ExpectationVerdict second);

}  // namespace stepbench
