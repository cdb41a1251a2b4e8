#include "core/roofline.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace stepbench {
namespace {

constexpr std::array<std::pair<Limit, std::string_view>, 5> kNames = {{{Limit::unknown, ""},
                                                                       {Limit::compute, "compute"},
                                                                       {Limit::memory, "memory"},
                                                                       {Limit::parallelism, "parallel work"},
                                                                       {Limit::overhead, "overhead"}}};

Limit largest(const PhaseLimit& phase) {
  const Limit roof = phase.memory_time > phase.compute_time ? Limit::memory : Limit::compute;
  if (phase.roof_time() >= std::max(phase.idle_time, phase.other_time)) return roof;
  return phase.idle_time >= phase.other_time ? Limit::parallelism : Limit::overhead;
}

}  // namespace

std::string_view to_text(Limit limit) {
  return std::ranges::find(kNames, limit, &std::pair<Limit, std::string_view>::first)->second;
}

std::optional<Limit> limit_from_text(std::string_view text) {
  const auto found = std::ranges::find(kNames, text, &std::pair<Limit, std::string_view>::second);
  if (found == kNames.end()) return std::nullopt;
  return found->first;
}

PhaseLimit judge_phase(std::string phase, const PhaseMeasured& measured, const Roof& roof) {
  PhaseLimit limit{.phase = std::move(phase),
                   .flops = measured.flops,
                   .bytes = measured.bytes,
                   .seconds = measured.seconds,
                   .compute_time = measured.flops / roof.peak,
                   .memory_time = measured.bytes / roof.bandwidth,
                   .idle_time = (1 - measured.busy_share) * measured.seconds};
  limit.other_time = measured.seconds - limit.roof_time() - limit.idle_time;
  if (limit.other_time < 0) limit.other_time = 0;  // NaN stays
  const bool is_known = measured.seconds > 0 && std::isfinite(limit.compute_time) && std::isfinite(limit.memory_time) &&
                        std::isfinite(limit.idle_time);
  limit.limit = is_known ? largest(limit) : Limit::unknown;
  return limit;
}

const PhaseLimit* LimitRecord::find(std::string_view phase) const {
  const auto found = std::ranges::find(phases, phase, &PhaseLimit::phase);
  return found == phases.end() ? nullptr : &*found;
}

}  // namespace stepbench
