// The products of a linear layer from panels of weights, with what is fused into them: forward with bias and ReLU, dX
// with ReLU's derivative, dW with the optimiser's step. `gemm` has the same products as others make them.
#include <algorithm>
#include <cmath>
#include <string>

#include "experiments/micro/accuracy.hpp"
#include "experiments/micro/kernel.hpp"
#include "experiments/micro/shapes.hpp"
#include "variants/kernels/fused_product.hpp"

namespace stepbench::micro {
namespace {

struct Shape {
  std::ptrdiff_t rows, inputs, outputs;
};

/// C (m, n) += A (m, k) B (k, n) in double, dense; A's element (i, l) at i * row + l * column.
void add_product(std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k, const double* a, std::ptrdiff_t row,
                 std::ptrdiff_t column, const double* b, double* c) {
  for (std::ptrdiff_t i = 0; i < m; ++i) {
    for (std::ptrdiff_t l = 0; l < k; ++l) {
      for (std::ptrdiff_t j = 0; j < n; ++j) c[i * n + j] += a[i * row + l * column] * b[l * n + j];
    }
  }
}

/// Dense rows of `stride` elements without what lies between them.
template <typename Scalar>
std::vector<Scalar> dense(const Buffer<Scalar>& rows, std::ptrdiff_t stride, std::ptrdiff_t columns) {
  std::vector<Scalar> values;
  for (auto row = rows.begin(); row != rows.end(); row += stride) values.insert(values.end(), row, row + columns);
  return values;
}

template <typename Scalar>
Buffer<Scalar> random_rows(std::ptrdiff_t rows, std::ptrdiff_t columns, std::uint64_t stream) {
  return random_values<Scalar>(rows * activation_stride<Scalar>(columns), stream);
}

template <typename Scalar>
Operand<const Scalar> rows_of(const Buffer<Scalar>& values, std::ptrdiff_t columns) {
  return {values.data(), activation_stride<Scalar>(columns)};
}

/// C (rows, out) = A (rows, in) W^T, as forward has it with bias and ReLU; and as dX has it, whose A is dY, with a
/// mask.
template <typename Scalar>
class ProductKernel : public Kernel {
 public:
  ProductKernel(const Shape& shape, bool back) : s_(shape), back_(back) {}

  void prepare() override {
    a_ = random_rows<Scalar>(s_.rows, s_.inputs, 1);
    weight_ = random_values<Scalar>(s_.inputs * s_.outputs, 2);
    bias_ = random_values<Scalar>(s_.outputs, 3);
    mask_ = random_rows<Scalar>(s_.rows, s_.outputs, 4);
    panels_.resize(static_cast<std::size_t>(Panels<Scalar>{nullptr, s_.inputs, s_.outputs}.size()));
    to_panels(weight_.data(), WeightPanels<Scalar>{.master = {panels_.data(), s_.inputs, s_.outputs}});
    c_ = unwritten_values<Scalar>(s_.rows * activation_stride<Scalar>(s_.outputs));
  }

  void run() override {
    FusedProduct<Scalar> product{.a = rows_of(a_, s_.inputs),
                                 .b = {panels_.data(), s_.inputs, s_.outputs},
                                 .c = {c_.data(), activation_stride<Scalar>(s_.outputs)}};
    if (back_) {
      product.mask = rows_of(mask_, s_.outputs);
    } else {
      product.bias = bias_.data();
      product.relu = true;
    }
    fused_product(product, {0, s_.rows}, {0, s_.outputs});
  }

  [[nodiscard]] std::string check() const override {
    const std::vector<double> a = in_double(a_);
    std::vector<double> b(weight_.size()), c(static_cast<std::size_t>(s_.rows * s_.outputs));
    for (std::ptrdiff_t o = 0; o < s_.outputs; ++o) {
      for (std::ptrdiff_t i = 0; i < s_.inputs; ++i) {
        b[static_cast<std::size_t>(i * s_.outputs + o)] =
            static_cast<double>(weight_[static_cast<std::size_t>(o * s_.inputs + i)]);
      }
    }
    add_product(s_.rows, s_.outputs, s_.inputs, a.data(), activation_stride<Scalar>(s_.inputs), 1, b.data(), c.data());
    const std::ptrdiff_t stride = activation_stride<Scalar>(s_.outputs);
    const std::vector<Scalar> mask = dense(mask_, stride, s_.outputs), actual = dense(c_, stride, s_.outputs);
    for (std::size_t i = 0; i < c.size(); ++i) {
      if (back_) {
        c[i] = mask[i] > 0 ? c[i] : 0;
      } else {
        c[i] = std::max(0.0, c[i] + static_cast<double>(bias_[i % bias_.size()]));
      }
    }
    return mismatch<Scalar>("C", actual, c);
  }

 private:
  Shape s_;
  bool back_;
  Buffer<Scalar> a_, weight_, bias_, mask_, panels_, c_;
};

/// X^T dY (inputs, outputs).
template <typename Scalar>
std::vector<double> product_of_rows(const Shape& s, const Buffer<Scalar>& input, const Buffer<Scalar>& delta) {
  const std::vector<double> x = in_double(input);
  const std::vector<Scalar> dy = dense(delta, activation_stride<Scalar>(s.outputs), s.outputs);
  std::vector<double> product(static_cast<std::size_t>(s.inputs * s.outputs));
  add_product(s.inputs, s.outputs, s.rows, x.data(), 1, activation_stride<Scalar>(s.inputs),
              std::vector<double>(dy.begin(), dy.end()).data(), product.data());
  return product;
}

/// The gradient of a weight as W^T lies, in one sum over the rows or by leaves of so many (0: in one).
template <typename Scalar>
class GradientKernel : public Kernel {
 public:
  GradientKernel(const Shape& shape, std::ptrdiff_t leaf_rows) : s_(shape), leaf_rows_(leaf_rows) {}

  void prepare() override {
    input_ = random_rows<Scalar>(s_.rows, s_.inputs, 1);
    delta_ = random_rows<Scalar>(s_.rows, s_.outputs, 2);
    gradient_ = unwritten_values<Scalar>(panels().size());
    if (leaf_rows_ > 0) scratch_.resize(static_cast<std::size_t>(leaf_scratch_size<Scalar>(s_.rows, leaf_rows_)));
  }

  void run() override {
    weight_gradient<Scalar>({rows_of(delta_, s_.outputs), rows_of(input_, s_.inputs), s_.rows, leaf_rows_},
                            {0, s_.inputs}, {0, s_.outputs}, {gradient_.data(), s_.inputs, s_.outputs},
                            scratch_.data());
  }

  [[nodiscard]] std::string check() const override {
    const std::vector<double> expected = product_of_rows(s_, input_, delta_);
    std::vector<Scalar> actual(expected.size());
    from_panels(Panels<const Scalar>{gradient_.data(), s_.inputs, s_.outputs}, actual.data());
    std::vector<double> transposed(expected.size());
    for (std::ptrdiff_t o = 0; o < s_.outputs; ++o) {
      for (std::ptrdiff_t i = 0; i < s_.inputs; ++i) {
        transposed[static_cast<std::size_t>(o * s_.inputs + i)] =
            expected[static_cast<std::size_t>(i * s_.outputs + o)];
      }
    }
    return mismatch<Scalar>("dW", actual, transposed);
  }

 private:
  [[nodiscard]] Panels<Scalar> panels() const { return {nullptr, s_.inputs, s_.outputs}; }

  Shape s_;
  std::ptrdiff_t leaf_rows_;
  Buffer<Scalar> input_, delta_, gradient_, scratch_;
};

// Every call moves the weights on: by as much that a wrong gradient shows, by so little that they stay small numbers.
constexpr double kLearningRate = 0.01;
constexpr std::int64_t kStepNumber = 5;

TrainingSettings training(Optimizer optimizer) {
  TrainingSettings settings;
  settings.optimizer = optimizer;
  return settings;
}

/// The step of a weight, whose copy (out, in) follows.
template <typename Scalar>
class UpdateKernel : public Kernel {
 public:
  UpdateKernel(const Shape& shape, Optimizer optimizer)
      : s_(shape), rule_(training(optimizer), kLearningRate, kStepNumber, /*gradient_scale=*/1) {}

  void prepare() override {
    input_ = random_rows<Scalar>(s_.rows, s_.inputs, 1);
    delta_ = random_rows<Scalar>(s_.rows, s_.outputs, 2);
    weight_ = random_values<Scalar>(s_.inputs * s_.outputs, 3);
    const auto size = static_cast<std::size_t>(Panels<Scalar>{nullptr, s_.inputs, s_.outputs}.size());
    panels_.assign(size, 0);
    first_.assign(size, 0);
    second_.assign(size, 1);  // never near 0: an update divides by its root
    transposed_.assign(static_cast<std::size_t>(Panels<Scalar>{nullptr, s_.outputs, s_.inputs}.size()), 0);
    to_panels(weight_.data(), weight());
  }

  void run() override {
    fused_update<Scalar>({rows_of(delta_, s_.outputs), rows_of(input_, s_.inputs), s_.rows}, rule_, {0, s_.inputs},
                         {0, s_.outputs}, weight());
  }

  [[nodiscard]] std::string check() const override {
    const std::vector<double> gradient = product_of_rows(s_, input_, delta_);
    std::vector<double> expected(weight_.size());
    const TrainingSettings t = training(rule_.optimizer);
    const double bias1 = 1 - std::pow(t.beta1, kStepNumber), bias2 = 1 - std::pow(t.beta2, kStepNumber);
    for (std::ptrdiff_t o = 0; o < s_.outputs; ++o) {
      for (std::ptrdiff_t i = 0; i < s_.inputs; ++i) {
        const double g = gradient[static_cast<std::size_t>(i * s_.outputs + o)];
        const auto at = static_cast<std::size_t>(o * s_.inputs + i);
        double step = g;
        if (t.optimizer == Optimizer::adam) {
          const double first = (1 - t.beta1) * g, second = t.beta2 + (1 - t.beta2) * g * g;
          step = first / bias1 / (std::sqrt(second / bias2) + t.epsilon);
        }
        expected[at] = static_cast<double>(weight_[at]) - kLearningRate * step;
      }
    }
    std::vector<Scalar> actual(weight_.size());
    from_panels(Panels<const Scalar>{panels_.data(), s_.inputs, s_.outputs}, actual.data());
    return mismatch<Scalar>("weights", actual, expected);
  }

 private:
  [[nodiscard]] WeightPanels<Scalar> weight() {
    return {{panels_.data(), s_.inputs, s_.outputs}, transposed_.data(), first_.data(), second_.data()};
  }

  Shape s_;
  OptimizerStep<Scalar> rule_;
  Buffer<Scalar> input_, delta_, weight_, panels_, transposed_, first_, second_;
};

template <typename Scalar>
void add_network(const Network& network, KernelCases& cases) {
  for (const LinearLayer& layer : linear_layers(network)) {
    const Shape shape{rows(network), layer.inputs, layer.outputs};
    const auto add = [&](const std::string& what, std::shared_ptr<Kernel> kernel) {
      cases.push_back({.name = "fused/" + layer.name + '/' + what + '/' + kPrecisionName<Scalar>,
                       .kernel = std::move(kernel),
                       .precision = kPrecisionOf<Scalar>,
                       .flops = 2.0 * static_cast<double>(shape.rows * shape.inputs * shape.outputs)});
    };
    add("forward", std::make_shared<ProductKernel<Scalar>>(shape, /*back=*/false));
    add("dW", std::make_shared<GradientKernel<Scalar>>(shape, 0));
    for (const std::ptrdiff_t leaf : {32, 64, 128, 256}) {  // core/summation_tree.hpp chooses among these
      if (layer.inputs < 512 || leaf >= shape.rows) continue;
      add("dW-leaf" + std::to_string(leaf), std::make_shared<GradientKernel<Scalar>>(shape, leaf));
    }
    add("dW+sgd", std::make_shared<UpdateKernel<Scalar>>(shape, Optimizer::sgd));
    add("dW+adam", std::make_shared<UpdateKernel<Scalar>>(shape, Optimizer::adam));
    if (!layer.input_gradient) continue;
    add("dX", std::make_shared<ProductKernel<Scalar>>(Shape{shape.rows, shape.outputs, shape.inputs}, /*back=*/true));
  }
}

}  // namespace

KernelCases fused_cases() {
  KernelCases cases;
  for (const std::int64_t batch_size : {32, 128, 512}) add_network<float>(mlp(batch_size), cases);
  add_network<float>(small_transformer(), cases);
  add_network<float>(large_transformer(), cases);
  add_network<double>(mlp(128), cases);
  return cases;
}

}  // namespace stepbench::micro
