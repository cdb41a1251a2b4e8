#include "variants/neuron/layer_norm.hpp"

#include <algorithm>
#include <cmath>

namespace stepbench::neuron {

template <typename Scalar>
LayerNorm<Scalar>::LayerNorm(std::int64_t width, Optimizer optimizer, std::int64_t max_rows)
    : width_(width),
      weight_(static_cast<std::size_t>(width), optimizer),
      bias_(static_cast<std::size_t>(width), optimizer),
      normalised_(static_cast<std::size_t>(max_rows * width)),
      inverse_deviation_(static_cast<std::size_t>(max_rows)),
      output_(normalised_.size()),
      input_gradient_(normalised_.size()) {}

template <typename Scalar>
Rows<const Scalar> LayerNorm<Scalar>::forward(Rows<const Scalar> input) {
  const auto width = static_cast<std::size_t>(width_);
  const Rows<Scalar> normalised{normalised_.data(), input.count, width_};
  const Rows<Scalar> output{output_.data(), input.count, width_};
  for (std::int64_t row = 0; row < input.count; ++row) {
    const std::span<const Scalar> x = input[row];
    Scalar mean = 0;
    for (const Scalar x_j : x) mean += x_j;
    mean /= static_cast<Scalar>(width_);
    Scalar variance = 0;
    for (const Scalar x_j : x) variance += (x_j - mean) * (x_j - mean);
    variance /= static_cast<Scalar>(width_);

    const Scalar inverse_deviation = 1 / std::sqrt(variance + static_cast<Scalar>(kEpsilon));
    inverse_deviation_[static_cast<std::size_t>(row)] = inverse_deviation;
    for (std::size_t j = 0; j < width; ++j) {
      normalised[row][j] = (x[j] - mean) * inverse_deviation;
      output[row][j] = weight_.values[j] * normalised[row][j] + bias_.values[j];
    }
  }
  return {output_.data(), input.count, width_};
}

template <typename Scalar>
void LayerNorm<Scalar>::compute_gradients(Rows<const Scalar> output_gradient) {
  std::fill(weight_.gradients.begin(), weight_.gradients.end(), Scalar{0});
  std::fill(bias_.gradients.begin(), bias_.gradients.end(), Scalar{0});
  const Rows<const Scalar> normalised{normalised_.data(), output_gradient.count, width_};
  for (std::int64_t row = 0; row < output_gradient.count; ++row) {
    for (std::size_t j = 0; j < weight_.gradients.size(); ++j) {
      weight_.gradients[j] += output_gradient[row][j] * normalised[row][j];
      bias_.gradients[j] += output_gradient[row][j];
    }
  }
}

template <typename Scalar>
Rows<const Scalar> LayerNorm<Scalar>::compute_input_gradient(Rows<const Scalar> output_gradient) {
  const auto width = static_cast<std::size_t>(width_);
  const Rows<const Scalar> normalised{normalised_.data(), output_gradient.count, width_};
  const Rows<Scalar> input_gradient{input_gradient_.data(), output_gradient.count, width_};
  for (std::int64_t row = 0; row < output_gradient.count; ++row) {
    // The mean and the variance depend on every element of the row: hence the two means.
    Scalar mean_g = 0;
    Scalar mean_g_normalised = 0;
    for (std::size_t j = 0; j < width; ++j) {
      const Scalar g = weight_.values[j] * output_gradient[row][j];
      mean_g += g;
      mean_g_normalised += g * normalised[row][j];
    }
    mean_g /= static_cast<Scalar>(width_);
    mean_g_normalised /= static_cast<Scalar>(width_);
    for (std::size_t j = 0; j < width; ++j) {
      const Scalar g = weight_.values[j] * output_gradient[row][j];
      input_gradient[row][j] =
          (g - mean_g - normalised[row][j] * mean_g_normalised) * inverse_deviation_[static_cast<std::size_t>(row)];
    }
  }
  return {input_gradient_.data(), output_gradient.count, width_};
}

template class LayerNorm<float>;
template class LayerNorm<double>;

}  // namespace stepbench::neuron
