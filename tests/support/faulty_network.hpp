// Backends with one planted fault each, around the real `neuron`: every check of correctness must reject them all.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/models/parameters.hpp"
#include "core/network.hpp"
#include "variants/neuron/neuron.hpp"
#include "variants/registry.hpp"

namespace stepbench::testing {

enum class Fault {
  zeros,           // gradients all zero, nothing learned
  not_a_number,    // one NaN in the gradients
  transposed,      // weight gradients of a layer transposed in memory
  scaled,          // gradients 1% too large
  missing_sample,  // the last sample contributes nothing
  stale_weights,   // gradients of parameters that are a step old: here, 1% smaller
  permuted,        // gradients of the first tensor in reverse order
  wrong_step,      // right gradients, but the training step moves 1% too far
  wrong_update,    // the same of apply_update alone
  wrong_features   // the training step reads features that nobody fetched
};

template <typename Scalar>
class FaultyNetwork final : public Network<Scalar> {
 public:
  FaultyNetwork(const NetworkSettings& settings, Fault fault)
      : fault_(fault),
        settings_(settings),
        layout_(parameter_layout(settings.model)),
        real_(neuron::make_neuron_network<Scalar>(settings)),
        present_(static_cast<std::size_t>(layout_.size)),
        gradients_(present_.size()) {}

  std::unique_ptr<ThreadClaim> claim_threads() override { return real_->claim_threads(); }
  void read(Content content, std::span<Scalar> values) const override {
    if (content == Content::gradients) {
      std::copy(gradients_.begin(), gradients_.end(), values.begin());
    } else {
      real_->read(content, values);
    }
  }
  void write(Content content, std::span<const Scalar> values) override {
    if (content == Content::parameters) present_.assign(values.begin(), values.end());
    real_->write(content, values);
  }
  Evaluation evaluate(const Batch<Scalar>& batch) override { return real_->evaluate(batch); }

  StepResult compute_gradients(const Batch<Scalar>& batch) override {
    StepResult result = real_->compute_gradients(batch);
    if (fault_ == Fault::missing_sample && batch.size > 1) {
      Batch<Scalar> shorter = batch;
      --shorter.size;  // of the same whole
      real_->compute_gradients(shorter);
    } else if (fault_ == Fault::stale_weights) {
      std::vector<Scalar> old = present_;
      for (Scalar& parameter : old) parameter *= Scalar(0.99);
      real_->write(Content::parameters, old);
      real_->compute_gradients(batch);
    }
    real_->read(Content::gradients, gradients_);
    if (fault_ == Fault::stale_weights) real_->write(Content::parameters, present_);
    if (fault_ == Fault::missing_sample && batch.size == 1) std::fill(gradients_.begin(), gradients_.end(), Scalar{0});
    spoil();
    return result;
  }
  [[nodiscard]] bool fetches_features() const override { return fault_ == Fault::wrong_features; }
  void apply_update(const UpdateStep& update) override { descend(update, fault_ == Fault::wrong_update); }
  StepResult train_step(const Batch<Scalar>& batch, const UpdateStep& update) override {
    const StepResult result = compute_gradients(batch);
    descend(update, fault_ == Fault::wrong_step);
    return result;
  }

 private:
  void descend(const UpdateStep& update, bool too_far) {
    const Scalar factor = static_cast<Scalar>(update.learning_rate) * (too_far ? Scalar(1.01) : Scalar(1));
    for (std::size_t i = 0; i < present_.size(); ++i) present_[i] -= factor * gradients_[i];
    real_->write(Content::parameters, present_);
  }

  void spoil() {
    const std::span<Scalar> first = tensor_of(std::span(gradients_), layout_.tensors.front());
    switch (fault_) {
      case Fault::zeros:
        std::fill(gradients_.begin(), gradients_.end(), Scalar{0});
        return;
      case Fault::not_a_number:
        first[first.size() / 2] = std::numeric_limits<Scalar>::quiet_NaN();
        return;
      case Fault::transposed: {
        const std::vector<Scalar> copy(first.begin(), first.end());
        const auto rows = static_cast<std::size_t>(layout_.tensors.front().shape[0]);
        const auto columns = static_cast<std::size_t>(layout_.tensors.front().shape[1]);
        for (std::size_t i = 0; i < rows; ++i) {
          for (std::size_t j = 0; j < columns; ++j) first[j * rows + i] = copy[i * columns + j];
        }
        return;
      }
      case Fault::scaled:
        for (Scalar& gradient : gradients_) gradient *= Scalar(1.01);
        return;
      case Fault::permuted:
        std::reverse(first.begin(), first.end());
        return;
      case Fault::missing_sample:
      case Fault::stale_weights:
      case Fault::wrong_step:
      case Fault::wrong_update:
      case Fault::wrong_features:
        return;  // not in the gradients as they stand
    }
  }

  Fault fault_;
  NetworkSettings settings_;
  ParameterLayout layout_;
  std::unique_ptr<Network<Scalar>> real_;
  std::vector<Scalar> present_, gradients_;
};

template <typename Scalar, Fault kFault>
std::unique_ptr<Network<Scalar>> make_faulty(const NetworkSettings& settings) {
  return std::make_unique<FaultyNetwork<Scalar>>(settings, kFault);
}

/// A row for the table of backends.
template <Fault kFault>
constexpr Backend faulty_backend(std::string_view name) {
  return {.name = name,
          .summary = "planted fault",
          .max_threads = 1,
          .same_bits_for_any_threads = true,
          .make_float32 = make_faulty<float, kFault>,
          .make_float64 = make_faulty<double, kFault>,
          .bfloat16 = true};
}

/// One per fault, in the order of the enumeration.
inline constexpr std::array kFaultyBackends = {
    faulty_backend<Fault::zeros>("zeros"),
    faulty_backend<Fault::not_a_number>("not_a_number"),
    faulty_backend<Fault::transposed>("transposed"),
    faulty_backend<Fault::scaled>("scaled"),
    faulty_backend<Fault::missing_sample>("missing_sample"),
    faulty_backend<Fault::stale_weights>("stale_weights"),
    faulty_backend<Fault::permuted>("permuted"),
    faulty_backend<Fault::wrong_step>("wrong_step"),
    faulty_backend<Fault::wrong_update>("wrong_update"),
    faulty_backend<Fault::wrong_features>("wrong_features"),
};

}  // namespace stepbench::testing
