// An optimiser's update of all parameters of a network, as one slice. Several sizes: the MLP's parameters and moments
// stay in a cache, a large transformer's come from memory.
#include <cmath>

#include "core/models/parameters.hpp"
#include "experiments/micro/accuracy.hpp"
#include "experiments/micro/kernel.hpp"
#include "experiments/micro/shapes.hpp"
#include "variants/kernels/kernels.hpp"

namespace stepbench::micro {
namespace {

// A large step, so that a wrong update is not hidden in the rounding of the parameters; and late in training, where
// Adam's bias corrections are not 1 and not the first step's.
constexpr double kLearningRate = 0.1;
constexpr std::int64_t kStepNumber = 5;
constexpr double kClipping = 0.5;

TrainingSettings training(Optimizer optimizer) {
  TrainingSettings settings;
  settings.optimizer = optimizer;
  settings.weight_decay = 0.1;
  return settings;
}

template <typename Scalar>
class UpdateKernel : public Kernel {
 public:
  UpdateKernel(Optimizer optimizer, std::int64_t count)
      : optimizer_(optimizer), count_(count), rule_(training(optimizer), kLearningRate, kStepNumber, kClipping) {}

  void prepare() override {
    gradients_ = random_values<Scalar>(count_, 1);
    parameters_ = random_values<Scalar>(count_, 2);
    first_ = initial_first();
    second_ = initial_second();
  }

  void run() override {
    update_slice(rule_, ParameterRole::matrix, count_, gradients_.data(), parameters_.data(),
                 first_.empty() ? nullptr : first_.data(), second_.empty() ? nullptr : second_.data());
  }

  [[nodiscard]] std::string check() const override {
    const TrainingSettings t = training(optimizer_);
    std::vector<double> w = in_double(random_values<Scalar>(count_, 2)), m = in_double(initial_first()),
                        v = in_double(initial_second());
    const double bias1 = 1 - std::pow(t.beta1, kStepNumber), bias2 = 1 - std::pow(t.beta2, kStepNumber);
    for (std::size_t i = 0; i < w.size(); ++i) {
      double g = kClipping * static_cast<double>(gradients_[i]);
      if (optimizer_ == Optimizer::adamw) {
        w[i] -= kLearningRate * t.weight_decay * w[i];
      } else {
        g += t.weight_decay * w[i];
      }
      if (optimizer_ == Optimizer::sgd) {
        w[i] -= kLearningRate * g;
      } else if (optimizer_ == Optimizer::momentum) {
        m[i] = t.momentum * m[i] + g;
        w[i] -= kLearningRate * m[i];
      } else {
        m[i] = t.beta1 * m[i] + (1 - t.beta1) * g;
        v[i] = t.beta2 * v[i] + (1 - t.beta2) * g * g;
        w[i] -= kLearningRate * (m[i] / bias1) / (std::sqrt(v[i] / bias2) + t.epsilon);
      }
    }
    std::string wrong = mismatch<Scalar>("parameters", view(parameters_), w);
    if (wrong.empty()) wrong = mismatch<Scalar>("first moment", view(first_), m);
    if (wrong.empty()) wrong = mismatch<Scalar>("second moment", view(second_), v);
    return wrong;
  }

 private:
  [[nodiscard]] Buffer<Scalar> initial_first() const {
    return optimizer_ == Optimizer::sgd ? Buffer<Scalar>() : random_values<Scalar>(count_, 3);
  }
  [[nodiscard]] Buffer<Scalar> initial_second() const {
    if (optimizer_ == Optimizer::sgd || optimizer_ == Optimizer::momentum) return {};
    Buffer<Scalar> squares = random_values<Scalar>(count_, 4);
    // Never near 0, as after some steps: an update divides by its root.
    for (Scalar& value : squares) value = Scalar{1} + value * value;
    return squares;
  }

  Optimizer optimizer_;
  std::ptrdiff_t count_;
  OptimizerStep<Scalar> rule_;
  Buffer<Scalar> gradients_, parameters_, first_, second_;
};

struct Rule {
  const char* name;
  Optimizer optimizer;
  int streams;  // arrays read or written: the gradient is read, all others are read and written
};
constexpr Rule kRules[] = {{"sgd", Optimizer::sgd, 3},
                           {"momentum", Optimizer::momentum, 5},
                           {"adam", Optimizer::adam, 7},
                           {"adamw", Optimizer::adamw, 7}};

template <typename Scalar>
void add_case(const Rule& rule, const Network& network, KernelCases& cases) {
  const std::int64_t count = parameter_layout(network.model).size;
  cases.push_back({.name = "optimizer/" + std::string(rule.name) + '/' + network.name + '/' + kPrecisionName<Scalar>,
                   .kernel = std::make_shared<UpdateKernel<Scalar>>(rule.optimizer, count),
                   .precision = kPrecisionOf<Scalar>,
                   .bytes = static_cast<double>(rule.streams) * sizeof(Scalar) * static_cast<double>(count)});
}

}  // namespace

KernelCases optimizer_cases() {
  KernelCases cases;
  for (const Rule& rule : kRules) {
    add_case<float>(rule, mlp(128), cases);
    add_case<double>(rule, mlp(128), cases);
  }
  add_case<float>(kRules[3], small_transformer(), cases);
  add_case<float>(kRules[3], large_transformer(), cases);
  return cases;
}

}  // namespace stepbench::micro
