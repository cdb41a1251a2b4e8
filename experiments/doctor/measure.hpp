// What `stepbench doctor` looks at: read from the system and measured, not yet judged.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/settings.hpp"
#include "experiments/machine/block_counters.hpp"
#include "experiments/machine/probes.hpp"
#include "variants/openblas/runtime.hpp"

namespace stepbench::doctor {

/// Where a value is optional, empty or zero, the system does not tell.
struct Measurements {
  // The machine
  CpuDescription cpu;
  Isa isa = Isa::portable;  // in use: core/isa.hpp
  std::string vectors;      // the CPU's widest: `AVX-512`
  std::string product, container;
  int online_cores = 0;
  std::vector<int> cores;                  // logical, that this process may use
  std::vector<std::vector<int>> siblings;  // of them, those that share a physical core
  std::optional<double> cpu_quota;         // cores' worth of time
  ThreadPlaces places;                     // of a thread for each physical core, with measure.pin = auto
  Memory memory;
  std::string transparent_huge_pages;
  FrequencySettings frequency;

  std::vector<BlockCounters::Absence> uncounted;  // of the processor's counters, those that cannot be read

  // This program
  std::string compiler, compile_flags;
  BlasRuntime blas;
  int blas_threads = 0, tbb_threads = 0;                // OpenBLAS's outside any trial; what TBB takes by itself
  int threads_at_start = 0;                             // of this process, before it computed anything; 0: unknown
  bool denormals_flushed = false;                       // in this thread and in one that it starts
  std::map<std::string, std::string> blas_environment;  // variables that libraries read, as the program sees them
  std::string clock_source;
  double clock_lap = 0, clock_resolution = 0;  // s: one lap of a phase clock; smallest step that it shows

  // Limits, float32
  double fma_one = 0, fma_all = 0;              // GFLOP/s
  std::map<int, double> fma_of_core;            // GFLOP/s by core, each alone; may be a selection of the cores
  double gemm_one = 0, gemm_all = 0;            // GFLOP/s
  double bandwidth_one = 0, bandwidth_all = 0;  // GB/s

  // Noise
  std::optional<double> load_average, others_busy;  // threads; cores' worth of time that others took while we slept
  std::optional<double> stolen;    // share of the cores' busy time that the host took, while we measured
  std::optional<double> waited;    // share of our series' time that a ready thread waited for a core
  std::vector<double> fma_series;  // GFLOP/s of 4 ms each, for a second
};

/// Takes about 5 seconds, and 7 with many cores.
[[nodiscard]] Measurements measure_machine();

}  // namespace stepbench::doctor
