#include "variants/neuron/neuron.hpp"

#include <algorithm>

#include "core/bfloat16.hpp"
#include "variants/neuron/vector.hpp"

namespace stepbench::neuron {

template <typename Scalar>
Neuron<Scalar>::Neuron(std::int64_t inputs, Activation activation, Optimizer optimizer, std::int64_t max_batch,
                       Roundings roundings)
    : weights_(static_cast<std::size_t>(inputs), optimizer),
      bias_(1, optimizer),
      activation_(activation),
      roundings_(roundings),
      last_z_(static_cast<std::size_t>(max_batch)),
      dC_dz_(static_cast<std::size_t>(max_batch)) {}

template <typename Scalar>
void Neuron<Scalar>::forward(Rows<const Scalar> input, Rows<Scalar> output, std::int64_t column) {
  last_input_ = input;
  const std::span<const Scalar> weights = weights_.values;
  const Scalar bias = bias_.values[0];
  internal::loops<Scalar>().dots(weights.data(), input.first, input.count, weights.size(), last_z_.data());
  for (std::int64_t sample = 0; sample < input.count; ++sample) {
    Scalar& z = last_z_[static_cast<std::size_t>(sample)];
    z += bias;
    const Scalar a = activate(activation_, z);
    output[sample][static_cast<std::size_t>(column)] = roundings_.outputs ? rounded_to_bfloat16(a) : a;
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
    if (roundings_.gradients) dC_dz_[s] = rounded_to_bfloat16(dC_dz_[s]);
    bias_gradient += dC_dz_[s];
  }
  internal::loops<Scalar>().add_rows(dC_dz_.data(), last_input_.first, output_gradient.count, weight_gradients.size(),
                                     weight_gradients.data());
}

template <typename Scalar>
void Neuron<Scalar>::add_input_gradient(Rows<Scalar> input_gradient) const {
  internal::loops<Scalar>().add_to_rows(dC_dz_.data(), weights_.values.data(), input_gradient.count,
                                        weights_.values.size(), input_gradient.first);
}

template <typename Scalar>
void Neuron<Scalar>::update(const UpdateRule& rule) {
  update_tensor(weights_, ParameterRole::matrix, rule);
  update_tensor(bias_, ParameterRole::bias, rule);
}

template class Neuron<float>;
template class Neuron<double>;

}  // namespace stepbench::neuron
