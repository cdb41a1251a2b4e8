#include "experiments/measure/idle_workers.hpp"

#include <chrono>
#include <thread>

#include "experiments/machine/noise_watch.hpp"

namespace stepbench {

void wait_for_idle_workers() {
  using std::chrono::microseconds;
  // Short at first, as most often nobody runs; no shorter, or the waking of this thread alone would be its share.
  constexpr microseconds kFirstLook{500}, kLook{2'000}, kLongest{200'000};
  constexpr double kIdleShare = 0.05;  // of one core
  microseconds look = kFirstLook;
  for (microseconds waited{0}; waited < kLongest; waited += look, look = kLook) {
    const double before = process_cpu_seconds();
    std::this_thread::sleep_for(look);
    if (process_cpu_seconds() - before < kIdleShare * std::chrono::duration<double>(look).count()) return;
  }
}

}  // namespace stepbench
