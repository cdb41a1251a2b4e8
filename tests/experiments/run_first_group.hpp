// The first group of an experiment, run as the program runs it.
#pragma once

#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "experiments/measure/group_run.hpp"
#include "variants/registry.hpp"

namespace stepbench::testing {

/// `said`: takes what the run told the user.
inline GroupResult run_first_group(const Experiment& experiment, std::span<const Backend> table = backends(),
                                   std::string* said = nullptr) {
  const std::vector<PlannedGroup> groups = plan_experiment(experiment, table);
  std::FILE* stream = std::tmpfile();
  GroupResult result;
  {
    Progress progress(stream, Verbosity::quiet, 1);
    PeakHistory peaks;
    result = run_group(groups.front(), *find_backend(table, kReferenceBackend), peaks, progress);
  }
  if (said != nullptr) {
    std::rewind(stream);
    for (int c = std::fgetc(stream); c != EOF; c = std::fgetc(stream)) *said += static_cast<char>(c);
  }
  std::fclose(stream);
  return result;
}

}  // namespace stepbench::testing
