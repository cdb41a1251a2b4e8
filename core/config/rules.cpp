#include "core/config/rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/arm.hpp"
#include "core/models/parameters.hpp"
#include "core/text/number.hpp"
#include "core/text/percentage.hpp"
#include "core/text/text.hpp"

namespace stepbench {
namespace {

std::optional<std::int64_t> parse_integer(std::string_view text, std::int64_t low, std::int64_t high) {
  if (text.starts_with('-')) return std::nullopt;  // `-0` too
  const auto value = parse_number<std::int64_t>(text);
  return value && *value >= low && *value <= high ? value : std::nullopt;
}

std::optional<double> parse_real(std::string_view text) {
  const auto value = parse_number<double>(text);
  return value && std::isfinite(*value) && !std::signbit(*value) ? value : std::nullopt;
}

std::string integer_text(std::int64_t low, std::int64_t high) {
  return fmt::format("an integer from {} to {}", low, high);
}

template <typename T>
std::optional<Value> as_is(const T& value) {
  return Value(value);
}

std::optional<Value> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<Value>(text);
}

Rule<std::string> checked_text_rule(std::string allowed, bool (*is_allowed)(std::string_view)) {
  return {std::move(allowed),
          {},
          [is_allowed](std::string_view text) {
            return is_allowed(text) ? std::optional<std::string>(text) : std::nullopt;
          },
          unless_empty};
}

// By hand rather than with <cctype>, whose answers depend on the locale.
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_letter(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }

}  // namespace

Rule<std::int64_t> integer_rule(std::int64_t low, std::int64_t high) {
  return {integer_text(low, high),
          {},
          [low, high](std::string_view text) { return parse_integer(text, low, high); },
          as_is<std::int64_t>};
}

Rule<std::int64_t> count_or_unset_rule(std::int64_t low, std::int64_t high) {
  Rule<std::int64_t> rule = integer_rule(low, high);
  rule.to_value = [](std::int64_t value) { return value == 0 ? std::nullopt : std::optional<Value>(value); };
  return rule;
}

Rule<std::uint64_t> seed_rule() {
  constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();
  return {integer_text(0, kHighest),
          {},
          [](std::string_view text) -> std::optional<std::uint64_t> {
            const auto value = parse_integer(text, 0, kHighest);
            return value ? std::optional(static_cast<std::uint64_t>(*value)) : std::nullopt;
          },
          [](std::uint64_t value) { return std::optional<Value>(static_cast<std::int64_t>(value)); }};
}

Rule<double> real_rule(RealRange range) {
  struct Row {
    RealRange range;
    const char* allowed;
    bool (*holds)(double);  // for values that are finite and not negative
  };
  static constexpr Row kRows[] = {
      {RealRange::positive, "a number above 0", [](double value) { return value > 0; }},
      {RealRange::not_negative, "a number from 0 on", [](double) { return true; }},
      {RealRange::from_0_below_1, "a number from 0 to below 1", [](double value) { return value < 1; }},
      {RealRange::between_0_and_1, "a number above 0 and below 1", [](double value) { return value > 0 && value < 1; }},
  };
  const Row& row =
      *std::find_if(std::begin(kRows), std::end(kRows), [range](const Row& r) { return r.range == range; });
  return {row.allowed,
          {},
          [&row](std::string_view text) {
            const auto value = parse_real(text);
            return value && row.holds(*value) ? value : std::nullopt;
          },
          as_is<double>};
}

Rule<bool> boolean_rule() {
  static constexpr EnumName<bool> kNames[] = {{true, "true"}, {false, "false"}};
  Rule<bool> rule = enum_rule(kNames);
  rule.allowed = "true or false";
  rule.to_value = as_is<bool>;
  return rule;
}

Rule<std::string> text_rule(std::string allowed) {
  return checked_text_rule(std::move(allowed), [](std::string_view text) { return !text.empty(); });
}

Rule<std::string> file_name_rule() {
  return checked_text_rule(
      "1 to 100 letters, digits, \".\", \"_\", \"-\" that do not start with \".\" or \"-\"", [](std::string_view text) {
        constexpr std::size_t kLongest = 100;  // file systems allow 255 bytes, and names get longer on the way
        const auto is_safe = [](char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-'; };
        return !text.empty() && text.size() <= kLongest && text.front() != '.' && text.front() != '-' &&
               std::all_of(text.begin(), text.end(), is_safe);
      });
}

Rule<std::string> backend_rule() {
  return checked_text_rule("a backend of `stepbench list backends`", may_name_backend);
}

Rule<std::string> baseline_rule() {
  return checked_text_rule("a backend of the sweep, or a backend and its threads such as blas-t2", may_name_arm);
}

Rule<std::string> launcher_rule() {
  return checked_text_rule("a command with {ranks} for their number, such as mpirun -n {ranks}",
                           [](std::string_view text) { return text.find("{ranks}") != text.npos; });
}

Rule<std::vector<std::int64_t>> layers_rule() {
  constexpr std::int64_t kWidest = 1'000'000;
  constexpr std::size_t kDeepest = 1000;
  return {fmt::format("2 to {} comma-separated integers from 1 to {}, at most {} parameters in all", kDeepest, kWidest,
                      kMostParameters),
          {},
          [](std::string_view text) -> std::optional<std::vector<std::int64_t>> {
            std::vector<std::int64_t> layers;
            std::int64_t parameters = 0;  // at most kDeepest * kWidest * (kWidest + 1), about 1e15
            for (const std::string_view piece : split(text, ',')) {
              const auto size = parse_integer(piece, 1, kWidest);
              if (!size || layers.size() == kDeepest) return std::nullopt;
              if (!layers.empty()) parameters += *size * (layers.back() + 1);
              layers.push_back(*size);
            }
            if (layers.size() < 2 || parameters > kMostParameters) return std::nullopt;
            return layers;
          },
          as_is<std::vector<std::int64_t>>};
}

Rule<Interval> interval_rule() {
  constexpr std::int64_t kLongest = 1'000'000'000;
  return {fmt::format("a number of epochs or steps up to {}, such as 1 epoch or 200 steps", kLongest),
          {},
          [](std::string_view text) -> std::optional<Interval> {
            const std::size_t blank = text.find_first_of(" \t");
            if (blank == std::string_view::npos) return std::nullopt;
            const auto count = parse_integer(text.substr(0, blank), 1, kLongest);
            const std::string_view unit = trimmed(text.substr(blank));
            const bool epochs = unit == "epoch" || unit == "epochs";
            if (!count || (!epochs && unit != "step" && unit != "steps")) return std::nullopt;
            return Interval{*count, epochs ? Interval::Unit::epochs : Interval::Unit::steps};
          },
          [](const Interval& interval) -> std::optional<Value> {
            const char* unit = interval.unit == Interval::Unit::epochs ? "epoch" : "step";
            return fmt::format("{} {}{}", interval.count, unit, interval.count == 1 ? "" : "s");
          }};
}

Rule<std::int64_t> period_rule() {
  static constexpr std::int64_t kLongest = 1'000'000, kNever = -1;
  struct Unit {
    std::string_view name;
    std::int64_t seconds;
  };
  static constexpr Unit kUnits[] = {{"h", 3600}, {"min", 60}, {"s", 1}};  // the longest first
  return {fmt::format("a number of s, min or h from 0 to {}, such as 10 min, or never", kLongest),
          {},
          [](std::string_view text) -> std::optional<std::int64_t> {
            if (text == "never") return kNever;
            const std::size_t blank = text.find_first_of(" \t");
            if (blank == std::string_view::npos) return std::nullopt;
            const auto count = parse_integer(text.substr(0, blank), 0, kLongest);
            const auto* const unit = std::ranges::find(kUnits, trimmed(text.substr(blank)), &Unit::name);
            if (!count || unit == std::end(kUnits)) return std::nullopt;
            return *count * unit->seconds;
          },
          [](const std::int64_t& seconds) -> std::optional<Value> {
            if (seconds == kNever) return "never";
            if (seconds == 0) return "0 s";
            const auto* const unit =
                std::ranges::find_if(kUnits, [&](const Unit& each) { return seconds % each.seconds == 0; });
            return fmt::format("{} {}", seconds / unit->seconds, unit->name);
          }};
}

Rule<std::int64_t> rounds_rule() {
  static constexpr std::string_view kAuto = "auto";
  Rule<std::int64_t> number = integer_rule(1, 10'000);
  return {number.allowed + ", or auto",
          {},
          [parse = number.parse](std::string_view text) { return text == kAuto ? kAutomaticRounds : parse(text); },
          [](const std::int64_t& rounds) -> std::optional<Value> {
            if (rounds == kAutomaticRounds) return std::string(kAuto);
            return rounds;
          }};
}

Rule<double> percentage_rule() {
  return {"a percentage above 0% and below 100%, such as 2%",
          {},
          [](std::string_view text) -> std::optional<double> {
            const std::optional<double> share = parse_percentage(text);
            return share && *share > 0 && *share < 1 ? share : std::nullopt;
          },
          [](const double& share) -> std::optional<Value> { return fmt::format("{:g}%", 100 * share); }};
}

Rule<double> power_rule() {
  return {fmt::format("a number from {} to {}", kLeastPower, kMostPower),
          {},
          [](std::string_view text) {
            const auto value = parse_real(text);
            return value && *value >= kLeastPower && *value <= kMostPower ? value : std::nullopt;
          },
          as_is<double>};
}

Rule<Target> target_rule() {
  struct Row {
    Target::Metric metric;
    std::string_view start;  // the metric and the only direction that makes sense for it
    double highest;
  };
  static constexpr double kNoBound = std::numeric_limits<double>::max();
  static constexpr Row kRows[] = {{Target::Metric::validation_accuracy, "validation_accuracy>=", 1},
                                  {Target::Metric::validation_loss, "validation_loss<=", kNoBound},
                                  {Target::Metric::train_loss, "train_loss<=", kNoBound}};
  return {"validation_accuracy>=N with N from 0 to 1, validation_loss<=N or train_loss<=N with N from 0 on",
          {},
          [](std::string_view text) -> std::optional<Target> {
            const std::size_t comparison = text.find_first_of("<>");
            if (comparison == std::string_view::npos) return std::nullopt;
            const std::string start =
                std::string(trimmed(text.substr(0, comparison))).append(text.substr(comparison, 2));
            const auto bound = parse_real(trimmed(text.substr(std::min(comparison + 2, text.size()))));
            for (const Row& row : kRows) {
              if (row.start == start && bound && *bound <= row.highest) return Target{row.metric, *bound};
            }
            return std::nullopt;
          },
          [](const Target& target) -> std::optional<Value> {
            for (const Row& row : kRows) {
              if (row.metric == target.metric) return std::string(row.start) + to_text(target.bound);
            }
            return std::nullopt;
          }};
}

}  // namespace stepbench
