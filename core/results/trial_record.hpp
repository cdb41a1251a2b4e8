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

#include "core/expect/judge.hpp"
#include "core/network.hpp"
#include "core/network_memory.hpp"
#include "core/roofline.hpp"
#include "core/value.hpp"

namespace stepbench {

inline constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

/// How a trial ended. The names are what the files say.
enum class Status { completed, diverged, failed, unsupported, interrupted };
[[nodiscard]] std::string to_text(Status status);
/// The inverse; nothing for other text.
[[nodiscard]] std::optional<Status> status_from_text(std::string_view text);
/// What made a trial fail; the message says it in words. The names are what the files say.
enum class FailureCause { none, gate, error };
[[nodiscard]] std::string to_text(FailureCause cause);
[[nodiscard]] std::optional<FailureCause> failure_cause_from_text(std::string_view text);
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
  std::vector<std::int64_t> step;           // steps trained so far; empty in older files
  /// Means since the last evaluation over the steps that had two micro-batches (core/gradient_noise.hpp); NaN where
  /// none had. Empty without record.gradient_noise.
  std::vector<double> gradient_square = {}, gradient_variance = {};
};

/// tr(S) / |G|^2, the simple noise scale (McCandlish et al. 2018), in samples: of the means of both, as their
/// quotient of one step may be anything. Of all evaluations, or of what was trained between the one at `step` and the
/// one before; those without moments are left out. NaN where none has any. Infinite where the mean square is not above
/// 0: noise hides the gradient.
[[nodiscard]] double gradient_noise_scale(const EpochSeries& epochs, std::optional<std::int64_t> step = {});

/// Agreement of one tensor with the float64 `neuron` reference, at the gate.
struct TensorCheck {
  std::string tensor;
  double gradient_error = kNotANumber;      // relative L2
  double gradient_max_error = kNotANumber;  // largest absolute difference over the reference's largest magnitude
  double gradient_cosine = kNotANumber;     // 1 for parallel; NaN where both are zero
  double update_error = kNotANumber;        // relative L2 of the parameter change of one whole training step
};

/// What more cores would give, told from the tasks of a step as one core ran them (core/scaling_forecast.hpp). One
/// entry per number of cores; empty where it was not asked for, and where steps have no tasks of their own.
struct ScalingRecord {
  std::vector<std::int64_t> cores;        // increasing
  std::vector<double> predicted_speedup;  // over a step that is cut for one core
  double work = kNotANumber;              // s on one core, of the step as it is cut for the most cores
  double span = kNotANumber;              // s, of the same
};

/// The model of a study of scaling (core/scaling_model.hpp), of a trial's arm on any number of ranks or threads. The
/// vectors have an entry per number of them; empty where there is no such study.
struct StudyRecord {
  std::vector<std::int64_t> workers;  // increasing: those measured, then those predicted
  std::vector<double> samples;        // of a step, all networks together
  std::vector<double> step_time;      // s, as the model has it
  double sample_time = kNotANumber;   // s that a worker computes for a sample
  double fixed_time = kNotANumber;    // s of a step that does not become less: the update of ranks
  double overlap = kNotANumber;       // part of the computing during which gradients travel
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
  double step_time_iqr = kNotANumber;     // s, interquartile range
  double samples_per_second = kNotANumber;
  double tokens_per_second = kNotANumber;  // samples times T; NaN for data without tokens
  double gflops = kNotANumber;             // GFLOP/s
  double percent_of_peak = kNotANumber;    // of the FMA peak of as many cores as the trial has threads
  double final_train_loss = kNotANumber;   // of the last evaluation interval
  double best_validation_loss = kNotANumber;
  double best_validation_accuracy = kNotANumber;
  double gradient_noise_scale = kNotANumber;  // samples, over the whole training; NaN without record.gradient_noise
  double time_to_target = kNotANumber;        // s; NaN: no target, or not reached
  double speed_ratio = kNotANumber;           // against the group's baseline, paired by round; above 1 is faster
  double speed_ratio_low = kNotANumber;       // 95% interval; NaN with fewer than 8 rounds
  double speed_ratio_high = kNotANumber;
  double noise_floor = kNotANumber;       // of the group: speed ratios within 1/(1+f) .. 1+f may be noise
  double disturbed_rounds = kNotANumber;  // rounds in which the noise watch saw this trial's block disturbed
};

struct TrialRecord {
  std::string id, group, backend;
  std::int64_t ranks = 0;  // processes of so many threads each; 0: it ran in the program's own
  std::int64_t threads = 1;
  std::uint64_t seed = 1;
  KeyValues settings;  // every value by its full key
  Status status = Status::completed;
  FailureCause cause = FailureCause::none;  // where the status is `failed`
  std::string message;                      // why, where the status is not `completed`
  std::int64_t diverged_at_step = -1;
  std::string parameter_digest, dataset_digest;
  std::string vocabulary;                  // texts of the tokens, as json_strings.hpp spells them; empty without tokens
  bool same_bits_for_any_threads = false;  // what the backend promises
  bool is_baseline = false;                // of its group
  std::int64_t parameters = 0;             // elements
  std::int64_t batch_size = 0;             // samples of a full step: never more than the data has
  double flops_per_step = kNotANumber;     // of a full step
  std::string cpus;                        // of its threads, the calling one first, or not_pinned_text; empty: unknown
  std::int64_t threads_observed = 0;       // threads that did a share of the work in the median block
  std::int64_t network_bytes = 0;          // memory taken by making the network, in this process
  /// As OwnProcess::Description has them; empty where the network lived in this process.
  std::string library, setting, settings_tried;
  double link_latency = 0, link_bandwidth = 0;  // s, bytes per s: as RankLink has them; 0 without several ranks
  std::int64_t gradient_parts = 0;
  StepSeries steps;
  EpochSeries epochs;
  std::vector<TensorCheck> checks;
  ScalingRecord scaling;  // of its arm, whatever its own threads
  StudyRecord study;      // the same
  LimitRecord limits;     // without phases: not timed, or of before
  MemoryRecord memory;    // NaN: of before, or of a process of its own
  std::vector<NamedTensor> initial_parameters, final_parameters;
  std::vector<std::int64_t> order;  // (epochs, samples), row-major; empty without `record.order`
  std::int64_t order_epochs = 0;
  TrialSummary summary;
};

/// What `cpus` says of a trial whose threads were not held on CPUs; `why` may be empty.
[[nodiscard]] std::string not_pinned_text(std::string_view why);
[[nodiscard]] bool is_pinned(const TrialRecord& trial);

/// What the noise watch holds against a block; GroupRecord::disturbed has the sum of those that apply.
enum Disturbance : std::int64_t {
  kStolenTime = 1,           // the host ran somebody else on our cores
  kWaitedForCore = 2,        // threads of this process were ready to run and did not
  kInvoluntarySwitches = 4,  // threads of this process were taken off their cores
  kSlowSentinel = 8,         // a fixed piece of work, run before the block, took longer than in the other blocks
};

/// How many rounds a group was given, of measure.rounds = auto (experiments/measure/round_plan.hpp).
struct RoundPlan {
  std::int64_t pilot_rounds = 0;  // the first rounds of the group; 0: its rounds were not planned
  std::int64_t pilot_steps = 0;   // of a pilot's block; no other is shorter
  std::int64_t planned = 0;       // rounds after the pilot; 0: it is not through
  std::int64_t room = 0;          // rounds that the training had steps for, after the pilot
  std::int64_t seeds = 1;         // that share the rounds
  std::int64_t steps_needed =
      0;  // of the training, for the rounds that it has no room for; 0: it has room, or none helps
  double needed = kNotANumber;  // rounds, all seeds together; infinity: more than one would run; NaN: nothing compared
  double detect = kNotANumber, power = kNotANumber;
  double noise = kNotANumber, alike = kNotANumber;  // of the pilot, as RoundNoise::deviation and ::correlation
};

/// The interleaved measurement that a group of trials shared. R rounds, M trials; the baseline's twin, `<id>~twin`, is
/// one of them. Every (R, M) array is row-major, or empty where it was not taken, and splits and joins by columns: a
/// trial's own file holds the group with that trial's column (and its twin's) only.
struct GroupRecord {
  std::string id;
  std::size_t environment = 0;  // what it was measured with: its place in ResultFile::environments
  /// The same of all segments but the last, where there are several.
  std::vector<std::size_t> earlier_environments = {};
  RoundPlan plan = {};
  std::string measurement = {};          // names this measurement of the group: no two are alike; empty in older files
  std::vector<std::string> trials = {};  // (M) ids
  /// (R, M) s: median step of the round's block; NaN where none counted, and in a pilot, which has no say in ratios.
  std::vector<double> step_time = {};
  std::vector<double> pilot_step_time = {};  // (R, M) s: the same of a pilot's rounds, NaN after it; empty: no pilot
  std::vector<std::int64_t> position = {};   // (R, M): position[r][m] = the place, from 0, of trial m in round r
  std::vector<double> block_time = {};       // (R, M) s: wall time of the block's steps and evaluations
  std::vector<double> cpu_time = {};         // (R, M) s: CPU time of the process in the block
  std::vector<double> steal_time = {};       // (R, M) s: of all cores in the block, as the kernel tells
  std::vector<double> run_delay = {};        // (R, M) s: summed over threads that were ready and waited for a core
  std::vector<double> involuntary_switches = {};  // (R, M): of all threads of the process in the block
  std::vector<double> sentinel_time = {};         // (R, M) s: of the sentinel kernel, just before the block
  std::vector<std::int64_t> disturbed = {};       // (R, M): sum of Disturbance
  // (R, M), of the processes that train, in the block; NaN where the system does not count (`doctor` says why).
  std::vector<double> cycles = {};         // of the cores, in user mode
  std::vector<double> instructions = {};   // in user mode
  std::vector<double> cache_misses = {};   // of the last level
  std::vector<double> fp_operations = {};  // floating-point, an FMA counts 2
  std::vector<double> energy = {};         // J, of all the machine's processors
  /// (R, M): how often the run had been started again from a checkpoint when the block was trained: 0, 1, ... Blocks of
  /// one round share it where trials take turns. What is told from several rounds is told within a segment.
  std::vector<std::int64_t> segment = {};
  /// (R): the process that trained the round, 0, 1, ...; empty: one trained all (`run --repeat`:
  /// run/join_processes.hpp).
  std::vector<std::int64_t> process = {};
  std::vector<double> peak_gflops = {};    // (R) GFLOP/s, FMA peak of all cores taken in that round; NaN if not taken
  std::vector<double> gemm_gflops = {};    // (R) GFLOP/s, a large GEMM on all cores taken in that round; or empty
  double peak_gflops_after = kNotANumber;  // the same two after the last round
  double gemm_gflops_after = kNotANumber;
  [[nodiscard]] std::int64_t rounds() const { return static_cast<std::int64_t>(peak_gflops.size()); }
};

/// The id of the second run of a baseline, which is measured against the first (A/A).
[[nodiscard]] inline std::string twin_id(const std::string& baseline) { return baseline + "~twin"; }
/// Whether a setting says how a run keeps what it has, and nothing of a trial: a run that goes on may have another.
[[nodiscard]] inline bool is_of_the_run_alone(std::string_view key) {
  return key == "record.keep_trial_files" || key == "record.checkpoint_every";
}
[[nodiscard]] inline bool is_twin(std::string_view id) { return id.ends_with("~twin"); }

/// Which part of a sweep a file holds, of one that was run in parts (`run --shard I/N`), and what the whole sweep is.
struct ShardRecord {
  std::int64_t index = 0, count = 0;       // shard `index` of 1 .. `count`; 0 of 0: no shard but a whole sweep
  std::vector<std::string> trials = {};    // (M) ids of the whole sweep, in its order
  std::vector<std::string> groups = {};    // (M) the group of each
  std::vector<std::string> datasets = {};  // (M) the digest of what each is trained on
  [[nodiscard]] bool is_whole() const { return count == 0; }
};
/// `2/4`; empty for a whole sweep.
[[nodiscard]] std::string to_text(const ShardRecord& shard);

/// What the config expects of the trials, and what came of it in the cell of the sweep that agrees least.
struct ExpectationRecord {
  std::string name, claim, published, tolerance;  // as the config says them
  ExpectationVerdict verdict = ExpectationVerdict::not_judged;
  double value = kNotANumber;  // what was found
  double low = kNotANumber;    // its interval; of one run the value
  double high = kNotANumber;
  std::int64_t runs = 0;   // behind it, of the smaller side
  std::int64_t cells = 0;  // of the sweep, that were judged
  std::string cell;        // the one that these numbers are of; empty: there is one only
  std::string why;         // what there is to say of it; may be empty
};

/// A whole result file: the collection of an experiment, or the file of one trial.
struct ResultFile {
  static constexpr std::int64_t kSchemaVersion = 2;
  std::string experiment, description, config_text;
  std::string created;  // ISO 8601, UTC
  std::string stepbench_version, git_commit;
  bool git_dirty = false;
  Status status = Status::completed;  // the worst of the trials'
  ShardRecord shard;
  /// Machines and libraries, each different one once, and one at least: see environments.hpp.
  std::vector<KeyValues> environments = std::vector<KeyValues>(1);
  std::vector<TrialRecord> trials;
  std::vector<GroupRecord> groups;
  std::vector<ExpectationRecord> expectations;  // not judged in files of a trial or a shard
};

}  // namespace stepbench
