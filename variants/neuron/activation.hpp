// What a neuron makes of its weighted sum z, and the derivative of that.
#pragma once

#include <cmath>

namespace stepbench::neuron {

/// gelu in its tanh form (Hendrycks and Gimpel 2016): 0.5 z (1 + tanh(sqrt(2/pi) (z + 0.044715 z^3))).
enum class Activation { relu, linear, gelu };

namespace internal {

inline constexpr double kGeluSlope = 0.79788456080286535588;  // sqrt(2 / pi)
inline constexpr double kGeluCube = 0.044715;

template <typename Scalar>
Scalar gelu_tanh(Scalar z) {
  return std::tanh(static_cast<Scalar>(kGeluSlope) * (z + static_cast<Scalar>(kGeluCube) * z * z * z));
}

}  // namespace internal

template <typename Scalar>
Scalar activate(Activation activation, Scalar z) {
  switch (activation) {
    case Activation::relu:
      return z < 0 ? Scalar{0} : z;  // NaN stays NaN: a diverged network must not look like one with silent neurons
    case Activation::linear:
      return z;
    case Activation::gelu:
      break;
  }
  return Scalar(0.5) * z * (1 + internal::gelu_tanh(z));
}

/// da/dz. ReLU's at 0 is 0.
template <typename Scalar>
Scalar activation_derivative(Activation activation, Scalar z) {
  switch (activation) {
    case Activation::relu:
      return z > 0 ? Scalar{1} : Scalar{0};
    case Activation::linear:
      return Scalar{1};
    case Activation::gelu:
      break;
  }
  const Scalar tanh = internal::gelu_tanh(z);
  const Scalar inner_derivative =
      static_cast<Scalar>(internal::kGeluSlope) * (1 + 3 * static_cast<Scalar>(internal::kGeluCube) * z * z);
  return Scalar(0.5) * (1 + tanh) + Scalar(0.5) * z * (1 - tanh * tanh) * inner_derivative;
}

}  // namespace stepbench::neuron
