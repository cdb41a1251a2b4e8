#include "variants/neuron/attention.hpp"

#include <algorithm>
#include <cmath>

#include "variants/neuron/vector.hpp"

namespace stepbench::neuron {
namespace {

using internal::axpy;
using internal::dot;

/// Largest score taken off first, so that no exponential can overflow.
template <typename Scalar>
void softmax_in_place(std::span<Scalar> scores) {
  const Scalar largest = *std::max_element(scores.begin(), scores.end());
  Scalar sum = 0;
  for (Scalar& score : scores) {
    score = std::exp(score - largest);
    sum += score;
  }
  for (Scalar& score : scores) score /= sum;
}

template <typename Scalar>
void set_to_zero(Columns<Scalar> columns) {
  for (std::int64_t t = 0; t < columns.count; ++t) std::fill(columns[t].begin(), columns[t].end(), Scalar{0});
}

}  // namespace

template <typename Scalar>
AttentionHead<Scalar>::AttentionHead(std::int64_t length, std::int64_t head_width)
    : AttentionHead(length, 1 / std::sqrt(static_cast<Scalar>(head_width)), causal_positions) {}

template <typename Scalar>
AttentionHead<Scalar>::AttentionHead(std::int64_t length, Scalar scale, VisiblePositions visible)
    : length_(length),
      scale_(scale),
      visible_(visible),
      weights_(static_cast<std::size_t>(length * length)),
      score_gradients_(static_cast<std::size_t>(length)) {}

template <typename Scalar>
void AttentionHead<Scalar>::forward(Columns<const Scalar> queries, Columns<const Scalar> keys,
                                    Columns<const Scalar> values, Columns<Scalar> output) {
  queries_ = queries;
  keys_ = keys;
  values_ = values;
  const Rows<Scalar> weights{weights_.data(), length_, length_};
  set_to_zero(output);
  for (std::int64_t t = 0; t < length_; ++t) {
    const std::span<Scalar> seen = weights[t].first(static_cast<std::size_t>(visible_(t, length_)));
    std::int64_t j = 0;
    for (Scalar& score : seen) score = scale_ * dot(queries[t], keys[j++]);
    softmax_in_place(seen);
    j = 0;
    for (const Scalar weight : seen) axpy(weight, values[j++], output[t]);
  }
}

template <typename Scalar>
void AttentionHead<Scalar>::compute_input_gradients(Columns<const Scalar> output_gradient,
                                                    Columns<Scalar> query_gradients, Columns<Scalar> key_gradients,
                                                    Columns<Scalar> value_gradients) {
  const Rows<const Scalar> weights{weights_.data(), length_, length_};
  set_to_zero(query_gradients);
  set_to_zero(key_gradients);
  set_to_zero(value_gradients);
  for (std::int64_t t = 0; t < length_; ++t) {
    const auto seen = static_cast<std::size_t>(visible_(t, length_));
    const std::span<const Scalar> w = weights[t].first(seen);
    const std::span<Scalar> score_gradients = std::span(score_gradients_).first(seen);
    // The weighted sum: dC/dw_j = dC/d(output) . v_j, for now in score_gradients.
    Scalar mean = 0;
    for (std::size_t j = 0; j < seen; ++j) {
      const auto row = static_cast<std::int64_t>(j);
      score_gradients[j] = dot(output_gradient[t], values_[row]);
      axpy(w[j], output_gradient[t], value_gradients[row]);
      mean += w[j] * score_gradients[j];
    }
    // The softmax: dC/ds_j = w_j (dC/dw_j - sum_i w_i dC/dw_i). Then the scores.
    for (std::size_t j = 0; j < seen; ++j) {
      const auto row = static_cast<std::int64_t>(j);
      const Scalar product_gradient = scale_ * w[j] * (score_gradients[j] - mean);
      axpy(product_gradient, keys_[row], query_gradients[t]);
      axpy(product_gradient, queries_[t], key_gradients[row]);
    }
  }
}

template class AttentionHead<float>;
template class AttentionHead<double>;

}  // namespace stepbench::neuron
