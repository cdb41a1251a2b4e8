// What the networks of this backend have in common: everything about training but what they compute. A network lists
// its tensors once, and says how a batch goes forward and its gradient back.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/models/parameters.hpp"
#include "core/network.hpp"
#include "variants/neuron/neuron.hpp"
#include "variants/neuron/optimizer.hpp"
#include "variants/neuron/rows.hpp"

namespace stepbench::neuron {

template <typename Scalar>
class TrainedNetwork : public Network<Scalar> {
 public:
  TrainedNetwork(const TrainedNetwork&) = delete;  // the list of tensors points into the network itself
  TrainedNetwork& operator=(const TrainedNetwork&) = delete;
  ~TrainedNetwork() override = default;

  [[nodiscard]] std::unique_ptr<ThreadClaim> claim_threads() override;
  void read(Content content, std::span<Scalar> values) const override;
  void write(Content content, std::span<const Scalar> values) override;
  Evaluation evaluate(const Batch<Scalar>& batch) override;
  StepResult compute_gradients(const Batch<Scalar>& batch) override;
  void apply_update(const UpdateStep& update) override;
  StepResult train_step(const Batch<Scalar>& batch, const UpdateStep& update) override;

 protected:
  /// At most `max_rows` rows of `outputs` outputs each leave the network at once.
  TrainedNetwork(const NetworkSettings& settings, std::int64_t max_rows, std::int64_t outputs);

  /// Outputs, a row per sample or token; valid until the next forward.
  virtual Rows<const Scalar> forward(const Batch<Scalar>& batch) = 0;
  /// All gradients of the batch that last went forward, from those of the objective by its outputs.
  virtual void backward(const Batch<Scalar>& batch, Rows<const Scalar> output_gradient) = 0;

  /// To be called once per tensor, in canonical order, when the tensor will not move in memory any more.
  void list_tensor(TrainedTensor<Scalar>& tensor, ParameterRole role);
  /// A layer's weights, neuron by neuron (the rows of its matrix), then its biases.
  void list_layer(Layer<Scalar>& layer);

  /// Forward and loss; leaves dC/d(output) where output_gradient finds it.
  StepResult forward_and_loss(const Batch<Scalar>& batch);
  [[nodiscard]] Rows<const Scalar> output_gradient() const { return output_gradient_rows_; }
  [[nodiscard]] UpdateRule update_rule(const UpdateStep& update) const;
  [[nodiscard]] const NetworkSettings& settings() const { return settings_; }

 private:
  struct ListedTensor {
    TrainedTensor<Scalar>* tensor;
    ParameterRole role;
  };

  /// L2 norm over all gradients.
  [[nodiscard]] double gradient_norm() const;

  NetworkSettings settings_;
  std::vector<ListedTensor> tensors_;    // in canonical order
  std::int64_t listed_ = 0;              // their parameters
  std::vector<Scalar> output_gradient_;  // (max_rows, outputs)
  Rows<const Scalar> output_gradient_rows_;
};

}  // namespace stepbench::neuron
