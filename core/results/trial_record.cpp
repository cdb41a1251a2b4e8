#include "core/results/trial_record.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace stepbench {
namespace {

/// From the best to the worst, as far as a file's own status goes.
constexpr std::array<std::pair<Status, std::string_view>, 5> kStatuses = {{{Status::unsupported, "unsupported"},
                                                                           {Status::completed, "completed"},
                                                                           {Status::diverged, "diverged"},
                                                                           {Status::interrupted, "interrupted"},
                                                                           {Status::failed, "failed"}}};

constexpr std::string_view kNotPinned = "not pinned";

std::size_t rank(Status status) {
  const auto* const row = std::ranges::find(kStatuses, status, &std::pair<Status, std::string_view>::first);
  return static_cast<std::size_t>(row - kStatuses.begin());
}

}  // namespace

std::string to_text(Status status) { return std::string(kStatuses[rank(status)].second); }

std::optional<Status> status_from_text(std::string_view text) {
  for (const auto& [status, name] : kStatuses)
    if (name == text) return status;
  return std::nullopt;
}

std::string to_text(FailureCause cause) {
  return cause == FailureCause::gate ? "gate" : cause == FailureCause::error ? "error" : "";
}

std::optional<FailureCause> failure_cause_from_text(std::string_view text) {
  for (const FailureCause cause : {FailureCause::none, FailureCause::gate, FailureCause::error})
    if (to_text(cause) == text) return cause;
  return std::nullopt;
}

Status worse(Status first, Status second) {
  const Status worst = rank(first) < rank(second) ? second : first;
  return worst == Status::unsupported ? Status::completed : worst;
}

double gradient_noise_scale(const EpochSeries& epochs, std::optional<std::int64_t> step) {
  double square = 0, variance = 0;
  std::int64_t before = 0, trained = 0;
  for (std::size_t i = 0; i < epochs.gradient_square.size(); ++i) {
    const std::int64_t now = epochs.step[i], steps = now - std::exchange(before, now);
    if ((step && now != *step) || std::isnan(epochs.gradient_variance[i])) continue;
    square += static_cast<double>(steps) * epochs.gradient_square[i];
    variance += static_cast<double>(steps) * epochs.gradient_variance[i];
    trained += steps;
  }
  if (trained == 0) return kNotANumber;
  return square > 0 ? variance / square : std::numeric_limits<double>::infinity();
}

std::string to_text(const ShardRecord& shard) {
  return shard.is_whole() ? "" : std::to_string(shard.index) + "/" + std::to_string(shard.count);
}

std::string not_pinned_text(std::string_view why) {
  std::string text(kNotPinned);
  if (!why.empty()) text.append(": ").append(why);
  return text;
}

bool is_pinned(const TrialRecord& trial) { return !trial.cpus.empty() && !trial.cpus.starts_with(kNotPinned); }

}  // namespace stepbench
