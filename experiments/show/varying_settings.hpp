// What the trials of a file differ in besides backend, threads and seed: the columns and names of tables.
#pragma once

#include <string>
#include <vector>

#include "core/results/trial_record.hpp"

namespace stepbench {

struct VaryingSetting {
  std::string key;  // `training.batch_size`
  std::string
      name;  // `batch_size`; the key where a setting of another section has the same name, as with `dataset.kind`
};

/// Settings with at least two values, in the order in which trials bring the second.
[[nodiscard]] std::vector<VaryingSetting> varying_settings(const ResultFile& file);

}  // namespace stepbench
