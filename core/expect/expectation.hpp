// What an experiment should find, as a config's [expect] says it: `best_validation_accuracy >= 0.95`. Text to parts,
// and nothing else: which trials it is about is cells.hpp, what of it holds judge.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stepbench {

/// Numbers of a trial that an expectation may be about, named as in result files. Those that an evaluation has may be
/// asked for at a step: `validation_accuracy@600`.
inline constexpr std::array<std::string_view, 11> kTrialQuantities = {
    "final_train_loss",     "best_train_loss",           "final_validation_loss",
    "best_validation_loss", "final_validation_accuracy", "best_validation_accuracy",
    "gradient_error",       "steps_to_target",           "time_to_target",
    "samples_per_second",   "gradient_noise_scale"};
inline constexpr std::array<std::string_view, 4> kQuantitiesAtStep = {"train_loss", "validation_loss",
                                                                      "validation_accuracy", "gradient_noise_scale"};

/// A number of each trial, or with `spread_over` one of several trials: the standard deviation of that number over
/// those that differ in this key alone.
struct Quantity {
  std::string metric;
  std::optional<std::int64_t> step;  // of a metric of kQuantitiesAtStep
  std::string spread_over;           // a key; empty: no spread

  [[nodiscard]] bool is_spread() const { return !spread_over.empty(); }
  /// Of training.target.
  [[nodiscard]] bool is_of_target() const { return metric == "steps_to_target" || metric == "time_to_target"; }
};

struct KeyIs {
  std::string key, value;
};

struct Expectation {
  enum class Form { value, ratio, difference, increasing, decreasing, crossing };

  std::string name;       // in [expect]
  std::string claim;      // as written
  std::string published;  // where, and what: `Power et al. 2022, Fig. 1: 1.00`; may be empty
  std::string tolerance;  // as written: `0.02`, `5%`; may be empty

  Form form = Form::value;
  Quantity quantity;
  std::optional<Quantity> other;  // of a ratio or difference of two quantities of the same trials
  std::string key, first,
      second;        // ratio, difference, crossing of two values of a key; increasing, decreasing: the key
  std::string over;  // crossing: the key along which they cross
  std::vector<KeyIs> where;

  /// What the number may be, tolerance included: `<= 1.02` is -inf to 1.02. Of increasing and decreasing, the
  /// difference from one value of the key to the next.
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();

  [[nodiscard]] bool has_sides() const { return !first.empty(); }
  /// The keys that are named otherwise than by `where`.
  [[nodiscard]] std::vector<std::string> named_keys() const;
};

/// Throws InputError, one line without a place: `found "...", allowed: ...`.
[[nodiscard]] Expectation parse_expectation(std::string name, std::string claim, std::string published,
                                            std::string tolerance);

}  // namespace stepbench
