// The update rules, on one vector of parameters at a time, in the forms that the documentation of PyTorch's
// torch.optim.SGD, Adam and AdamW gives; bfloat16_update.cpp has them for parameters in bfloat16. Left out: AMSGrad,
// Nesterov momentum, dampening.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/models/parameters.hpp"
#include "core/network.hpp"

namespace stepbench::neuron {

/// Parameters together with their gradients and what the update remembers of them: all vectors equally long, or empty
/// where it has no use for them.
template <typename Scalar>
struct TrainedTensor {
  TrainedTensor(std::size_t size, Optimizer optimizer);
  /// Takes memory for what bfloat16 needs, if the training is in it.
  void prepare(const TrainingSettings& training, std::int64_t place_in_canonical_order);
  void forget();  // as if the values had just been written: the optimiser's memory becomes zero
  [[nodiscard]] std::vector<Scalar>& content(Content content);

  std::vector<Scalar> values;
  std::vector<Scalar> gradients;
  std::vector<Scalar> first_moment;   // momentum's v, Adam's m
  std::vector<Scalar> second_moment;  // Adam's v
  std::vector<Scalar> compensation;   // of bfloat16 (enum Precision in core/settings.hpp)
  std::vector<Scalar> master_weights;
  std::int64_t place = 0;  // of the first value in canonical order, which tells what stochastic rounding draws for it
};

/// Everything that one optimiser step applies to all tensors alike.
struct UpdateRule {
  TrainingSettings training;  // the optimiser and its settings
  UpdateStep step;
  double gradient_scale = 1;  // of gradient clipping
  std::uint64_t seed = 1;     // of stochastic rounding
};

/// Changes the tensor's values by its gradients, which stay as they are.
template <typename Scalar>
void update_tensor(TrainedTensor<Scalar>& tensor, ParameterRole role, const UpdateRule& rule);

/// That of a training in bfloat16.
template <typename Scalar>
void update_in_bfloat16(TrainedTensor<Scalar>& tensor, ParameterRole role, const UpdateRule& rule);

}  // namespace stepbench::neuron
