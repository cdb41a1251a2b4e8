#include "experiments/machine/triad.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "core/affinity.hpp"
#include "core/buffer.hpp"
#include "experiments/machine/time_together.hpp"

namespace stepbench {
namespace {

constexpr int kPasses = 6;  // the first one finds the pages

/// Memory that nobody has touched: a Buffer would fill it from this thread. In huge pages where it fills one; a small
/// array on such a boundary would take as much address space as one.
using Array = std::unique_ptr<double[], void (*)(double*)>;

Array untouched(std::size_t elements) {
  const std::size_t bytes = elements * sizeof(double);
  if (bytes < kHugePage) return {new double[elements], [](double* memory) { delete[] memory; }};
  const auto release = [](double* memory) { ::operator delete[](memory, std::align_val_t{kHugePage}); };
  return {static_cast<double*>(::operator new[](bytes, std::align_val_t{kHugePage})), release};
}

/// Best of kPasses over three arrays of so many elements, each pass going over them `again` times.
double triad(int threads, std::span<const int> cpus, std::size_t elements, std::size_t again) {
  const Array a = untouched(elements), b = untouched(elements), c = untouched(elements);
  const auto parts = static_cast<std::size_t>(threads);
  const auto begin_of = [&](std::size_t part) { return elements * part / parts; };
  const BoundThread caller(cpus.first(cpus.empty() ? 0 : 1));
  const auto place = [&](std::size_t part) {
    if (!cpus.empty()) bind_thread(cpus.subspan(part, 1));
  };
  static_cast<void>(time_together(threads, 1, [&](int thread) {
    const auto part = static_cast<std::size_t>(thread);
    place(part);
    for (std::size_t i = begin_of(part); i < begin_of(part + 1); ++i) a[i] = b[i] = c[i] = 1;
  }));
  const std::vector<double> seconds = time_together(threads, kPasses, [&](int thread) {
    const auto part = static_cast<std::size_t>(thread);
    place(part);
    double* __restrict__ sum = a.get();
    const double *first = b.get(), *second = c.get();
    for (std::size_t pass = 0; pass < again; ++pass) {
      for (std::size_t i = begin_of(part); i < begin_of(part + 1); ++i) sum[i] = first[i] + 3 * second[i];
      std::atomic_signal_fence(std::memory_order_seq_cst);  // else the compiler may leave all passes but one out
    }
  });
  const double bytes = 3 * static_cast<double>(elements * sizeof(double)) * static_cast<double>(again);
  return 1e-9 * bytes / *std::ranges::min_element(seconds);
}

}  // namespace

double triad_gigabytes_per_second(int threads, std::size_t array_bytes) {
  return triad(threads, {}, array_bytes / sizeof(double), 1);
}

double triad_over(int threads, std::span<const int> cpus, std::size_t bytes) {
  constexpr std::size_t kLeastBytes = std::size_t{32} << 20U;  // that a pass moves for each thread: some milliseconds
  constexpr std::size_t kLeastElements = 512;                  // of an array for each thread
  const auto parts = static_cast<std::size_t>(threads);
  const std::size_t elements = std::max(bytes / (3 * sizeof(double)), kLeastElements * parts);
  return triad(threads, cpus, elements,
               std::max<std::size_t>(1, kLeastBytes * parts / (3 * sizeof(double) * elements)));
}

}  // namespace stepbench
