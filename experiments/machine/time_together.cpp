#include "experiments/machine/time_together.hpp"

#include <barrier>

#include "core/lap_clock.hpp"
#include "core/supply.hpp"

namespace stepbench {

std::vector<double> time_together(int threads, int repetitions, const std::function<void(int)>& work) {
  std::vector<double> laps;
  laps.reserve(2 * static_cast<std::size_t>(repetitions));
  LapClock clock;
  // The barrier's completion runs once, while all threads wait: before a repetition, then after it.
  std::barrier barrier(threads, [&]() noexcept { laps.push_back(clock.lap()); });
  const auto repeat = [&](int thread) {
    for (int r = 0; r < repetitions; ++r) {
      barrier.arrive_and_wait();
      work(thread);
      barrier.arrive_and_wait();
    }
  };
  {
    const ThreadTeam others(threads - 1, [&](int other) { repeat(other + 1); });
    repeat(0);
  }
  std::vector<double> seconds;
  for (std::size_t i = 1; i < laps.size(); i += 2) seconds.push_back(laps[i]);
  return seconds;
}

}  // namespace stepbench
