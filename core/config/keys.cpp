#include "core/config/keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/arm.hpp"
#include "core/config/key_rows.hpp"
#include "core/text/suggestion.hpp"

namespace stepbench {
namespace {

/// `backend.tbb.shard_rows`: in a trial's settings under its full key.
Key backend_key(std::string_view backend, const BackendSetting& setting) {
  Key key;
  key.name = fmt::format("{}{}.{}", kOwnSettingPrefix, backend, setting.name);
  key.allowed = setting.allowed;
  key.choices = setting.choices;
  key.default_text = setting.default_text;
  key.help = setting.help;
  key.condition = {fmt::format("sweep.backend = {}", backend),
                   [backend](const TrialSettings& trial) { return trial.backend == backend; }};
  key.of_arm = true;
  key.set = [name = key.name, parse = setting.parse](TrialSettings& trial, std::string_view text) {
    std::optional<Value> value = parse(text);
    if (!value) return false;
    std::erase_if(trial.backend_settings, [&name](const auto& entry) { return entry.first == name; });
    trial.backend_settings.emplace_back(name, *std::move(value));
    return true;
  };
  key.get = [name = key.name](const TrialSettings& trial) -> std::optional<Value> {
    const Value* value = find_value(trial.backend_settings, name);
    return value != nullptr ? std::optional(*value) : std::nullopt;
  };
  return key;
}

/// Keys of [dataset] that every kind has.
bool of_all_kinds(std::string_view dataset_key) {
  constexpr std::string_view kCommon[] = {"kind", "shuffle", "train_samples", "validation_samples"};
  return std::find(std::begin(kCommon), std::end(kCommon), dataset_key) != std::end(kCommon);
}

bool uses(const DatasetKeys& kind, std::string_view dataset_key) {
  return of_all_kinds(dataset_key) || std::find(kind.keys.begin(), kind.keys.end(), dataset_key) != kind.keys.end();
}

}  // namespace

std::string_view section_of(std::string_view key) { return key.substr(0, key.rfind('.')); }

std::string_view last_component(std::string_view key) {
  const std::size_t dot = key.rfind('.');
  return dot == std::string_view::npos ? key : key.substr(dot + 1);
}

KeyTable::KeyTable(std::vector<DatasetKeys> datasets, std::span<const BackendKeys> backends)
    : datasets_(std::move(datasets)) {
  const auto add = [this](std::vector<Key> part) { std::ranges::move(part, std::back_inserter(keys_)); };
  add(data_and_model_keys());
  add(training_keys());
  add(measure_and_record_keys());
  add(ranks_keys());
  add(scaling_keys());
  for (const BackendKeys& backend : backends) {
    for (const BackendSetting& setting : backend.settings) keys_.push_back(backend_key(backend.backend, setting));
  }
  add(sweep_keys());
}

const Key* KeyTable::find(std::string_view name) const {
  const auto found = std::ranges::find(keys_, name, &Key::name);
  return found == keys_.end() ? nullptr : &*found;
}

std::vector<std::string_view> KeyTable::sections() const {
  std::vector<std::string_view> sections;
  for (const Key& key : keys_) {
    if (sections.empty() || sections.back() != section_of(key.name)) sections.push_back(section_of(key.name));
  }
  return sections;
}

bool KeyTable::applies(const Key& key, const TrialSettings& trial) const {
  if (key.condition.holds && !key.condition.holds(trial)) return false;
  if (section_of(key.name) != "dataset" || of_all_kinds(last_component(key.name))) return true;
  return std::ranges::any_of(datasets_, [&](const DatasetKeys& kind) {
    return kind.kind == trial.dataset.kind && uses(kind, last_component(key.name));
  });
}

std::string KeyTable::applies_with(const Key& key) const {
  if (section_of(key.name) != "dataset" || of_all_kinds(last_component(key.name))) return key.condition.text;
  std::string kinds;
  for (const DatasetKeys& kind : datasets_) {
    if (uses(kind, last_component(key.name))) kinds += (kinds.empty() ? "" : " or ") + std::string(kind.kind);
  }
  return "dataset.kind = " + kinds;
}

std::string KeyTable::suggestion_for(std::string_view unknown) const {
  std::vector<std::string_view> names, neighbours;
  for (const Key& key : keys_) {
    names.push_back(key.name);
    if (section_of(key.name) == section_of(unknown)) neighbours.push_back(last_component(key.name));
  }
  // A slip of the pen within the section, then the right key in the wrong section, then anything near.
  const std::string near = suggestion(last_component(unknown), neighbours);
  if (!near.empty()) {
    constexpr std::string_view kBefore = "; did you mean \"";
    return std::string(kBefore) + std::string(section_of(unknown)) + "." + near.substr(kBefore.size());
  }
  for (const std::string_view name : names) {
    if (last_component(name) == last_component(unknown)) return "; did you mean \"" + std::string(name) + "\"?";
  }
  return suggestion(unknown, names);
}

std::vector<KeyDescription> describe_keys(const KeyTable& table) {
  std::vector<KeyDescription> descriptions;
  for (const Key& key : table.keys()) {
    descriptions.push_back({key.name, key.allowed, key.default_text, std::string(key.help), table.applies_with(key)});
  }
  return descriptions;
}

KeyValues setting_values(const TrialSettings& trial, const KeyTable& table) {
  KeyValues values;
  for (const Key& key : table.keys()) {
    if (section_of(key.name) == "sweep" || !table.applies(key, trial)) continue;
    std::optional<Value> value = key.get(trial);
    if (value) values.emplace_back(key.name, std::move(*value));
  }
  return values;
}

KeyValues own_settings(const TrialSettings& trial) {
  const std::string prefix = fmt::format("{}{}.", kOwnSettingPrefix, trial.backend);
  KeyValues own;
  for (const auto& [key, value] : trial.backend_settings) {
    if (key.starts_with(prefix)) own.emplace_back(key.substr(prefix.size()), value);
  }
  return own;
}

}  // namespace stepbench
