// The decoder-only transformer in matrix form: every projection is one matrix product over all tokens of a range of
// sequences; what stands between the products is fused into as few passes as the order of operations allows.
//
// Letters: B batch, T context, N = B T rows (tokens), D width, H heads, L blocks, V vocabulary. All buffers are
// row-major with a row per token.
#pragma once

#include <string>
#include <vector>

#include "variants/kernels/attention.hpp"
#include "variants/kernels/row_major_weight.hpp"
#include "variants/matrix/label_loss.hpp"
#include "variants/matrix/model.hpp"

namespace stepbench {

template <typename Scalar>
class MatrixTransformer final : public MatrixModel<Scalar> {
 public:
  MatrixTransformer(const NetworkSettings& settings, const Products<Scalar>& products);

  [[nodiscard]] bool reads_features() const override { return false; }
  void forward(Lane<Scalar>& lane) override;
  void hits(Lane<Scalar>& lane) override;
  [[nodiscard]] std::ptrdiff_t stages() const override { return 1; }
  void backward(std::ptrdiff_t stage, Lane<Scalar>& lane) override;
  void form_gradient(const Batch<Scalar>& batch, std::size_t unit, Range rows, Range columns) override;
  /// Not the tied embedding's, whose gradient is a sum of two.
  [[nodiscard]] bool trains_in_one(std::size_t unit) const override {
    return unit != token_embedding_ && MatrixModel<Scalar>::trains_in_one(unit);
  }
  void train(const Batch<Scalar>& batch, std::size_t unit, Range rows, Range columns,
             const OptimizerStep<Scalar>& rule) override;
  using MatrixModel<Scalar>::loss;

 private:
  /// What the backward pass needs of a LayerNorm.
  struct Norm {
    std::size_t unit = 0;
    Buffer<Scalar> normalised, output;  // (N, D)
    Buffer<Scalar> inverse_deviation;   // (N)
    Buffer<Scalar> output_gradient;     // (N, D)
  };
  /// A projection's unit and, for its weight gradient, where its input and output gradient are.
  struct Linear {
    std::size_t unit = 0;
    const Scalar* input = nullptr;            // (N, in)
    const Scalar* output_gradient = nullptr;  // (N, out)
  };
  struct Block {
    Norm norm1, norm2;
    Linear qkv, output, up, down;
    Buffer<Scalar> qkv_values, qkv_gradient;  // (N, 3D)
    Buffer<Scalar> probabilities;             // (B, H, T, T)
    Buffer<Scalar> attended;                  // (N, D)
    Buffer<Scalar> up_values;                 // (N, 4D): z, then in the backward pass dC/dz
    Buffer<Scalar> activated;                 // (N, 4D)
    Buffer<Scalar> attention_gradient;        // (N, D): of the residual stream after attention
    Buffer<Scalar> mlp_gradient;              // (N, D): of the residual stream after the MLP
  };

  [[nodiscard]] const ParameterUnit<Scalar>& unit(std::size_t number) const { return this->units_[number]; }
  // The constructor's parts: each takes its tensors from the layout.
  void make_token_embedding(LayoutCursor& layout);
  void make_sinusoids();
  void make_block(Block& block, LayoutCursor& layout, std::int64_t max_batch);
  void make_head(LayoutCursor& layout);
  Norm make_norm(LayoutCursor& layout);
  Linear make_linear(LayoutCursor& layout, const Buffer<Scalar>& input, const Buffer<Scalar>& output_gradient);
  void index_units();

  // What is done in some rows, and columns, of a pass.
  void embed(const Batch<Scalar>& batch, Range rows);
  void normalise(Norm& norm, const Linear* pending, Range rows);
  void norm_backward(Norm& norm, bool accumulate, Range rows);
  void row_losses(const Batch<Scalar>& batch, Range rows);
  void row_hits(const Batch<Scalar>& batch, Range rows);
  /// Adds to some of the token embedding's gradient what those of the batch's rows bring that looked it up.
  void add_looked_up_rows(const Batch<Scalar>& batch, Range rows, Range vocabulary, Range columns,
                          Operand<Scalar> sum) const;
  /// What goes into a projection's gradient.
  [[nodiscard]] LinearGradient<Scalar> gradient_of(const Linear& linear, const Batch<Scalar>& batch) const;
  /// Of one sample's scratch memory: where a task that begins with a head has its own.
  [[nodiscard]] Scalar* head_scratch(std::ptrdiff_t sample, Range heads);
  // What they add to a lane.
  enum class Into { set, with_bias, added };
  /// A product of a projection forward; `then(rows, columns)` is done to what it computed.
  void add_projection(Lane<Scalar>& lane, const Linear& linear, Scalar* output, Into into, auto then);
  /// The same of its input gradient, after which the lane is through with the projection's weights.
  void add_projection_back(Lane<Scalar>& lane, const Linear& linear, Scalar* input_gradient, auto then);
  /// `copy` (may be null) gets the residual stream's gradient as it then is.
  void add_norm_backward(Lane<Scalar>& lane, Norm& norm, bool accumulate, Buffer<Scalar>* copy);
  void block_forward(Lane<Scalar>& lane, Block& block, const Linear* pending);
  void block_backward(Lane<Scalar>& lane, Block& block);
  void token_embedding_gradient(const Batch<Scalar>& batch, Range vocabulary, Range columns);
  void position_embedding_gradient(const Batch<Scalar>& batch, Range positions, Range columns);
  void norm_gradient(const Norm& norm, const Batch<Scalar>& batch, Range columns);

  ModelSettings model_;
  LabelLoss<Scalar> label_loss_;
  AttentionShape attention_;
  std::ptrdiff_t scratch_size_;  // of attention, per sequence and head
  std::size_t rows_;             // N of the largest batch
  std::size_t token_embedding_ = 0, position_embedding_ = 0;
  RowMajorWeight<Scalar>* tied_ = nullptr;  // the token embedding's weight where it is the head's, too
  bool has_position_unit_ = false;
  std::vector<Block> blocks_;
  Norm final_norm_;
  Linear head_;
  std::vector<const Norm*> norm_of_unit_;      // by unit; null where it is none
  std::vector<const Linear*> linear_of_unit_;  // by unit; null where it is none
  Buffer<Scalar> positions_;                   // (T, D), of sinusoidal positions
  Buffer<Scalar> stream_, stream_gradient_;    // (N, D): the residual stream
  Buffer<Scalar> logits_, logits_gradient_;    // (N, V)
  Buffer<Scalar> wide_scratch_;                // (N, 4D)
  Buffer<Scalar> narrow_scratch_;              // (N, D)
  Buffer<Scalar> attention_scratch_;           // (B, H, scratch_size_), of which a task uses its first head's
};

}  // namespace stepbench
