#include "experiments/expect/judge_results.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "core/error.hpp"
#include "core/expect/cells.hpp"
#include "experiments/expect/trial_quantity.hpp"

namespace stepbench {
namespace {

using Form = Expectation::Form;
using Members = std::vector<std::size_t>;

/// The trials that took part, and what they are.
struct Runs {
  std::vector<const TrialRecord*> trials;
  std::vector<const GroupRecord*> rounds;  // of each one's group; null where there are none
  std::vector<RunKeys> keys;
};

Runs runs_of(const ResultFile& file) {
  std::map<std::string_view, const GroupRecord*> groups;
  for (const GroupRecord& group : file.groups) groups[group.id] = &group;
  Runs runs;
  for (const TrialRecord& trial : file.trials) {
    if (trial.status == Status::unsupported) continue;
    runs.trials.push_back(&trial);
    const auto group = groups.find(trial.group);
    runs.rounds.push_back(group == groups.end() ? nullptr : group->second);
    RunKeys& keys = runs.keys.emplace_back();
    for (const auto& [key, value] : trial.settings) {
      if (!is_of_the_run_alone(key)) keys[key] = to_text(value);
    }
    add_arm(keys, trial.backend, trial.threads, trial.ranks, trial.seed);
  }
  return runs;
}

/// Means of what has the same name: a run may stand in the sweep several times, as one that is not perturbed does for
/// each seed of the perturbation.
class Means {
 public:
  void add(const std::string& name, double value) {
    auto& [sum, count] = sums_[name];
    sum += value;
    ++count;
  }
  [[nodiscard]] Sample sample() const {
    Sample sample;
    for (const auto& [name, of] : sums_) sample[name] = of.first / of.second;
    return sample;
  }

 private:
  std::map<std::string, std::pair<double, double>> sums_;
};

/// One expectation, held against cells.
class Judge {
 public:
  Judge(const Expectation& expectation, const Runs& runs, std::size_t comparisons)
      : expectation_(expectation), runs_(runs), comparisons_(comparisons) {}

  /// `along`: between which values of a key the number is, where it is between two.
  [[nodiscard]] Judgement judge(const Members& members, std::string& along) const {
    switch (expectation_.form) {
      case Form::increasing:
      case Form::decreasing:
        return judge_order(members, along);
      case Form::crossing:
        return judge_crossing(members);
      case Form::ratio:
      case Form::difference:
        return judge_two(members);
      case Form::value:
        break;
    }
    if (expectation_.quantity.is_spread())
      return judge_spread(spread(members, expectation_.quantity), allowed(), comparisons_);
    return judge_mean(sample(members, expectation_.quantity), allowed(), comparisons_);
  }

  /// How far inside it is; NaN is the farthest outside.
  [[nodiscard]] double margin(const Judgement& judgement) const {
    const double least = std::min(judgement.value - allowed().low, allowed().high - judgement.value);
    return std::isnan(least) ? -std::numeric_limits<double>::infinity() : least;
  }
  [[nodiscard]] bool is_less_agreeable(const Judgement& first, const Judgement& second) const {
    if (first.verdict != second.verdict) return is_worse(first.verdict, second.verdict);
    return margin(first) < margin(second);
  }

 private:
  [[nodiscard]] Allowed allowed() const { return {expectation_.low, expectation_.high}; }
  [[nodiscard]] double number(std::size_t i, const Quantity& quantity) const {
    return quantity_of(*runs_.trials[i], runs_.rounds[i], quantity);
  }

  [[nodiscard]] Sample sample(const Members& members, const Quantity& quantity) const {
    Means means;
    for (const std::size_t i : members) means.add(sample_of(runs_.keys[i]), number(i, quantity));
    return means.sample();
  }

  /// Pooled over all that the runs differ in besides the key of the spread. Keys that only some of them use depend on
  /// that key, as the settings of one backend do.
  [[nodiscard]] Spread spread(const Members& members, const Quantity& quantity) const {
    std::map<std::string_view, std::size_t> users;  // of each key
    for (const std::size_t i : members) {
      for (const auto& [key, value] : runs_.keys[i]) ++users[key];
    }
    std::map<RunKeys, Means> groups;
    for (const std::size_t i : members) {
      RunKeys others = runs_.keys[i];
      const auto found = others.find(quantity.spread_over);
      const std::string name = found == others.end() ? "" : found->second;
      std::erase_if(others, [&](const auto& entry) {
        return entry.first == quantity.spread_over || users.at(entry.first) < members.size();
      });
      groups[others].add(name, number(i, quantity));
    }
    Spread pooled;
    for (const auto& [others, means] : groups) {
      std::vector<double> values;
      for (const auto& [name, value] : means.sample()) values.push_back(value);
      pooled.add(values);
    }
    return pooled;
  }

  [[nodiscard]] Members side(const Members& members, const std::string& value) const {
    for (Part& part : parts_of(members, expectation_.key, runs_.keys)) {
      if (same_value(part.value, value)) return std::move(part.runs);
    }
    return {};
  }

  [[nodiscard]] Judgement judge_two(const Members& members) const {
    const Members first = expectation_.has_sides() ? side(members, expectation_.first) : members;
    const Members second = expectation_.has_sides() ? side(members, expectation_.second) : members;
    const Quantity& other = expectation_.other ? *expectation_.other : expectation_.quantity;
    if (expectation_.quantity.is_spread()) {
      return judge_spread_ratio(spread(first, expectation_.quantity), spread(second, other), allowed(), comparisons_);
    }
    const Sample one = sample(first, expectation_.quantity), two = sample(second, other);
    return expectation_.form == Form::ratio ? judge_ratio(one, two, allowed(), comparisons_)
                                            : judge_difference(one, two, allowed(), comparisons_);
  }

  /// From each value of the key to the next: the step that agrees least.
  [[nodiscard]] Judgement judge_order(const Members& members, std::string& along) const {
    const std::vector<Part> parts = parts_of(members, expectation_.key, runs_.keys);
    std::optional<Judgement> worst;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      const Judgement step = judge_difference(sample(parts[i + 1].runs, expectation_.quantity),
                                              sample(parts[i].runs, expectation_.quantity), allowed(), comparisons_);
      if (worst && !is_less_agreeable(step, *worst)) continue;
      worst = step;
      along = fmt::format("from {} {} to {}", expectation_.key, parts[i].value, parts[i + 1].value);
    }
    return worst.value_or(Judgement{.why = "the sweep has one value only"});
  }

  /// The samples that both sides have at every value along which they may cross.
  [[nodiscard]] Judgement judge_crossing(const Members& members) const {
    std::vector<double> along;
    std::map<std::string, std::pair<std::vector<double>, std::vector<double>>> lines;  // by sample
    for (const Part& part : parts_of(members, expectation_.over, runs_.keys)) {
      const Sample first = sample(side(part.runs, expectation_.first), expectation_.quantity);
      const Sample second = sample(side(part.runs, expectation_.second), expectation_.quantity);
      if (first.empty() || second.empty()) continue;  // a side that has no such number of threads
      along.push_back(std::stod(part.value));
      for (const auto& [name, value] : first) {
        const auto found = second.find(name);
        if (found == second.end()) continue;
        lines[name].first.push_back(value);
        lines[name].second.push_back(found->second);
      }
    }
    Sample crossings;
    std::size_t without = 0;
    for (const auto& [name, line] : lines) {
      if (line.first.size() != along.size()) continue;
      const auto is_number = [](double value) { return std::isfinite(value); };
      if (!std::ranges::all_of(line.first, is_number) || !std::ranges::all_of(line.second, is_number)) {
        return {.runs = lines.size(), .why = "a run has no such number, or none that is finite"};
      }
      const std::optional<double> found = crossing_of(along, line.first, line.second);
      if (found) crossings[name] = *found;
      if (!found) ++without;
    }
    const std::size_t all = crossings.size() + without;
    if (all == 0) return {.why = "no seed has both sides at every value"};
    if (crossings.empty()) {
      return {.verdict = ExpectationVerdict::not_reproduced, .runs = all, .why = "the two do not cross"};
    }
    if (without > 0) return {.runs = all, .why = fmt::format("the two cross in {} of {} runs", all - without, all)};
    return judge_mean(crossings, allowed(), comparisons_);
  }

  const Expectation& expectation_;
  const Runs& runs_;
  std::size_t comparisons_;
};

/// Each step along the key of an order is one.
std::size_t comparisons_in(const Expectation& expectation, const std::vector<Cell>& cells, const Runs& runs) {
  if (expectation.form != Form::increasing && expectation.form != Form::decreasing) return cells.size();
  std::size_t count = 0;
  for (const Cell& cell : cells) count += parts_of(cell.runs, expectation.key, runs.keys).size() - 1;
  return count;
}

/// `1 of 5 runs diverged`, `2 of 5 runs did not reach the target`
std::vector<std::string> remarks_on(const Expectation& expectation, const Members& members, const Runs& runs) {
  std::size_t diverged = 0, failed = 0, missed = 0;
  for (const std::size_t i : members) {
    const TrialRecord& trial = *runs.trials[i];
    if (trial.status == Status::diverged) {
      ++diverged;
    } else if (trial.status != Status::completed) {
      ++failed;
    } else if (missed_target(trial)) {
      ++missed;
    }
  }
  std::vector<std::string> remarks;
  const auto add = [&](std::size_t count, const char* what) {
    if (count > 0) remarks.push_back(fmt::format("{} of {} runs {}", count, members.size(), what));
  };
  add(failed, "failed");
  add(diverged, "diverged");
  if (expectation.quantity.is_of_target()) add(missed, "did not reach the target");
  return remarks;
}

ExpectationRecord begin_record(const Expectation& expectation) {
  ExpectationRecord record;
  record.name = expectation.name;
  record.claim = expectation.claim;
  record.published = expectation.published;
  record.tolerance = expectation.tolerance;
  return record;
}

ExpectationRecord judge_one(const Expectation& expectation, const Runs& runs) {
  ExpectationRecord record = begin_record(expectation);
  record.verdict = ExpectationVerdict::cannot_tell;
  try {
    check_expectation(expectation, runs.keys);
  } catch (const InputError& error) {  // the file has not the trials that it is about
    record.why = error.what();
    return record;
  }
  const std::vector<Cell> cells = cells_of(expectation, runs.keys);
  const Judge judge(expectation, runs, comparisons_in(expectation, cells, runs));
  std::optional<Judgement> worst;
  for (const Cell& cell : cells) {
    std::string along;
    const Judgement found = judge.judge(cell.runs, along);
    if (worst && !judge.is_less_agreeable(found, *worst)) continue;
    worst = found;
    record.cell = cell.name;
    std::vector<std::string> words = remarks_on(expectation, cell.runs, runs);
    if (!along.empty()) words.insert(words.begin(), along);
    if (!found.why.empty()) words.push_back(found.why);
    record.why = fmt::format("{}", fmt::join(words, "; "));
  }
  record.cells = static_cast<std::int64_t>(cells.size());
  record.verdict = worst->verdict;
  record.value = worst->value;
  record.low = worst->low;
  record.high = worst->high;
  record.runs = static_cast<std::int64_t>(worst->runs);
  return record;
}

}  // namespace

std::vector<ExpectationRecord> not_judged(std::span<const Expectation> expectations) {
  std::vector<ExpectationRecord> records;
  for (const Expectation& expectation : expectations) records.push_back(begin_record(expectation));
  return records;
}

std::vector<ExpectationRecord> judge_expectations(std::span<const Expectation> expectations, const ResultFile& file) {
  std::vector<ExpectationRecord> records;
  if (expectations.empty()) return records;
  const Runs runs = runs_of(file);
  for (const Expectation& expectation : expectations) records.push_back(judge_one(expectation, runs));
  return records;
}

void judge_expectations(ResultFile& file) {
  std::vector<Expectation> expectations;
  for (const ExpectationRecord& record : file.expectations) {
    expectations.push_back(parse_expectation(record.name, record.claim, record.published, record.tolerance));
  }
  file.expectations = judge_expectations(expectations, file);
}

}  // namespace stepbench
