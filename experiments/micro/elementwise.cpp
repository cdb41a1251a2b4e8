// A transformer's passes between its matrix products: bias and GELU, LayerNorm, forward and backward.
#include <cmath>
#include <numbers>

#include "experiments/micro/accuracy.hpp"
#include "experiments/micro/kernel.hpp"
#include "experiments/micro/shapes.hpp"
#include "variants/kernels/kernels.hpp"
#include "variants/kernels/transformer_kernels.hpp"

namespace stepbench::micro {
namespace {

/// u of gelu(z) = z / 2 (1 + tanh(u)), and its derivative.
double gelu_argument(double z) { return std::sqrt(2 / std::numbers::pi) * (z + 0.044715 * z * z * z); }
double gelu_argument_slope(double z) { return std::sqrt(2 / std::numbers::pi) * (1 + 3 * 0.044715 * z * z); }

/// Of (N, columns). The bias is subtracted again every other call, so that z stays where it is.
template <typename Scalar>
class GeluKernel : public Kernel {
 public:
  GeluKernel(std::ptrdiff_t rows, std::ptrdiff_t columns) : rows_(rows), columns_(columns) {}

  void prepare() override {
    z_ = random_values<Scalar>(rows_ * columns_, 1);
    biases_[0] = random_values<Scalar>(columns_, 2);
    biases_[1] = biases_[0];
    for (Scalar& value : biases_[1]) value = -value;
    output_ = unwritten_values<Scalar>(rows_ * columns_);
    calls_ = 0;
  }

  void run() override {
    add_bias_and_activate(MlpActivation::gelu, z_.data(), biases_[calls_++ % 2].data(), rows_, columns_,
                          output_.data());
  }

  [[nodiscard]] std::string check() const override {
    std::vector<double> z = in_double(random_values<Scalar>(rows_ * columns_, 1)), output;
    for (std::size_t i = 0; i < z.size(); ++i) {
      z[i] += static_cast<double>(biases_[0][i % static_cast<std::size_t>(columns_)]);
      output.push_back(z[i] / 2 * (1 + std::tanh(gelu_argument(z[i]))));
    }
    const std::string wrong = mismatch<Scalar>("z", view(z_), z);
    return wrong.empty() ? mismatch<Scalar>("output", view(output_), output) : wrong;
  }

 private:
  std::ptrdiff_t rows_, columns_;
  Buffer<Scalar> z_, biases_[2], output_;
  std::size_t calls_ = 0;
};

/// In place of z, which is then the gradient: of the same size as z, so the next call finds numbers of the same kind.
template <typename Scalar>
class GeluBackwardKernel : public Kernel {
 public:
  explicit GeluBackwardKernel(std::ptrdiff_t count) : count_(count) {}

  void prepare() override {
    z_ = random_values<Scalar>(count_, 1);
    gradient_ = random_values<Scalar>(count_, 2);
  }

  void run() override { activation_backward(MlpActivation::gelu, gradient_.data(), count_, z_.data()); }

  [[nodiscard]] std::string check() const override {
    std::vector<double> z = in_double(random_values<Scalar>(count_, 1));
    for (std::size_t i = 0; i < z.size(); ++i) {
      const double tanh = std::tanh(gelu_argument(z[i]));
      const double slope = (1 + tanh) / 2 + z[i] / 2 * (1 - tanh * tanh) * gelu_argument_slope(z[i]);
      z[i] = static_cast<double>(gradient_[i]) * slope;
    }
    return mismatch<Scalar>("gradient", view(z_), z);
  }

 private:
  std::ptrdiff_t count_;
  Buffer<Scalar> z_, gradient_;
};

/// Of (N, D), with the pending bias of the projection before it: added, and subtracted every other call.
template <typename Scalar>
class LayerNormKernel : public Kernel {
 public:
  LayerNormKernel(std::ptrdiff_t rows, std::ptrdiff_t width) : rows_(rows), width_(width) {}

  void prepare() override {
    x_ = random_values<Scalar>(rows_ * width_, 1);
    pending_[0] = random_values<Scalar>(width_, 2);
    pending_[1] = pending_[0];
    for (Scalar& value : pending_[1]) value = -value;
    weight_ = random_values<Scalar>(width_, 3);
    bias_ = random_values<Scalar>(width_, 4);
    normalised_ = unwritten_values<Scalar>(rows_ * width_);
    output_ = normalised_;
    inverse_deviation_ = unwritten_values<Scalar>(rows_);
    calls_ = 0;
  }

  void run() override {
    layer_norm(x_.data(), pending_[calls_++ % 2].data(), weight_.data(), bias_.data(), rows_, width_,
               normalised_.data(), output_.data(), inverse_deviation_.data());
  }

  [[nodiscard]] std::string check() const override {
    std::vector<double> x = in_double(random_values<Scalar>(rows_ * width_, 1)), normalised, output, inverses;
    const auto width = static_cast<std::size_t>(width_);
    for (std::size_t begin = 0; begin < x.size(); begin += width) {
      double mean = 0, variance = 0;
      for (std::size_t j = 0; j < width; ++j) {
        x[begin + j] += static_cast<double>(pending_[0][j]);
        mean += x[begin + j] / static_cast<double>(width_);
      }
      for (std::size_t j = 0; j < width; ++j) {
        variance += (x[begin + j] - mean) * (x[begin + j] - mean) / static_cast<double>(width_);
      }
      inverses.push_back(1 / std::sqrt(variance + kLayerNormEpsilon));
      for (std::size_t j = 0; j < width; ++j) {
        normalised.push_back((x[begin + j] - mean) * inverses.back());
        output.push_back(normalised.back() * static_cast<double>(weight_[j]) + static_cast<double>(bias_[j]));
      }
    }
    std::string wrong = mismatch<Scalar>("x", view(x_), x);
    if (wrong.empty()) wrong = mismatch<Scalar>("normalised", view(normalised_), normalised);
    if (wrong.empty()) wrong = mismatch<Scalar>("output", view(output_), output);
    if (wrong.empty()) wrong = mismatch<Scalar>("1 / deviation", view(inverse_deviation_), inverses);
    return wrong;
  }

 private:
  std::ptrdiff_t rows_, width_;
  Buffer<Scalar> x_, pending_[2], weight_, bias_, normalised_, output_, inverse_deviation_;
  std::size_t calls_ = 0;
};

/// The gradient by the input, added to the residual stream's.
template <typename Scalar>
class LayerNormBackwardKernel : public Kernel {
 public:
  LayerNormBackwardKernel(std::ptrdiff_t rows, std::ptrdiff_t width) : rows_(rows), width_(width) {}

  void prepare() override {
    output_gradient_ = random_values<Scalar>(rows_ * width_, 1);
    normalised_ = random_values<Scalar>(rows_ * width_, 2);
    inverse_deviation_ = random_values<Scalar>(rows_, 3);
    weight_ = random_values<Scalar>(width_, 4);
    x_gradient_ = random_values<Scalar>(rows_ * width_, 5);
  }

  void run() override {
    layer_norm_backward(output_gradient_.data(), normalised_.data(), inverse_deviation_.data(), weight_.data(), rows_,
                        width_, /*accumulate=*/true, x_gradient_.data());
  }

  [[nodiscard]] std::string check() const override {
    std::vector<double> x_gradient = in_double(random_values<Scalar>(rows_ * width_, 5));
    const std::vector<double> dy = in_double(output_gradient_), unit = in_double(normalised_);
    const auto width = static_cast<std::size_t>(width_);
    for (std::size_t r = 0; r < static_cast<std::size_t>(rows_); ++r) {
      double mean = 0, projection = 0;
      for (std::size_t j = 0; j < width; ++j) {
        const double g = dy[r * width + j] * static_cast<double>(weight_[j]);
        mean += g / static_cast<double>(width_);
        projection += g * unit[r * width + j] / static_cast<double>(width_);
      }
      for (std::size_t j = 0; j < width; ++j) {
        const std::size_t i = r * width + j;
        x_gradient[i] += static_cast<double>(inverse_deviation_[r]) *
                         (dy[i] * static_cast<double>(weight_[j]) - mean - unit[i] * projection);
      }
    }
    return mismatch<Scalar>("x gradient", view(x_gradient_), x_gradient);
  }

 private:
  std::ptrdiff_t rows_, width_;
  Buffer<Scalar> output_gradient_, normalised_, inverse_deviation_, weight_, x_gradient_;
};

/// The gradients by LayerNorm's weight and bias: sums over the rows.
template <typename Scalar>
class LayerNormSumsKernel : public Kernel {
 public:
  LayerNormSumsKernel(std::ptrdiff_t rows, std::ptrdiff_t width) : rows_(rows), width_(width) {}

  void prepare() override {
    output_gradient_ = random_values<Scalar>(rows_ * width_, 1);
    normalised_ = random_values<Scalar>(rows_ * width_, 2);
    weight_gradient_ = unwritten_values<Scalar>(width_);
    bias_gradient_ = weight_gradient_;
  }

  void run() override {
    sum_row_products(output_gradient_.data(), normalised_.data(), rows_, width_, width_, weight_gradient_.data());
    sum_rows(output_gradient_.data(), rows_, width_, width_, bias_gradient_.data());
  }

  [[nodiscard]] std::string check() const override {
    const auto width = static_cast<std::size_t>(width_);
    std::vector<double> weight(width), bias(width);
    for (std::size_t i = 0; i < output_gradient_.size(); ++i) {
      const auto dy = static_cast<double>(output_gradient_[i]);
      weight[i % width] += dy * static_cast<double>(normalised_[i]);
      bias[i % width] += dy;
    }
    const std::string wrong = mismatch<Scalar>("weight gradient", view(weight_gradient_), weight);
    return wrong.empty() ? mismatch<Scalar>("bias gradient", view(bias_gradient_), bias) : wrong;
  }

 private:
  std::ptrdiff_t rows_, width_;
  Buffer<Scalar> output_gradient_, normalised_, weight_gradient_, bias_gradient_;
};

template <typename Scalar>
void add_network(const Network& network, KernelCases& cases) {
  const std::ptrdiff_t n = rows(network), width = network.model.d_model;
  // `streams`: arrays of (N, columns) read or written.
  const auto add = [&](const std::string& kind, const std::string& pass, std::ptrdiff_t columns, int streams,
                       const std::shared_ptr<Kernel>& kernel) {
    cases.push_back({.name = kind + '/' + network.name + '/' + pass + '/' + kPrecisionName<Scalar>,
                     .kernel = kernel,
                     .precision = kPrecisionOf<Scalar>,
                     .bytes = static_cast<double>(streams) * sizeof(Scalar) * static_cast<double>(n * columns)});
  };
  add("gelu", "forward", 4 * width, 3, std::make_shared<GeluKernel<Scalar>>(n, 4 * width));
  add("gelu", "backward", 4 * width, 3, std::make_shared<GeluBackwardKernel<Scalar>>(n * 4 * width));
  add("layer_norm", "forward", width, 4, std::make_shared<LayerNormKernel<Scalar>>(n, width));
  add("layer_norm", "backward", width, 4, std::make_shared<LayerNormBackwardKernel<Scalar>>(n, width));
  add("layer_norm", "dW", width, 3, std::make_shared<LayerNormSumsKernel<Scalar>>(n, width));
}

}  // namespace

KernelCases elementwise_cases() {
  KernelCases cases;
  add_network<float>(small_transformer(), cases);
  add_network<float>(large_transformer(), cases);
  add_network<double>(small_transformer(), cases);
  return cases;
}

}  // namespace stepbench::micro
