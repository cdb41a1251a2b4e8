// What a trial's settings and data come to: samples and operations of a step, steps of an epoch, steps of a round.
#pragma once

#include <cstdint>
#include <vector>

#include "core/data/dataset.hpp"
#include "core/settings.hpp"

namespace stepbench {

/// Samples of a full training step, of all networks that are trained at the same time: of each trial.batch_size(), but
/// never more than the data has.
[[nodiscard]] std::int64_t samples_per_step(const TrialSettings& trial, const Dataset& dataset);
/// Floating-point operations of such a step.
[[nodiscard]] double flops_per_step(const TrialSettings& trial, const Dataset& dataset);

/// Bytes that such a step must move (core/models/step_work.hpp).
[[nodiscard]] double bytes_per_step(const TrialSettings& trial, const Dataset& dataset);

/// Steps of an epoch, and of the whole trial.
[[nodiscard]] std::int64_t steps_per_epoch(const TrialSettings& trial, const Dataset& dataset);
[[nodiscard]] std::int64_t steps_of_trial(const TrialSettings& trial, const Dataset& dataset);

/// Rounds that a trial of `total_steps` is cut into: as many as asked for, but never so many that a block has no step
/// that counts. Steps of the block of round `round`.
[[nodiscard]] std::int64_t rounds_of_trial(const MeasureSettings& measure, std::int64_t total_steps);
[[nodiscard]] std::int64_t steps_of_round(std::int64_t total_steps, std::int64_t rounds, std::int64_t round);

/// The order in which epoch `epoch` (from 0) trains on the samples: epoch_order, with each batch in an order of its own
/// where model.perturb = summation_order.
[[nodiscard]] std::vector<std::int64_t> training_order(const TrialSettings& trial, const Dataset& dataset,
                                                       std::int64_t epoch);

/// The order in which `members` take turns in a round, drawn for it from the seed.
[[nodiscard]] std::vector<std::int64_t> turns_of_round(std::int64_t members, std::uint64_t seed, std::int64_t round);

}  // namespace stepbench
