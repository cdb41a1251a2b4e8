#include "variants/neuron/optimizer.hpp"

#include <algorithm>
#include <cmath>

#include "variants/neuron/vector.hpp"

namespace stepbench::neuron {
namespace {

/// Kingma and Ba 2015; AdamW: Loshchilov and Hutter 2019. The factors that are the same for all elements are computed
/// in double: 1 - beta^t loses all its digits in float32 while t is small.
template <typename Scalar>
void update_adam(TrainedTensor<Scalar>& tensor, const UpdateRule& rule, double coupled_decay, double decoupled_decay) {
  const double lr = rule.step.learning_rate;
  const auto t = static_cast<double>(rule.step.number);
  const double beta1 = rule.training.beta1;
  const double beta2 = rule.training.beta2;
  const AdamFactors<Scalar> factors = {.scale = static_cast<Scalar>(rule.gradient_scale),
                                       .weight_decay = static_cast<Scalar>(coupled_decay),
                                       .keep1 = static_cast<Scalar>(beta1),
                                       .take1 = static_cast<Scalar>(1 - beta1),
                                       .keep2 = static_cast<Scalar>(beta2),
                                       .take2 = static_cast<Scalar>(1 - beta2),
                                       .shrink = static_cast<Scalar>(1 - lr * decoupled_decay),
                                       .step_size = static_cast<Scalar>(lr / (1 - std::pow(beta1, t))),
                                       .root_correction = static_cast<Scalar>(std::sqrt(1 - std::pow(beta2, t))),
                                       .epsilon = static_cast<Scalar>(rule.training.epsilon)};
  internal::loops<Scalar>().adam(tensor.values.data(), tensor.first_moment.data(), tensor.second_moment.data(),
                                 tensor.gradients.data(), tensor.values.size(), factors);
}

}  // namespace

template <typename Scalar>
TrainedTensor<Scalar>::TrainedTensor(std::size_t size, Optimizer optimizer) : values(size), gradients(size) {
  const bool is_adam = optimizer == Optimizer::adam || optimizer == Optimizer::adamw;
  if (is_adam || optimizer == Optimizer::momentum) first_moment.resize(size);
  if (is_adam) second_moment.resize(size);
}

template <typename Scalar>
void TrainedTensor<Scalar>::prepare(const TrainingSettings& training, std::int64_t place_in_canonical_order) {
  place = place_in_canonical_order;
  if (training.precision != Precision::bfloat16) return;
  if (training.master_weights) {
    master_weights.resize(values.size());
  } else if (training.compensated) {
    compensation.resize(values.size());
  }
}

template <typename Scalar>
void TrainedTensor<Scalar>::forget() {
  for (std::vector<Scalar>* memory : {&first_moment, &second_moment, &compensation}) {
    std::fill(memory->begin(), memory->end(), Scalar{0});
  }
  if (!master_weights.empty()) master_weights = values;
}

template <typename Scalar>
std::vector<Scalar>& TrainedTensor<Scalar>::content(Content content) {
  switch (content) {
    case Content::parameters:
      return values;
    case Content::gradients:
      return gradients;
    case Content::first_moment:
      return first_moment;
    case Content::second_moment:
      return second_moment;
    case Content::compensation:
      return compensation;
    case Content::master_weights:
      break;
  }
  return master_weights;
}

template <typename Scalar>
void update_tensor(TrainedTensor<Scalar>& tensor, ParameterRole role, const UpdateRule& rule) {
  if (rule.training.precision == Precision::bfloat16) return update_in_bfloat16(tensor, role, rule);
  const auto learning_rate = static_cast<Scalar>(rule.step.learning_rate);
  const auto weight_decay = static_cast<Scalar>(rule.training.weight_decay);
  const auto scale = static_cast<Scalar>(rule.gradient_scale);
  const LoopFunctions<Scalar>& loops = internal::loops<Scalar>();
  switch (rule.training.optimizer) {
    case Optimizer::sgd:
      return loops.sgd(tensor.values.data(), tensor.gradients.data(), tensor.values.size(), learning_rate, weight_decay,
                       scale);
    case Optimizer::momentum:
      return loops.momentum(tensor.values.data(), tensor.first_moment.data(), tensor.gradients.data(),
                            tensor.values.size(), learning_rate, static_cast<Scalar>(rule.training.momentum),
                            weight_decay, scale);
    case Optimizer::adam:
      return update_adam(tensor, rule, rule.training.weight_decay, 0);
    case Optimizer::adamw:
      return update_adam(tensor, rule, 0, role == ParameterRole::matrix ? rule.training.weight_decay : 0);
  }
}

template struct TrainedTensor<float>;
template struct TrainedTensor<double>;
template void update_tensor(TrainedTensor<float>&, ParameterRole, const UpdateRule&);
template void update_tensor(TrainedTensor<double>&, ParameterRole, const UpdateRule&);

}  // namespace stepbench::neuron
