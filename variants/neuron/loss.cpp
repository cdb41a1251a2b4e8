#include "variants/neuron/loss.hpp"

#include <algorithm>
#include <cmath>

namespace stepbench {
namespace {

template <typename Scalar>
double squared_error(std::span<const Scalar> outputs, const Batch<Scalar>& batch, std::span<Scalar> output_gradient) {
  const Scalar factor = Scalar{2} / static_cast<Scalar>(batch.size);
  double sum = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Scalar difference = outputs[i] - batch.targets[i];
    const auto exact = static_cast<double>(difference);
    sum += exact * exact;
    if (!output_gradient.empty()) output_gradient[i] = factor * difference;
  }
  return sum / static_cast<double>(outputs.size());
}

/// -log softmax(a)[label] = log sum_k exp(a_k - max) - (a_label - max): no exponential can overflow.
template <typename Scalar>
double cross_entropy(std::span<const Scalar> outputs, const Batch<Scalar>& batch, std::span<Scalar> output_gradient) {
  const auto samples = static_cast<std::size_t>(batch.size);
  const std::size_t classes = outputs.size() / samples;
  double sum = 0;
  for (std::size_t sample = 0; sample < samples; ++sample) {
    const std::span<const Scalar> a = outputs.subspan(sample * classes, classes);
    const auto label = static_cast<std::size_t>(batch.labels[sample]);
    const auto largest = static_cast<double>(*std::max_element(a.begin(), a.end()));
    double exponentials = 0;
    for (const Scalar a_k : a) exponentials += std::exp(static_cast<double>(a_k) - largest);
    const double log_sum = std::log(exponentials) + largest;
    sum += log_sum - static_cast<double>(a[label]);
    if (output_gradient.empty()) continue;
    const std::span<Scalar> gradient = output_gradient.subspan(sample * classes, classes);
    for (std::size_t k = 0; k < classes; ++k) {
      const double softmax = std::exp(static_cast<double>(a[k]) - log_sum);
      gradient[k] = static_cast<Scalar>((softmax - (k == label ? 1 : 0)) / static_cast<double>(batch.size));
    }
  }
  return sum / static_cast<double>(batch.size);
}

}  // namespace

template <typename Scalar>
double loss_and_gradient(Loss loss, std::span<const Scalar> outputs, const Batch<Scalar>& batch,
                         std::span<Scalar> output_gradient) {
  return loss == Loss::squared_error ? squared_error(outputs, batch, output_gradient)
                                     : cross_entropy(outputs, batch, output_gradient);
}

template <typename Scalar>
std::int64_t count_correct(std::span<const Scalar> outputs, const Batch<Scalar>& batch) {
  const std::size_t width = outputs.size() / static_cast<std::size_t>(batch.size);
  std::int64_t correct = 0;
  for (std::size_t sample = 0; sample < batch.labels.size(); ++sample) {
    const std::span<const Scalar> a = outputs.subspan(sample * width, width);
    if (std::max_element(a.begin(), a.end()) - a.begin() == batch.labels[sample]) ++correct;
  }
  return correct;
}

template double loss_and_gradient(Loss, std::span<const float>, const Batch<float>&, std::span<float>);
template double loss_and_gradient(Loss, std::span<const double>, const Batch<double>&, std::span<double>);
template std::int64_t count_correct(std::span<const float>, const Batch<float>&);
template std::int64_t count_correct(std::span<const double>, const Batch<double>&);

}  // namespace stepbench
