#include "experiments/micro/run_micro.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <optional>

#include "variants/openblas/runtime.hpp"

namespace stepbench::micro {
namespace {

// 9 is what compare.py wants for its test of significance.
constexpr std::array<const char*, 4> kDefaults = {
    "--benchmark_enable_random_interleaving=true",
    "--benchmark_repetitions=9",
    "--benchmark_min_time=0.05",
    "--benchmark_display_aggregates_only=true",
};

/// A case, what its check said, and its time per call. Google Benchmark calls `operator()` once per repetition and a
/// few times before.
class CheckedCase {
 public:
  CheckedCase(KernelCase kernel_case, std::optional<double> peak) : case_(std::move(kernel_case)), peak_(peak) {}

  void operator()(benchmark::State& state) {
    const auto claim = claim_blas_threads(case_.blas_threads);
    Kernel& kernel = *case_.kernel;
    if (!problem_) {
      kernel.prepare();
      kernel.run();
      problem_ = kernel.check();
    }
    if (!problem_->empty()) {
      state.SkipWithError(problem_->c_str());
      return;
    }
    kernel.run();  // the caches and OpenBLAS's workers are warm
    const auto begin = std::chrono::steady_clock::now();
    for ([[maybe_unused]] auto _ : state) {
      kernel.run();
      benchmark::ClobberMemory();
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    state.SetIterationTime(seconds);  // of all iterations: the library's time and our rates are of one clock
    const double calls_per_nanosecond = static_cast<double>(state.iterations()) / seconds / 1e9;
    // Plain values: the library would print its own rates as "GFLOP/s=98/s".
    if (case_.flops > 0) {
      state.counters["GFLOP/s"] = case_.flops * calls_per_nanosecond;
      if (peak_) state.counters["percent_of_peak"] = 100 * case_.flops * calls_per_nanosecond / *peak_;
    } else {
      state.counters["GB/s"] = case_.bytes * calls_per_nanosecond;
    }
  }

  [[nodiscard]] const std::string& name() const { return case_.name; }
  [[nodiscard]] std::string problem() const { return problem_.value_or(""); }

 private:
  KernelCase case_;
  std::optional<double> peak_;
  std::optional<std::string> problem_;  // absent: not checked yet
};

}  // namespace

int run_micro(std::vector<std::string> arguments, const KernelCases& cases, const Peaks& peaks) {
  arguments.insert(arguments.begin() + 1, kDefaults.begin(), kDefaults.end());  // what comes later wins
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  int argc = static_cast<int>(arguments.size());
  benchmark::Initialize(&argc, argv.data());
  if (benchmark::ReportUnrecognizedArguments(argc, argv.data())) return 2;

  std::vector<std::shared_ptr<CheckedCase>> checked;
  for (const KernelCase& kernel_case : cases) {
    const auto peak = peaks.find({kernel_case.blas_threads, kernel_case.precision});
    checked.push_back(std::make_shared<CheckedCase>(
        kernel_case, peak == peaks.end() ? std::nullopt : std::optional<double>(peak->second)));
    benchmark::RegisterBenchmark(kernel_case.name.c_str(), [one = checked.back()](benchmark::State& state) {
      (*one)(state);
    })->UseManualTime();
  }
  const std::size_t chosen = benchmark::RunSpecifiedBenchmarks();
  benchmark::ClearRegisteredBenchmarks();

  int code = chosen == 0 ? 2 : 0;
  for (const auto& one : checked) {
    if (one->problem().empty()) continue;
    std::fprintf(stderr, "stepbench_micro: %s: %s; not timed\n", one->name().c_str(), one->problem().c_str());
    code = 1;
  }
  return code;
}

}  // namespace stepbench::micro
