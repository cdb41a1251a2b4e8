// What the two halves of `stepbench doctor`'s judging share.
#pragma once

#include <string>
#include <vector>

#include "experiments/doctor/doctor.hpp"

namespace stepbench::doctor {

/// What was measured: limits and noise. Appends to `findings`.
void judge_figures(const Measurements& measurements, std::vector<Finding>& findings);

/// `0.12%`, `3.1%`, `25%`
[[nodiscard]] std::string percent(double share);
/// `0,2,3`
[[nodiscard]] std::string listed(const std::vector<int>& numbers);
/// `1 core`, `2 cores`
[[nodiscard]] std::string cores_text(int count);
/// Logical cores that the process may use.
[[nodiscard]] int core_count(const Measurements& measurements);
/// Those of them that are not each other's hyper-threads.
[[nodiscard]] int physical_cores(const Measurements& measurements);

}  // namespace stepbench::doctor
