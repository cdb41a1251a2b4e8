// What else differs between two files of a history: the program, the settings, the machine and the libraries.
#pragma once

#include <string>
#include <vector>

#include "core/results/trial_record.hpp"

namespace stepbench::history {

struct Difference {
  std::string of;             // `program`, `settings`, `machine and libraries`
  std::string name;           // `git_commit`, `measure.rounds`, `cpu_model`
  std::string before, after;  // several values with commas between them; empty: there is none
};

/// In the order in which they are likely to be the reason for a change. Settings are those of all trials with their
/// defaults, so that it is told what a change of the config did, however it was spelled; with backend, threads and
/// seeds. Of an environment all but what is measured (peaks), as no two measurements are equal.
[[nodiscard]] std::vector<Difference> differences_between(const ResultFile& before, const ResultFile& after);

}  // namespace stepbench::history
