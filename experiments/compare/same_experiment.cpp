#include "experiments/compare/same_experiment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>

#include "core/arm.hpp"
#include "core/error.hpp"
#include "core/results/environments.hpp"
#include "experiments/machine/environment.hpp"
#include "experiments/plan/plan.hpp"

namespace stepbench::compare {
namespace {

std::string shown(const std::string& text) { return text.empty() ? "nothing" : text; }

std::string git_version(const ResultFile& file) {
  return fmt::format("{} ({}{})", file.stepbench_version, file.git_commit, file.git_dirty ? ", modified" : "");
}

/// `lacking`: what stands for a value that is not there.
std::string difference(std::string_view name, const KeyValues& here, const KeyValues& there,
                       std::string_view lacking = "not recorded") {
  const std::string a = text_of(here, name), b = text_of(there, name);
  const auto shown = [lacking](const std::string& text) { return text.empty() ? std::string(lacking) : text; };
  return a == b ? "" : fmt::format("{}: {}; baseline: {}", name, shown(a), shown(b));
}

/// Whether the two say the same of a key: a file from before there was one was trained as its default has it.
bool same_value(std::string_view key, const std::string& own, const std::string& other) {
  return own == other || (other.empty() && compare::is_default(key, own)) ||
         (own.empty() && compare::is_default(key, other));
}

/// `names`: of attributes.
std::vector<std::string> differences(std::span<const std::string_view> names, const KeyValues& here,
                                     const KeyValues& there) {
  std::vector<std::string> lines;
  for (const std::string_view name : names) {
    std::string line = difference(name, here, there);
    if (!line.empty()) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace

bool must_agree(std::string_view key) {
  if (key == "dataset.path") return false;           // the digest speaks for the data
  if (key == "measure.evaluate_every") return true;  // a recorded loss is the mean since the last evaluation
  return key.starts_with("dataset.") || key.starts_with("model.") || key.starts_with("training.");
}

bool is_default(std::string_view key, std::string_view value) {
  const Key* const known = key_table().find(key);
  return known != nullptr && !value.empty() && known->default_text == value;
}

std::string experiment_difference(const TrialRecord& trial, const TrialRecord& baseline, std::string_view there) {
  const auto clause = [&](std::string_view what, const std::string& own, const std::string& other) {
    return fmt::format("trial {} has {} {}, in {} it is {}", trial.id, what, shown(own), there, shown(other));
  };
  for (const auto& [key, value] : trial.settings) {
    const std::string own = to_text(value), other = text_of(baseline.settings, key);
    if (must_agree(key) && !same_value(key, own, other)) return clause(key, own, other);
  }
  for (const auto& [key, value] : baseline.settings) {
    if (must_agree(key) && text_of(trial.settings, key).empty() && !same_value(key, "", to_text(value))) {
      return clause(key, "", to_text(value));
    }
  }
  if (trial.dataset_digest != baseline.dataset_digest) {
    return clause("data with the digest", trial.dataset_digest, baseline.dataset_digest);
  }
  if (trial.seed != baseline.seed) return clause("seed", std::to_string(trial.seed), std::to_string(baseline.seed));
  return "";
}

void require_same_experiment(const TrialRecord& trial, const TrialRecord& baseline) {
  const std::string difference = experiment_difference(trial, baseline, "the baseline file");
  if (!difference.empty()) throw InputError("compare: not the same experiment: " + difference);
}

std::vector<std::string> own_differences(const TrialRecord& trial, const TrialRecord& baseline) {
  std::vector<std::string> lines;
  for (const KeyValues* settings : {&trial.settings, &baseline.settings}) {
    for (const auto& [key, value] : *settings) {
      if (!is_of_arm(key)) continue;
      std::string line = difference(key, trial.settings, baseline.settings, "not set");
      if (!line.empty() && std::ranges::find(lines, line) == lines.end()) lines.push_back(std::move(line));
    }
  }
  return lines;
}

std::vector<std::string> machine_differences(const KeyValues& environment, const KeyValues& baseline) {
  return differences(kMachineFacts, environment, baseline);
}

std::vector<std::string> program_differences(const ResultFile& file, const ResultFile& baseline) {
  if (git_version(file) == git_version(baseline)) return {};
  return {fmt::format("stepbench: {}; baseline: {}", git_version(file), git_version(baseline))};
}

std::vector<std::string> build_differences(const KeyValues& environment, const KeyValues& baseline) {
  constexpr std::array<std::string_view, 4> kBuild = {"compiler", "compile_flags", "native_code", "denormals_flushed"};
  std::vector<std::string> lines = differences(kBuild, environment, baseline);
  for (const LibraryFact& fact : library_facts()) {
    if (!fact.makes_bits || std::ranges::find(kMachineFacts, fact.name) != kMachineFacts.end()) continue;
    std::string line = difference(fact.name, environment, baseline);
    if (!line.empty()) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace stepbench::compare
