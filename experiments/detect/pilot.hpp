// The pilot of a plan: a few rounds of a config's groups, as they would be run, and how they vary. Not here: what is
// planned from it (core/detection.hpp), and how that is told.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/detection.hpp"
#include "core/settings.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/terminal/progress.hpp"

namespace stepbench::detect {

/// An arm against its group's baseline.
struct Comparison {
  std::string arm;  // `tbb-t2`
  RoundNoise noise;
};

/// What groups that differ in their seed alone share: one of them stands for all.
struct Condition {
  std::string name;          // `batch_size32`; empty where the sweep varies nothing else
  std::string baseline;      // its arm
  std::int64_t seeds = 1;    // of the config
  std::int64_t rounds = 0;   // that the config asks for, of each seed
  std::int64_t steps = 0;    // of the training of a seed
  std::int64_t block = 0;    // of those, in a round
  std::int64_t most = 0;     // rounds of such blocks that the training has; of measure.rounds = auto, after the pilot
  double round_seconds = 0;  // wall time of a round, all members' blocks and the waits between them
  MeasureSettings measure = {};
  std::vector<Comparison> comparisons = {};
};

/// What is known of it before its pilot has run: all but the baseline, the time of a round and the comparisons. Throws
/// InputError where blocks do not alternate.
[[nodiscard]] Condition condition_before_pilot(const PlannedGroup& group);

struct Pilot {
  std::vector<Condition> conditions;
  std::vector<std::string> failures;     // a line each
  std::vector<std::string> unsupported;  // a line each
  bool gate_failed = false;
};

/// Trains kPilotRounds rounds of one group of each condition that compares something; blocks are as long as the
/// config's. Throws InputError where nothing is compared, or blocks do not alternate; Interrupted after a signal.
[[nodiscard]] Pilot run_pilot(std::span<const PlannedGroup> groups, Verbosity verbosity);

}  // namespace stepbench::detect
