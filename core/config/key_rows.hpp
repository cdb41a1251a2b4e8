// Inside core/config only: the rows of the table of keys, section by section in the order in which they are listed.
// What is done with the table is keys.cpp.
#pragma once

#include <vector>

#include "core/config/keys.hpp"

namespace stepbench {

[[nodiscard]] std::vector<Key> data_and_model_keys();
[[nodiscard]] std::vector<Key> training_keys();
[[nodiscard]] std::vector<Key> measure_and_record_keys();
[[nodiscard]] std::vector<Key> ranks_keys();
[[nodiscard]] std::vector<Key> scaling_keys();
[[nodiscard]] std::vector<Key> sweep_keys();

}  // namespace stepbench
