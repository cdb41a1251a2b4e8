// The mean of values that several processes took, each with a speed of its own: where its pages lie, what its allocator
// gave it, which CPU its library found, stay as they are until it ends, so that its values are off by the same amount,
// however many they are. What is known of the mean is known from the processes, not from their values.
#pragma once

#include <cstdint>
#include <span>

#include "core/sequence_mean.hpp"

namespace stepbench {

struct ProcessMean {
  /// Of the processes' own means, each of which counts the same; its error is that of Student's t with a degree of
  /// freedom less than there are processes. That holds whatever is alike within a process, and takes no variance
  /// component for zero because few processes happened to agree, as an analysis of variance may. Of one process,
  /// sequence_mean's.
  SequenceMean mean;
  std::size_t processes = 1;
  /// Standard deviations, of several processes: of what a process is off by (analysis of variance; 0 where the means
  /// differ no more than their values let them), and of a value within its process. NaN where nothing tells.
  double between, within;
};

/// `processes`: of each value the process that took it; empty: one took all.
[[nodiscard]] ProcessMean process_mean(std::span<const double> values, std::span<const std::int64_t> processes);

}  // namespace stepbench
