// `neuron`, which says of its step what a test can reckon with: a fork, a part for each core and a join; seconds that
// it made up, far above what the step takes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "tests/support/forwarding_network.hpp"
#include "tests/support/known_graphs.hpp"
#include "variants/backend.hpp"
#include "variants/neuron/neuron.hpp"

namespace stepbench::testing {

inline constexpr double kForkSeconds = 1, kPartsSeconds = 8, kJoinSeconds = 1;  // of all parts together
inline constexpr HandOutCosts kTracedCosts = {.task = 0.25, .step = 0.5};
inline constexpr std::int64_t kMostParts = 8;  // however many cores there are

template <typename Scalar>
class TracedNetwork final : public ForwardingNetwork<Scalar> {
 public:
  explicit TracedNetwork(const NetworkSettings& settings)
      : ForwardingNetwork<Scalar>(neuron::make_neuron_network<Scalar>(alone(settings))),
        threads_(settings.threads),
        parts_(std::min(settings.cores > 0 ? settings.cores : settings.threads, kMostParts)) {}

  bool trace_steps(StepTrace* trace) override {
    trace_ = trace;
    return true;
  }
  [[nodiscard]] HandOutCosts measure_hand_out() override { return threads_ > 1 ? kTracedCosts : HandOutCosts{}; }

  StepResult train_step(const Batch<Scalar>& batch, const UpdateStep& update) override {
    if (trace_ != nullptr) *trace_ = known_trace();
    return this->real().train_step(batch, update);
  }

 private:
  static NetworkSettings alone(NetworkSettings settings) {
    settings.threads = 1;
    return settings;
  }
  [[nodiscard]] StepTrace known_trace() const {
    StepTrace trace{fork_join(static_cast<std::int32_t>(parts_), kPartsSeconds / static_cast<double>(parts_)),
                    kForkSeconds + kPartsSeconds + kJoinSeconds};
    trace.tasks.front().seconds = kForkSeconds;
    trace.tasks.back().seconds = kJoinSeconds;
    return trace;
  }

  std::int64_t threads_, parts_;
  StepTrace* trace_ = nullptr;
};

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_traced(const NetworkSettings& settings) {
  return std::make_unique<TracedNetwork<Scalar>>(settings);
}

inline Backend traced_backend() {
  return {"traced",           "a test's backend whose tasks are known", kAnyThreads, true, make_traced<float>,
          make_traced<double>};
}

}  // namespace stepbench::testing
