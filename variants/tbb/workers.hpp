// What is done to each thread that comes to work in an arena, before it does.
#pragma once

#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_scheduler_observer.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace stepbench {

/// Sets its floating-point mode, and holds workers on the CPU of their slot. The calling thread, which comes and goes
/// with every region, is the claim's to hold.
class ReadyWorkers final : public tbb::task_scheduler_observer {
 public:
  /// `cpus`: by slot; none: workers run anywhere.
  ReadyWorkers(tbb::task_arena& arena, std::vector<int> cpus);
  ReadyWorkers(const ReadyWorkers&) = delete;
  ReadyWorkers& operator=(const ReadyWorkers&) = delete;
  ~ReadyWorkers() override { observe(false); }

  void on_scheduler_entry(bool is_worker) override;

  /// Why one could not be held, or empty.
  [[nodiscard]] std::string problem() const;

 private:
  std::vector<int> cpus_;
  std::atomic<std::int64_t> failed_ = 0;  // the first refusal: slot and errno, in 32 bits each; 0: none
};

}  // namespace stepbench
