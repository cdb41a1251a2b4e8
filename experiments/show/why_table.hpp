// What limited the steps of the trials in a result file, in words and numbers (core/roofline.hpp).
#pragma once

#include <string>

#include "core/results/trial_record.hpp"

namespace stepbench {

/// A table with a row per trial and phase, one of the memory that the trials took, and how to read both. Of a file
/// without (of before, or without timed trials) a line that says so.
[[nodiscard]] std::string why_table(const ResultFile& file);
/// An object per trial: `id`, `limits` (null, or an object with the fields of LimitRecord, `phases` an array of
/// objects) and `memory` (null, or an object, B). Numbers that are not known are null.
[[nodiscard]] std::string why_json(const ResultFile& file);

}  // namespace stepbench
