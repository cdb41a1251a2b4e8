// A setting that one backend has for itself: `[backend.tbb] shard_rows`. Its row says it; reading, sweeping, listing
// and storing it is as for any other key.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config/rules.hpp"
#include "core/value.hpp"

namespace stepbench {

struct BackendSetting {
  std::string_view name;  // `shard_rows`
  std::string_view help;
  std::string allowed;  // as Rule has them
  std::vector<std::string_view> choices;
  std::function<std::optional<Value>(std::string_view)> parse;
  std::string default_text;  // what the backend does where it is not set
};

/// A row. Where a config does not set it, the backend decides, and nothing is stored.
template <typename T>
BackendSetting backend_setting(std::string_view name, Rule<T> rule, std::string_view help, std::string default_text) {
  BackendSetting setting;
  setting.name = name;
  setting.help = help;
  setting.allowed = std::move(rule.allowed);
  setting.choices = std::move(rule.choices);
  setting.parse = [parse = std::move(rule.parse), to_value = std::move(rule.to_value)](std::string_view text) {
    const std::optional<T> value = parse(text);
    return value ? to_value(*value) : std::nullopt;
  };
  setting.default_text = std::move(default_text);
  return setting;
}

struct BackendKeys {
  std::string_view backend;
  std::vector<BackendSetting> settings;
};

}  // namespace stepbench
