// Wall time in consecutive laps.
#pragma once

#include <chrono>

namespace stepbench {

/// Gives the wall seconds since it was made or last asked, so that consecutive laps leave nothing out.
class LapClock {
 public:
  double lap() {
    const Clock::time_point now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    return seconds;
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point last_ = Clock::now();
};

}  // namespace stepbench
