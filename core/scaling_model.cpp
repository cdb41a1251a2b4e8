#include "core/scaling_model.hpp"

#include <algorithm>
#include <iterator>
#include <vector>

namespace stepbench {
namespace {

/// Samples that a core computes one after the other.
double load(const ScalingPoint& point) { return point.share * point.crowding; }

}  // namespace

double ScalingModel::step_time(const ScalingPoint& point) const {
  const double computing = sample_time * load(point);
  return computing + fixed_time * point.crowding + std::max(0.0, point.transfer - overlap * computing);
}

ScalingModel fit_ranks(std::span<const ScalingPoint> points) {
  // Where ranks share cores, one computes while another waits for it: the phases of one say little.
  std::vector<ScalingPoint> fitted;
  std::ranges::copy_if(points, std::back_inserter(fitted), [](const ScalingPoint& p) { return p.crowding <= 1; });
  if (fitted.empty()) fitted.assign(points.begin(), points.end());
  ScalingModel model;
  double sum = 0, squares = 0, hidden = 0;
  std::int64_t with_transfer = 0;
  for (const ScalingPoint& point : fitted) {
    const double computing = point.step - point.update - point.reduce;
    const double relative = load(point) / computing;
    sum += relative;
    squares += relative * relative;
    model.fixed_time += point.update / point.crowding / static_cast<double>(fitted.size());
    if (point.transfer <= 0) continue;
    hidden += std::clamp((point.transfer - point.reduce) / computing, 0.0, 1.0);
    ++with_transfer;
  }
  model.sample_time = sum / squares;
  if (with_transfer > 0) model.overlap = hidden / static_cast<double>(with_transfer);
  return model;
}

ScalingModel fit_threads(std::span<const ScalingPoint> points) {
  // (1 - s x - f y)^2 summed, with x = load / step, y = crowding / step.
  double xx = 0, xy = 0, yy = 0, x1 = 0, y1 = 0;
  for (const ScalingPoint& point : points) {
    const double x = load(point) / point.step, y = point.crowding / point.step;
    xx += x * x;
    xy += x * y;
    yy += y * y;
    x1 += x;
    y1 += y;
  }
  const double determinant = xx * yy - xy * xy;
  ScalingModel model;
  model.sample_time = (x1 * yy - y1 * xy) / determinant;
  model.fixed_time = (y1 * xx - x1 * xy) / determinant;
  // Where the best of all is below 0, or undetermined as all points have one load, the best on the edge.
  if (!(model.fixed_time >= 0)) model = {.sample_time = x1 / xx, .fixed_time = 0};
  if (!(model.sample_time >= 0)) model = {.sample_time = 0, .fixed_time = y1 / yy};
  return model;
}

double transfer_time(double messages, double bytes, double latency, double bandwidth) {
  return messages * latency + bytes / bandwidth;
}

}  // namespace stepbench
