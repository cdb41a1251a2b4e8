// Causal attention of a step's batch, sequence by sequence as MatrixTransformer calls it. Its reference is the
// textbook's formula, head by head and query by query, without panels.
#include "variants/kernels/attention.hpp"

#include <cmath>

#include "experiments/micro/accuracy.hpp"
#include "experiments/micro/kernel.hpp"
#include "experiments/micro/shapes.hpp"
#include "variants/products/direct.hpp"
#include "variants/products/openblas.hpp"

namespace stepbench::micro {
namespace {

/// One head of one sequence in double: the probabilities of query i over keys 0 .. i.
std::vector<double> attention_row(const AttentionShape& shape, const double* qkv, std::ptrdiff_t h, std::ptrdiff_t i) {
  const std::ptrdiff_t size = shape.head_width(), stride = 3 * shape.width;
  const double* q = qkv + i * stride + h * size;
  std::vector<double> p;
  double sum = 0;
  for (std::ptrdiff_t j = 0; j <= i; ++j) {
    const double* k = qkv + j * stride + shape.width + h * size;
    double score = 0;
    for (std::ptrdiff_t s = 0; s < size; ++s) score += q[s] * k[s];
    p.push_back(std::exp(score / std::sqrt(static_cast<double>(size))));
    sum += p.back();
  }
  for (double& probability : p) probability /= sum;
  return p;
}

/// output (T, D)
void reference_forward(const AttentionShape& shape, const double* qkv, double* output) {
  const std::ptrdiff_t size = shape.head_width();
  for (std::ptrdiff_t h = 0; h < shape.heads; ++h) {
    for (std::ptrdiff_t i = 0; i < shape.context; ++i) {
      const std::vector<double> p = attention_row(shape, qkv, h, i);
      for (std::ptrdiff_t j = 0; j <= i; ++j) {
        const double* v = qkv + j * 3 * shape.width + 2 * shape.width + h * size;
        const double probability = p[static_cast<std::size_t>(j)];
        for (std::ptrdiff_t s = 0; s < size; ++s) output[i * shape.width + h * size + s] += probability * v[s];
      }
    }
  }
}

/// gradient (T, 3D), added to
void reference_backward(const AttentionShape& shape, const double* qkv, const double* output_gradient,
                        double* gradient) {
  const std::ptrdiff_t size = shape.head_width(), width = shape.width, stride = 3 * width;
  const double scale = 1 / std::sqrt(static_cast<double>(size));
  for (std::ptrdiff_t h = 0; h < shape.heads; ++h) {
    for (std::ptrdiff_t i = 0; i < shape.context; ++i) {
      const std::vector<double> p = attention_row(shape, qkv, h, i);
      const double* out = output_gradient + i * width + h * size;
      std::vector<double> p_gradient;
      double mean = 0;  // of the gradient by the probabilities, weighted with them
      for (std::ptrdiff_t j = 0; j <= i; ++j) {
        const std::ptrdiff_t v = j * stride + 2 * width + h * size;
        const double probability = p[static_cast<std::size_t>(j)];
        double product = 0;
        for (std::ptrdiff_t s = 0; s < size; ++s) {
          product += out[s] * qkv[v + s];
          gradient[v + s] += probability * out[s];
        }
        p_gradient.push_back(product);
        mean += probability * product;
      }
      const std::ptrdiff_t q = i * stride + h * size;
      for (std::ptrdiff_t j = 0; j <= i; ++j) {
        const auto column = static_cast<std::size_t>(j);
        const double score_gradient = scale * p[column] * (p_gradient[column] - mean);
        const std::ptrdiff_t k = j * stride + width + h * size;
        for (std::ptrdiff_t s = 0; s < size; ++s) {
          gradient[q + s] += score_gradient * qkv[k + s];
          gradient[k + s] += score_gradient * qkv[q + s];
        }
      }
    }
  }
}

template <typename Scalar>
class AttentionKernel : public Kernel {
 public:
  AttentionKernel(const Products<Scalar>& products, const Network& network)
      : products_(products),
        shape_{network.model.context, network.model.d_model, network.model.heads},
        sequences_(network.batch_size) {}

  void prepare() override {
    qkv_ = random_values<Scalar>(sequences_ * qkv_size(), 1);
    probabilities_ = unwritten_values<Scalar>(sequences_ * shape_.probabilities());
    output_ = unwritten_values<Scalar>(sequences_ * output_size());
    scratch_ = unwritten_values<Scalar>(sequences_ * attention_scratch(products_, shape_));
  }

  void run() override {
    for (std::ptrdiff_t b = 0; b < sequences_; ++b) {
      attention_forward(products_, shape_, {0, shape_.heads}, qkv_.data() + b * qkv_size(),
                        probabilities_.data() + b * shape_.probabilities(), output_.data() + b * output_size(),
                        scratch_.data() + b * attention_scratch(products_, shape_));
    }
  }

  [[nodiscard]] std::string check() const override {
    const std::vector<double> qkv = in_double(qkv_);
    std::vector<double> output(output_.size());
    for (std::ptrdiff_t b = 0; b < sequences_; ++b) {
      reference_forward(shape_, qkv.data() + b * qkv_size(), output.data() + b * output_size());
    }
    return mismatch<Scalar>("output", view(output_), output);
  }

 protected:
  [[nodiscard]] std::ptrdiff_t qkv_size() const { return 3 * output_size(); }
  [[nodiscard]] std::ptrdiff_t output_size() const { return shape_.context * shape_.width; }

  const Products<Scalar>& products_;
  AttentionShape shape_;
  std::ptrdiff_t sequences_;
  Buffer<Scalar> qkv_, probabilities_, output_, scratch_;
};

template <typename Scalar>
class AttentionBackwardKernel : public AttentionKernel<Scalar> {
 public:
  using AttentionKernel<Scalar>::AttentionKernel;

  void prepare() override {
    AttentionKernel<Scalar>::prepare();
    AttentionKernel<Scalar>::run();  // backward starts from forward's probabilities
    output_gradient_ = random_values<Scalar>(this->sequences_ * this->output_size(), 2);
    gradient_ = unwritten_values<Scalar>(this->sequences_ * this->qkv_size());
  }

  void run() override {
    for (std::ptrdiff_t b = 0; b < this->sequences_; ++b) {
      attention_backward(this->products_, this->shape_, {0, this->shape_.heads},
                         this->qkv_.data() + b * this->qkv_size(),
                         this->probabilities_.data() + b * this->shape_.probabilities(),
                         output_gradient_.data() + b * this->output_size(), gradient_.data() + b * this->qkv_size(),
                         this->scratch_.data() + b * attention_scratch(this->products_, this->shape_));
    }
  }

  [[nodiscard]] std::string check() const override {
    const std::vector<double> qkv = in_double(this->qkv_), output_gradient = in_double(output_gradient_);
    std::vector<double> gradient(gradient_.size());
    for (std::ptrdiff_t b = 0; b < this->sequences_; ++b) {
      reference_backward(this->shape_, qkv.data() + b * this->qkv_size(),
                         output_gradient.data() + b * this->output_size(), gradient.data() + b * this->qkv_size());
    }
    return mismatch<Scalar>("qkv gradient", view(gradient_), gradient);
  }

 private:
  Buffer<Scalar> output_gradient_, gradient_;
};

template <typename Scalar>
void add_network(const Network& network, KernelCases& cases) {
  const ModelSettings& model = network.model;
  // Two products of 2 T T D operations each forward, four backward; the causal half of them counts.
  const auto product = static_cast<double>(network.batch_size * model.context * model.context * model.d_model);
  for (const bool direct : {false, true}) {
    const Products<Scalar>& products = direct ? direct_products<Scalar>() : openblas_products<Scalar>();
    const auto name = [&](const std::string& pass) {
      return "attention/" + network.name + '/' + pass + '/' + kPrecisionName<Scalar> +
             (direct ? "/direct" : "/openblas");
    };
    cases.push_back({.name = name("forward"),
                     .kernel = std::make_shared<AttentionKernel<Scalar>>(products, network),
                     .precision = kPrecisionOf<Scalar>,
                     .flops = 2 * product});
    cases.push_back({.name = name("backward"),
                     .kernel = std::make_shared<AttentionBackwardKernel<Scalar>>(products, network),
                     .precision = kPrecisionOf<Scalar>,
                     .flops = 4 * product});
  }
}

}  // namespace

KernelCases attention_cases() {
  KernelCases cases;
  add_network<float>(small_transformer(), cases);
  add_network<float>(large_transformer(), cases);
  add_network<double>(small_transformer(), cases);
  return cases;
}

}  // namespace stepbench::micro
