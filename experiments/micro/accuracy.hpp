// Whether a kernel computed what it should, against the same formula as a plain loop in double.
#pragma once

#include <span>
#include <string>

namespace stepbench::micro {

/// The largest |actual - expected| of any element, in units of the RMS of `expected` (a relative L2 error would let a
/// single wrong element among a million pass). 0 where all are zero; infinity where the lengths differ or only
/// `expected` is zero; NaN where a NaN is in either: compare with `error <= tolerance`, which NaN fails.
template <typename Scalar>
[[nodiscard]] double worst_error(std::span<const Scalar> actual, std::span<const double> expected);

/// What rounding may cost, in the units of worst_error: the longest sums here have about 2,000 terms, whose rounding
/// errors add up to some tens of epsilons; a fault of a thousandth in any one element is far above it.
template <typename Scalar>
inline constexpr double kTolerance = sizeof(Scalar) == sizeof(float) ? 1e-4 : 1e-11;

/// Empty when `actual` is right, else one line that names the array `what`.
template <typename Scalar>
[[nodiscard]] std::string mismatch(const std::string& what, std::span<const Scalar> actual,
                                   std::span<const double> expected);

}  // namespace stepbench::micro
