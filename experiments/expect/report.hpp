// Expectations and their verdicts for people, and as an exit code.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/expect/expectation.hpp"
#include "core/results/trial_record.hpp"
#include "experiments/terminal/options.hpp"
#include "experiments/terminal/text_table.hpp"

namespace stepbench {

/// What a config expects, for `check`: a line each. Empty for none.
[[nodiscard]] std::string expectations_of_plan(std::span<const Expectation> expectations);

/// A row each: verdict, what was found, what was expected, what was published. Empty for none.
[[nodiscard]] std::string expectation_table(std::span<const ExpectationRecord> expectations, TableFormat format);

/// `--fail-if not-reproduced`
[[nodiscard]] Option fail_if_option();
/// Whether it is given. Throws InputError for another condition.
[[nodiscard]] bool fails_if_not_reproduced(std::string_view command, const ParsedCommandLine& arguments);
/// kExitRegression if one is not reproduced, else kExitInconclusive if one cannot be told, else kExitOk.
[[nodiscard]] int exit_code(std::span<const ExpectationRecord> expectations);

}  // namespace stepbench
