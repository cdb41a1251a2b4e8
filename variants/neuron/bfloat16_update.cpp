// The update of parameters in bfloat16, one after the other: the optimiser's step, then where it goes. In float64 it is
// the reference: what the optimiser computes is not rounded, and what is stored is, once.
#include <cmath>

#include "core/bfloat16.hpp"
#include "variants/neuron/optimizer.hpp"

namespace stepbench::neuron {
namespace {

/// The optimiser's step on one tensor, with what is the same for all its elements.
template <typename Scalar>
class Step {
 public:
  Step(const UpdateRule& rule, ParameterRole role)
      : optimizer_(rule.training.optimizer),
        rate_(static_cast<Scalar>(rule.step.learning_rate)),
        scale_(static_cast<Scalar>(rule.gradient_scale)),
        decay_(static_cast<Scalar>(optimizer_ == Optimizer::adamw ? 0 : rule.training.weight_decay)),
        momentum_(static_cast<Scalar>(rule.training.momentum)),
        keep1_(static_cast<Scalar>(rule.training.beta1)),
        take1_(static_cast<Scalar>(1 - rule.training.beta1)),
        keep2_(static_cast<Scalar>(rule.training.beta2)),
        take2_(static_cast<Scalar>(1 - rule.training.beta2)),
        step_size_(static_cast<Scalar>(rule.step.learning_rate / (1 - power(rule.training.beta1, rule)))),
        root_correction_(static_cast<Scalar>(std::sqrt(1 - power(rule.training.beta2, rule)))),
        epsilon_(static_cast<Scalar>(rule.training.epsilon)),
        shrink_(static_cast<Scalar>(optimizer_ == Optimizer::adamw && role == ParameterRole::matrix
                                        ? rule.step.learning_rate * rule.training.weight_decay
                                        : 0)) {}

  /// What is to be added to parameter i, whose value is w. Moves the moments.
  Scalar of(TrainedTensor<Scalar>& tensor, std::size_t i, Scalar w) const {
    const Scalar g = scale_ * tensor.gradients[i] + decay_ * w;
    if (optimizer_ == Optimizer::sgd) return -rate_ * g;
    Scalar& m = tensor.first_moment[i];
    if (optimizer_ == Optimizer::momentum) {
      m = momentum_ * m + g;
      return -rate_ * m;
    }
    Scalar& v = tensor.second_moment[i];
    m = keep1_ * m + take1_ * g;
    v = keep2_ * v + take2_ * g * g;
    return -shrink_ * w - step_size_ * m / (std::sqrt(v) / root_correction_ + epsilon_);
  }

 private:
  static double power(double beta, const UpdateRule& rule) {
    return std::pow(beta, static_cast<double>(rule.step.number));
  }

  Optimizer optimizer_;
  Scalar rate_, scale_, decay_, momentum_, keep1_, take1_, keep2_, take2_, step_size_, root_correction_, epsilon_,
      shrink_;
};

}  // namespace

template <typename Scalar>
void update_in_bfloat16(TrainedTensor<Scalar>& tensor, ParameterRole role, const UpdateRule& rule) {
  const bool is_stochastic = rule.training.rounding == Rounding::stochastic;
  const RoundingKey key = rounding_key(rule.seed, rule.step.number);
  const Step<Scalar> step(rule, role);
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    const auto rounded = [&](Scalar value) -> Scalar {
      if (!is_stochastic) return rounded_to_bfloat16(value);
      const auto parameter = static_cast<std::uint32_t>(tensor.place + static_cast<std::int64_t>(i));
      return static_cast<Scalar>(to_float(to_bfloat16(static_cast<float>(value), rounding_bits(key, parameter))));
    };
    Scalar& w = tensor.values[i];
    if (rule.training.master_weights) {
      Scalar& master = tensor.master_weights[i];
      master += step.of(tensor, i, master);
      w = rounded_to_bfloat16(master);
    } else if (rule.training.compensated) {
      Scalar& c = tensor.compensation[i];
      const Scalar y = step.of(tensor, i, w) - c;
      const Scalar moved = rounded(w + y);
      c = rounded_to_bfloat16((moved - w) - y);
      w = moved;
    } else {
      w = rounded(w + step.of(tensor, i, w));
    }
  }
}

template void update_in_bfloat16(TrainedTensor<float>&, ParameterRole, const UpdateRule&);
template void update_in_bfloat16(TrainedTensor<double>&, ParameterRole, const UpdateRule&);

}  // namespace stepbench::neuron
