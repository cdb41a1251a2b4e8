#include "experiments/measure/add_studies.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/arm.hpp"
#include "core/results/lookup.hpp"
#include "core/scaling_model.hpp"
#include "core/statistics.hpp"
#include "experiments/machine/cores.hpp"
#include "experiments/measure/summary.hpp"
#include "experiments/plan/trial_steps.hpp"
#include "variants/ranks/leaf_shares.hpp"

namespace stepbench {
namespace {

double median_phase(const TrialRecord& record, const PlannedTrial& planned, Phase phase) {
  std::vector<double> times;
  for (const std::size_t i : counted_steps(record.steps, *planned.settings, *planned.dataset)) {
    times.push_back(record.steps.phase_time[i][phase]);
  }
  const double time = median(times);
  return std::isnan(time) ? 0 : time;
}

/// The trial's settings on other numbers of workers.
TrialSettings on_workers(const TrialSettings& trial, std::int64_t workers) {
  TrialSettings other = trial;
  (trial.ranks.count > 0 ? other.ranks.count : other.threads) = workers;
  return other;
}

/// Of a step, all networks together; of weak scaling as many as it asks for, though the data may not have them.
double samples_of(const TrialSettings& trial, const Dataset& dataset) {
  const bool weak = trial.scaling.kind == ScalingKind::weak;
  return static_cast<double>(weak ? trial.batch_size() : samples_per_step(trial, dataset));
}

/// Between the ranks of a trial: what its gradients take, and how a step's samples are cut.
struct Exchange {
  double latency = 0, bandwidth = 1, parts = 1, bytes = 0;  // of all gradients
};

/// What a step is on so many workers, if each thread has a core.
ScalingPoint point_of(const TrialSettings& trial, const Dataset& dataset, const Exchange& exchange) {
  const std::int64_t workers = trial.workers();
  const double samples = samples_of(trial, dataset) / static_cast<double>(trial.copies());
  const auto count = static_cast<double>(workers);
  ScalingPoint point{.workers = workers, .share = trial.copies() > 1 ? samples : samples / count};
  if (trial.ranks.count == 0 || trial.scaling.kind == ScalingKind::throughput) return point;
  double messages = 0, rounds = 0;  // of all gradients' bytes, (P-1)/P of them each
  if (trial.ranks.reduction == Reduction::exact) {
    const std::int64_t rows = trial.model.kind == ModelKind::transformer ? trial.model.context : 1;
    const LeafShares shares =
        share_leaves(static_cast<std::int64_t>(samples), rows, static_cast<int>(trial.ranks.count));
    point.share = std::min(samples, static_cast<double>(shares.most_leaves() * shares.leaf));
    rounds =
        static_cast<double>(shares.most_nodes()) + 1;  // each node's pieces to those who add them up, the sum round
    messages = rounds * (count - 1);
  } else {
    point.share = std::ceil(samples / count);
    rounds = 2;
    messages = 2 * std::ceil(std::log2(count));
  }
  if (workers > 1) {
    point.transfer = transfer_time(exchange.parts * messages, rounds * exchange.bytes * (count - 1) / count,
                                   exchange.latency, exchange.bandwidth);
  }
  return point;
}

void add_study(const PlannedGroup& group, const GroupRecord& rounds, std::vector<TrialRecord>& records,
               const std::vector<std::size_t>& members) {
  const TrialSettings& trial = *group.trials[members.front()].settings;
  const Dataset& dataset = *group.trials[members.front()].dataset;
  Exchange exchange{.bytes = static_cast<double>(records[members.front()].parameters *
                                                 (computes_in_float32(trial.training.precision) ? 4 : 8))};
  for (const std::size_t i : members) {  // the last, of the most ranks, may reach the farthest
    if (records[i].link_bandwidth <= 0) continue;
    exchange.latency = records[i].link_latency;
    exchange.bandwidth = records[i].link_bandwidth;
    exchange.parts = static_cast<double>(records[i].gradient_parts);
  }
  StudyRecord study;
  std::vector<ScalingPoint> points;
  for (const std::size_t i : members) {
    const PlannedTrial& planned = group.trials[i];
    ScalingPoint point = point_of(*planned.settings, dataset, exchange);
    const bool elsewhere = records[i].threads_observed == 0;  // some ranks ran on other machines
    point.crowding = elsewhere ? 1
                               : std::max(1.0, static_cast<double>(planned.settings->all_threads()) /
                                                   static_cast<double>(available_cores()));
    point.step = geometric_mean(column_of(rounds, rounds.step_time, records[i].id));
    point.update = median_phase(records[i], planned, Phase::update);
    point.reduce = median_phase(records[i], planned, Phase::reduce);
    if (std::isnan(point.step)) continue;
    points.push_back(point);
    study.samples.push_back(samples_of(*planned.settings, dataset));
  }
  if (points.size() < 2) return;
  const ScalingModel model = trial.ranks.count > 0 ? fit_ranks(points) : fit_threads(points);
  for (std::int64_t workers = points.back().workers * 2; workers <= trial.scaling.predict; workers *= 2) {
    const TrialSettings other = on_workers(trial, workers);
    points.push_back(point_of(other, dataset, exchange));
    study.samples.push_back(samples_of(other, dataset));
  }
  for (const ScalingPoint& point : points) {
    study.workers.push_back(point.workers);
    study.step_time.push_back(model.step_time(point));
  }
  study.sample_time = model.sample_time;
  study.fixed_time = model.fixed_time;
  study.overlap = model.overlap;
  for (const std::size_t i : members) records[i].study = study;
}

}  // namespace

void add_studies(const PlannedGroup& group, const GroupRecord& rounds, std::vector<TrialRecord>& records) {
  const auto settings = [&group](std::size_t i) -> const TrialSettings& { return *group.trials[i].settings; };
  std::vector<std::vector<std::size_t>> series;  // arms, on any number of workers
  for (std::size_t i = 0; i < records.size(); ++i) {
    const TrialSettings& trial = settings(i);
    if (!trial.scaling.kind || records[i].status != Status::completed) continue;
    if (trial.scaling.kind == ScalingKind::throughput && trial.ranks.count == 0) continue;  // one network on threads
    const auto found = std::ranges::find_if(series, [&](const std::vector<std::size_t>& members) {
      return same_but_workers(arm_of(settings(members.front())), arm_of(trial));
    });
    (found == series.end() ? series.emplace_back() : *found).push_back(i);
  }
  for (std::vector<std::size_t>& members : series) {
    std::ranges::sort(members, {}, [&](std::size_t i) { return settings(i).workers(); });
    add_study(group, rounds, records, members);
  }
}

}  // namespace stepbench
