// What the training step needs of a model in matrix form, and what all such models have in common: flat buffers of
// parameters, gradients and moments, and their update. A model says what a step does to the samples of a lane
// (step_tasks.hpp), and forms gradients of, and updates, blocks of its units. All of it may run side by side for rows,
// or blocks, that do not overlap; when what runs is network.cpp's.
#pragma once

#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "core/buffer.hpp"
#include "core/models/parameters.hpp"
#include "core/network.hpp"
#include "variants/kernels/kernels.hpp"
#include "variants/kernels/products.hpp"
#include "variants/kernels/range.hpp"
#include "variants/matrix/step_tasks.hpp"

namespace stepbench {

/// Parameters that get gradient and update together: a weight (rows, columns) and, where there is one, a bias (rows).
/// Any block of its rows and columns can be worked on by itself; the bias belongs to those with the first column.
struct ParameterUnit {
  std::string name;  // of its tensors, without `.weight` and without the block's number: `mlp.up`
  ParameterRole role;
  std::ptrdiff_t rows, columns;
  std::ptrdiff_t weight;     // offset in the flat buffers
  std::ptrdiff_t bias = -1;  // offset, or -1
  std::ptrdiff_t copy = -1;  // place among the copies of weights, or -1: see keep_copy
};

template <typename Scalar>
class MatrixModel {
 public:
  /// `products` outlive the model.
  MatrixModel(const NetworkSettings& settings, std::int64_t rows_per_sample, const Products<Scalar>& products);
  MatrixModel(const MatrixModel&) = delete;
  MatrixModel& operator=(const MatrixModel&) = delete;
  virtual ~MatrixModel() = default;

  [[nodiscard]] const std::vector<ParameterUnit>& units() const { return units_; }
  [[nodiscard]] std::int64_t rows_per_sample() const { return rows_per_sample_; }
  /// As of Network.
  void read(Content content, std::span<Scalar> values) const;
  void write(Content content, std::span<const Scalar> values);

  /// Adds forward pass and loss: each row's, and the gradient of the objective by the outputs.
  virtual void forward(Lane<Scalar>& lane) = 0;
  /// Adds whether each counted row's largest output is its label's.
  virtual void hits(Lane<Scalar>& lane) = 0;
  /// The backward pass has stages, from the last to the first; a stage passes the gradient down to the one below, and
  /// releases the units whose gradients can then be formed and whose values the lane does not read again.
  [[nodiscard]] virtual std::ptrdiff_t stages() const = 0;
  virtual void backward(std::ptrdiff_t stage, Lane<Scalar>& lane) = 0;

  // Over a block of a unit, all samples of the batch. `weight_gradient` fills the gradients; `update` takes the
  // optimiser's step; `fused_sgd` does both, where it can in one matrix product, W := (1 - lr wd) W - lr d^T a, without
  // forming the gradient (plain SGD without clipping only).
  virtual void weight_gradient(const Batch<Scalar>& batch, std::size_t unit, Range rows, Range columns) = 0;
  virtual void fused_sgd(const Batch<Scalar>& batch, std::size_t unit, Range rows, Range columns,
                         const OptimizerStep<Scalar>& step) = 0;
  void update(std::size_t unit, Range rows, Range columns, const OptimizerStep<Scalar>& step);
  [[nodiscard]] double gradient_sum_of_squares(std::size_t unit, Range rows, Range columns) const;

  /// The recorded loss of the batch, summed from the first row to the last.
  [[nodiscard]] double loss(const Batch<Scalar>& batch) const;
  [[nodiscard]] std::int64_t correct(const Batch<Scalar>& batch) const;

 protected:
  [[nodiscard]] const Scalar* parameter(std::ptrdiff_t offset) const { return parameters_.data() + offset; }
  [[nodiscard]] const Products<Scalar>& products() const { return products_; }
  [[nodiscard]] Scalar* mutable_parameter(std::ptrdiff_t offset) { return parameters_.data() + offset; }
  [[nodiscard]] Scalar* gradient(std::ptrdiff_t offset) { return gradients_.data() + offset; }

  /// For each unit that `project` takes, in the model's constructor.
  void keep_copy(ParameterUnit& unit);
  /// Adds the unit of the layout's next tensor, and of the bias behind it where it has one. Returns its number.
  std::size_t add_unit(LayoutCursor& layout, bool has_bias);
  /// Columns of outputs (N, unit.rows) = inputs (N, unit.columns) W^T + beta * outputs, without the bias, in some rows.
  void project(const ParameterUnit& unit, const Scalar* inputs, Scalar beta, Scalar* outputs, Range rows,
               Range columns) const;
  /// Columns of input_gradient (N, unit.columns) = output_gradient (N, unit.rows) W, in some rows.
  void project_back(const ParameterUnit& unit, const Scalar* output_gradient, Scalar* input_gradient, Range rows,
                    Range columns) const;
  /// Weight and bias gradient of a block of a linear unit from its output gradient (N, unit.rows) and input
  /// (N, unit.columns); N rows.
  void linear_gradient(const ParameterUnit& unit, Range rows, Range columns, const Scalar* output_gradient,
                       const Scalar* input, std::ptrdiff_t count);
  void fused_linear_sgd(const ParameterUnit& unit, Range rows, Range columns, const Scalar* output_gradient,
                        const Scalar* input, std::ptrdiff_t count, const OptimizerStep<Scalar>& step);
  void update_parameters(ParameterRole role, std::ptrdiff_t offset, std::ptrdiff_t count,
                         const OptimizerStep<Scalar>& step);

  std::vector<ParameterUnit> units_;  // filled by the model's constructor
  std::vector<double> row_losses_;    // (max_batch rows)
  std::vector<std::uint8_t> row_hits_;
  double outputs_per_loss_ = 1;  // K under squared_error, whose recorded value is a mean over elements

 private:
  /// The buffer of `self`, a model that may be const.
  template <typename Self>
  [[nodiscard]] static auto& content_of(Self& self, Content content) {
    switch (content) {
      case Content::parameters:
        return self.parameters_;
      case Content::gradients:
        return self.gradients_;
      case Content::first_moment:
        return self.first_moments_;
      case Content::second_moment:
        break;
    }
    return self.second_moments_;
  }
  void update_copy(const ParameterUnit& unit, Range rows, Range columns);

  std::int64_t rows_per_sample_;
  const Products<Scalar>& products_;
  Buffer<Scalar> parameters_, gradients_;          // canonical order
  std::vector<Buffer<Scalar>> copies_;             // of W, as the products like it, of the units that project
  Buffer<Scalar> first_moments_, second_moments_;  // as long as the parameters where the optimiser has them, else empty
};

/// Calls work(offset, rows) for some columns of a row-major matrix with `width`: once for all rows where they are
/// dense, else for each.
template <typename Work>
void for_dense_rows(Range rows, Range columns, std::ptrdiff_t width, const Work& work) {
  if (columns.size() == width) {
    work(rows.begin * width, rows.size());
  } else {
    for (std::ptrdiff_t r = rows.begin; r < rows.end; ++r) work(r * width + columns.begin, std::ptrdiff_t{1});
  }
}

/// The same with the number of elements: work(offset, elements).
template <typename Work>
void for_dense_runs(Range rows, Range columns, std::ptrdiff_t width, const Work& work) {
  for_dense_rows(rows, columns, width,
                 [&](std::ptrdiff_t offset, std::ptrdiff_t count) { work(offset, count * columns.size()); });
}

}  // namespace stepbench
