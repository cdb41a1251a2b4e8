// One build: STEPBENCH_TABLE is the name of its table.
#include "core/data/copy_row.hpp"

#include "core/data/dataset.hpp"

namespace stepbench {
namespace {

#ifdef __FMA__
inline double fused_multiply_add(double a, double b, double c) { return __builtin_fma(a, b, c); }
inline float fused_multiply_add(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
#endif

/// The quotient as the arithmetic defines it, rounded once. Where multiplying and adding round together, it can be had
/// without a division: the quotient by the reciprocal, and what that left over. Tests hold each of the 256 against the
/// division.
template <typename Scalar>
Scalar quotient(std::uint8_t pixel) {
  constexpr auto kDivisor = static_cast<Scalar>(kWhite);
  const auto value = static_cast<Scalar>(pixel);
#ifdef __FMA__
  constexpr Scalar kReciprocal = 1 / kDivisor;
  const Scalar near = value * kReciprocal;
  return fused_multiply_add(fused_multiply_add(-near, kDivisor, value), kReciprocal, near);
#else
  return value / kDivisor;
#endif
}

template <typename Scalar>
void copy_pixels(const std::uint8_t* pixels, std::int64_t count, Scalar* row) {
  for (std::int64_t i = 0; i < count; ++i) row[i] = quotient<Scalar>(pixels[i]);
}

template <typename Scalar, typename Value>
void copy_values(const Value* values, std::int64_t count, Scalar* row) {
  for (std::int64_t i = 0; i < count; ++i) row[i] = static_cast<Scalar>(values[i]);
}

}  // namespace

const RowCopies STEPBENCH_TABLE = {{copy_pixels<float>, copy_values<float, float>, copy_values<float, double>},
                                   {copy_pixels<double>, copy_values<double, float>, copy_values<double, double>}};

}  // namespace stepbench
