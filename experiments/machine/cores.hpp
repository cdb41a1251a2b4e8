// The one place that counts cores: everything that warns of threads, or divides by cores, asks here.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace stepbench {

/// Numbers of the logical cores that the process's affinity mask allows.
[[nodiscard]] std::vector<int> allowed_cores();

/// Of `allowed` cores, those that a control group's quota (cores' worth of time) leaves: whole ones, at least one.
[[nodiscard]] int usable_cores(int allowed, std::optional<double> quota);

/// Logical cores that this process can keep busy at once: the affinity mask, and within it the quota of its control
/// groups (a container's). As they were when first asked: what is measured per core must not change in between.
[[nodiscard]] int available_cores();

/// Of those, the cores that so many threads can have at once.
[[nodiscard]] int cores_at_once(std::int64_t threads);

}  // namespace stepbench
