// What a network takes of memory, and what was seen of it.
#pragma once

#include <limits>

namespace stepbench {

/// Bytes by the model: from shapes, precision, optimiser and the largest batch (core/models/step_work.hpp).
struct NetworkMemory {
  double parameters = std::numeric_limits<double>::quiet_NaN();  // with their master or compensation, of bfloat16
  double gradients = std::numeric_limits<double>::quiet_NaN();
  double moments = std::numeric_limits<double>::quiet_NaN();
  double activations = std::numeric_limits<double>::quiet_NaN();  // and their gradients, and the batch
  double copies = std::numeric_limits<double>::quiet_NaN();  // of weights, in the form that the backend's products like
  [[nodiscard]] double sum() const { return parameters + gradients + moments + activations + copies; }
};

/// The same beside what was touched. NaN where it is not known.
struct MemoryRecord {
  NetworkMemory model;
  double resident_peak = std::numeric_limits<double>::quiet_NaN();  // B: TrialMemory of experiments/machine
};

}  // namespace stepbench
