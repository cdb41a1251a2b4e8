// A network that throws in the midst of its training.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>

#include "tests/support/forwarding_network.hpp"
#include "variants/backend.hpp"
#include "variants/neuron/neuron.hpp"

namespace stepbench::testing {

/// At step kStep, counted from 1.
template <typename Scalar, std::int64_t kStep>
class ThrowingNetwork final : public ForwardingNetwork<Scalar> {
 public:
  explicit ThrowingNetwork(const NetworkSettings& settings)
      : ForwardingNetwork<Scalar>(neuron::make_neuron_network<Scalar>(settings)) {}
  StepResult train_step(const Batch<Scalar>& batch, const UpdateStep& update) override {
    if (update.number == kStep) throw std::runtime_error("out of paper");
    return this->real().train_step(batch, update);
  }
};

template <typename Scalar, std::int64_t kStep>
std::unique_ptr<Network<Scalar>> make_throwing(const NetworkSettings& settings) {
  return std::make_unique<ThrowingNetwork<Scalar, kStep>>(settings);
}

template <std::int64_t kStep>
Backend throwing_backend() {
  return {"throwing", "", 1, true, make_throwing<float, kStep>, make_throwing<double, kStep>};
}

}  // namespace stepbench::testing
