#include "variants/neuron/neuron.hpp"

#include <algorithm>

namespace stepbench {
namespace {

/// sum_j x[j] * y[j]. The pragma permits the reordering of the sum that vector registers need.
template <typename Scalar>
Scalar dot(std::span<const Scalar> x, std::span<const Scalar> y) {
  Scalar sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::size_t j = 0; j < x.size(); ++j) sum += x[j] * y[j];
  return sum;
}

/// y += factor * x.
template <typename Scalar>
void axpy(Scalar factor, std::span<const Scalar> x, std::span<Scalar> y) {
#pragma omp simd
  for (std::size_t j = 0; j < x.size(); ++j) y[j] += factor * x[j];
}

/// Written so that NaN stays NaN: a diverged network must not look like one with silent neurons.
template <typename Scalar>
Scalar relu(Scalar z) {
  return z < 0 ? Scalar{0} : z;
}

}  // namespace

template <typename Scalar>
Neuron<Scalar>::Neuron(std::int64_t inputs, Activation activation, Optimizer optimizer, std::int64_t max_batch)
    : weights_(static_cast<std::size_t>(inputs), optimizer),
      bias_(1, optimizer),
      activation_(activation),
      last_output_(static_cast<std::size_t>(max_batch)),
      dC_dz_(static_cast<std::size_t>(max_batch)) {}

template <typename Scalar>
void Neuron<Scalar>::forward(Rows<const Scalar> input, Rows<Scalar> output, std::int64_t column) {
  last_input_ = input;
  const std::span<const Scalar> weights = weights_.values;
  const Scalar bias = bias_.values[0];
  for (std::int64_t sample = 0; sample < input.count; ++sample) {
    const Scalar z = dot(weights, input[sample]) + bias;
    const Scalar a = activation_ == Activation::relu ? relu(z) : z;
    last_output_[static_cast<std::size_t>(sample)] = a;
    output[sample][static_cast<std::size_t>(column)] = a;
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
    // ReLU's output is positive exactly where its input is, so the output tells the derivative.
    const Scalar da_dz = activation_ == Activation::linear || last_output_[s] > 0 ? Scalar{1} : Scalar{0};
    dC_dz_[s] = output_gradient[sample][static_cast<std::size_t>(column)] * da_dz;
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

}  // namespace stepbench
