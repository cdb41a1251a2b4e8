// The model of a study of scaling: what a step takes on so many workers (ranks, or threads of one process),
//
//   T = F b / (eta P) + T_fixed + max(0, T_reduce - T_overlap),
//
// fitted to the numbers of workers that were measured. F b / eta is the time that one worker computes for b samples,
// and P shares them (unevenly, where the samples of a step are cut into fewer pieces than there are workers: what
// counts is the busiest one's share). T_fixed does not become less with P: of ranks, the update, which each makes of
// all parameters. T_reduce is what a link's latency and bandwidth make of the gradients' way, T_overlap the part of the
// computing during which they travel.
//
// Left out: caches that a smaller share fits into, links and memory that workers share, ranks that wait for the
// slowest.
#pragma once

#include <cstdint>
#include <span>

namespace stepbench {

/// A number of workers. Times in s.
struct ScalingPoint {
  std::int64_t workers = 1;
  double share = 0;     // samples of the busiest worker's in a step
  double crowding = 1;  // so many times longer does computing take, as threads share cores; 1: a core each
  double transfer = 0;  // T_reduce: as transfer_time has it; 0 where nothing travels
  // As measured; of a point to be predicted they say nothing.
  double step = 0;
  double update = 0;  // of `step`
  double reduce = 0;  // of `step`: gradients that were waited for
};

struct ScalingModel {
  double sample_time = 0;  // s: F / eta
  double fixed_time = 0;   // s
  double overlap = 0;      // T_overlap as a part of the computing, 0 to 1
  [[nodiscard]] double step_time(const ScalingPoint& point) const;
};

/// Of ranks, whose phases say where a step's time goes: F / eta from what is neither update nor waiting (least squares
/// of the relative errors), T_fixed and the overlap as means over the points: those with a core for each thread, where
/// there are any. At least one point.
[[nodiscard]] ScalingModel fit_ranks(std::span<const ScalingPoint> points);

/// Of threads: F / eta and T_fixed, what threads do not share, by least squares of the relative errors, both at least
/// 0. Nothing travels. At least two points.
[[nodiscard]] ScalingModel fit_threads(std::span<const ScalingPoint> points);

/// s that so many messages and bytes of one worker take on a link, one after the other. `latency` in s, `bandwidth` in
/// bytes per s.
[[nodiscard]] double transfer_time(double messages, double bytes, double latency, double bandwidth);

}  // namespace stepbench
