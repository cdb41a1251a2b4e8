#include "experiments/show/varying_settings.hpp"

#include <map>
#include <set>

namespace stepbench {

std::vector<VaryingSetting> varying_settings(const ResultFile& file) {
  const auto short_name = [](const std::string& key) { return key.substr(key.find('.') + 1); };
  std::map<std::string, std::set<std::string>> values, keys_of_name;
  keys_of_name["seed"].insert("seed");  // every trial has one
  std::vector<VaryingSetting> varying;
  for (const TrialRecord& record : file.trials) {
    for (const auto& [key, value] : record.settings) {
      if (is_of_the_run_alone(key)) continue;
      keys_of_name[short_name(key)].insert(key);
      if (values[key].insert(to_text(value)).second && values[key].size() == 2) varying.push_back({key, {}});
    }
  }
  for (VaryingSetting& setting : varying) {
    const std::string name = short_name(setting.key);
    setting.name = keys_of_name[name].size() == 1 ? name : setting.key;
  }
  return varying;
}

}  // namespace stepbench
