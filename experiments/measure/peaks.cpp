#include "experiments/measure/peaks.hpp"

#include <algorithm>
#include <cmath>

#include "experiments/machine/cores.hpp"
#include "experiments/machine/fma_peak.hpp"
#include "experiments/machine/probes.hpp"
#include "experiments/machine/triad.hpp"

namespace stepbench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kShare = 0.1;              // of the time between two takes
constexpr std::chrono::seconds kReach{30};  // before a group: in which a take still says how fast the machine is
constexpr std::chrono::minutes kKept{5};    // takes that nobody asks for any more

Cores all_cores() { return {available_cores()}; }

/// On all of them, it is the same whether each thread is held on one.
Cores cores_of(const TrialSettings& trial) {
  if (trial.all_threads() >= available_cores()) return all_cores();
  return {static_cast<int>(trial.all_threads()), trial.places.cpus};
}

bool covers(const PeakHistory::Take& take, const std::set<Cores>& cores, Precision precision) {
  return take.precision == precision &&
         std::ranges::all_of(cores, [&take](const Cores& each) { return take.fma.contains(each); });
}

double fma_peak(const Cores& cores, Precision precision) {
  return cores.cpus.empty() ? fma_peak_gflops(cores.count, precision) : fma_peak_gflops(cores.cpus, precision);
}

}  // namespace

bool PeakHistory::is_due(const std::set<Cores>& cores, Precision precision) const {
  const auto last =
      std::find_if(takes_.rbegin(), takes_.rend(), [&](const Take& take) { return covers(take, cores, precision); });
  if (last == takes_.rend()) return true;
  return std::chrono::duration<double>(Clock::now() - last->end) > (last->end - last->begin) / kShare;
}

const PeakHistory::Take* PeakHistory::take_if_due(const std::set<Cores>& cores, Precision precision) {
  if (!is_due(cores, precision)) return nullptr;
  Take take{.precision = precision, .fma = {}, .gemm = 0, .begin = Clock::now(), .end = {}};
  for (const Cores& each : cores) take.fma[each] = if_supplied([&] { return fma_peak(each, precision); });
  take.gemm = if_supplied([&] { return gemm_peak_gflops(available_cores(), precision); });
  take.end = Clock::now();
  takes_.push_back(std::move(take));
  while (takes_.size() > 1 && takes_.back().end - takes_.front().end > kKept) takes_.pop_front();
  return &takes_.back();
}

double PeakHistory::best(const Cores& cores, Precision precision, Clock::time_point since) const {
  double best = kNotANumber;
  for (auto take = takes_.rbegin(); take != takes_.rend(); ++take) {
    if (!covers(*take, {cores}, precision)) continue;
    best = std::fmax(best, take->fma.at(cores));  // the one that is a number
    if (take->end < since) break;
  }
  return best;
}

double PeakHistory::bandwidth(const Cores& cores, double bytes) {
  constexpr double kShareOfFree = 0.125;
  const auto free = static_cast<double>(read_memory("/").available);
  if (free > 0) bytes = std::min(bytes, kShareOfFree * free);
  const auto size = static_cast<std::size_t>(std::min(bytes, kMostTriadBytes));
  const auto [found, is_new] = bandwidths_.try_emplace({cores, size}, BandwidthTake{kNotANumber, {}, {}});
  BandwidthTake& take = found->second;
  const std::chrono::duration<double> since = Clock::now() - take.end, took = take.took;
  if (!is_new && since.count() <= took.count() / kShare) return take.best;
  const Clock::time_point begin = Clock::now();
  const double now = if_supplied([&] { return triad_over(cores.count, cores.cpus, size); });
  take.end = Clock::now();
  take.took = take.end - begin;
  take.best = std::fmax(take.best, now);
  return take.best;
}

Peaks::Peaks(const PlannedGroup& group, PeakHistory& history)
    : history_(history),
      precision_(group.trials.front().settings->training.precision),
      cores_{all_cores()},
      begin_(Clock::now()) {
  for (const PlannedTrial& trial : group.trials) cores_.insert(cores_of(*trial.settings));
}

void Peaks::take_if_due() {
  const PeakHistory::Take* take = history_.take_if_due(cores_, precision_);
  fma_.push_back(take == nullptr ? kNotANumber : take->fma.at(all_cores()));
  gemm_.push_back(take == nullptr ? kNotANumber : take->gemm);
}

void Peaks::restore(const GroupRecord& rounds, std::size_t count) {
  const auto end = static_cast<std::ptrdiff_t>(count);
  fma_.assign(rounds.peak_gflops.begin(), rounds.peak_gflops.begin() + end);
  gemm_.assign(rounds.gemm_gflops.begin(), rounds.gemm_gflops.begin() + end);
}

void Peaks::restore(const TrialSettings& trial, double peak) {
  const auto [place, is_new] = earlier_.emplace(cores_of(trial), peak);
  if (!is_new) place->second = std::fmax(place->second, peak);
}

double Peaks::of_trial(const TrialSettings& trial) const {
  const double now = history_.best(cores_of(trial), precision_, begin_ - kReach);
  const auto earlier = earlier_.find(cores_of(trial));
  return earlier == earlier_.end() ? now : std::fmax(now, earlier->second);
}

double Peaks::bandwidth_of_trial(const TrialSettings& trial, double touched_bytes) const {
  return history_.bandwidth(cores_of(trial), touched_bytes);
}

void Peaks::write(GroupRecord& rounds, std::size_t count) const {
  const auto put = [count](const std::vector<double>& taken, std::vector<double>& by_round, double& after) {
    std::vector<double> all = taken;
    all.resize(count + 1, kNotANumber);
    after = all.back();
    all.pop_back();
    by_round = std::move(all);
  };
  put(fma_, rounds.peak_gflops, rounds.peak_gflops_after);
  put(gemm_, rounds.gemm_gflops, rounds.gemm_gflops_after);
}

}  // namespace stepbench
