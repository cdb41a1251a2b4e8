#include "experiments/compare/same_experiment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/error.hpp"

namespace stepbench {
namespace {

/// evaluate_every is the one key of `measure` that changes what a recorded loss is the mean of.
bool must_agree(std::string_view key) {
  if (key == "dataset.path") return false;  // the digest speaks for the data
  if (key == "measure.evaluate_every") return true;
  return key.starts_with("dataset.") || key.starts_with("model.") || key.starts_with("training.");
}

std::string shown(const std::string& text) { return text.empty() ? "nothing" : text; }

std::string git_version(const ResultFile& file) {
  return fmt::format("{} ({}{})", file.stepbench_version, file.git_commit, file.git_dirty ? ", modified" : "");
}

template <std::size_t n>
std::vector<std::string> differences(const std::array<const char*, n>& names, const KeyValues& here,
                                     const KeyValues& there) {
  std::vector<std::string> lines;
  for (const char* name : names) {
    const std::string a = text_of(here, name), b = text_of(there, name);
    if (a != b) lines.push_back(fmt::format("{}: {}; baseline: {}", name, shown(a), shown(b)));
  }
  return lines;
}

}  // namespace

std::string text_of(const KeyValues& values, std::string_view name) {
  const auto found = std::ranges::find_if(values, [name](const auto& entry) { return entry.first == name; });
  return found == values.end() ? "" : to_text(found->second);
}

void require_same_experiment(const TrialRecord& trial, const TrialRecord& baseline) {
  const auto refuse = [&](const std::string& what, const std::string& here, const std::string& there) {
    throw InputError(fmt::format("compare: not the same experiment: trial {} has {} {}, in the baseline file it is {}",
                                 trial.id, what, shown(here), shown(there)));
  };
  for (const auto& [key, value] : trial.settings) {
    const std::string here = to_text(value), there = text_of(baseline.settings, key);
    if (must_agree(key) && here != there) refuse(key, here, there);
  }
  for (const auto& [key, value] : baseline.settings) {
    if (must_agree(key) && text_of(trial.settings, key).empty() && !to_text(value).empty()) {
      refuse(key, "", to_text(value));
    }
  }
  if (trial.dataset_digest != baseline.dataset_digest) {
    refuse("data with the digest", trial.dataset_digest, baseline.dataset_digest);
  }
  if (trial.seed != baseline.seed) refuse("seed", std::to_string(trial.seed), std::to_string(baseline.seed));
}

std::vector<std::string> machine_differences(const ResultFile& file, const ResultFile& baseline) {
  constexpr std::array kNames = {"hostname", "cpu_model", "isa", "cores", "blas_core", "governor", "thp"};
  return differences(kNames, file.environment, baseline.environment);
}

std::vector<std::string> build_differences(const ResultFile& file, const ResultFile& baseline) {
  constexpr std::array kNames = {"compiler",         "compile_flags", "native_code",
                                 "openblas_version", "tbb_version",   "denormals_flushed"};
  std::vector<std::string> lines;
  if (git_version(file) != git_version(baseline)) {
    lines.push_back(fmt::format("stepbench: {}; baseline: {}", git_version(file), git_version(baseline)));
  }
  std::ranges::move(differences(kNames, file.environment, baseline.environment), std::back_inserter(lines));
  return lines;
}

}  // namespace stepbench
