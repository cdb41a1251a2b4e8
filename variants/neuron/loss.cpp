#include "variants/neuron/loss.hpp"

#include <algorithm>
#include <cmath>

namespace stepbench::neuron {
namespace {

/// The right output of each row, or kNotCounted; empty for a batch without labels.
template <typename Scalar>
std::span<const std::int32_t> labels_of(const Batch<Scalar>& batch) {
  return batch.target_tokens.empty() ? batch.labels : batch.target_tokens;
}

template <typename Scalar>
double squared_error(Rows<const Scalar> rows, const Batch<Scalar>& batch, std::span<Scalar> output_gradient) {
  const std::span<const Scalar> outputs = rows.all();
  const Scalar factor = Scalar{2} / static_cast<Scalar>(batch.counted);
  double sum = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Scalar difference = outputs[i] - batch.targets[i];
    const auto exact = static_cast<double>(difference);
    sum += exact * exact;
    if (!output_gradient.empty()) output_gradient[i] = factor * difference;
  }
  return sum / static_cast<double>(batch.counted * rows.width);
}

/// -log softmax(a)[label] = log sum_k exp(a_k - max) - (a_label - max): no exponential can overflow.
template <typename Scalar>
double cross_entropy(Rows<const Scalar> outputs, const Batch<Scalar>& batch, std::span<Scalar> output_gradient) {
  const std::span<const std::int32_t> labels = labels_of(batch);
  const auto counted = static_cast<double>(batch.counted);
  const auto classes = static_cast<std::size_t>(outputs.width);
  double sum = 0;
  for (std::size_t row = 0; row < static_cast<std::size_t>(outputs.count); ++row) {
    const std::span<Scalar> gradient =
        output_gradient.empty() ? output_gradient : output_gradient.subspan(row * classes, classes);
    if (labels[row] == kNotCounted) {
      std::fill(gradient.begin(), gradient.end(), Scalar{0});
      continue;
    }
    const std::span<const Scalar> a = outputs[static_cast<std::int64_t>(row)];
    const auto label = static_cast<std::size_t>(labels[row]);
    const auto largest = static_cast<double>(*std::max_element(a.begin(), a.end()));
    double exponentials = 0;
    for (const Scalar a_k : a) exponentials += std::exp(static_cast<double>(a_k) - largest);
    const double log_sum = std::log(exponentials) + largest;
    sum += log_sum - static_cast<double>(a[label]);
    for (std::size_t k = 0; k < gradient.size(); ++k) {
      const double softmax = std::exp(static_cast<double>(a[k]) - log_sum);
      gradient[k] = static_cast<Scalar>((softmax - (k == label ? 1 : 0)) / counted);
    }
  }
  return sum / counted;
}

}  // namespace

template <typename Scalar>
double loss_and_gradient(Loss loss, Rows<const Scalar> outputs, const Batch<Scalar>& batch,
                         std::span<Scalar> output_gradient) {
  return loss == Loss::squared_error ? squared_error(outputs, batch, output_gradient)
                                     : cross_entropy(outputs, batch, output_gradient);
}

template <typename Scalar>
std::int64_t count_correct(Rows<const Scalar> outputs, const Batch<Scalar>& batch) {
  const std::span<const std::int32_t> labels = labels_of(batch);
  if (labels.empty()) return 0;
  std::int64_t correct = 0;
  for (std::int64_t row = 0; row < outputs.count; ++row) {
    if (largest_is_at(outputs[row], labels[static_cast<std::size_t>(row)])) ++correct;
  }
  return correct;
}

template double loss_and_gradient(Loss, Rows<const float>, const Batch<float>&, std::span<float>);
template double loss_and_gradient(Loss, Rows<const double>, const Batch<double>&, std::span<double>);
template std::int64_t count_correct(Rows<const float>, const Batch<float>&);
template std::int64_t count_correct(Rows<const double>, const Batch<double>&);

}  // namespace stepbench::neuron
