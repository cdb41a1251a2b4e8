#include "experiments/measure/peaks.hpp"

#include <algorithm>
#include <cmath>

#include "experiments/machine/cores.hpp"
#include "experiments/machine/fma_peak.hpp"

namespace stepbench {
namespace {

int cores_of(std::int64_t threads) { return static_cast<int>(std::min<std::int64_t>(threads, available_cores())); }

}  // namespace

Peaks::Peaks(const PlannedGroup& group) : precision_(group.trials.front().settings->training.precision) {
  for (const PlannedTrial& trial : group.trials) fma_[cores_of(trial.settings->threads)];
  fma_[available_cores()];
}

void Peaks::take_if_due() {
  constexpr double kShare = 0.1;  // of the time between two takes
  if (std::chrono::steady_clock::now() - last_end_ > last_duration_ / kShare) {
    take();
    return;
  }
  for (auto& [cores, samples] : fma_) samples.push_back(kNotANumber);
  gemm_.push_back(kNotANumber);
}

void Peaks::take() {
  const auto begin = std::chrono::steady_clock::now();
  for (auto& [cores, samples] : fma_) samples.push_back(fma_peak_gflops(cores, precision_));
  gemm_.push_back(gemm_peak_gflops(available_cores(), precision_));
  last_end_ = std::chrono::steady_clock::now();
  last_duration_ = last_end_ - begin;
}

double Peaks::of_trial(const TrialSettings& trial) const {
  double best = 0;
  for (const double sample : fma_.at(cores_of(trial.threads))) best = std::max(best, std::isnan(sample) ? 0 : sample);
  return best;
}

void Peaks::write(GroupRecord& rounds) const {
  const std::vector<double>& fma = fma_.at(available_cores());
  rounds.peak_gflops.assign(fma.begin(), fma.end() - 1);
  rounds.peak_gflops_after = fma.back();
  rounds.gemm_gflops.assign(gemm_.begin(), gemm_.end() - 1);
  rounds.gemm_gflops_after = gemm_.back();
}

}  // namespace stepbench
