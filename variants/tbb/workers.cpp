#include "variants/tbb/workers.hpp"

#include <cstddef>
#include <span>
#include <utility>

#include "core/affinity.hpp"
#include "core/floating_point.hpp"

namespace stepbench {
namespace {

constexpr int kAnywhere = -1, kUnknown = -2;  // a worker is started on the CPUs of whoever started it

/// Where this worker is held. It stays there when it leaves an arena, as it is most often called back to the same slot,
/// within the same step; what it comes to next moves it. Idle, it is in nobody's way.
thread_local int held_on = kUnknown;

}  // namespace

ReadyWorkers::ReadyWorkers(tbb::task_arena& arena, std::vector<int> cpus)
    : tbb::task_scheduler_observer(arena), cpus_(std::move(cpus)) {
  static_cast<void>(cpus_of_process());  // before any worker asks
  observe(true);
}

void ReadyWorkers::on_scheduler_entry(bool is_worker) {
  flush_denormals();
  if (!is_worker) return;
  const auto slot = static_cast<std::size_t>(tbb::this_task_arena::current_thread_index());
  const int wanted = slot < cpus_.size() ? cpus_[slot] : kAnywhere;
  if (wanted == held_on) return;
  const int error =
      bind_thread(wanted == kAnywhere ? std::span<const int>(cpus_of_process()) : std::span(cpus_).subspan(slot, 1));
  held_on = error == 0 ? wanted : kUnknown;
  if (error == 0 || wanted == kAnywhere) return;
  std::int64_t none = 0;
  failed_.compare_exchange_strong(none, static_cast<std::int64_t>(slot) << 32 | error);
}

std::string ReadyWorkers::problem() const {
  const std::int64_t failed = failed_;
  if (failed == 0) return "";
  return bind_problem(std::span(cpus_).subspan(static_cast<std::size_t>(failed >> 32), 1),
                      static_cast<int>(failed & 0xffff));
}

}  // namespace stepbench
