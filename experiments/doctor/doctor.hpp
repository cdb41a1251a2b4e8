// `stepbench doctor`: what this machine can do, and what would spoil a measurement here, in plain words.
// Measuring (measure), judging (judge) and printing (doctor) are apart; nothing here is stored.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "experiments/doctor/measure.hpp"

namespace stepbench::doctor {

/// warning: figures taken here mislead, or are slower than they need be. note: something to know when reading them.
enum class Verdict { ok, note, warning };
enum class Section { machine, program, limits, noise };

/// One check. `means` and `advice` are empty where there is nothing to say or to do.
struct Finding {
  Section section;
  Verdict verdict;
  std::string check;   // `shared cores`
  std::string sees;    // with the figures
  std::string means;   // for a measurement
  std::string advice;  // a command, where there is one
};

/// Every check, in the sections' order; a check that has nothing to go by says so as a note or is left out.
[[nodiscard]] std::vector<Finding> judge(const Measurements& measurements);

/// As text of at most `columns` (50 to 100) a line where words allow; `colour` adds terminal escapes.
[[nodiscard]] std::string as_text(const std::vector<Finding>& findings, bool colour, std::size_t columns = 100);
/// An array of objects with the Finding's fields.
[[nodiscard]] std::string as_json(const std::vector<Finding>& findings);

}  // namespace stepbench::doctor
