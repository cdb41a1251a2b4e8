// The MLP of mlp.hpp in bfloat16 (enum Precision in core/settings.hpp): rows and weights of two bytes, logits and
// losses in float32. Letters as there.
#pragma once

#include <vector>

#include "variants/matrix/bfloat16_layer.hpp"
#include "variants/matrix/label_loss.hpp"
#include "variants/matrix/model.hpp"

namespace stepbench {

class Bfloat16Mlp final : public MatrixModel<float> {
 public:
  Bfloat16Mlp(const NetworkSettings& settings, const Products<float>& products);

  [[nodiscard]] bool reads_features() const override { return true; }
  void read(Content content, std::span<float> values) const override;
  void write(Content content, std::span<const float> values) override;
  void forward(Lane<float>& lane) override;
  void hits(Lane<float>& lane) override;
  [[nodiscard]] std::ptrdiff_t stages() const override { return std::ssize(layers_); }
  void backward(std::ptrdiff_t stage, Lane<float>& lane) override;
  void form_gradient(const Batch<float>& batch, std::size_t layer, Range rows, Range columns) override;
  void update(std::size_t layer, Range rows, Range columns, const OptimizerStep<float>& rule) override;
  [[nodiscard]] bool sums_by_leaves() const override { return false; }
  [[nodiscard]] std::vector<std::span<float>> gradient_memory() override;
  [[nodiscard]] bool trains_in_one(std::size_t /*layer*/) const override { return true; }
  void train(const Batch<float>& batch, std::size_t layer, Range rows, Range columns,
             const OptimizerStep<float>& rule) override;
  [[nodiscard]] double gradient_sum_of_squares(std::size_t layer, Range rows, Range columns) const override;

 private:
  /// Rows as far apart as the products like them.
  struct Rows {
    Rows(std::int64_t count, std::ptrdiff_t columns);
    [[nodiscard]] Bfloat16* row(std::ptrdiff_t i) { return elements.data() + i * stride; }
    [[nodiscard]] Operand<Bfloat16> all() { return {elements.data(), stride}; }
    [[nodiscard]] Operand<const Bfloat16> all() const { return {elements.data(), stride}; }
    std::ptrdiff_t stride;
    Buffer<Bfloat16> elements;
  };
  [[nodiscard]] LinearGradient<Bfloat16> layer_gradient(const Batch<float>& batch, std::size_t layer) const;
  void row_losses(const Batch<float>& batch, Range rows);

  OutputLoss<float> output_loss_;
  std::vector<Bfloat16Layer> layers_;
  std::vector<Rows> inputs_;  // a_(l-1) of layer l, the first of them the features
  std::vector<Rows> deltas_;  // d_l
  std::ptrdiff_t logits_stride_;
  Buffer<float> logits_, logit_gradients_;  // (max_batch, K)
};

}  // namespace stepbench
