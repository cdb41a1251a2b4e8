// The update rules, on one vector of parameters at a time, in the forms that the documentation of PyTorch's
// torch.optim.SGD, Adam and AdamW gives. Left out: AMSGrad, Nesterov momentum, dampening.
#pragma once

#include <cstddef>
#include <vector>

#include "core/models/parameters.hpp"
#include "core/network.hpp"

namespace stepbench::neuron {

/// Parameters together with their gradients and what the optimiser remembers of them: all vectors equally long, or
/// empty where the optimiser has no use for them.
template <typename Scalar>
struct TrainedTensor {
  TrainedTensor(std::size_t size, Optimizer optimizer);
  void forget();  // sets the optimiser's memory to zero
  [[nodiscard]] std::vector<Scalar>& content(Content content);

  std::vector<Scalar> values;
  std::vector<Scalar> gradients;
  std::vector<Scalar> first_moment;   // momentum's v, Adam's m
  std::vector<Scalar> second_moment;  // Adam's v
};

/// Everything that one optimiser step applies to all tensors alike.
struct UpdateRule {
  TrainingSettings training;  // the optimiser and its settings
  UpdateStep step;
  double gradient_scale = 1;  // of gradient clipping
};

/// Changes the tensor's values by its gradients, which stay as they are.
template <typename Scalar>
void update_tensor(TrainedTensor<Scalar>& tensor, ParameterRole role, const UpdateRule& rule);

}  // namespace stepbench::neuron
