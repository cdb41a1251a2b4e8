// A neural network as a textbook draws it: a network is a list of layers, a layer is a list of neurons, and a neuron
// owns everything that is its own: weights, bias, their gradients and what the optimiser remembers of them. The
// transformer (transformer.hpp) is made of the same layers, with a few more objects between them.
//
// Deliberately not here: matrices, blocking, threads. Each neuron walks over the whole batch by itself, sample by
// sample; the only help that it gets is that its two inner loops are vectorised. This is what the other backends are
// checked against, and what their speed is a multiple of.
//
// Letters: B samples in the batch (in a transformer, the tokens of all its sequences), `in` inputs and `out` outputs of
// a layer. z is a neuron's weighted sum, a its activation, C the objective (enum Loss in core/settings.hpp). Matrices
// are row-major.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/network.hpp"
#include "variants/backend.hpp"
#include "variants/neuron/activation.hpp"
#include "variants/neuron/optimizer.hpp"
#include "variants/neuron/rows.hpp"

namespace stepbench::neuron {

/// What is rounded to bfloat16, in a training in it: a where it is stored, and dC/dz.
struct Roundings {
  bool outputs = false, gradients = false;
};

/// One unit: a = activation(z), z = sum_j weights[j] * input[j] + bias.
template <typename Scalar>
class Neuron {
 public:
  Neuron(std::int64_t inputs, Activation activation, Optimizer optimizer, std::int64_t max_batch,
         Roundings roundings = {});

  /// Computes this neuron's activation for each row of `input` (B, in) and writes it to column `column` of `output`
  /// (B, out). Keeps a view of the input, which must live until the gradients are computed.
  void forward(Rows<const Scalar> input, Rows<Scalar> output, std::int64_t column);

  /// From dC/da in column `column` of `output_gradient` (B, out): dC/dz, and from it the gradients of weights and bias.
  void compute_gradients(Rows<const Scalar> output_gradient, std::int64_t column);

  /// Adds this neuron's share of dC/d(input), with the weights as they are now, to `input_gradient` (B, in).
  void add_input_gradient(Rows<Scalar> input_gradient) const;

  /// Changes weights and bias by the gradients last computed.
  void update(const UpdateRule& rule);

  [[nodiscard]] TrainedTensor<Scalar>& weights() { return weights_; }
  [[nodiscard]] const TrainedTensor<Scalar>& weights() const { return weights_; }
  [[nodiscard]] TrainedTensor<Scalar>& bias() { return bias_; }
  [[nodiscard]] const TrainedTensor<Scalar>& bias() const { return bias_; }

 private:
  TrainedTensor<Scalar> weights_;  // (in)
  TrainedTensor<Scalar> bias_;     // (1)
  Activation activation_;
  Roundings roundings_;
  Rows<const Scalar> last_input_;
  std::vector<Scalar> last_z_;  // (B)
  std::vector<Scalar> dC_dz_;   // (B)
};

/// Neurons that share one input. Each gives one column of the layer's output.
template <typename Scalar>
class Layer {
 public:
  /// `is_first`: nothing below wants this layer's input gradient, so there is no memory for it.
  Layer(std::int64_t inputs, std::int64_t outputs, Activation activation, Optimizer optimizer, std::int64_t max_batch,
        bool is_first, Roundings roundings = {});

  /// Activations (B, out) for `input` (B, in); valid until the next forward.
  Rows<const Scalar> forward(Rows<const Scalar> input);
  /// Gradients of all neurons from dC/da (B, out) of the batch that last went forward.
  void compute_gradients(Rows<const Scalar> output_gradient);
  /// dC/d(input) (B, in): the sum of the neurons' shares, with the weights as they are now. Not for the first layer.
  Rows<const Scalar> compute_input_gradient();
  void update(const UpdateRule& rule);

  [[nodiscard]] std::vector<Neuron<Scalar>>& neurons() { return neurons_; }
  [[nodiscard]] const std::vector<Neuron<Scalar>>& neurons() const { return neurons_; }

 private:
  std::int64_t inputs_;
  std::int64_t batch_ = 0;  // B of the batch that last went forward
  std::vector<Neuron<Scalar>> neurons_;
  std::vector<Scalar> output_;          // (max_batch, out)
  std::vector<Scalar> input_gradient_;  // (max_batch, in); empty for the first layer
};

/// The row in the registry.
[[nodiscard]] Backend neuron_backend();
/// Its networks, for both kinds of model, on one thread.
template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_neuron_network(const NetworkSettings& settings);

}  // namespace stepbench::neuron
