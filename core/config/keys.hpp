// The table of all config keys. Everything that is known of a key stands in its one row: reading, checking, listing and
// storing settings all go through it.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/experiment.hpp"

namespace stepbench {

/// When a key has an effect.
struct Condition {
  std::string_view text;  // for errors: `training.optimizer = momentum`; empty: always
  bool (*holds)(const TrialSettings&) = nullptr;
};

struct Key {
  std::string_view name;  // section and key: `training.batch_size`
  std::string allowed;    // what its text may be
  std::vector<std::string_view> choices;
  std::string default_text;  // empty: none
  std::string_view help;
  Condition condition;  // besides what the kind of data set says
  bool required = false;
  bool is_list = false;                                           // a single value has commas itself
  std::function<bool(TrialSettings&, std::string_view)> set;      // false, and nothing changed: the text is not allowed
  std::function<std::optional<Value>(const TrialSettings&)> get;  // nothing: not set, and no default
};

/// In the order in which they are listed and stored. `sweep.backend`, `sweep.threads`, `sweep.seed` are the last.
[[nodiscard]] std::span<const Key> all_keys();
/// nullptr when there is no such key.
[[nodiscard]] const Key* find_key(std::string_view name);

[[nodiscard]] std::string_view section_of(std::string_view key);  // before the first `.`
[[nodiscard]] std::string_view last_component(std::string_view key);
[[nodiscard]] std::vector<std::string_view> all_sections();

/// Whether the key has an effect in the trial. Keys of [dataset] depend on the trial's kind of data set.
[[nodiscard]] bool applies(const Key& key, const TrialSettings& trial, std::span<const DatasetKeys> dataset_kinds);
/// When the key has an effect, in words: `training.optimizer = momentum`, `dataset.kind = spirals, blobs`.
[[nodiscard]] std::string applies_with(const Key& key, std::span<const DatasetKeys> dataset_kinds);

/// `; did you mean "training.batch_size"?` for a key that does not exist, or empty.
[[nodiscard]] std::string key_suggestion(std::string_view unknown);

}  // namespace stepbench
