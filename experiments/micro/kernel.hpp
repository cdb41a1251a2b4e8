// What a micro-benchmark is: a kernel of the backends at one shape, with data of its own. Knows no benchmark library.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/buffer.hpp"
#include "core/random.hpp"
#include "core/settings.hpp"

namespace stepbench::micro {

/// One call of `run` is what is timed. It may be repeated any number of times on what it left behind: in-place kernels
/// stay among finite, normal numbers.
class Kernel {
 public:
  Kernel() = default;
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  virtual ~Kernel() = default;
  /// Makes the data, as they are before the first call. Memory is kept until the kernel goes.
  virtual void prepare() = 0;
  virtual void run() = 0;
  /// After prepare() and one run(): empty when the results are right, else what is wrong, in one line.
  [[nodiscard]] virtual std::string check() const = 0;
};

struct KernelCase {
  std::string name;  // `gemm/mlp/layers.0/batch:128/forward/float32/blas_threads:1`
  std::shared_ptr<Kernel> kernel;
  Precision precision = Precision::float32;
  int blas_threads = 1;
  /// Of one call. FLOPs as core/models/parameters.hpp counts them, matrix products only; 0 for a pass between them.
  /// Bytes of a pass: every array once for each time it has to be read or written; 0 for matrix products.
  double flops = 0;
  double bytes = 0;
};

using KernelCases = std::vector<KernelCase>;

/// `max_blas_threads`: products are timed on 1 and, when allowed, on 2 OpenBLAS threads.
[[nodiscard]] KernelCases gemm_cases(int max_blas_threads);
[[nodiscard]] KernelCases fused_cases();  // products from panels of weights
[[nodiscard]] KernelCases attention_cases();
[[nodiscard]] KernelCases loss_cases();
[[nodiscard]] KernelCases elementwise_cases();  // GELU and LayerNorm
[[nodiscard]] KernelCases optimizer_cases();

template <typename Scalar>
inline constexpr Precision kPrecisionOf = std::same_as<Scalar, float> ? Precision::float32 : Precision::float64;
template <typename Scalar>
inline constexpr const char* kPrecisionName = std::same_as<Scalar, float> ? "float32" : "float64";

/// N(0, 1) numbers, the same on every machine; `stream` tells a kernel's arrays apart.
template <typename Scalar>
[[nodiscard]] Buffer<Scalar> random_values(std::ptrdiff_t count, std::uint64_t stream) {
  RandomStream random(/*seed=*/1, Purpose::generated_data, stream);
  Buffer<Scalar> values(static_cast<std::size_t>(count));
  std::generate(values.begin(), values.end(), [&] { return static_cast<Scalar>(random.normal()); });
  return values;
}

/// For outputs: what a kernel forgets to write is seen.
template <typename Scalar>
[[nodiscard]] Buffer<Scalar> unwritten_values(std::ptrdiff_t count) {
  return Buffer<Scalar>(static_cast<std::size_t>(count), std::numeric_limits<Scalar>::quiet_NaN());
}

template <typename Scalar>
[[nodiscard]] std::span<const Scalar> view(const Buffer<Scalar>& values) {
  return {values.data(), values.size()};
}

/// What a kernel read, for the loops that check it.
template <typename Scalar>
[[nodiscard]] std::vector<double> in_double(const Buffer<Scalar>& values) {
  return {values.begin(), values.end()};
}

}  // namespace stepbench::micro
