// What this machine and this build are: the attributes of /environment.
#pragma once

#include <string>
#include <vector>

#include "core/results/trial_record.hpp"
#include "variants/registry.hpp"

namespace stepbench {

/// Of all libraries that make a trial: the backends', HDF5, the C library.
[[nodiscard]] std::vector<LibraryFact> library_facts();

/// CPU, build, libraries.
[[nodiscard]] KeyValues environment_facts();
/// The same, and the measured limits: FMA peak on one core and on all, one large matrix product. Takes about half a
/// second. A limit is NaN where it takes more threads or memory than there is.
[[nodiscard]] KeyValues describe_environment();

struct BuildInfo {
  std::string version, git_commit;
  bool git_dirty;
};
[[nodiscard]] BuildInfo build_info();

/// `2026-11-22T10:38:12Z`
[[nodiscard]] std::string utc_now();

}  // namespace stepbench
