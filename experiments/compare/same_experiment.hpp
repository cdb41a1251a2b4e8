// Whether two result files may be compared: what must agree, and what may differ but has to be said.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/results/trial_record.hpp"

namespace stepbench::compare {

/// Whether trials that differ in this setting are of different experiments.
[[nodiscard]] bool must_agree(std::string_view key);

/// Whether `value` is what the key stands at where nobody sets it: what a file from before the key was trained with.
[[nodiscard]] bool is_default(std::string_view key, std::string_view value);

/// The first difference of that kind, or of the data or the seed, as a clause, in which `there` names where `baseline`
/// comes from: `trial tbb-t1-s1 has model.kind mlp, in old.h5 it is transformer`. Empty for none.
[[nodiscard]] std::string experiment_difference(const TrialRecord& trial, const TrialRecord& baseline,
                                                std::string_view there);

/// Throws InputError naming the first difference in data, model, training or what a loss is recorded over. Where the
/// data lies, how often it was measured and what was recorded may differ.
void require_same_experiment(const TrialRecord& trial, const TrialRecord& baseline);

/// Settings of the arms of two trials, as far as they differ: who computes and where, not what.
[[nodiscard]] std::vector<std::string> own_differences(const TrialRecord& trial, const TrialRecord& baseline);

/// The machines of two environments, as far as they differ: then a ratio of speeds is theirs too.
[[nodiscard]] std::vector<std::string> machine_differences(const KeyValues& environment, const KeyValues& baseline);

/// The programs of two files, as far as they differ.
[[nodiscard]] std::vector<std::string> program_differences(const ResultFile& file, const ResultFile& baseline);
/// Compilers and libraries of two environments, as far as they differ.
[[nodiscard]] std::vector<std::string> build_differences(const KeyValues& environment, const KeyValues& baseline);

}  // namespace stepbench::compare
