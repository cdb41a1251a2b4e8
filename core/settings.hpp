// What one trial is, in full: every value that a config can set, with its type and default.
// How the values are spelled, checked and listed is config/key_rows.cpp; nothing here parses or prints.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/detection.hpp"
#include "core/value.hpp"

namespace stepbench {

enum class ModelKind { mlp, transformer };
/// file: the final parameters of a stored trial, by name.
enum class Initialisation { original, he, xavier, gpt2, file };
/// What is changed that exact arithmetic would not see, or hardly, to find out how far a training carries it: the last
/// bit of one initial weight; the order of the samples within each batch, in which sums over them are formed.
enum class Perturbation { none, one_bit, summation_order };
enum class PositionEncoding { learned, sinusoidal };
/// Of a transformer's MLP; gelu in its tanh form.
enum class MlpActivation { gelu, relu };
/// The symbols of a text: its characters (code points), or its bytes.
enum class VocabularyKind { characters, bytes };
/// squared_error: the objective is (1/B) sum_b ||a_b - y_b||^2, so dC/da = 2 (a - y) / B; recorded is the mean over all
/// B * K elements, as the original prints it. cross_entropy: mean over the batch of -log softmax(a)[label], in nats.
/// stablemax_cross_entropy: the same of stablemax (Prieto et al., "Grokking at the Edge of Numerical Stability", 2025):
/// s(a)_k / sum_j s(a)_j with s(x) = x + 1 from 0 on and 1 / (1 - x) below, where no sum swallows its small terms.
enum class Loss { squared_error, cross_entropy, stablemax_cross_entropy };
enum class OutputActivation { relu, linear };
enum class Optimizer { sgd, momentum, adam, adamw };
enum class Schedule { constant, cosine };
enum class UpdateOrder { simultaneous, layerwise };
/// What the mean of a batch that is trained in micro-batches is over: all that the batch counts, as without them; or,
/// naive, the mean of the micro-batches' own means, which gives a sample (token) of a small one more weight.
enum class Divisor { counted, naive };
/// float32, float64: of every number of a network. bfloat16: features, weights, biases, activations a_l of all layers
/// but the last, and their dC/dz, are stored in two bytes (core/bfloat16.hpp), rounded to the nearest when they are;
/// products sum in float32 what they read of those, and so do bias and activation before a result is rounded; logits,
/// loss, gradients of parameters and moments are float32. An updated weight w + u, u the optimiser's step in float32,
/// is rounded as Rounding says; with `compensated` w + y, y = u - c, where c, stored in bfloat16, is what the last
/// rounding added, (w' - w) - y (Kahan 1965; Zamirai et al., "Revisiting BFloat16 Training", 2020); with
/// `master_weights` w is kept in float32, is not rounded, and the products read a copy of it that is.
enum class Precision { float32, float64, bfloat16 };
/// What a float32 is rounded to of its two neighbours in bfloat16: the nearer one, the even one of two as near; or the
/// upper one as probably as its distance from the lower one is large, so that the expectation is the number (Gupta et
/// al., "Deep Learning with Limited Numerical Precision", 2015). What is drawn depends on seed, step and parameter
/// alone.
enum class Rounding { nearest, stochastic };
/// Whether what is not stored in less is float32.
[[nodiscard]] constexpr bool computes_in_float32(Precision precision) { return precision != Precision::float64; }
enum class RecordParameters { none, final, all };
/// Whether each thread is held on a CPU of its own, and on which: experiments/machine/places.hpp.
enum class Pin { automatic, none, compact, spread };

struct ExperimentSettings {
  std::string name;  // default: the config file's name without its extension
  std::string description;
};

/// Which keys a kind of data set uses is said by its row in data/dataset_kinds.cpp.
struct DatasetSettings {
  std::string kind;
  std::string path;
  bool shuffle = true;
  std::optional<std::int64_t> train_samples;       // absent: all
  std::optional<std::int64_t> validation_samples;  // absent: all
  double validation_fraction = 0.1;
  std::uint64_t seed = 1;
  std::int64_t features = 2;
  std::int64_t classes = 0;  // 0: the kind's own default
  std::int64_t samples = 1000;
  VocabularyKind vocabulary = VocabularyKind::characters;
  std::int64_t modulus = 0;              // modular_addition
  std::int64_t alphabet = 0;             // copy: symbols
  std::int64_t length = 0;               // copy: symbols of the longest sequences
  std::optional<std::int64_t> shortest;  // copy: symbols of the shortest; absent: all are of `length`
};

/// Letters of a transformer: D d_model, H heads, L blocks, T context, V vocabulary_size.
struct ModelSettings {
  ModelKind kind = ModelKind::mlp;
  Loss loss = Loss::cross_entropy;
  /// Of cross_entropy. bfloat16: each intermediate is rounded to it: logits, their distance from the largest,
  /// exponentials, their sum, its logarithm, probabilities, the loss. Absent: as the backend likes, the trial's (of
  /// bfloat16 float32) or a higher one.
  std::optional<Precision> softmax;
  Initialisation init = Initialisation::he;
  std::string init_file, init_trial;  // with Initialisation::file
  Perturbation perturb = Perturbation::none;
  std::uint64_t perturb_seed = 1;  // which weight, or which orders
  /// No key: with Initialisation::file, once it is read, its parameters in canonical order.
  std::shared_ptr<const std::vector<double>> start_parameters;

  // mlp
  std::vector<std::int64_t> layers;  // input size, hidden sizes, output size
  OutputActivation output = OutputActivation::linear;

  // transformer
  std::int64_t d_model = 0;  // D, a multiple of H
  std::int64_t heads = 0;
  std::int64_t blocks = 0;
  std::int64_t context = 0;
  PositionEncoding position = PositionEncoding::learned;
  MlpActivation activation = MlpActivation::gelu;
  bool tied_embeddings = false;
  std::int64_t vocabulary_size = 0;  // no key: known once the data is loaded
};

/// A bound on a recorded metric, `validation_accuracy>=0.95`: the training time at which it first holds is recorded.
struct Target {
  enum class Metric { train_loss, validation_loss, validation_accuracy };
  Metric metric = Metric::validation_accuracy;
  double bound = 0;  // accuracy is met at or above it, a loss at or below it
};

struct TrainingSettings {
  std::optional<std::int64_t> epochs;  // exactly one of epochs and steps is set
  std::optional<std::int64_t> steps;
  std::int64_t batch_size = 32;
  std::optional<std::int64_t> micro_batch;  // samples whose gradients are formed at once; absent: all of the batch
  Divisor divisor = Divisor::counted;
  Optimizer optimizer = Optimizer::sgd;
  double learning_rate = 0;
  double noise_scale = 0;  // B samples learn at learning_rate / (1 + noise_scale / B)
  double momentum = 0.9;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
  Schedule schedule = Schedule::constant;
  std::int64_t warmup_steps = 0;
  double final_learning_rate = 0;
  std::optional<double> gradient_clip;  // the largest global L2 norm
  UpdateOrder update_order = UpdateOrder::simultaneous;
  Precision precision = Precision::float32;
  Rounding rounding = Rounding::nearest;  // these three: of updated weights in bfloat16
  bool compensated = false;
  bool master_weights = false;
  std::optional<Target> target;
};

/// `1 epoch`, `250 steps`
struct Interval {
  enum class Unit { epochs, steps };
  std::int64_t count = 1;
  Unit unit = Unit::epochs;
};

/// measure.rounds = auto: as many as find a difference of `detect` with `power`, told from a pilot.
inline constexpr std::int64_t kAutomaticRounds = 0;

struct MeasureSettings {
  std::int64_t rounds = 12;
  double detect = kUsualDetect;  // a share: 0.02 is 2%
  double power = kUsualPower;
  std::int64_t warmup_steps = 2;  // at each block's start; recorded, left out of the statistics
  bool interleave = true;
  std::string baseline;  // a backend or `backend-tN`; empty: the first supported cell
  bool twin = true;      // run the baseline twice, and take the ratio of the two for the noise floor
  Pin pin = Pin::automatic;
  bool gate = true;
  std::optional<std::int64_t> gate_samples;  // absent: the whole first batch
  std::optional<bool> scaling;               // absent: for a backend that the sweep runs on several numbers of threads
  Interval evaluate_every;
};

struct RecordSettings {
  RecordParameters parameters = RecordParameters::none;
  bool order = false;
  bool steps = true;
  bool gradient_noise = false;  // moments of the gradients (core/gradient_noise.hpp), of steps of micro-batches
  bool keep_trial_files = false;
  std::int64_t checkpoint_every = 600;  // s, at the end of a round; 0: of each; -1: never but for a signal
};

/// How gradients are added up over the ranks: in the tree of core/summation_tree.hpp, for the same bits on any number
/// of ranks, or as the library likes.
enum class Reduction { exact, fast };

/// What a study of scaling keeps as it is while the number of workers grows: strong, the batch; weak, each worker's
/// share of it; throughput, everything, as each worker trains a network of its own.
enum class ScalingKind { strong, weak, throughput };

struct ScalingSettings {
  std::optional<ScalingKind> kind;  // absent: the sweep is no study of scaling
  std::int64_t predict = 64;        // workers to which the model of the study goes on
};

/// Processes that train a network together, each on its part of every batch (variants/ranks).
struct RankSettings {
  std::int64_t count = 0;  // 0: none, the network lives in this process
  Reduction reduction = Reduction::exact;
  bool overlap = true;  // gradients of a layer travel while those below it are formed
  std::string launcher = "mpirun -n {ranks}";
  std::int64_t time_limit = 300;  // s, for one answer
};

/// The CPU of each thread of a trial, the calling one's first.
struct ThreadPlaces {
  std::vector<int> cpus;  // empty: they are not pinned
  std::string why_not;    // in words; empty where they are, and where measure.pin = none
};

/// One cell of the sweep.
struct TrialSettings {
  std::string id;     // its arm (core/arm.hpp) in its group: `tbb-t2-s1`; unique within the experiment
  std::string group;  // seed, and what else the sweep varies besides the arm: `s1-batch_size32`
  std::string backend;
  std::int64_t threads = 1;  // of each rank
  RankSettings ranks;
  ScalingSettings scaling;
  KeyValues backend_settings;  // that backends have for themselves, by full key, `backend.tbb.shard_rows`; others' too
  std::uint64_t seed = 1;
  ExperimentSettings experiment;
  DatasetSettings dataset;
  ModelSettings model;
  TrainingSettings training;
  MeasureSettings measure;
  RecordSettings record;
  ThreadPlaces places;  // no key: what measure.pin comes to on this machine, once a plan is made

  /// Threads that compute at the same time.
  [[nodiscard]] std::int64_t all_threads() const { return threads * (ranks.count > 0 ? ranks.count : 1); }
  /// Of a study of scaling: ranks where there are some, else threads.
  [[nodiscard]] std::int64_t workers() const {
    if (ranks.count > 0) return ranks.count;
    return scaling.kind == ScalingKind::throughput ? 1 : threads;
  }
  /// Networks that are trained at the same time.
  [[nodiscard]] std::int64_t copies() const {
    return scaling.kind == ScalingKind::throughput && ranks.count > 0 ? ranks.count : 1;
  }
  /// Samples of a network's step: training.batch_size is each worker's where scaling.kind = weak.
  [[nodiscard]] std::int64_t batch_size() const {
    return training.batch_size * (scaling.kind == ScalingKind::weak ? workers() : 1);
  }
};

}  // namespace stepbench
