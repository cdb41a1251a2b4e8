// The table of all config keys. Everything that is known of a key stands in its one row: reading, checking, listing and
// storing settings all go through it.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/backend_setting.hpp"
#include "core/config/experiment.hpp"

namespace stepbench {

/// When a key has an effect.
struct Condition {
  std::string text;  // for errors: `training.optimizer = momentum`; empty: always
  std::function<bool(const TrialSettings&)> holds;
};

struct Key {
  std::string name;     // section and key: `training.batch_size`
  std::string allowed;  // what its text may be
  std::vector<std::string_view> choices;
  std::string default_text;  // empty: none
  std::string_view help;
  Condition condition;  // besides what the kind of data set says
  bool of_arm = false;  // it says who computes (core/arm.hpp), not what: its values are measured against each other
  bool required = false;
  bool is_list = false;                                           // a single value has commas itself
  std::function<bool(TrialSettings&, std::string_view)> set;      // false, and nothing changed: the text is not allowed
  std::function<std::optional<Value>(const TrialSettings&)> get;  // nothing: not set, and no default
};

[[nodiscard]] std::string_view section_of(std::string_view key);  // before the last `.`
[[nodiscard]] std::string_view last_component(std::string_view key);

/// The keys of a program with these kinds of data sets and these backends.
class KeyTable {
 public:
  KeyTable(std::vector<DatasetKeys> datasets, std::span<const BackendKeys> backends);

  /// In the order in which they are listed and stored. Those of `sweep` are the last.
  [[nodiscard]] std::span<const Key> keys() const { return keys_; }
  /// nullptr when there is no such key.
  [[nodiscard]] const Key* find(std::string_view name) const;
  [[nodiscard]] std::span<const DatasetKeys> datasets() const { return datasets_; }
  [[nodiscard]] std::vector<std::string_view> sections() const;

  /// Whether the key has an effect in the trial. Keys of [dataset] depend on the trial's kind of data set.
  [[nodiscard]] bool applies(const Key& key, const TrialSettings& trial) const;
  /// When the key has an effect, in words: `training.optimizer = momentum`, `dataset.kind = spirals or blobs`.
  [[nodiscard]] std::string applies_with(const Key& key) const;
  /// `; did you mean "training.batch_size"?` for a key that does not exist, or empty.
  [[nodiscard]] std::string suggestion_for(std::string_view unknown) const;

 private:
  std::vector<Key> keys_;
  std::vector<DatasetKeys> datasets_;
};

}  // namespace stepbench
