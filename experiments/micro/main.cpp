// The program `stepbench_micro`: what the backends' kernels make of this machine, one by one.
#include <benchmark/benchmark.h>

#include <exception>
#include <string>

#include "core/floating_point.hpp"
#include "experiments/machine/cores.hpp"
#include "experiments/machine/environment.hpp"
#include "experiments/machine/fma_peak.hpp"
#include "experiments/micro/run_micro.hpp"
#include "experiments/terminal/standard_streams.hpp"
#include "variants/openblas/runtime.hpp"

namespace {

using namespace stepbench;
using namespace stepbench::micro;

void append(KernelCases& cases, KernelCases more) {
  cases.insert(cases.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

/// What must be known to read the results; in the head of the table and in JSON's `context`.
void record_context(const Peaks& peaks) {
  const BlasRuntime blas = blas_runtime();
  const BuildInfo build = build_info();
  benchmark::AddCustomContext("stepbench_version", build.version);
  benchmark::AddCustomContext("git_commit", build.git_commit + (build.git_dirty ? " (changed)" : ""));
  benchmark::AddCustomContext("openblas_version", blas.version);
  benchmark::AddCustomContext("blas_core", blas.core);
  benchmark::AddCustomContext("blas_core_forced", blas.forced ? "true" : "false");
  benchmark::AddCustomContext("denormals_flushed", denormals_are_flushed() ? "true" : "false");
  for (const auto& [key, gflops] : peaks) {
    const std::string precision = key.second == Precision::float32 ? "float32" : "float64";
    benchmark::AddCustomContext("fma_peak_gflops/" + precision + "/threads:" + std::to_string(key.first),
                                std::to_string(gflops));
  }
}

}  // namespace

int main(int argc, char** argv) {
  prepare_standard_streams();
  require_honest_kernels(argv);
  try {
    KernelCases cases = gemm_cases(available_cores());
    append(cases, fused_cases());
    append(cases, attention_cases());
    append(cases, loss_cases());
    append(cases, elementwise_cases());
    append(cases, optimizer_cases());
    Peaks peaks;
    for (const KernelCase& one : cases) {
      const std::pair key{one.blas_threads, one.precision};
      if (!peaks.contains(key)) peaks[key] = fma_peak_gflops(one.blas_threads, one.precision);
    }
    record_context(peaks);
    const int code = run_micro(std::vector<std::string>(argv, argv + argc), cases, peaks);
    benchmark::Shutdown();  // once per process: frees the context
    flush_output();
    return code;
  } catch (const ReaderGone&) {
    end_without_reader();
  } catch (const std::exception& error) {
    write_remark(std::string("stepbench_micro: ") + error.what() + "\n");
    return 1;
  }
}
