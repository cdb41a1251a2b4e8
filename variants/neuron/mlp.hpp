// The multi-layer perceptron: layers one after the other, ReLU on all but the last, whose activation is the model's.
#pragma once

#include <vector>

#include "variants/neuron/trained_network.hpp"

namespace stepbench::neuron {

template <typename Scalar>
class NeuronMlp final : public TrainedNetwork<Scalar> {
 public:
  explicit NeuronMlp(const NetworkSettings& settings);

  StepResult train_step(const Batch<Scalar>& batch, const UpdateStep& update) override;

 private:
  Rows<const Scalar> forward(const Batch<Scalar>& batch) override;
  void backward(const Batch<Scalar>& batch, Rows<const Scalar> output_gradient) override;
  /// From the top layer down. With `update_each`, a layer also updates itself, before it passes the gradient down.
  void backward_through_layers(Rows<const Scalar> gradient, const UpdateRule* update_each);

  std::vector<Layer<Scalar>> layers_;
  std::vector<Scalar> rounded_features_;  // (max_batch, in), in bfloat16
};

}  // namespace stepbench::neuron
