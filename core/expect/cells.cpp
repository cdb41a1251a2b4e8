#include "core/expect/cells.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

#include "core/error.hpp"
#include "core/text/number.hpp"
#include "core/text/suggestion.hpp"
#include "core/text/text.hpp"

namespace stepbench {
namespace {

using Form = Expectation::Form;

std::string_view text_of(const RunKeys& run, std::string_view key) {
  const auto found = run.find(key);
  return found == run.end() ? std::string_view() : std::string_view(found->second);
}

/// Of two sides, one may have no use for a key that chooses on the other: how bfloat16 is rounded, against float32.
bool is_chosen(const Expectation& expectation, const RunKeys& run) {
  return std::ranges::all_of(expectation.where, [&](const KeyIs& is) {
    const std::string_view text = text_of(run, is.key);
    return text.empty() ? expectation.has_sides() : same_value(text, is.value);
  });
}

std::vector<std::size_t> chosen_runs(const Expectation& expectation, std::span<const RunKeys> runs) {
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (is_chosen(expectation, runs[i])) chosen.push_back(i);
  }
  return chosen;
}

std::vector<std::string> values_of(std::span<const std::size_t> members, std::string_view key,
                                   std::span<const RunKeys> runs) {
  std::vector<std::string> values;
  for (const Part& part : parts_of(members, key, runs)) values.push_back(part.value);
  return values;
}

/// That part the chosen runs into cells.
std::vector<std::string> parting_keys(const Expectation& expectation, std::span<const std::size_t> chosen,
                                      std::span<const RunKeys> runs) {
  std::map<std::string, std::set<std::string_view>> values;
  for (const std::size_t i : chosen) {
    for (const auto& [key, value] : runs[i]) values[key].insert(value);
  }
  const std::vector<std::string> named = expectation.named_keys();
  std::vector<std::string> keys;
  for (const auto& [key, texts] : values) {
    if (texts.size() < 2 || std::ranges::find(named, key) != named.end() ||
        std::ranges::find(kSampleKeys, key) != kSampleKeys.end()) {
      continue;
    }
    keys.push_back(key);
  }
  return keys;
}

using Label = std::vector<std::string_view>;  // of the parting keys; empty: not used

/// Whether runs of `label` belong to the cell of `other` as well.
bool fits(const Label& label, const Label& other) {
  for (std::size_t i = 0; i < label.size(); ++i) {
    if (!label[i].empty() && label[i] != other[i]) return false;
  }
  return true;
}

std::string name_of(const Label& label, const std::vector<std::string>& keys) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!label[i].empty()) parts.push_back(fmt::format("{} = {}", keys[i], label[i]));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

bool has_both_sides(const Expectation& expectation, const std::vector<std::size_t>& members,
                    std::span<const RunKeys> runs) {
  if (expectation.key.empty()) return true;
  const std::vector<std::string> values = values_of(members, expectation.key, runs);
  if (!expectation.has_sides()) return values.size() > 1;
  return std::ranges::all_of(std::array{expectation.first, expectation.second}, [&values](const std::string& side) {
    return std::ranges::any_of(values, [&side](const std::string& value) { return same_value(value, side); });
  });
}

[[noreturn]] void fail(const std::string& message) { throw InputError(message); }

void require_key(const std::string& key, std::span<const RunKeys> runs) {
  std::set<std::string_view> keys;
  for (const RunKeys& run : runs) {
    for (const auto& [name, value] : run) keys.insert(name);
  }
  if (keys.contains(key)) return;
  const std::vector<std::string_view> names(keys.begin(), keys.end());
  fail(fmt::format("found \"{}\", allowed: a key that a trial uses{}", printable(key), suggestion(key, names)));
}

void require_value(const KeyIs& is, std::span<const std::size_t> members, std::span<const RunKeys> runs) {
  const std::vector<std::string> values = values_of(members, is.key, runs);
  const auto same = [&is](const std::string& value) { return same_value(value, is.value); };
  if (std::ranges::any_of(values, same)) return;
  const std::vector<std::string_view> names(values.begin(), values.end());
  fail(fmt::format("no trial has {} = {}, allowed: {}{}", is.key, printable(is.value), fmt::join(values, ", "),
                   suggestion(is.value, names)));
}

void require_several(const std::string& key, bool numbers, std::span<const std::size_t> members,
                     std::span<const RunKeys> runs) {
  const std::vector<std::string> values = values_of(members, key, runs);
  if (values.size() < 2) fail(fmt::format("the sweep has one value of {} only, allowed: several", key));
  if (!numbers) return;
  for (const std::string& value : values) {
    if (!finite_number(value)) fail(fmt::format("{} = {} is no number, along which lines could cross", key, value));
  }
}

}  // namespace

bool same_value(std::string_view first, std::string_view second) {
  if (first == second) return true;
  const std::optional<double> one = finite_number(first), other = finite_number(second);
  return one && other && *one == *other;
}

void add_arm(RunKeys& run, std::string backend, std::int64_t threads, std::int64_t ranks, std::uint64_t seed) {
  run["backend"] = std::move(backend);
  run["threads"] = std::to_string(threads);
  run["ranks"] = std::to_string(ranks);
  run["seed"] = std::to_string(seed);
}

std::string sample_of(const RunKeys& run) {
  return fmt::format("{}/{}", text_of(run, kSampleKeys[0]), text_of(run, kSampleKeys[1]));
}

std::vector<Part> parts_of(std::span<const std::size_t> members, std::string_view key, std::span<const RunKeys> runs) {
  std::vector<Part> parts;
  for (const std::size_t i : members) {
    const std::string_view value = text_of(runs[i], key);
    if (value.empty()) continue;
    auto part = std::ranges::find_if(parts, [value](const Part& other) { return same_value(other.value, value); });
    if (part == parts.end()) part = parts.insert(part, {std::string(value), {}});
    part->runs.push_back(i);
  }
  if (std::ranges::all_of(parts, [](const Part& part) { return finite_number(part.value).has_value(); })) {
    std::ranges::stable_sort(parts, {}, [](const Part& part) { return finite_number(part.value).value(); });
  }
  return parts;
}

std::vector<Cell> cells_of(const Expectation& expectation, std::span<const RunKeys> runs) {
  const std::vector<std::size_t> chosen = chosen_runs(expectation, runs);
  const std::vector<std::string> keys = parting_keys(expectation, chosen, runs);
  std::map<std::size_t, Label> label_of;
  std::vector<Label> labels;  // different ones
  for (const std::size_t i : chosen) {
    Label& label = label_of[i];
    for (const std::string& key : keys) label.push_back(text_of(runs[i], key));
    if (std::ranges::find(labels, label) == labels.end()) labels.push_back(label);
  }
  std::vector<Cell> cells;
  for (const Label& label : labels) {
    const bool is_part_of_another =
        std::ranges::any_of(labels, [&label](const Label& other) { return other != label && fits(label, other); });
    if (is_part_of_another) continue;
    Cell cell{name_of(label, keys), {}};
    std::ranges::copy_if(chosen, std::back_inserter(cell.runs),
                         [&](std::size_t i) { return fits(label_of.at(i), label); });
    if (has_both_sides(expectation, cell.runs, runs)) cells.push_back(std::move(cell));
  }
  return cells;
}

void check_expectation(const Expectation& expectation, std::span<const RunKeys> runs) {
  std::vector<std::size_t> members(runs.size());
  std::iota(members.begin(), members.end(), std::size_t{0});
  for (const KeyIs& is : expectation.where) {
    require_key(is.key, runs);
    require_value(is, members, runs);
  }
  members = chosen_runs(expectation, runs);
  if (members.empty()) fail("no trial has all of what stands behind where");
  for (const std::string& key : expectation.named_keys()) require_key(key, runs);
  if (expectation.has_sides()) {
    require_value({expectation.key, expectation.first}, members, runs);
    require_value({expectation.key, expectation.second}, members, runs);
  }
  if (expectation.form == Form::increasing || expectation.form == Form::decreasing) {
    require_several(expectation.key, false, members, runs);
  }
  if (expectation.form == Form::crossing) require_several(expectation.over, true, members, runs);
  const bool target = expectation.quantity.is_of_target() || (expectation.other && expectation.other->is_of_target());
  if (target && values_of(members, "training.target", runs).empty()) {
    fail(fmt::format("{} where no trial has a training.target, allowed: with one", expectation.quantity.metric));
  }
  if (cells_of(expectation, runs).empty()) {
    fail(fmt::format("no two trials differ in {} alone as it asks", expectation.key));
  }
}

}  // namespace stepbench
