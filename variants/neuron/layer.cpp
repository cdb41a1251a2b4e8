#include <algorithm>

#include "variants/neuron/neuron.hpp"

namespace stepbench::neuron {

template <typename Scalar>
Layer<Scalar>::Layer(std::int64_t inputs, std::int64_t outputs, Activation activation, Optimizer optimizer,
                     std::int64_t max_batch, bool is_first, Roundings roundings)
    : inputs_(inputs),
      neurons_(static_cast<std::size_t>(outputs), Neuron<Scalar>(inputs, activation, optimizer, max_batch, roundings)),
      output_(static_cast<std::size_t>(max_batch * outputs)),
      input_gradient_(is_first ? 0 : static_cast<std::size_t>(max_batch * inputs)) {}

template <typename Scalar>
Rows<const Scalar> Layer<Scalar>::forward(Rows<const Scalar> input) {
  batch_ = input.count;
  const auto outputs = static_cast<std::int64_t>(neurons_.size());
  const Rows<Scalar> output{output_.data(), batch_, outputs};
  for (std::int64_t i = 0; i < outputs; ++i) neurons_[static_cast<std::size_t>(i)].forward(input, output, i);
  return {output_.data(), batch_, outputs};
}

template <typename Scalar>
void Layer<Scalar>::compute_gradients(Rows<const Scalar> output_gradient) {
  const auto outputs = static_cast<std::int64_t>(neurons_.size());
  for (std::int64_t i = 0; i < outputs; ++i)
    neurons_[static_cast<std::size_t>(i)].compute_gradients(output_gradient, i);
}

template <typename Scalar>
Rows<const Scalar> Layer<Scalar>::compute_input_gradient() {
  std::fill(input_gradient_.begin(), input_gradient_.end(), Scalar{0});
  const Rows<Scalar> input_gradient{input_gradient_.data(), batch_, inputs_};
  for (const Neuron<Scalar>& neuron : neurons_) neuron.add_input_gradient(input_gradient);
  return {input_gradient_.data(), batch_, inputs_};
}

template <typename Scalar>
void Layer<Scalar>::update(const UpdateRule& rule) {
  for (Neuron<Scalar>& neuron : neurons_) neuron.update(rule);
}

template class Layer<float>;
template class Layer<double>;

}  // namespace stepbench::neuron
