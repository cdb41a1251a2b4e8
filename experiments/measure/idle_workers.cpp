#include "experiments/measure/idle_workers.hpp"

#include <chrono>
#include <thread>

#include "experiments/machine/noise_watch.hpp"

namespace stepbench {

void wait_for_idle_workers() {
  using std::chrono::milliseconds;
  constexpr milliseconds kLook{2}, kLongest{200};
  constexpr double kIdleShare = 0.05;  // of one core
  for (milliseconds waited{0}; waited < kLongest; waited += kLook) {
    const double before = process_cpu_seconds();
    std::this_thread::sleep_for(kLook);
    if (process_cpu_seconds() - before < kIdleShare * std::chrono::duration<double>(kLook).count()) return;
  }
}

}  // namespace stepbench
