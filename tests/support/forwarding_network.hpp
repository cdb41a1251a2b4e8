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
  void set_parameters(std::span<const Scalar> parameters) override { real_->set_parameters(parameters); }
  void get_parameters(std::span<Scalar> parameters) const override { real_->get_parameters(parameters); }
  Evaluation evaluate(const Batch<Scalar>& batch) override { return real_->evaluate(batch); }
  StepResult compute_gradients(const Batch<Scalar>& batch) override { return real_->compute_gradients(batch); }
  void get_gradients(std::span<Scalar> gradients) const override { real_->get_gradients(gradients); }
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
