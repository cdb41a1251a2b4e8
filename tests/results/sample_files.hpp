// Result files made up for tests: one with everything a record can hold, one with next to nothing.
#pragma once

#include <string>

#include "core/results/trial_record.hpp"

namespace stepbench::testing {

/// Two trials with every series, text that is not ASCII, an unsupported and a diverged trial, two groups.
[[nodiscard]] ResultFile rich_file();

/// One trial that recorded nothing, no group.
[[nodiscard]] ResultFile minimal_file();

/// One trial with `steps` steps of plausible times and losses.
[[nodiscard]] ResultFile file_with_steps(std::int64_t steps);

/// The file of one trial in its group's round-by-round record: what a runner publishes before the collection.
[[nodiscard]] ResultFile single_trial_file(const std::string& trial, double step_time, std::int64_t position);

}  // namespace stepbench::testing
