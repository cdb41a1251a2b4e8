// The comparison of two result files field by field, in which NaN equals NaN.
#pragma once

#include <string>

#include "core/results/trial_record.hpp"

namespace stepbench::testing {

/// The path of the first field in which the two differ, empty where they are equal.
[[nodiscard]] std::string first_difference(const ResultFile& left, const ResultFile& right);

}  // namespace stepbench::testing
