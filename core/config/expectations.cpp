#include "core/config/expectations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/config/keys.hpp"
#include "core/error.hpp"
#include "core/expect/cells.hpp"
#include "core/text/suggestion.hpp"
#include "core/text/text.hpp"

namespace stepbench {
namespace {

constexpr std::array<std::string_view, 2> kAttributes = {"published", "tolerance"};

bool may_name_expectation(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::vector<RunKeys> runs_of(const Experiment& experiment, const KeyTable& table) {
  std::vector<RunKeys> runs;
  for (const TrialSettings& trial : experiment.trials) {
    RunKeys& run = runs.emplace_back();
    for (const auto& [key, value] : setting_values(trial, table)) run[key] = to_text(value);
    add_arm(run, trial.backend, trial.threads, trial.ranks.count, trial.seed);
  }
  return runs;
}

}  // namespace

void ExpectLines::set(std::string_view full_key, std::string_view text, const std::string& location, bool given) {
  const std::string_view key = full_key.substr(kExpectSection.size() + 1);
  const std::size_t dot = key.find('.');
  const std::string_view name = key.substr(0, dot), attribute = dot == key.npos ? "" : key.substr(dot + 1);
  const std::string where = fmt::format("{} {}: ", location, printable(full_key));
  if (!may_name_expectation(name)) {
    throw InputError(where + "allowed: a name of lower-case letters, digits, _ and -");
  }
  if (dot != key.npos && std::ranges::find(kAttributes, attribute) == kAttributes.end()) {
    throw InputError(
        fmt::format("{}allowed: {}.published, {}.tolerance{}", where, name, name, suggestion(attribute, kAttributes)));
  }
  if (text.empty()) {
    const auto removed = std::erase_if(lines_, [&](const Line& line) {
      return line.name == name && (attribute.empty() || line.attribute == attribute);
    });
    if (removed == 0) throw InputError(where + "nothing after \"=\", allowed: that only for what the config has");
    return;
  }
  Line line{std::string(name), std::string(attribute), std::string(text), where, given};
  const auto earlier = std::ranges::find_if(
      lines_, [&](const Line& other) { return other.name == name && other.attribute == attribute; });
  if (earlier == lines_.end()) {
    lines_.push_back(std::move(line));
  } else {
    *earlier = std::move(line);
  }
}

const ExpectLines::Line* ExpectLines::find(std::string_view name, std::string_view attribute) const {
  const auto found =
      std::ranges::find_if(lines_, [&](const Line& line) { return line.name == name && line.attribute == attribute; });
  return found == lines_.end() ? nullptr : &*found;
}

std::vector<Expectation> ExpectLines::expectations(const Experiment& experiment, const KeyTable& table,
                                                   bool overridden) const {
  std::vector<Expectation> expectations;
  if (lines_.empty()) return expectations;
  const std::vector<RunKeys> runs = runs_of(experiment, table);
  for (const Line& line : lines_) {
    if (!line.attribute.empty()) {
      if (find(line.name, "") != nullptr) continue;
      throw InputError(
          fmt::format("{}there is no expectation {}, allowed: with a line {} = ...", line.where, line.name, line.name));
    }
    const auto attribute = [&](std::string_view name) {
      const Line* found = find(line.name, name);
      return found == nullptr ? std::string() : found->text;
    };
    try {
      expectations.push_back(parse_expectation(line.name, line.text, attribute("published"), attribute("tolerance")));
    } catch (const InputError& error) {
      throw InputError(line.where + error.what());
    }
    if (overridden && !line.given) continue;
    try {
      check_expectation(expectations.back(), runs);
    } catch (const InputError& error) {
      throw InputError(line.where + error.what());
    }
  }
  return expectations;
}

}  // namespace stepbench
