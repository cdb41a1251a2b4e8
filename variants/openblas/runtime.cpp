#include "variants/openblas/runtime.hpp"

#include <cblas.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <string_view>

#include "core/affinity.hpp"
#include "core/error.hpp"
#include "core/floating_point.hpp"
#include "core/process/reexecution.hpp"
#include "core/supply.hpp"
#include "variants/openblas/bound_workers.hpp"

namespace stepbench {
namespace {

constexpr const char* kThreadsVariable = "OPENBLAS_NUM_THREADS";
constexpr const char* kOpenMpThreadsVariable = "OMP_NUM_THREADS";
constexpr const char* kCoreVariable = "OPENBLAS_CORETYPE";
// How long OpenMP's threads look for work before they sleep, which libgomp reads while it loads. What we set is its own
// default, said aloud: some ms, long enough from one step to the next, and over when the next block begins.
constexpr const char *kSpinVariable = "GOMP_SPINCOUNT", *kSpinGuardVariable = "STEPBENCH_SPINCOUNT";
// Set on re-execution, so that each of the two happens once: the one before OpenBLAS loads, then the one after its
// answers, which says which core was forced, if any.
constexpr const char* kGuardVariable = "STEPBENCH_REEXECUTED";
constexpr const char *kLoading = "loading", *kThreadsOnly = "threads";

// OpenBLAS's names of its kernel sets (dynamic.c).
constexpr std::array<std::string_view, 3> kAvx512Cores = {"SkylakeX", "Cooperlake", "SapphireRapids"};
constexpr std::array<std::string_view, 2> kAvx2Cores = {"Haswell", "Zen"};

// What OpenBLAS maps for every thread that computes in it (BUFFER_SIZE, on x86-64), at the first product, and keeps.
constexpr std::size_t kBufferBytes = std::size_t{128} << 20U;

bool is_one(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && std::string_view(value) == "1";
}

std::string_view guard_value() {
  const char* guard = std::getenv(kGuardVariable);
  return guard == nullptr ? "" : guard;
}

bool contains(const auto& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

#if defined(__GLIBC__) && !defined(STEPBENCH_SANITIZED)
/// The program begins here, before the constructors of the libraries. OpenBLAS's starts a thread for each core, each
/// with kBufferBytes, and where it cannot have one it ends the process with SIGINT. A sanitizer is not there yet,
/// either.
void load_with_one_thread(int /*argc*/, char** argv, char** environment) {
  static char one_thread[] = "OPENBLAS_NUM_THREADS=1", guard[] = "STEPBENCH_REEXECUTED=loading";
  static char spin_count[] = "GOMP_SPINCOUNT=300000", our_spin_count[] = "STEPBENCH_SPINCOUNT=1";
  const auto is_set_by = [](const char* variable, std::string_view name) {
    for (const char c : name) {
      if (*variable++ != c) return false;
    }
    return true;
  };
  // By which libgomp holds the first thread on one CPU while it loads: all of our threads would be started there.
  const auto is_binding = [&is_set_by](const char* variable) {
    return is_set_by(variable, "OMP_PROC_BIND=") || is_set_by(variable, "OMP_PLACES=") ||
           is_set_by(variable, "GOMP_CPU_AFFINITY=");
  };
  std::size_t count = 0;
  bool has_one_thread = false, waits_as_told = false, binds = false;
  for (; environment[count] != nullptr; ++count) {
    if (is_set_by(environment[count], "STEPBENCH_REEXECUTED=")) return;
    binds |= is_binding(environment[count]);
    has_one_thread |= std::string_view(environment[count]) == one_thread;
    waits_as_told |=
        is_set_by(environment[count], "GOMP_SPINCOUNT=") || is_set_by(environment[count], "OMP_WAIT_POLICY=");
  }
  if (has_one_thread && waits_as_told && !binds) return;
  auto** changed = static_cast<char**>(__builtin_alloca((count + 5) * sizeof(char*)));
  char** end = changed;
  for (std::size_t i = 0; i < count; ++i) {
    if (!is_set_by(environment[i], "OPENBLAS_NUM_THREADS=") && !is_binding(environment[i])) *end++ = environment[i];
  }
  if (!waits_as_told) {
    *end++ = spin_count;
    *end++ = our_spin_count;
  }
  *end++ = one_thread;
  *end++ = guard;
  *end = nullptr;
  execute_anew(argv, changed);
}
[[gnu::section(".preinit_array"), gnu::used]] void (*const before_libraries)(int, char**,
                                                                             char**) = load_with_one_thread;
#endif

class BlasThreadClaim : public ThreadClaim {
 public:
  BlasThreadClaim(int threads, int callers, std::span<const int> cpus) {
    static HighWater workers(1), buffers(0);
    workers.raise_to(threads, require_threads);
    // One more, for the workers' stacks and what else comes between this question and OpenBLAS's taking.
    buffers.raise_to(callers == 0 ? 0 : std::max(threads, callers),
                     [](int more) { require_blocks(more + 1, kBufferBytes, "OpenBLAS's buffers"); });
    openblas_set_num_threads(threads);
    const int answer = openblas_get_num_threads();
    if (answer == threads) {
      workers_.emplace(threads, cpus);
      // With workers that are anywhere, a caller that cannot move would only be in their way.
      if (workers_->problem().empty()) caller_.emplace(cpus);
      return;
    }
    openblas_set_num_threads(1);
    throw Error("OpenBLAS was asked for " + std::to_string(threads) + " threads and says that it runs " +
                std::to_string(answer));
  }
  BlasThreadClaim(const BlasThreadClaim&) = delete;
  BlasThreadClaim& operator=(const BlasThreadClaim&) = delete;
  ~BlasThreadClaim() override {
    workers_.reset();  // while OpenBLAS still counts them
    openblas_set_num_threads(1);
  }
  [[nodiscard]] std::string pin_problem() const override {
    return caller_ ? caller_->pin_problem() : workers_->problem();
  }

 private:
  std::optional<BoundWorkers> workers_;
  std::optional<CallerClaim> caller_;
};

/// What STEPBENCH_ISA says wrong is said where there is somebody to say it to.
std::string better_core(const std::string& core) {
  try {
    return better_blas_core(chosen_isa(), core);
  } catch (const InputError&) {
    return "";
  }
}

}  // namespace

std::string better_blas_core(Isa isa, const std::string& core) {
  if (isa >= Isa::avx512) return contains(kAvx512Cores, core) ? "" : "SkylakeX";
  if (isa == Isa::avx2) return contains(kAvx2Cores, core) ? "" : "Haswell";
  return contains(kAvx512Cores, core) || contains(kAvx2Cores, core) ? "Nehalem" : "";
}

void require_honest_kernels(char** argv) {
  const std::string_view guard = guard_value();
  if (guard.empty() || guard == kLoading) {
    const std::string core = openblas_get_corename();
    const std::string better = std::getenv(kCoreVariable) == nullptr ? better_core(core) : "";
    const bool openmp = openblas_get_parallel() == OPENBLAS_OPENMP;
    if (!better.empty() || !is_one(kThreadsVariable) || (openmp && !is_one(kOpenMpThreadsVariable))) {
      setenv(kThreadsVariable, "1", 1);
      if (openmp) setenv(kOpenMpThreadsVariable, "1", 1);
      setenv(kGuardVariable, better.empty() ? kThreadsOnly : better.c_str(), 1);
      if (!better.empty()) {
        setenv(kCoreVariable, better.c_str(), 1);
        std::fprintf(stderr, "stepbench: OpenBLAS took this CPU for a %s; running its %s kernels instead\n",
                     core.c_str(), better.c_str());
      }
      execute_anew(argv, environ);
      std::perror("stepbench: warning: cannot re-execute to set up OpenBLAS, its figures may be wrong");
    }
  }
  restore_name(argv[0]);
  flush_denormals();
}

std::vector<std::string> environment_as_started() {
  const std::string_view guard = guard_value();
  const bool our_spin_count = std::getenv(kSpinGuardVariable) != nullptr;
  const bool forced_core = !guard.empty() && guard != kLoading && guard != kThreadsOnly;
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const std::string_view name = text.substr(0, text.find('='));
    if (name == kGuardVariable || (forced_core && name == kCoreVariable)) continue;
    if (name == kSpinGuardVariable || (our_spin_count && name == kSpinVariable)) continue;
    variables.emplace_back(text);
  }
  return variables;
}

BlasRuntime blas_runtime() {
  BlasRuntime runtime;
  runtime.core = openblas_get_corename();
  runtime.forced = runtime.core == guard_value();
  const char* config = openblas_get_config();  // "OpenBLAS 0.3.21 NO_LAPACKE ... MAX_THREADS=64"
  std::istringstream words(config);
  words >> runtime.version >> runtime.version;
  const int parallel = openblas_get_parallel();
  runtime.threading = parallel == OPENBLAS_SEQUENTIAL ? BlasThreading::none
                      : parallel == OPENBLAS_OPENMP   ? BlasThreading::openmp
                                                      : BlasThreading::pthreads;
  runtime.max_threads = blas_max_threads(config);
  return runtime;
}

std::string_view to_text(BlasThreading threading) {
  switch (threading) {
    case BlasThreading::none:
      return "none";
    case BlasThreading::openmp:
      return "OpenMP";
    case BlasThreading::pthreads:
      break;
  }
  return "pthreads";
}

int blas_max_threads(std::string_view config) {
  constexpr std::string_view kName = "MAX_THREADS=";
  const std::size_t at = config.find(kName);
  int most = 1;
  if (at == std::string_view::npos) return most;
  const std::string_view number = config.substr(at + kName.size());
  std::from_chars(number.data(), number.data() + number.size(), most);
  return most;
}

std::string blas_threads_unsupported(const BlasRuntime& runtime, std::int64_t threads) {
  if (threads == 1) return "";
  if (runtime.threading == BlasThreading::none) {
    return "the OpenBLAS that was loaded is its serial flavour, without threads (Debian: libopenblas0-pthread has "
           "them)";
  }
  if (threads <= runtime.max_threads) return "";
  return "OpenBLAS was built for at most " + std::to_string(runtime.max_threads) + " threads";
}

std::string blas_callers_unsupported(const BlasRuntime& runtime, std::int64_t callers) {
  // Without threads it has no locks either, unless it was built with USE_LOCKING, which it does not tell.
  if (callers == 1 || runtime.threading != BlasThreading::none) return "";
  return "the OpenBLAS that was loaded is its serial flavour, which several threads may not call at once (Debian: "
         "libopenblas0-pthread may be)";
}

std::unique_ptr<ThreadClaim> claim_blas_threads(int threads, int callers, std::span<const int> cpus) {
  return std::make_unique<BlasThreadClaim>(threads, callers, cpus);
}

}  // namespace stepbench
