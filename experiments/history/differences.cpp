#include "experiments/history/differences.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace stepbench::history {
namespace {

/// The values that a name has, in the order in which they come.
class Values {
 public:
  void add(const std::string& name, const std::string& value) {
    if (!values_.contains(name)) order_.push_back(name);
    std::vector<std::string>& values = values_[name];
    if (std::ranges::find(values, value) == values.end()) values.push_back(value);
  }
  [[nodiscard]] const std::vector<std::string>& names() const { return order_; }
  [[nodiscard]] std::string text(const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? "" : fmt::format("{}", fmt::join(found->second, ", "));
  }

 private:
  std::vector<std::string> order_;
  std::map<std::string, std::vector<std::string>> values_;
};

Values program_of(const ResultFile& file) {
  Values values;
  values.add("version", file.stepbench_version);
  values.add("commit", file.git_commit + (file.git_dirty ? ", modified" : ""));
  return values;
}

Values settings_of(const ResultFile& file) {
  Values values;
  values.add("experiment", file.experiment);
  for (const TrialRecord& trial : file.trials) {
    values.add("backend", trial.backend);
    if (trial.ranks > 0) values.add("ranks", std::to_string(trial.ranks));
    values.add("threads", std::to_string(trial.threads));
    values.add("seed", std::to_string(trial.seed));
    for (const auto& [key, value] : trial.settings) {
      if (!is_of_the_run_alone(key)) values.add(key, to_text(value));
    }
  }
  return values;
}

Values environment_of(const ResultFile& file) {
  Values values;
  for (const KeyValues& environment : file.environments) {
    for (const auto& [name, value] : environment) {
      if (!std::holds_alternative<double>(value)) values.add(name, to_text(value));
    }
  }
  return values;
}

void add_differences(const char* of, const Values& before, const Values& after, std::vector<Difference>& found) {
  std::vector<std::string> names = before.names();
  for (const std::string& name : after.names()) {
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  for (const std::string& name : names) {
    const std::string was = before.text(name), is = after.text(name);
    if (was != is) found.push_back({of, name, was, is});
  }
}

}  // namespace

std::vector<Difference> differences_between(const ResultFile& before, const ResultFile& after) {
  std::vector<Difference> found;
  add_differences("program", program_of(before), program_of(after), found);
  add_differences("settings", settings_of(before), settings_of(after), found);
  add_differences("machine and libraries", environment_of(before), environment_of(after), found);
  return found;
}

}  // namespace stepbench::history
