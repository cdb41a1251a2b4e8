#include "core/config/expand.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "core/arm.hpp"
#include "core/config/rules.hpp"
#include "core/error.hpp"
#include "core/models/model_kinds.hpp"
#include "core/text/suggestion.hpp"
#include "core/text/text.hpp"

namespace stepbench {
namespace {

// Far above any sweep that ends; a slip of the pen shall not keep the machine busy before it is noticed.
constexpr std::size_t kMostTrials = 10'000;
// An id is also a file name, and file systems take 255 bytes.
constexpr std::size_t kLongestId = 200;

/// A key with the values that it takes in turn.
struct Dimension {
  const Assignment* assignment = nullptr;
  std::vector<std::string> values;    // as the config spells them
  std::vector<std::string> suffixes;  // what each adds to a trial's id; empty where there is one value only
  [[nodiscard]] bool varies() const { return values.size() > 1; }
};

[[noreturn]] void fail(const Assignment& assignment, const std::string& what) {
  throw InputError(assignment.where() + what);
}

std::vector<std::string_view> list_elements(const Assignment& assignment) {
  const bool bars = assignment.text.find('|') != std::string::npos;
  if (assignment.key->is_list && !bars) return {assignment.text};
  std::vector<std::string_view> elements = split(assignment.text, bars ? '|' : ',');
  if (std::find(elements.begin(), elements.end(), "") != elements.end()) fail(assignment, "empty element in the list");
  return elements;
}

/// The values of a list in [sweep], each checked. `canonical` becomes their spelling by type: `0.10` is `0.1`.
Dimension make_dimension(const Assignment& assignment, const TrialSettings& shared, const KeyTable& table,
                         std::vector<std::string>& canonical) {
  Dimension dimension;
  dimension.assignment = &assignment;
  TrialSettings scratch = shared;
  std::set<std::string> seen;
  for (const std::string_view element : list_elements(assignment)) {
    set_value(assignment, element, scratch, table);
    const std::string spelled = to_text(assignment.key->get(scratch).value());
    if (!seen.insert(spelled).second) {
      fail(assignment, fmt::format("\"{}\" stands twice in the list", printable(element)));
    }
    dimension.values.emplace_back(element);
    canonical.push_back(spelled);
  }
  return dimension;
}

std::string safe_in_id(std::string text) {
  const auto is_safe = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '+' ||
           c == '-';
  };
  std::replace_if(
      text.begin(), text.end(), [is_safe](char c) { return !is_safe(c); }, '_');
  return text;
}

/// The dimensions that [sweep] has no own keys for, in config order, with the suffixes of their values.
std::vector<Dimension> make_other_dimensions(const TrialSettings& shared, std::span<const Assignment> assignments,
                                             const KeyTable& table) {
  std::vector<Dimension> dimensions;
  std::vector<std::vector<std::string>> canonical;
  std::map<std::string_view, int> varying;  // last component of a key -> varying keys that have it
  for (const Assignment& assignment : assignments) {
    if (!assignment.in_sweep || section_of(assignment.key->name) == "sweep") continue;
    dimensions.push_back(make_dimension(assignment, shared, table, canonical.emplace_back()));
    if (dimensions.back().varies()) ++varying[last_component(assignment.key->name)];
  }
  for (std::size_t d = 0; d < dimensions.size(); ++d) {
    const std::string_view key = dimensions[d].assignment->key->name;
    const bool shared_name = varying[last_component(key)] > 1;
    for (const std::string& value : canonical[d]) {
      const std::string suffix = fmt::format("-{}{}", shared_name ? key : last_component(key), safe_in_id(value));
      dimensions[d].suffixes.push_back(dimensions[d].varies() ? suffix : "");
    }
  }
  return dimensions;
}

/// Calls `visit` with one index per dimension, the last one varying fastest.
template <typename Visit>
void for_each_cell(const std::vector<Dimension>& dimensions, Visit visit) {
  std::vector<std::size_t> cell(dimensions.size(), 0);
  for (;;) {
    visit(cell);
    std::size_t d = dimensions.size();
    while (d > 0 && ++cell[d - 1] == dimensions[d - 1].values.size()) cell[--d] = 0;
    if (d == 0) return;
  }
}

void check_size(const std::vector<Dimension>& dimensions, const Experiment& experiment) {
  std::size_t trials = 1;
  for (const Dimension& dimension : dimensions) {
    trials *= dimension.values.size();  // a factor is at most the 2^20 bytes of a config, so nothing overflows
    if (trials > kMostTrials) {
      throw InputError(
          fmt::format("{}: sweep: more than {} trials, allowed: at most that", experiment.file.string(), kMostTrials));
    }
  }
}

}  // namespace

void set_value(const Assignment& assignment, std::string_view text, TrialSettings& trial, const KeyTable& table) {
  const Key& key = *assignment.key;
  std::string allowed = key.allowed;
  std::vector<std::string_view> choices = key.choices;
  if (key.name == "dataset.kind") {
    for (const DatasetKeys& kind : table.datasets()) choices.push_back(kind.kind);
    allowed = fmt::format("{}", fmt::join(choices, ", "));
    if (std::find(choices.begin(), choices.end(), text) != choices.end() && key.set(trial, text)) return;
  } else if (key.set(trial, text)) {
    return;
  }
  const bool misplaced_list = !assignment.in_sweep && !key.is_list && text.find_first_of(",|") != text.npos;
  fail(assignment,
       fmt::format("found \"{}\", allowed: {}{}{}", printable(text), allowed,
                   misplaced_list ? "; a list of values belongs in [sweep]" : "", suggestion(text, choices)));
}

void expand(const TrialSettings& shared, std::span<const Assignment> assignments, const KeyTable& table,
            Experiment& experiment) {
  std::vector<Dimension> dimensions = make_other_dimensions(shared, assignments, table);
  const auto of_backends = std::stable_partition(dimensions.begin(), dimensions.end(), [](const Dimension& dimension) {
    return !dimension.assignment->key->of_arm;
  });
  std::vector<Dimension> own(std::make_move_iterator(of_backends), std::make_move_iterator(dimensions.end()));
  dimensions.erase(of_backends, dimensions.end());
  for (const std::string_view name : {"sweep.seed", "sweep.backend", "sweep.ranks", "sweep.threads"}) {
    const auto set = std::find_if(assignments.begin(), assignments.end(),
                                  [name](const Assignment& assignment) { return assignment.key->name == name; });
    std::vector<std::string> unused;  // these keys have their own place in an id
    if (set != assignments.end()) dimensions.push_back(make_dimension(*set, shared, table, unused));
  }
  std::ranges::move(own, std::back_inserter(dimensions));  // after the backend, which they apply with
  check_size(dimensions, experiment);

  for (const Dimension& dimension : dimensions) {
    const std::string_view key = dimension.assignment->key->name;
    if (dimension.varies()) experiment.swept.emplace_back(section_of(key) == "sweep" ? last_component(key) : key);
  }
  std::set<std::string> ids;
  for_each_cell(dimensions, [&](const std::vector<std::size_t>& cell) {
    TrialSettings all = shared;
    for (std::size_t d = 0; d < dimensions.size(); ++d) {
      set_value(*dimensions[d].assignment, dimensions[d].values[cell[d]], all, table);
    }
    TrialSettings trial = shared;
    std::string of_arm, of_group;
    for (std::size_t d = 0; d < dimensions.size(); ++d) {
      const Dimension& dimension = dimensions[d];
      const Key& key = *dimension.assignment->key;
      // A setting that this backend, or another swept value of this cell, has no use for: of its values only the first
      // makes a trial, without it.
      if (!table.applies(key, all)) {
        if (cell[d] > 0) return;
        continue;
      }
      set_value(*dimension.assignment, dimension.values[cell[d]], trial, table);
      if (!dimension.suffixes.empty()) (key.of_arm ? of_arm : of_group) += dimension.suffixes[cell[d]];
    }
    trial.group = fmt::format("s{}{}", trial.seed, of_group);
    trial.id = trial_id({trial.backend, trial.threads, of_arm, trial.ranks.count}, trial.group);
    if (trial.id.size() > kLongestId) {
      throw InputError(fmt::format("{}: sweep: trial id {} is too long, allowed: {} characters",
                                   experiment.file.string(), printable(trial.id), kLongestId));
    }
    if (!ids.insert(trial.id).second) {
      throw InputError(
          fmt::format("{}: sweep: two trials have the same id {}; make the swept values differ in their "
                      "letters and digits",
                      experiment.file.string(), trial.id));
    }
    experiment.trials.push_back(std::move(trial));
  });
}

namespace {

/// Rules between settings of any kind of model. Throws SettingError for the first that is broken.
void check_training(const TrialSettings& trial, const KeyTable& table) {
  const TrainingSettings& training = trial.training;
  if (training.update_order == UpdateOrder::layerwise) {
    if (training.optimizer != Optimizer::sgd) {
      throw SettingError("training.update_order",
                         fmt::format("found \"layerwise\" with training.optimizer = {}, allowed: sgd",
                                     to_text(table.find("training.optimizer")->get(trial).value())));
    }
    if (training.micro_batch) {
      throw SettingError("training.update_order",
                         "found \"layerwise\" with training.micro_batch, allowed: simultaneous, as all micro-batches "
                         "see the same parameters");
    }
    if (training.gradient_clip) {
      throw SettingError("training.update_order",
                         "found \"layerwise\" with training.gradient_clip, allowed: no clipping, which needs all "
                         "gradients first");
    }
  }
  if (trial.model.softmax == Precision::float32 && training.precision == Precision::float64) {
    throw SettingError("model.softmax", "found \"float32\" with training.precision = float64, allowed: float64");
  }
  if (trial.record.gradient_noise && training.divisor == Divisor::naive) {
    throw SettingError("record.gradient_noise",
                       "found \"true\" with training.divisor = naive, allowed: with counted, as the moments are of the "
                       "batch's own gradient");
  }
  if (trial.record.gradient_noise && *training.micro_batch >= training.batch_size) {
    throw SettingError(
        "record.gradient_noise",
        fmt::format("found \"true\" with training.micro_batch = {} of batches of {}, allowed: with less, as "
                    "micro-batches are compared",
                    *training.micro_batch, training.batch_size));
  }
  if (trial.scaling.kind == ScalingKind::weak && !training.steps) {
    throw SettingError(
        "training.epochs",
        "found with scaling.kind = weak, allowed: training.steps, as an epoch has fewer steps the larger "
        "the batch is");
  }
  if (trial.measure.rounds == kAutomaticRounds && !trial.measure.interleave) {
    throw SettingError("measure.rounds",
                       "found \"auto\" with measure.interleave = false, allowed: a number, as blocks that do not "
                       "alternate find nothing");
  }
  if (training.schedule == Schedule::cosine && training.steps && training.warmup_steps >= *training.steps) {
    throw SettingError("training.warmup_steps", fmt::format("found \"{}\", allowed: less than training.steps = {}",
                                                            training.warmup_steps, *training.steps));
  }
}

}  // namespace

void check_trial(const TrialSettings& trial, const Experiment& experiment, const KeyTable& table) {
  try {
    row_of(trial.model.kind).check(trial);
    check_training(trial, table);
  } catch (const SettingError& error) {
    throw InputError(experiment.where(error.key()) + error.problem() + " (trial " + trial.id + ")");
  }
}

}  // namespace stepbench
