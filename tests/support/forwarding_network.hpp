// A network that passes every call on to another: what a test plants is the one method that it overrides.
#pragma once

#include <memory>
#include <span>
#include <utility>

#include "core/network.hpp"

namespace stepbench::testing {

template <typename Scalar>
class ForwardingNetwork : public Network<Scalar> {
 public:
  explicit ForwardingNetwork(std::unique_ptr<Network<Scalar>> real) : real_(std::move(real)) {}

  std::unique_ptr<ThreadClaim> claim_threads() override { return real_->claim_threads(); }
  void read(Content content, std::span<Scalar> values) const override { real_->read(content, values); }
  void write(Content content, std::span<const Scalar> values) override { real_->write(content, values); }
  Evaluation evaluate(const Batch<Scalar>& batch) override { return real_->evaluate(batch); }
  StepResult compute_gradients(const Batch<Scalar>& batch) override { return real_->compute_gradients(batch); }
  void apply_update(const UpdateStep& update) override { real_->apply_update(update); }
  StepResult train_step(const Batch<Scalar>& batch, const UpdateStep& update) override {
    return real_->train_step(batch, update);
  }

 protected:
  [[nodiscard]] Network<Scalar>& real() { return *real_; }

 private:
  std::unique_ptr<Network<Scalar>> real_;
};

}  // namespace stepbench::testing
