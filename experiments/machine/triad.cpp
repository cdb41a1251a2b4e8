#include "experiments/machine/triad.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "core/buffer.hpp"
#include "experiments/machine/time_together.hpp"

namespace stepbench {
namespace {

constexpr int kPasses = 6;  // the first one finds the pages

/// Memory that nobody has touched: a Buffer would fill it from this thread.
using Array = std::unique_ptr<double[], void (*)(double*)>;

Array untouched(std::size_t elements) {
  const auto release = [](double* memory) { ::operator delete[](memory, std::align_val_t{kHugePage}); };
  return {static_cast<double*>(::operator new[](elements * sizeof(double), std::align_val_t{kHugePage})), release};
}

}  // namespace

double triad_gigabytes_per_second(int threads, std::size_t array_bytes) {
  const std::size_t elements = array_bytes / sizeof(double);
  const Array a = untouched(elements), b = untouched(elements), c = untouched(elements);
  const auto parts = static_cast<std::size_t>(threads);
  const auto begin_of = [&](std::size_t part) { return elements * part / parts; };
  static_cast<void>(time_together(threads, 1, [&](int thread) {
    const auto part = static_cast<std::size_t>(thread);
    for (std::size_t i = begin_of(part); i < begin_of(part + 1); ++i) a[i] = b[i] = c[i] = 1;
  }));
  const std::vector<double> seconds = time_together(threads, kPasses, [&](int thread) {
    const auto part = static_cast<std::size_t>(thread);
    double* __restrict__ sum = a.get();
    const double *first = b.get(), *second = c.get();
    for (std::size_t i = begin_of(part); i < begin_of(part + 1); ++i) sum[i] = first[i] + 3 * second[i];
  });
  return 3e-9 * static_cast<double>(elements * sizeof(double)) / *std::ranges::min_element(seconds);
}

}  // namespace stepbench
