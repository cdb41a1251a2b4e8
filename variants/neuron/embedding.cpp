#include "variants/neuron/embedding.hpp"

#include <algorithm>
#include <cmath>

#include "variants/neuron/vector.hpp"

namespace stepbench::neuron {

using internal::axpy;
using internal::dot;

template <typename Scalar>
TokenEmbedding<Scalar>::TokenEmbedding(std::int64_t vocabulary, std::int64_t width, Optimizer optimizer)
    : width_(width), table_(static_cast<std::size_t>(vocabulary * width), optimizer) {}

template <typename Scalar>
void TokenEmbedding<Scalar>::forward(std::span<const std::int32_t> tokens, Rows<Scalar> output) const {
  const Rows<const Scalar> vectors{table_.values.data(), 0, width_};
  for (std::int64_t row = 0; row < output.count; ++row) {
    const std::span<const Scalar> vector = vectors[tokens[static_cast<std::size_t>(row)]];
    std::copy(vector.begin(), vector.end(), output[row].begin());
  }
}

template <typename Scalar>
void TokenEmbedding<Scalar>::add_gradients(std::span<const std::int32_t> tokens, Rows<const Scalar> output_gradient) {
  const Rows<Scalar> gradients{table_.gradients.data(), 0, width_};
  for (std::int64_t row = 0; row < output_gradient.count; ++row) {
    axpy(Scalar{1}, output_gradient[row], gradients[tokens[static_cast<std::size_t>(row)]]);
  }
}

template <typename Scalar>
PositionEmbedding<Scalar>::PositionEmbedding(std::int64_t context, std::int64_t width, PositionEncoding encoding,
                                             Optimizer optimizer)
    : context_(context), encoding_(encoding), table_(static_cast<std::size_t>(context * width), optimizer) {
  if (encoding == PositionEncoding::learned) return;  // set with the other parameters
  const Rows<Scalar> positions{table_.values.data(), context, width};
  for (std::int64_t t = 0; t < context; ++t) {
    for (std::int64_t column = 0; column < width; ++column) {
      const auto even = static_cast<double>(column - column % 2);
      const double angle = static_cast<double>(t) / std::pow(10000.0, even / static_cast<double>(width));
      const double wave = column % 2 == 0 ? std::sin(angle) : std::cos(angle);
      positions[t][static_cast<std::size_t>(column)] = static_cast<Scalar>(wave);
    }
  }
}

template <typename Scalar>
void PositionEmbedding<Scalar>::add_to(Rows<Scalar> rows) const {
  const Rows<const Scalar> positions{table_.values.data(), context_, rows.width};
  for (std::int64_t row = 0; row < rows.count; ++row) axpy(Scalar{1}, positions[row % context_], rows[row]);
}

template <typename Scalar>
void PositionEmbedding<Scalar>::compute_gradients(Rows<const Scalar> output_gradient) {
  std::fill(table_.gradients.begin(), table_.gradients.end(), Scalar{0});
  const Rows<Scalar> gradients{table_.gradients.data(), context_, output_gradient.width};
  for (std::int64_t row = 0; row < output_gradient.count; ++row) {
    axpy(Scalar{1}, output_gradient[row], gradients[row % context_]);
  }
}

template <typename Scalar>
Head<Scalar>::Head(TrainedTensor<Scalar>& table, std::int64_t vocabulary, std::int64_t width, std::int64_t max_rows)
    : table_(&table),
      vocabulary_(vocabulary),
      width_(width),
      output_(static_cast<std::size_t>(max_rows * vocabulary)),
      input_gradient_(static_cast<std::size_t>(max_rows * width)) {}

template <typename Scalar>
Rows<const Scalar> Head<Scalar>::forward(Rows<const Scalar> input) {
  last_input_ = input;
  const Rows<const Scalar> vectors{table_->values.data(), vocabulary_, width_};
  const Rows<Scalar> output{output_.data(), input.count, vocabulary_};
  for (std::int64_t row = 0; row < input.count; ++row) {
    for (std::int64_t token = 0; token < vocabulary_; ++token) {
      output[row][static_cast<std::size_t>(token)] = dot(vectors[token], input[row]);
    }
  }
  return {output_.data(), input.count, vocabulary_};
}

template <typename Scalar>
void Head<Scalar>::compute_gradients(Rows<const Scalar> output_gradient) {
  std::fill(table_->gradients.begin(), table_->gradients.end(), Scalar{0});
  const Rows<Scalar> gradients{table_->gradients.data(), vocabulary_, width_};
  for (std::int64_t token = 0; token < vocabulary_; ++token) {
    for (std::int64_t row = 0; row < output_gradient.count; ++row) {
      axpy(output_gradient[row][static_cast<std::size_t>(token)], last_input_[row], gradients[token]);
    }
  }
}

template <typename Scalar>
Rows<const Scalar> Head<Scalar>::compute_input_gradient(Rows<const Scalar> output_gradient) {
  std::fill(input_gradient_.begin(), input_gradient_.end(), Scalar{0});
  const Rows<const Scalar> vectors{table_->values.data(), vocabulary_, width_};
  const Rows<Scalar> input_gradient{input_gradient_.data(), output_gradient.count, width_};
  for (std::int64_t row = 0; row < output_gradient.count; ++row) {
    for (std::int64_t token = 0; token < vocabulary_; ++token) {
      axpy(output_gradient[row][static_cast<std::size_t>(token)], vectors[token], input_gradient[row]);
    }
  }
  return {input_gradient_.data(), output_gradient.count, width_};
}

template class TokenEmbedding<float>;
template class TokenEmbedding<double>;
template class PositionEmbedding<float>;
template class PositionEmbedding<double>;
template class Head<float>;
template class Head<double>;

}  // namespace stepbench::neuron
