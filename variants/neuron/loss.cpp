#include "variants/neuron/loss.hpp"

#include <algorithm>
#include <cmath>

#include "core/bfloat16.hpp"

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

/// The loss of a row of outputs with a label, and where `gradient` is not empty the derivative times the rows counted.
/// What they compute in is Wide.
///
/// -log softmax(a)[label] = log sum_k exp(a_k - max) - (a_label - max): no exponential can overflow.
template <typename Wide, typename Scalar>
double softmax_row(std::span<const Scalar> a, std::size_t label, Wide counted, std::span<Scalar> gradient) {
  const auto largest = static_cast<Wide>(*std::max_element(a.begin(), a.end()));
  Wide exponentials = 0;
  for (const Scalar a_k : a) exponentials += std::exp(static_cast<Wide>(a_k) - largest);
  const Wide log_sum = std::log(exponentials) + largest;
  for (std::size_t k = 0; k < gradient.size(); ++k) {
    const Wide softmax = std::exp(static_cast<Wide>(a[k]) - log_sum);
    gradient[k] = static_cast<Scalar>((softmax - (k == label ? 1 : 0)) / counted);
  }
  return static_cast<double>(log_sum - static_cast<Wide>(a[label]));
}

/// The same, of which all is rounded to bfloat16 but the sum on its way.
template <typename Scalar>
double bfloat16_softmax_row(std::span<const Scalar> a, std::size_t label, Scalar counted, std::span<Scalar> gradient) {
  const Scalar largest = rounded_to_bfloat16(*std::max_element(a.begin(), a.end()));
  const auto shifted = [&](std::size_t k) { return rounded_to_bfloat16(rounded_to_bfloat16(a[k]) - largest); };
  const auto exponential = [&](std::size_t k) { return rounded_to_bfloat16(std::exp(shifted(k))); };
  Scalar sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += exponential(k);
  sum = rounded_to_bfloat16(sum);
  for (std::size_t k = 0; k < gradient.size(); ++k) {
    const Scalar softmax = rounded_to_bfloat16(exponential(k) / sum);
    gradient[k] = rounded_to_bfloat16(softmax - (k == label ? 1 : 0)) / counted;
  }
  return static_cast<double>(rounded_to_bfloat16(rounded_to_bfloat16(std::log(sum)) - shifted(label)));
}

/// s(x) and its derivative, of stablemax (enum Loss in core/settings.hpp).
double stablemax_term(double x) { return x < 0 ? 1 / (1 - x) : x + 1; }
double stablemax_slope(double x) { return x < 0 ? 1 / ((1 - x) * (1 - x)) : 1; }

/// The same of stablemax.
template <typename Scalar>
double stablemax_row(std::span<const Scalar> a, std::size_t label, double counted, std::span<Scalar> gradient) {
  double sum = 0;
  for (const Scalar a_k : a) sum += stablemax_term(static_cast<double>(a_k));
  const double of_label = stablemax_term(static_cast<double>(a[label]));
  for (std::size_t k = 0; k < gradient.size(); ++k) {
    const double slope = stablemax_slope(static_cast<double>(a[k]));
    gradient[k] = static_cast<Scalar>((slope / sum - (k == label ? slope / of_label : 0)) / counted);
  }
  return std::log(sum) - std::log(of_label);
}

/// The mean of row(outputs, label, gradient) over the rows that count.
template <typename Scalar, typename Row>
double mean_over_labels(Rows<const Scalar> outputs, const Batch<Scalar>& batch, std::span<Scalar> output_gradient,
                        const Row& loss_of_row) {
  const std::span<const std::int32_t> labels = labels_of(batch);
  const auto classes = static_cast<std::size_t>(outputs.width);
  double sum = 0;
  for (std::size_t row = 0; row < static_cast<std::size_t>(outputs.count); ++row) {
    const std::span<Scalar> gradient =
        output_gradient.empty() ? output_gradient : output_gradient.subspan(row * classes, classes);
    if (labels[row] == kNotCounted) {
      std::fill(gradient.begin(), gradient.end(), Scalar{0});
      continue;
    }
    sum += loss_of_row(outputs[static_cast<std::int64_t>(row)], static_cast<std::size_t>(labels[row]), gradient);
  }
  return sum / static_cast<double>(batch.counted);
}

}  // namespace

template <typename Scalar>
double loss_and_gradient(const ModelSettings& model, Rows<const Scalar> outputs, const Batch<Scalar>& batch,
                         std::span<Scalar> output_gradient) {
  if (model.loss == Loss::squared_error) return squared_error(outputs, batch, output_gradient);
  return mean_over_labels(outputs, batch, output_gradient,
                          [&](std::span<const Scalar> a, std::size_t label, std::span<Scalar> gradient) -> double {
                            const auto counted = static_cast<double>(batch.counted);
                            if (model.loss == Loss::stablemax_cross_entropy)
                              return stablemax_row(a, label, counted, gradient);
                            if (model.softmax == Precision::bfloat16)
                              return bfloat16_softmax_row(a, label, static_cast<Scalar>(counted), gradient);
                            if (model.softmax == Precision::float32)
                              return softmax_row(a, label, static_cast<float>(counted), gradient);
                            return softmax_row(a, label, counted, gradient);
                          });
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

template double loss_and_gradient(const ModelSettings&, Rows<const float>, const Batch<float>&, std::span<float>);
template double loss_and_gradient(const ModelSettings&, Rows<const double>, const Batch<double>&, std::span<double>);
template std::int64_t count_correct(Rows<const float>, const Batch<float>&);
template std::int64_t count_correct(Rows<const double>, const Batch<double>&);

}  // namespace stepbench::neuron
