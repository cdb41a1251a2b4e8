#include "experiments/doctor/measure.hpp"

#include <cblas.h>
#include <oneapi/tbb/global_control.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <limits>
#include <string>
#include <thread>

#include "core/floating_point.hpp"
#include "core/lap_clock.hpp"
#include "core/supply.hpp"
#include "experiments/doctor/judge.hpp"
#include "experiments/machine/build_version.hpp"
#include "experiments/machine/cores.hpp"
#include "experiments/machine/fma_peak.hpp"
#include "experiments/machine/topology.hpp"
#include "experiments/machine/triad.hpp"

namespace stepbench::doctor {
namespace {

constexpr std::chrono::duration<double> kQuietTime{1};  // /proc/stat counts in steps of 10 ms
constexpr double kSeriesSeconds = 1;
constexpr int kRounds = 2;  // a peak is the best of these, apart in time: one disturbance does not spoil both
constexpr std::size_t kMostCores = 24;  // measured one by one, at about 30 ms each and round

/// Calls work() on a thread of its own and waits for it. Throws SupplyError.
void on_other_thread(const std::function<void()>& work) {
  const ThreadTeam team(1, [&work](int) { work(); });
}

std::string widest_vectors() {
#if defined(__x86_64__)
  return has_isa(Isa::avx512) ? "AVX-512" : has_isa(Isa::avx2) ? "AVX2" : "SSE2";
#elif defined(__aarch64__)
  return "NEON";
#else
  return "";
#endif
}

int threads_of_this_process() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("Threads:")) return std::atoi(line.c_str() + 8);
  }
  return 0;
}

double own_cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Seconds that this thread was ready to run and did not.
std::optional<double> run_delay() {
  std::ifstream file("/proc/thread-self/schedstat");  // on the CPU and waiting for it, in ns
  double on_cpu = 0, waiting = 0;
  if (!(file >> on_cpu >> waiting)) return std::nullopt;
  return 1e-9 * waiting;
}

void read_system(const Root& root, Measurements& m) {
  m.cpu = read_cpu(root);
  m.isa = chosen_isa();
  m.vectors = widest_vectors();
  m.product = read_product(root);
  m.container = read_container(root);
  m.online_cores = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  m.cores = allowed_cores();
  m.siblings = read_siblings(root, m.cores);
  m.cpu_quota = read_cpu_quota(root);
  m.places = place_threads(Pin::automatic, physical_cores(m), this_topology());
  m.memory = read_memory(root);
  m.transparent_huge_pages = read_transparent_huge_pages(root);
  m.frequency = read_frequency(root, m.cores.front());
  m.clock_source = read_clock_source(root);
  m.load_average = read_load_average(root);
}

void try_counters(Measurements& m) {
  BlockCounters counters;
  counters.prepare();
  m.uncounted = counters.absences();
}

void read_program(Measurements& m) {
  m.threads_at_start = threads_of_this_process();
  m.compiler = kCompiler;
  m.compile_flags = kCompileFlags;
  m.blas = blas_runtime();
  m.blas_threads = openblas_get_num_threads();
  m.tbb_threads = static_cast<int>(tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism));
  m.denormals_flushed = denormals_are_flushed();
  on_other_thread([&m] { m.denormals_flushed = m.denormals_flushed && denormals_are_flushed(); });
  for (const char* name : {"OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"}) {
    if (const char* value = std::getenv(name)) m.blas_environment[name] = value;
  }
}

void measure_clock(Measurements& m) {
  constexpr int kBatches = 20, kLaps = 5'000;  // the best batch: the price of a clock, not of a disturbance
  m.clock_lap = m.clock_resolution = std::numeric_limits<double>::infinity();
  for (int batch = 0; batch < kBatches; ++batch) {
    LapClock whole, clock;
    for (int i = 0; i < kLaps; ++i) {
      const double lap = clock.lap();
      if (lap > 0) m.clock_resolution = std::min(m.clock_resolution, lap);
    }
    m.clock_lap = std::min(m.clock_lap, whole.lap() / kLaps);
  }
}

/// What the others do while this process sleeps.
void measure_quiet(const Root& root, Measurements& m) {
  const double own_before = own_cpu_seconds();
  const std::optional<CpuTimes> before = read_cpu_times(root, m.cores);
  LapClock clock;
  std::this_thread::sleep_for(kQuietTime);
  const double seconds = clock.lap();
  const std::optional<CpuTimes> after = read_cpu_times(root, m.cores);
  if (!before || !after) return;
  m.others_busy = std::max(0.0, after->busy - before->busy - (own_cpu_seconds() - own_before)) / seconds;
}

void measure_each_core(Measurements& m) {
  const std::size_t stride = (m.cores.size() + kMostCores - 1) / kMostCores;
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < m.cores.size(); i += stride) {
      const int core = m.cores[i];
      on_other_thread([&m, core] {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(static_cast<std::size_t>(core), &set);
        if (sched_setaffinity(0, sizeof set, &set) != 0) return;
        double& best = m.fma_of_core[core];
        best = std::max(best, fma_peak_gflops(1, Precision::float32));
      });
    }
  }
}

void measure_limits(const Root& root, Measurements& m) {
  const int threads = available_cores();
  for (int round = 0; round < kRounds; ++round) {
    m.fma_one = std::max(m.fma_one, fma_peak_gflops(1, Precision::float32));
    m.fma_all = std::max(m.fma_all, fma_peak_gflops(threads, Precision::float32));
  }
  measure_each_core(m);
  // Three arrays, together several times the last cache but no burden on a small machine.
  constexpr std::uint64_t kLeast = std::uint64_t{64} << 20U, kMost = std::uint64_t{256} << 20U;
  std::uint64_t bytes = std::clamp(2 * read_last_level_cache(root, m.cores.front()), kLeast, kMost);
  if (m.memory.available != 0) bytes = std::min(bytes, m.memory.available / 8);
  m.bandwidth_one = triad_gigabytes_per_second(1, bytes);
  m.bandwidth_all = triad_gigabytes_per_second(threads, bytes);
  // Last, and on one core first: OpenBLAS's workers go on spinning for a while when they are done.
  for (int round = 0; round < kRounds; ++round)
    m.gemm_one = std::max(m.gemm_one, gemm_peak_gflops(1, Precision::float32));
  for (int round = 0; round < kRounds; ++round) {
    m.gemm_all = std::max(m.gemm_all, gemm_peak_gflops(threads, Precision::float32));
  }
}

void measure_series(Measurements& m) {
  const std::optional<double> before = run_delay();
  LapClock clock;
  m.fma_series = fma_series_gflops(kSeriesSeconds, Precision::float32);
  const double seconds = clock.lap();
  if (const std::optional<double> after = run_delay(); before && after) m.waited = (*after - *before) / seconds;
}

}  // namespace

Measurements measure_machine() {
  const Root root = "/";
  Measurements m;
  read_program(m);  // first: it counts the threads that exist before anything is computed
  read_system(root, m);
  try_counters(m);
  measure_quiet(root, m);
  measure_clock(m);
  const std::optional<CpuTimes> before = read_cpu_times(root, m.cores);
  measure_series(m);
  measure_limits(root, m);
  const std::optional<CpuTimes> after = read_cpu_times(root, m.cores);
  if (before && after) {
    const double steal = after->steal - before->steal, busy = after->busy - before->busy + steal;
    if (busy > 0) m.stolen = steal / busy;
  }
  return m;
}

}  // namespace stepbench::doctor
