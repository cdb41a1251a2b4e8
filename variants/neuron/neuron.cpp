#include "variants/neuron/neuron.hpp"

#include <algorithm>

#include "variants/neuron/vector.hpp"

namespace stepbench::neuron {

using internal::axpy;
using internal::dot;

template <typename Scalar>
Neuron<Scalar>::Neuron(std::int64_t inputs, Activation activation, Optimizer optimizer, std::int64_t max_batch)
    : weights_(static_cast<std::size_t>(inputs), optimizer),
      bias_(1, optimizer),
      activation_(activation),
      last_z_(static_cast<std::size_t>(max_batch)),
      dC_dz_(static_cast<std::size_t>(max_batch)) {}

template <typename Scalar>
void Neuron<Scalar>::forward(Rows<const Scalar> input, Rows<Scalar> output, std::int64_t column) {
  last_input_ = input;
  const std::span<const Scalar> weights = weights_.values;
  const Scalar bias = bias_.values[0];
  for (std::int64_t sample = 0; sample < input.count; ++sample) {
    const Scalar z = dot(weights, input[sample]) + bias;
    last_z_[static_cast<std::size_t>(sample)] = z;
    output[sample][static_cast<std::size_t>(column)] = activate(activation_, z);
  }
}

template <typename Scalar>
void Neuron<Scalar>::compute_gradients(Rows<const Scalar> output_gradient, std::int64_t column) {
  const std::span<Scalar> weight_gradients = weights_.gradients;
  Scalar& bias_gradient = bias_.gradients[0];
  std::fill(weight_gradients.begin(), weight_gradients.end(), Scalar{0});
  bias_gradient = 0;
  for (std::int64_t sample = 0; sample < output_gradient.count; ++sample) {
    const auto s = static_cast<std::size_t>(sample);
    const Scalar dC_da = output_gradient[sample][static_cast<std::size_t>(column)];
    dC_dz_[s] = dC_da * activation_derivative(activation_, last_z_[s]);
    axpy(dC_dz_[s], last_input_[sample], weight_gradients);
    bias_gradient += dC_dz_[s];
  }
}

template <typename Scalar>
void Neuron<Scalar>::add_input_gradient(Rows<Scalar> input_gradient) const {
  const std::span<const Scalar> weights = weights_.values;
  for (std::int64_t sample = 0; sample < input_gradient.count; ++sample) {
    axpy(dC_dz_[static_cast<std::size_t>(sample)], weights, input_gradient[sample]);
  }
}

template <typename Scalar>
void Neuron<Scalar>::update(const UpdateRule& rule) {
  update_tensor(weights_, ParameterRole::matrix, rule);
  update_tensor(bias_, ParameterRole::bias, rule);
}

template class Neuron<float>;
template class Neuron<double>;

}  // namespace stepbench::neuron
