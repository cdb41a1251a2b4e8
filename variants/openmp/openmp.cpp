#include "variants/openmp/openmp.hpp"

#include <omp.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "core/affinity.hpp"
#include "core/floating_point.hpp"
#include "core/supply.hpp"
#include "variants/matrix/ready_counters.hpp"
#include "variants/openblas/runtime.hpp"
#include "variants/products/direct_network.hpp"

namespace stepbench {
namespace {

using Id = TaskGraph::Id;

/// Makes the team's threads flush denormals, and holds all but the caller on cpus[1], cpus[2], ...; where `cpus` is
/// empty they may run where this process may. A thread of OpenMP's may be a new one in every claim: it keeps them from
/// one region to the next as long as their number stays, and starts and ends some where it changes. The errno of a
/// refusal, with its CPU.
std::pair<int, int> prepare_team(int threads, std::span<const int> cpus) {
  std::atomic<int> error = 0, where = -1;
#pragma omp parallel num_threads(threads)
  {
    flush_denormals();
    const auto slot = static_cast<std::size_t>(omp_get_thread_num());
    if (slot > 0) {
      const bool is_held = slot < cpus.size();
      const int refusal = bind_thread(is_held ? cpus.subspan(slot, 1) : std::span<const int>(cpus_of_process()));
      if (refusal != 0 && is_held) {
        error = refusal;
        where = cpus[slot];
      }
    }
  }
  return {error, where};
}

class OpenMpClaim final : public ThreadClaim {
 public:
  OpenMpClaim(int threads, std::span<const int> cpus)
      : blas_(claim_blas_threads(1, 0)), threads_(threads), is_held_(!cpus.empty()) {
    static HighWater started(1);
    started.raise_to(threads, require_threads);
    omp_set_dynamic(0);  // as many as are asked for, whatever OMP_DYNAMIC says
    const auto [error, cpu] = prepare_team(threads, cpus);
    if (error != 0) problem_ = bind_problem(std::span(&cpu, 1), error);
    caller_.emplace(cpus);
  }
  OpenMpClaim(const OpenMpClaim&) = delete;
  OpenMpClaim& operator=(const OpenMpClaim&) = delete;
  ~OpenMpClaim() override {
    caller_.reset();
    if (is_held_) prepare_team(threads_, {});
  }
  [[nodiscard]] std::string pin_problem() const override {
    return problem_.empty() ? caller_->pin_problem() : problem_;
  }

 private:
  std::unique_ptr<ThreadClaim> blas_;
  int threads_;
  bool is_held_;
  std::string problem_;
  std::optional<CallerClaim> caller_;  // last: what is started before it is not to be held with it
};

/// One run of a graph: a task of OpenMP's for each that can begin, but for the first that only waited for this one,
/// with which its thread goes on.
class OpenMpRun {
 public:
  OpenMpRun(const TaskGraph& graph, TaskRef task, ReadyCounters& ready) : graph_(graph), task_(task), ready_(ready) {
    ready.begin(graph);
  }
  OpenMpRun(const OpenMpRun&) = delete;
  OpenMpRun& operator=(const OpenMpRun&) = delete;

  void run(int threads) {
#pragma omp parallel num_threads(threads)
#pragma omp single
    for (const Id root : graph_.roots()) hand_out(root);
    // At the region's end all tasks are through.
  }

 private:
  static constexpr Id kNone = -1;

  void hand_out(Id id) {
#pragma omp task default(none) firstprivate(id)
    run_from(id);
  }
  void run_from(Id id) {
    while (id != kNone) {
      task_(id);
      Id next = kNone;
      ready_.done(id, [&](Id after) {
        if (next == kNone) {
          next = after;
        } else {
          hand_out(after);
        }
      });
      id = next;
    }
  }

  const TaskGraph& graph_;
  TaskRef task_;
  ReadyCounters& ready_;
};

class OpenMpExecutor final : public Executor {
 public:
  OpenMpExecutor(int threads, std::vector<int> cpus) : threads_(threads), cpus_(std::move(cpus)) {}
  std::unique_ptr<ThreadClaim> claim_threads() override { return std::make_unique<OpenMpClaim>(threads_, cpus_); }
  [[nodiscard]] int threads() const override { return threads_; }
  void run(const TaskGraph& graph, TaskRef task) override {
    if (threads_ == 1) return run_in_order(graph, task);
    OpenMpRun(graph, task, ready_).run(threads_);
  }

 private:
  int threads_;
  std::vector<int> cpus_;
  ReadyCounters ready_;
};

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make(const NetworkSettings& settings) {
  return make_direct_network<Scalar>(settings, make_openmp_executor(static_cast<int>(settings.threads), settings.cpus));
}

/// How its threads wait, which it decides while it loads: variants/openblas/runtime.hpp sees to that.
std::string waiting_policy() {
  std::string text;
  for (const char* variable : {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}) {
    const char* value = std::getenv(variable);
    if (value != nullptr) text += (text.empty() ? "" : " ") + std::string(variable) + "=" + value;
  }
  return text.empty() ? "its own" : text;
}

std::string binding() {
  switch (omp_get_proc_bind()) {
    case omp_proc_bind_false:
      return "false";  // by measure.pin then
    case omp_proc_bind_true:
      return "true";
    case omp_proc_bind_close:
      return "close";
    case omp_proc_bind_spread:
      return "spread";
    default:
      return "primary";
  }
}

std::string unsupported(const NetworkSettings& settings) { return openmp_threads_unsupported(settings.threads); }

std::vector<LibraryFact> facts() {
  return {{"openmp_version", "OpenMP", std::to_string(_OPENMP)},
          {"openmp_waiting", "how OpenMP's threads wait", waiting_policy(), false},
          {"openmp_binding", "OMP_PROC_BIND", binding(), false},
          kernel_fact()};
}

}  // namespace

std::string openmp_threads_unsupported(std::int64_t threads) {
  const std::int64_t limit = omp_get_thread_limit();
  if (threads <= limit) return "";
  return "OMP_THREAD_LIMIT allows " + std::to_string(limit) + (limit == 1 ? " thread" : " threads");
}

std::unique_ptr<Executor> make_openmp_executor(int threads, std::vector<int> cpus) {
  return std::make_unique<OpenMpExecutor>(threads, std::move(cpus));
}

Backend openmp_backend() {
  return {.name = "openmp",
          .summary = "tbb's tasks and products as OpenMP tasks",
          .max_threads = kAnyThreads,
          .same_bits_for_any_threads = true,
          .make_float32 = make<float>,
          .make_float64 = make<double>,
          .unsupported = unsupported,
          .libraries = facts,
          .own_settings = direct_network_settings(),
          .copies_weights = true,
          .bfloat16 = true};
}

}  // namespace stepbench
