// The limits that speeds are held against. How fast this machine is is not tested, only that the loop counts what it
// does.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "core/affinity.hpp"
#include "experiments/machine/cores.hpp"
#include "experiments/machine/environment.hpp"
#include "experiments/machine/fma_peak.hpp"
#include "experiments/measure/peaks.hpp"

namespace stepbench::testing {

TEST_CASE("the FMA peak is finite, positive, and no lower than what a matrix product reaches on the same core") {
  for (const Precision precision : {Precision::float32, Precision::float64}) {
    const double gemm = gemm_peak_gflops(1, precision);
    double peak = 0;
    // A disturbance only lowers it; a wrong count of operations, a factor of two or more, stays.
    for (int attempt = 0; attempt < 10 && gemm >= 1.5 * peak; ++attempt) {
      peak = std::max(peak, fma_peak_gflops(1, precision));
    }
    INFO("peak " << peak << ", product " << gemm);
    CHECK(peak > 0);
    CHECK(gemm > 0);
    CHECK(gemm < 1.5 * peak);
  }
}

TEST_CASE("the environment names the machine, the build and its limits") {
  const KeyValues environment = describe_environment();
  const auto has = [&environment](const std::string& name) {
    for (const auto& [key, value] : environment) {
      if (key == name) return true;
    }
    return false;
  };
  for (const char* name : {"cpu_model", "isa", "cores", "compiler", "compile_flags", "blas_core", "blas_core_forced",
                           "openblas_version", "tbb_version", "kernel_isa", "hdf5_version", "governor", "thp",
                           "hostname", "denormals_flushed", "peak_gflops_1", "peak_gflops_all", "sgemm_gflops"}) {
    INFO(name);
    CHECK(has(name));
  }
}

TEST_CASE("a take of the peaks that is recent serves the next group too, unless it lacks what that one needs") {
  PeakHistory history;
  const PeakHistory::Take* first = history.take_if_due({Cores{1}}, Precision::float32);
  REQUIRE(first != nullptr);
  const double one = first->fma.at(Cores{1});
  CHECK(history.take_if_due({Cores{1}}, Precision::float32) == nullptr);
  CHECK(history.take_if_due({Cores{1}}, Precision::float64) != nullptr);
  CHECK(history.take_if_due({Cores{1}, Cores{2}}, Precision::float32) != nullptr);
  CHECK(history.take_if_due({Cores{2}}, Precision::float32) == nullptr);
  const auto now = std::chrono::steady_clock::now();
  CHECK(history.best({1}, Precision::float32, now - std::chrono::hours(1)) >= one);
  CHECK(history.best({1}, Precision::float64, now) > 0);  // the last before
  CHECK(std::isnan(history.best({7}, Precision::float32, now)));
}

TEST_CASE("a peak on certain CPUs is one of its own, and leaves the calling thread where it may run") {
  const std::vector<int> before = cpus_of_thread();
  const Cores last{1, {before.back()}};
  PeakHistory history;
  REQUIRE(history.take_if_due({Cores{1}}, Precision::float32) != nullptr);
  const PeakHistory::Take* pinned = history.take_if_due({last}, Precision::float32);
  REQUIRE(pinned != nullptr);
  CHECK(pinned->fma.at(last) > 0);
  CHECK(cpus_of_thread() == before);
}

}  // namespace stepbench::testing
