// Measurements in which the doctor finds nothing, to plant one fault in; and how to look at what it finds.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "experiments/doctor/doctor.hpp"

namespace stepbench::testing {

inline doctor::Measurements quiet_machine() {
  doctor::Measurements m;
  m.cpu.model = "Fast 9000";
  m.isa = Isa::avx512;
  m.vectors = "AVX-512";
  m.online_cores = 4;
  m.cores = {0, 1, 2, 3};
  m.memory = {std::uint64_t{16} << 30U, std::uint64_t{12} << 30U};
  m.transparent_huge_pages = "madvise";
  m.frequency = {"performance", false};
  m.compiler = "GNU 12.2.0";
  m.compile_flags = "-O3 -DNDEBUG";
  m.blas = {"SkylakeX", false, "0.3.21", BlasThreading::pthreads, 64};
  m.blas_threads = 1;
  m.tbb_threads = 4;
  m.threads_at_start = 1;
  m.denormals_flushed = true;
  m.blas_environment = {{"OPENBLAS_NUM_THREADS", "1"}};
  m.clock_source = "tsc";
  m.clock_lap = 25e-9;
  m.clock_resolution = 20e-9;
  m.fma_one = 100;
  m.fma_all = 390;
  m.fma_of_core = {{0, 100}, {1, 99}, {2, 98}, {3, 97}};
  m.gemm_one = 85;
  m.gemm_all = 320;
  m.bandwidth_one = 12;
  m.bandwidth_all = 30;
  m.load_average = 0.1;
  m.others_busy = 0.01;
  m.stolen = 0;
  m.waited = 0.001;
  m.fma_series.assign(250, 100);
  return m;
}

/// The finding of that name; throws when there is none.
inline doctor::Finding finding_of(const doctor::Measurements& measurements, const std::string& check) {
  const std::vector<doctor::Finding> findings = doctor::judge(measurements);
  const auto found = std::ranges::find(findings, check, &doctor::Finding::check);
  if (found == findings.end()) throw std::runtime_error("no finding about " + check);
  return *found;
}

/// Names of the checks that are not ok.
inline std::vector<std::string> complaints(const doctor::Measurements& measurements) {
  std::vector<std::string> names;
  for (const doctor::Finding& finding : doctor::judge(measurements)) {
    if (finding.verdict != doctor::Verdict::ok) names.push_back(finding.check);
  }
  return names;
}

using Names = std::vector<std::string>;

}  // namespace stepbench::testing
