// What is known of a trial when it ends, and of the machine and group it ran in: exactly what the result file holds.
// results/README.md describes the file; writer.cpp and reader.cpp are its two directions.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/config/value.hpp"
#include "core/network.hpp"

namespace stepbench {

inline constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

/// How a trial ended. The names are what the files say.
enum class Status { completed, diverged, failed, unsupported, interrupted };
[[nodiscard]] std::string to_text(Status status);
/// The inverse; nothing for other text.
[[nodiscard]] std::optional<Status> status_from_text(std::string_view text);
/// The status of a file that holds both: failed before interrupted before diverged before completed. An unsupported
/// trial takes nothing from a file's completeness.
[[nodiscard]] Status worse(Status first, Status second);

/// A training step each. All vectors have one entry per step; empty with `record.steps = false`.
struct StepSeries {
  std::vector<double> train_loss;
  std::vector<double> wall_time;  // s; gathering the batch included
  std::vector<PhaseTimes> phase_time;
  std::vector<std::int64_t> round;  // of the interleaved measurement
};

/// An evaluation each.
struct EpochSeries {
  std::vector<double> epoch;  // epochs trained so far; whole unless evaluate_every counts steps
  std::vector<double>
      train_loss;  // mean of the step losses since the last evaluation, weighted by samples (or counted tokens)
  std::vector<double> validation_loss;
  std::vector<double> validation_accuracy;  // of samples or counted tokens; NaN for data with targets
  std::vector<double> train_time;           // s, cumulative, training only
};

/// Agreement of one tensor with the float64 `neuron` reference, at the gate.
struct TensorCheck {
  std::string tensor;
  double gradient_error = kNotANumber;      // relative L2
  double gradient_max_error = kNotANumber;  // largest absolute difference over the reference's largest magnitude
  double gradient_cosine = kNotANumber;     // 1 for parallel; NaN where both are zero
  double update_error = kNotANumber;        // relative L2 of the parameter change of one whole training step
};

struct NamedTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::variant<std::vector<float>, std::vector<double>> values;
};

/// One row of /summary. NaN where a column does not apply.
struct TrialSummary {
  double step_time_median = kNotANumber;  // s, over the steps that count (not a block's warm-up)
  double step_time_mad = kNotANumber;     // s, median absolute deviation
  double samples_per_second = kNotANumber;
  double tokens_per_second = kNotANumber;  // samples times T; NaN for data without tokens
  double gflops = kNotANumber;             // GFLOP/s
  double percent_of_peak = kNotANumber;    // of the FMA peak of as many cores as the trial has threads
  double final_train_loss = kNotANumber;   // of the last evaluation interval
  double best_validation_loss = kNotANumber;
  double best_validation_accuracy = kNotANumber;
  double time_to_target = kNotANumber;   // s; NaN: no target, or not reached
  double speed_ratio = kNotANumber;      // against the group's baseline, paired by round; above 1 is faster
  double speed_ratio_low = kNotANumber;  // 95% interval; NaN with fewer than 8 rounds
  double speed_ratio_high = kNotANumber;
};

struct TrialRecord {
  std::string id, group, backend;
  std::int64_t threads = 1;
  std::uint64_t seed = 1;
  KeyValues settings;  // every value by its full key
  Status status = Status::completed;
  std::string message;  // why, where the status is not `completed`
  std::int64_t diverged_at_step = -1;
  std::string parameter_digest, dataset_digest;
  std::string vocabulary;                  // texts of the tokens, as json_strings.hpp spells them; empty without tokens
  bool same_bits_for_any_threads = false;  // what the backend promises
  bool is_baseline = false;                // of its group
  std::int64_t parameters = 0;             // elements
  double flops_per_step = kNotANumber;     // of a full batch
  std::int64_t threads_observed = 0;       // threads that did a share of the work in this trial's blocks
  std::int64_t network_bytes = 0;          // memory taken by making the network
  StepSeries steps;
  EpochSeries epochs;
  std::vector<TensorCheck> checks;
  std::vector<NamedTensor> initial_parameters, final_parameters;
  std::vector<std::int64_t> order;  // (epochs, samples), row-major; empty without `record.order`
  std::int64_t order_epochs = 0;
  TrialSummary summary;
};

/// The interleaved measurement that a group of trials shared. R rounds, M trials. Every (R, M) array is row-major and
/// splits and joins by columns: a trial's own file holds the group with that trial's column (and its twin's) only.
struct GroupRecord {
  std::string id;
  std::vector<std::string> trials;     // (M) ids
  std::vector<double> step_time;       // (R, M) s: median step of the round's block; NaN where none counted
  std::vector<std::int64_t> position;  // (R, M): position[r][m] = the place, from 0, at which trial m ran in round r
  std::vector<double> peak_gflops;     // (R) GFLOP/s, FMA peak of all cores taken in that round; NaN if not taken
  [[nodiscard]] std::int64_t rounds() const { return static_cast<std::int64_t>(peak_gflops.size()); }
};

/// A whole result file: the collection of an experiment, or the file of one trial.
struct ResultFile {
  static constexpr std::int64_t kSchemaVersion = 1;
  std::string experiment, description, config_text;
  std::string created;  // ISO 8601, UTC
  std::string stepbench_version, git_commit;
  bool git_dirty = false;
  Status status = Status::completed;  // the worst of the trials'
  KeyValues environment;              // attributes of /environment, by name
  std::vector<TrialRecord> trials;
  std::vector<GroupRecord> groups;
};

}  // namespace stepbench
