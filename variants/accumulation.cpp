#include "variants/accumulation.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "core/buffer.hpp"
#include "core/lap_clock.hpp"
#include "core/models/parameters.hpp"
#include "core/models/step_work.hpp"
#include "variants/kernels/kernels.hpp"

namespace stepbench {
namespace {

/// Of a batch whose features are still to be fetched, those of a micro-batch.
class RowsFrom final : public FeatureRows {
 public:
  RowsFrom(const FeatureRows& batch, std::int64_t first) : batch_(batch), first_(first) {}
  void fetch(std::int64_t begin, std::int64_t end) const override { batch_.fetch(first_ + begin, first_ + end); }

 private:
  const FeatureRows& batch_;
  std::int64_t first_;
};

template <typename T>
std::span<const T> part_of(std::span<const T> values, std::int64_t batch, std::int64_t first, std::int64_t size) {
  if (values.empty()) return values;
  const std::int64_t width = std::ssize(values) / batch;
  return values.subspan(static_cast<std::size_t>(first * width), static_cast<std::size_t>(size * width));
}

template <typename Scalar>
class AccumulatingNetwork final : public Network<Scalar> {
 public:
  AccumulatingNetwork(std::unique_ptr<Network<Scalar>> own, const NetworkSettings& settings)
      : own_(std::move(own)),
        micro_batch_(*settings.training.micro_batch),
        divisor_(settings.training.divisor),
        gradient_noise_(settings.gradient_noise),
        parts_(own_->gradient_parts()) {
    if (parts_.empty()) {
      flat_.resize(static_cast<std::size_t>(parameter_layout(settings.model).size));
      parts_.emplace_back(flat_.data(), flat_.size());
    }
    std::size_t size = 0;
    for (const std::span<Scalar>& part : parts_) size += part.size();
    sum_.resize(size);
  }

  std::unique_ptr<ThreadClaim> claim_threads() override { return own_->claim_threads(); }
  void read(Content content, std::span<Scalar> values) const override { own_->read(content, values); }
  void write(Content content, std::span<const Scalar> values) override { own_->write(content, values); }

  Evaluation evaluate(const Batch<Scalar>& batch) override {
    Evaluation whole;
    for_each_micro_batch(batch, [&](const Batch<Scalar>& micro, bool /*is_first*/, bool /*is_last*/) {
      const Evaluation part = own_->evaluate(micro);
      whole.loss += part.loss;
      whole.correct += part.correct;
    });
    return whole;
  }

  StepResult compute_gradients(const Batch<Scalar>& batch) override {
    StepResult whole;
    GradientMomentSums moments;
    const std::int64_t parts = (batch.size + micro_batch_ - 1) / micro_batch_;
    for_each_micro_batch(batch, [&](Batch<Scalar>& micro, bool is_first, bool is_last) {
      const std::int64_t own_count = counted(micro);
      if (divisor_ == Divisor::naive) micro.counted = parts * std::max<std::int64_t>(1, own_count);
      const StepResult part = own_->compute_gradients(micro);
      whole.loss += part.loss;
      for (std::size_t i = 0; i < whole.phases.seconds.size(); ++i) whole.phases.seconds[i] += part.phases.seconds[i];
      LapClock clock;
      if (!flat_.empty()) own_->read(Content::gradients, flat_);
      if (gradient_noise_ && own_count > 0) {
        // What the network has is a part of the batch's mean: in the proportion of what they count.
        const double share = static_cast<double>(own_count) / static_cast<double>(micro.counted);
        moments.add(share * static_cast<double>(batch.size), square_of_gradients() / (share * share));
      }
      add_gradients(is_first, is_last);
      if (gradient_noise_ && is_last) whole.gradient = moments.moments(square_of_gradients());
      if (!flat_.empty() && is_last) own_->write(Content::gradients, flat_);
      whole.phases[Phase::reduce] += clock.lap();
    });
    return whole;
  }

  void apply_update(const UpdateStep& update) override { own_->apply_update(update); }

  [[nodiscard]] bool fetches_features() const override { return own_->fetches_features(); }

  StepResult train_step(const Batch<Scalar>& batch, const UpdateStep& update) override {
    StepResult result = compute_gradients(batch);
    LapClock clock;
    apply_update(update);
    result.phases[Phase::update] += clock.lap();
    return result;
  }

 private:
  /// Samples, or tokens with a target.
  static std::int64_t counted(const Batch<Scalar>& micro) {
    return micro.tokens.empty() ? micro.size : counted_in(micro.target_tokens);
  }

  /// Their means are over what the whole batch counts, so that they add up to those of the batch.
  template <typename Do>
  void for_each_micro_batch(const Batch<Scalar>& batch, const Do& work) {
    for (std::int64_t first = 0; first < batch.size; first += micro_batch_) {
      const std::int64_t size = std::min(micro_batch_, batch.size - first);
      Batch<Scalar> micro = batch;
      micro.size = size;
      micro.features = part_of(batch.features, batch.size, first, size);
      micro.labels = part_of(batch.labels, batch.size, first, size);
      micro.targets = part_of(batch.targets, batch.size, first, size);
      micro.tokens = part_of(batch.tokens, batch.size, first, size);
      micro.target_tokens = part_of(batch.target_tokens, batch.size, first, size);
      std::optional<RowsFrom> rows;
      if (batch.pending != nullptr) micro.pending = &rows.emplace(*batch.pending, first);
      work(micro, first == 0, first + size == batch.size);
    }
  }

  [[nodiscard]] double square_of_gradients() const {
    double square = 0;
    for (const std::span<Scalar>& part : parts_) square += sum_of_squares(part.data(), std::ssize(part));
    return square;
  }

  /// Those of a micro-batch to those before it, by one thread; after the last one, the parts are the sum.
  void add_gradients(bool is_first, bool is_last) {
    if (is_first && is_last) return;
    Scalar* sum = sum_.data();
    for (const std::span<Scalar>& part : parts_) {
      add_part(part, sum, is_first, is_last);
      sum += part.size();
    }
  }
  static void add_part(std::span<Scalar> gradient, Scalar* __restrict sum, bool is_first, bool is_last) {
    Scalar* __restrict own = gradient.data();
    const auto count = std::ssize(gradient);
    if (is_first) {
      std::copy_n(own, count, sum);
    } else if (is_last) {
      for (std::ptrdiff_t i = 0; i < count; ++i) own[i] = sum[i] + own[i];
    } else {
      for (std::ptrdiff_t i = 0; i < count; ++i) sum[i] += own[i];
    }
  }

  std::unique_ptr<Network<Scalar>> own_;
  std::int64_t micro_batch_;
  Divisor divisor_;
  bool gradient_noise_;
  std::vector<std::span<Scalar>> parts_;  // the network's gradients, or flat_
  Buffer<Scalar> flat_;                   // in canonical order, where they are not reached in memory
  Buffer<Scalar> sum_;                    // part by part
};

}  // namespace

bool accumulates(const NetworkSettings& settings) {
  return trains_in_parts(settings.training, settings.max_batch);
}

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_accumulating_network(
    std::unique_ptr<Network<Scalar>> (*make)(const NetworkSettings&), const NetworkSettings& settings) {
  NetworkSettings of_micro_batches = settings;
  of_micro_batches.max_batch = *settings.training.micro_batch;
  return std::make_unique<AccumulatingNetwork<Scalar>>(make(of_micro_batches), settings);
}

template std::unique_ptr<Network<float>> make_accumulating_network<float>(
    std::unique_ptr<Network<float>> (*)(const NetworkSettings&), const NetworkSettings&);
template std::unique_ptr<Network<double>> make_accumulating_network<double>(
    std::unique_ptr<Network<double>> (*)(const NetworkSettings&), const NetworkSettings&);

}  // namespace stepbench
