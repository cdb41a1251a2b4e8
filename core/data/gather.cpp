#include "core/data/gather.hpp"

#include <algorithm>
#include <cassert>
#include <numeric>

#include "core/data/copy_row.hpp"
#include "core/isa.hpp"
#include "core/random.hpp"

namespace stepbench {
namespace {

template <typename Scalar>
const CopyRows<Scalar>& copies() {
  static const RowCopies& chosen = STEPBENCH_CHOOSE_TABLE(RowCopies);
  if constexpr (sizeof(Scalar) == sizeof(float)) {
    return chosen.float32;
  } else {
    return chosen.float64;
  }
}

template <typename Scalar>
void copy_row(const std::uint8_t* pixels, std::int64_t count, Scalar* row) {
  copies<Scalar>().pixels(pixels, count, row);
}
template <typename Scalar>
void copy_row(const float* values, std::int64_t count, Scalar* row) {
  copies<Scalar>().floats(values, count, row);
}
template <typename Scalar>
void copy_row(const double* values, std::int64_t count, Scalar* row) {
  copies<Scalar>().doubles(values, count, row);
}

}  // namespace

std::vector<std::int64_t> epoch_order(std::int64_t samples, bool shuffle, std::uint64_t seed, std::int64_t epoch) {
  if (shuffle) {
    return permutation(samples, RandomStream(seed, Purpose::sample_order, static_cast<std::uint64_t>(epoch)));
  }
  std::vector<std::int64_t> order(static_cast<std::size_t>(samples));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  return order;
}

template <typename Scalar>
BatchGatherer<Scalar>::BatchGatherer(const Dataset& dataset, std::int64_t max_batch, bool with_targets)
    : features_(dataset.features),
      outputs_(dataset.outputs),
      with_targets_(with_targets),
      feature_rows_(dataset.context > 0 ? 0 : static_cast<std::size_t>(max_batch * dataset.features)),
      target_rows_(with_targets ? static_cast<std::size_t>(max_batch * dataset.outputs) : 0),
      labels_(static_cast<std::size_t>(max_batch)),
      tokens_(static_cast<std::size_t>(max_batch * dataset.context)),
      target_tokens_(tokens_.size()) {}

std::int64_t counted_of(const Split& split, std::span<const std::int64_t> samples) {
  if (split.tokens.empty()) return std::ssize(samples);
  const std::int64_t context = std::ssize(split.tokens) / split.samples;
  std::int64_t counted = 0;
  for (const std::int64_t sample : samples) {
    counted += counted_in(std::span(split.target_tokens)
                              .subspan(static_cast<std::size_t>(sample * context), static_cast<std::size_t>(context)));
  }
  return counted;
}

template <typename Scalar>
Batch<Scalar> BatchGatherer<Scalar>::gather(const Split& split, std::span<const std::int64_t> order) {
  Batch<Scalar> batch = begin_gather(split, order);
  if (batch.pending != nullptr) fetch(0, batch.size);
  batch.pending = nullptr;
  return batch;
}

template <typename Scalar>
void BatchGatherer<Scalar>::fetch(std::int64_t begin, std::int64_t end) const {
  std::visit(
      [&](const auto& values) {
        for (std::int64_t b = begin; b < end; ++b) {
          const std::int64_t sample = order_[static_cast<std::size_t>(b)];
          copy_row(values.data() + sample * features_, features_, feature_rows_.data() + b * features_);
        }
      },
      split_->features);
}

template <typename Scalar>
Batch<Scalar> BatchGatherer<Scalar>::begin_gather(const Split& split, std::span<const std::int64_t> order) {
  assert(order.size() <= labels_.size());
  const auto size = static_cast<std::int64_t>(order.size());
  Batch<Scalar> batch;
  batch.size = size;
  batch.counted = size;
  if (!split.tokens.empty()) {
    const auto count = static_cast<std::size_t>(size * features_);
    for (std::int64_t b = 0; b < size; ++b) {
      const std::int64_t first = order[static_cast<std::size_t>(b)] * features_;
      std::copy_n(split.tokens.begin() + first, features_, tokens_.begin() + b * features_);
      std::copy_n(split.target_tokens.begin() + first, features_, target_tokens_.begin() + b * features_);
    }
    batch.tokens = std::span<const std::int32_t>(tokens_).first(count);
    batch.target_tokens = std::span<const std::int32_t>(target_tokens_).first(count);
    batch.counted = counted_in(batch.target_tokens);
    return batch;
  }
  split_ = &split;
  order_ = order;
  batch.pending = this;
  batch.features = std::span<const Scalar>(feature_rows_).first(static_cast<std::size_t>(size * features_));
  if (!split.labels.empty()) {
    for (std::size_t b = 0; b < order.size(); ++b) labels_[b] = split.labels[static_cast<std::size_t>(order[b])];
    batch.labels = std::span<const std::int32_t>(labels_).first(order.size());
  }
  if (with_targets_) {
    const auto targets = std::span(target_rows_).first(static_cast<std::size_t>(size * outputs_));
    if (split.labels.empty()) {
      for (std::int64_t b = 0; b < size; ++b) {
        const std::int64_t sample = order[static_cast<std::size_t>(b)];
        copy_row(split.targets.data() + sample * outputs_, outputs_, targets.data() + b * outputs_);
      }
    } else {
      std::fill(targets.begin(), targets.end(), Scalar{0});
      for (std::int64_t b = 0; b < size; ++b) {
        targets[static_cast<std::size_t>(b * outputs_ + labels_[static_cast<std::size_t>(b)])] = Scalar{1};
      }
    }
    batch.targets = targets;
  }
  return batch;
}

template class BatchGatherer<float>;
template class BatchGatherer<double>;

}  // namespace stepbench
