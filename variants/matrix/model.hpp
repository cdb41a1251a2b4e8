// What the training step needs of a model in matrix form, and what all such models have in common: parameters,
// gradients and moments, and their update. A model says what a step does to the samples of a lane (step_tasks.hpp), and
// forms gradients of, and updates, blocks of its units. All of it may run side by side for rows, or blocks, that do not
// overlap; when what runs is network.cpp's.
#pragma once

#include <cstdint>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "core/buffer.hpp"
#include "core/models/parameters.hpp"
#include "core/network.hpp"
#include "variants/kernels/kernels.hpp"
#include "variants/kernels/parameter_buffers.hpp"
#include "variants/kernels/products.hpp"
#include "variants/kernels/range.hpp"
#include "variants/matrix/step_tasks.hpp"

namespace stepbench {

/// Parameters that get gradient and update together: a weight (rows, columns) and, where there is one, a bias (rows).
/// Any block of its rows and columns can be worked on by itself; the bias belongs to those with the first column.
template <typename Scalar>
struct ParameterUnit {
  std::string name;  // of its tensors, without `.weight` and without the block's number: `mlp.up`
  ParameterRole role;
  std::ptrdiff_t rows, columns;
  std::ptrdiff_t canonical_weight;               // offset in canonical order
  std::ptrdiff_t canonical_bias = -1;            // or -1
  std::unique_ptr<LinearWeight<Scalar>> linear;  // the weight, or null where it is in the model's buffers
  std::ptrdiff_t weight = -1, bias = -1;         // offsets in the model's buffers, or -1
};

template <typename Scalar>
class MatrixModel {
 public:
  /// `products` outlive the model.
  MatrixModel(const NetworkSettings& settings, std::int64_t rows_per_sample, const Products<Scalar>& products);
  MatrixModel(const MatrixModel&) = delete;
  MatrixModel& operator=(const MatrixModel&) = delete;
  virtual ~MatrixModel() = default;

  [[nodiscard]] const std::vector<ParameterUnit<Scalar>>& units() const { return units_; }
  [[nodiscard]] std::int64_t rows_per_sample() const { return rows_per_sample_; }
  /// From now on the parameters are those of `other`, a model of the same settings and products; gradients and moments
  /// stay its own. Throws Error where the products have no weights that can be shared.
  void share_parameters(const MatrixModel& other);
  /// Whether a step reads the batch's features.
  [[nodiscard]] virtual bool reads_features() const = 0;
  /// As of Network.
  virtual void read(Content content, std::span<Scalar> values) const;
  virtual void write(Content content, std::span<const Scalar> values);

  /// Adds forward pass and loss: each row's, and the gradient of the objective by the outputs.
  virtual void forward(Lane<Scalar>& lane) = 0;
  /// Adds whether each counted row's largest output is its label's.
  virtual void hits(Lane<Scalar>& lane) = 0;
  /// The backward pass has stages, from the last to the first; a stage passes the gradient down to the one below, and
  /// releases the units whose gradients can then be formed and whose values the lane does not read again.
  [[nodiscard]] virtual std::ptrdiff_t stages() const = 0;
  virtual void backward(std::ptrdiff_t stage, Lane<Scalar>& lane) = 0;

  // Over a block of a unit, all samples of the batch. `form_gradient` fills the gradients, `update` takes the
  // optimiser's step, and `train` does both in one, where trains_in_one.
  virtual void form_gradient(const Batch<Scalar>& batch, std::size_t unit, Range rows, Range columns) = 0;
  virtual void update(std::size_t unit, Range rows, Range columns, const OptimizerStep<Scalar>& rule);
  /// Whether `form_gradient` and `loss` follow Batch::leaf.
  [[nodiscard]] virtual bool sums_by_leaves() const;
  /// Of each unit, empty where it has none of its own or only read and write reach it, then of the model's buffers.
  [[nodiscard]] virtual std::vector<std::span<Scalar>> gradient_memory();
  [[nodiscard]] virtual bool trains_in_one(std::size_t unit) const;
  virtual void train(const Batch<Scalar>& batch, std::size_t unit, Range rows, Range columns,
                     const OptimizerStep<Scalar>& rule) = 0;
  [[nodiscard]] virtual double gradient_sum_of_squares(std::size_t unit, Range rows, Range columns) const;

  /// The recorded loss of the batch, summed from the first row to the last of each leaf.
  [[nodiscard]] double loss(const Batch<Scalar>& batch) const;
  [[nodiscard]] std::int64_t correct(const Batch<Scalar>& batch) const;

 protected:
  // In the model's buffers.
  [[nodiscard]] const Scalar* parameter(std::ptrdiff_t offset) const { return buffers_.parameters() + offset; }
  [[nodiscard]] Scalar* gradient(std::ptrdiff_t offset) { return buffers_.gradients() + offset; }
  [[nodiscard]] const Products<Scalar>& products() const { return products_; }
  [[nodiscard]] Optimizer optimizer() const { return optimizer_; }

  // In the model's constructor, for all tensors of the layout in their order: each adds the unit of the next one, and
  // of the bias behind it where it has one, and returns its number. make_buffers comes last.
  std::size_t add_unit(LayoutCursor& layout, bool has_bias);
  /// A unit, with a bias, whose values the model itself keeps: it then overrides all that reads or changes values.
  const ParameterUnit<Scalar>& describe_unit(LayoutCursor& layout);
  std::size_t add_linear(LayoutCursor& layout, bool has_bias, bool input_gradient = true);
  std::size_t add_linear(LayoutCursor& layout, bool has_bias, std::unique_ptr<LinearWeight<Scalar>> weight);
  void make_buffers();

  /// Rows of a leaf, 0 for none.
  [[nodiscard]] std::ptrdiff_t leaf_rows(const Batch<Scalar>& batch) const { return batch.leaf * rows_per_sample_; }
  /// Of a linear unit's block.
  void form_linear_gradient(std::size_t unit, Range rows, Range columns, const LinearGradient<Scalar>& product);
  void train_linear(std::size_t unit, Range rows, Range columns, const LinearGradient<Scalar>& product,
                    const OptimizerStep<Scalar>& rule);

  std::vector<ParameterUnit<Scalar>> units_;  // filled by the model's constructor
  std::vector<double> row_losses_;            // (max_batch rows)
  std::vector<std::uint8_t> row_hits_;
  double outputs_per_loss_ = 1;  // K under squared_error, whose recorded value is a mean over elements

 private:
  ParameterUnit<Scalar>& add(LayoutCursor& layout, bool has_bias);
  /// Elements of the buffers, before they are made: the offset of the first.
  std::ptrdiff_t take_buffered(std::ptrdiff_t count);
  void sum_bias_gradient(const ParameterUnit<Scalar>& unit, Range rows, const LinearGradient<Scalar>& product);

  std::int64_t rows_per_sample_;
  Optimizer optimizer_;
  const Products<Scalar>& products_;
  ParameterBuffers<Scalar> buffers_;  // of all that is not in a LinearWeight
  std::ptrdiff_t buffered_ = 0;       // elements of those
};

}  // namespace stepbench
