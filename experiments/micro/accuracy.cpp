#include "experiments/micro/accuracy.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <sstream>

namespace stepbench::micro {

template <typename Scalar>
double worst_error(std::span<const Scalar> actual, std::span<const double> expected) {
  if (actual.size() != expected.size()) return std::numeric_limits<double>::infinity();
  double worst = 0, squares = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double error = std::abs(static_cast<double>(actual[i]) - expected[i]);
    if (!(error <= worst)) worst = error;
    if (std::isnan(worst)) return worst;
    squares += expected[i] * expected[i];
  }
  return worst == 0 ? 0 : worst / std::sqrt(squares / static_cast<double>(expected.size()));
}

template <typename Scalar>
std::string mismatch(const std::string& what, std::span<const Scalar> actual, std::span<const double> expected) {
  const double error = worst_error(actual, expected);
  if (error <= kTolerance<Scalar>) return "";
  std::ostringstream text;
  text << "wrong result: " << what << " is off by " << error << " of its RMS at worst, allowed is "
       << kTolerance<Scalar>;
  return text.str();
}

template double worst_error<float>(std::span<const float>, std::span<const double>);
template double worst_error<double>(std::span<const double>, std::span<const double>);
template std::string mismatch<float>(const std::string&, std::span<const float>, std::span<const double>);
template std::string mismatch<double>(const std::string&, std::span<const double>, std::span<const double>);

}  // namespace stepbench::micro
