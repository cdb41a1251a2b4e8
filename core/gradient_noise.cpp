#include "core/gradient_noise.hpp"

namespace stepbench {

void GradientMomentSums::add(double samples, double square) {
  ++count_;
  samples_ += samples;
  weighted_squares_ += samples * square;
}

GradientMoments GradientMomentSums::moments(double square) const {
  if (count_ < 2) return {};
  const double variance = (weighted_squares_ - samples_ * square) / static_cast<double>(count_ - 1);
  return {.square = square - variance / samples_, .variance = variance};
}

}  // namespace stepbench
