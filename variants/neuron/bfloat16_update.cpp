// The update of parameters in bfloat16, one after the other: the optimiser's step, then where it goes. In float64 it is
// the reference: what the optimiser computes is not rounded, and what is stored is, once.
#include <cmath>

#include "core/bfloat16.hpp"
#include "variants/neuron/optimizer.hpp"

namespace stepbench::neuron {
namespace {

/// What is to be added to parameter i, whose value is w. Moves the moments.
template <typename Scalar>
Scalar step_of(TrainedTensor<Scalar>& tensor, std::size_t i, Scalar w, ParameterRole role, const UpdateRule& rule) {
  const TrainingSettings& training = rule.training;
  const auto rate = static_cast<Scalar>(rule.step.learning_rate);
  const double decay = training.optimizer == Optimizer::adamw ? 0 : training.weight_decay;
  const Scalar g = static_cast<Scalar>(rule.gradient_scale) * tensor.gradients[i] + static_cast<Scalar>(decay) * w;
  if (training.optimizer == Optimizer::sgd) return -rate * g;
  Scalar& m = tensor.first_moment[i];
  if (training.optimizer == Optimizer::momentum) {
    m = static_cast<Scalar>(training.momentum) * m + g;
    return -rate * m;
  }
  Scalar& v = tensor.second_moment[i];
  const auto t = static_cast<double>(rule.step.number);
  m = static_cast<Scalar>(training.beta1) * m + static_cast<Scalar>(1 - training.beta1) * g;
  v = static_cast<Scalar>(training.beta2) * v + static_cast<Scalar>(1 - training.beta2) * g * g;
  const auto m_corrected = static_cast<Scalar>(rule.step.learning_rate / (1 - std::pow(training.beta1, t))) * m;
  const Scalar root = std::sqrt(v) / static_cast<Scalar>(std::sqrt(1 - std::pow(training.beta2, t)));
  const bool decays = training.optimizer == Optimizer::adamw && role == ParameterRole::matrix;
  const auto shrink = static_cast<Scalar>(decays ? rule.step.learning_rate * training.weight_decay : 0);
  return -shrink * w - m_corrected / (root + static_cast<Scalar>(training.epsilon));
}

}  // namespace

template <typename Scalar>
void update_in_bfloat16(TrainedTensor<Scalar>& tensor, ParameterRole role, const UpdateRule& rule) {
  const bool is_stochastic = rule.training.rounding == Rounding::stochastic;
  const RoundingKey key = rounding_key(rule.seed, rule.step.number);
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    const auto rounded = [&](Scalar value) -> Scalar {
      if (!is_stochastic) return rounded_to_bfloat16(value);
      const auto parameter = static_cast<std::uint32_t>(tensor.place + static_cast<std::int64_t>(i));
      return static_cast<Scalar>(to_float(to_bfloat16(static_cast<float>(value), rounding_bits(key, parameter))));
    };
    Scalar& w = tensor.values[i];
    if (rule.training.master_weights) {
      Scalar& master = tensor.master_weights[i];
      master += step_of(tensor, i, master, role, rule);
      w = rounded_to_bfloat16(master);
    } else if (rule.training.compensated) {
      Scalar& c = tensor.compensation[i];
      const Scalar y = step_of(tensor, i, w, role, rule) - c;
      const Scalar moved = rounded(w + y);
      c = rounded_to_bfloat16((moved - w) - y);
      w = moved;
    } else {
      w = rounded(w + step_of(tensor, i, w, role, rule));
    }
  }
}

template void update_in_bfloat16(TrainedTensor<float>&, ParameterRole, const UpdateRule&);
template void update_in_bfloat16(TrainedTensor<double>&, ParameterRole, const UpdateRule&);

}  // namespace stepbench::neuron
