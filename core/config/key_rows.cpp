#include "core/config/key_rows.hpp"

#include <algorithm>
#include <utility>

#include "core/config/key_row.hpp"
#include "core/config/rules.hpp"
#include "core/models/mlp.hpp"
#include "core/models/transformer.hpp"

namespace stepbench {
namespace {

constexpr EnumName<ModelKind> kModelKinds[] = {{kMlpRow.kind, kMlpRow.name},
                                               {kTransformerRow.kind, kTransformerRow.name}};
constexpr EnumName<Initialisation> kInitialisations[] = {{Initialisation::original, "original"},
                                                         {Initialisation::he, "he"},
                                                         {Initialisation::xavier, "xavier"},
                                                         {Initialisation::gpt2, "gpt2"}};
constexpr EnumName<Perturbation> kPerturbations[] = {{Perturbation::none, "none"},
                                                     {Perturbation::one_bit, "one_bit"},
                                                     {Perturbation::summation_order, "summation_order"}};
constexpr EnumName<PositionEncoding> kPositions[] = {{PositionEncoding::learned, "learned"},
                                                     {PositionEncoding::sinusoidal, "sinusoidal"}};
constexpr EnumName<MlpActivation> kActivations[] = {{MlpActivation::gelu, "gelu"}, {MlpActivation::relu, "relu"}};
constexpr EnumName<VocabularyKind> kVocabularies[] = {{VocabularyKind::characters, "characters"},
                                                      {VocabularyKind::bytes, "bytes"}};
constexpr EnumName<Loss> kLosses[] = {{Loss::squared_error, "squared_error"},
                                      {Loss::cross_entropy, "cross_entropy"},
                                      {Loss::stablemax_cross_entropy, "stablemax_cross_entropy"}};
constexpr EnumName<OutputActivation> kOutputs[] = {{OutputActivation::relu, "relu"},
                                                   {OutputActivation::linear, "linear"}};
constexpr EnumName<Optimizer> kOptimizers[] = {
    {Optimizer::sgd, "sgd"}, {Optimizer::momentum, "momentum"}, {Optimizer::adam, "adam"}, {Optimizer::adamw, "adamw"}};
constexpr EnumName<Schedule> kSchedules[] = {{Schedule::constant, "constant"}, {Schedule::cosine, "cosine"}};
constexpr EnumName<UpdateOrder> kUpdateOrders[] = {{UpdateOrder::simultaneous, "simultaneous"},
                                                   {UpdateOrder::layerwise, "layerwise"}};
constexpr EnumName<Divisor> kDivisors[] = {{Divisor::counted, "counted"}, {Divisor::naive, "naive"}};
constexpr EnumName<Precision> kPrecisions[] = {
    {Precision::float32, "float32"}, {Precision::float64, "float64"}, {Precision::bfloat16, "bfloat16"}};
constexpr EnumName<Rounding> kRoundings[] = {{Rounding::nearest, "nearest"}, {Rounding::stochastic, "stochastic"}};
constexpr EnumName<RecordParameters> kRecordParameters[] = {
    {RecordParameters::none, "none"}, {RecordParameters::final, "final"}, {RecordParameters::all, "all"}};
constexpr EnumName<Reduction> kReductions[] = {{Reduction::exact, "exact"}, {Reduction::fast, "fast"}};
constexpr EnumName<ScalingKind> kScalingKinds[] = {
    {ScalingKind::strong, "strong"}, {ScalingKind::weak, "weak"}, {ScalingKind::throughput, "throughput"}};
constexpr EnumName<Pin> kPins[] = {
    {Pin::automatic, "auto"}, {Pin::none, "none"}, {Pin::compact, "compact"}, {Pin::spread, "spread"}};

constexpr FixedCondition kMlp{"model.kind = mlp",
                              [](const TrialSettings& s) { return s.model.kind == ModelKind::mlp; }};
constexpr FixedCondition kTransformer{"model.kind = transformer",
                                      [](const TrialSettings& s) { return s.model.kind == ModelKind::transformer; }};
constexpr FixedCondition kSoftmax{"model.loss = cross_entropy",
                                  [](const TrialSettings& s) { return s.model.loss == Loss::cross_entropy; }};
constexpr FixedCondition kPerturbed{"model.perturb = one_bit or summation_order",
                                    [](const TrialSettings& s) { return s.model.perturb != Perturbation::none; }};
constexpr FixedCondition kAccumulated{"training.micro_batch",
                                      [](const TrialSettings& s) { return s.training.micro_batch.has_value(); }};
constexpr FixedCondition kMomentum{"training.optimizer = momentum",
                                   [](const TrialSettings& s) { return s.training.optimizer == Optimizer::momentum; }};
constexpr FixedCondition kAdam{"training.optimizer = adam or adamw", [](const TrialSettings& s) {
                                 return s.training.optimizer == Optimizer::adam ||
                                        s.training.optimizer == Optimizer::adamw;
                               }};
constexpr FixedCondition kCosine{"training.schedule = cosine",
                                 [](const TrialSettings& s) { return s.training.schedule == Schedule::cosine; }};
constexpr FixedCondition kPlannedRounds{"measure.rounds = auto",
                                        [](const TrialSettings& s) { return s.measure.rounds == kAutomaticRounds; }};
constexpr FixedCondition kBfloat16{"training.precision = bfloat16",
                                   [](const TrialSettings& s) { return s.training.precision == Precision::bfloat16; }};
constexpr FixedCondition kRounded{
    "training.precision = bfloat16 and training.master_weights = false",
    [](const TrialSettings& s) { return s.training.precision == Precision::bfloat16 && !s.training.master_weights; }};
constexpr FixedCondition kInterleaved{"measure.interleave = true",
                                      [](const TrialSettings& s) { return s.measure.interleave; }};
constexpr FixedCondition kRanks{"sweep.ranks", [](const TrialSettings& s) { return s.ranks.count > 0; }};
constexpr FixedCondition kStudy{"scaling.kind", [](const TrialSettings& s) { return s.scaling.kind.has_value(); }};
constexpr FixedCondition kGate{"measure.gate = true", [](const TrialSettings& s) { return s.measure.gate; }};

// Bounds of counts: far above any use, and small enough that their products stay within 64 bits.
constexpr std::int64_t kMillion = 1'000'000;
constexpr std::int64_t kBillion = 1'000'000'000;
constexpr std::int64_t kLongestContext = 65536;

/// A distribution, or `file:PATH#TRIAL`, which is three members of the settings.
Key initialisation_key() {
  constexpr std::string_view kFile = "file:";
  Key key = make_key(
      "model.init", [](auto& s) -> auto& { return s.model.init; }, enum_rule(kInitialisations),
      "distribution of the initial weights, or a stored trial's final ones");
  key.allowed += ", file:RESULTS.h5#TRIAL";
  key.set = [kFile, set_name = std::move(key.set)](TrialSettings& trial, std::string_view text) {
    std::string_view file, stored_trial;
    if (text.starts_with(kFile)) {
      const std::size_t hash = std::min(text.rfind('#'), text.size());
      file = text.substr(kFile.size(), std::max(hash, kFile.size()) - kFile.size());
      stored_trial = text.substr(std::min(hash + 1, text.size()));
      if (file.empty() || stored_trial.empty()) return false;
      trial.model.init = Initialisation::file;
    } else if (!set_name(trial, text)) {
      return false;
    }
    trial.model.init_file = file;
    trial.model.init_trial = stored_trial;
    return true;
  };
  key.get = [kFile, get_name = std::move(key.get)](const TrialSettings& trial) {
    const ModelSettings& model = trial.model;
    if (model.init != Initialisation::file) return get_name(trial);
    return std::optional<Value>(std::string(kFile) + model.init_file + "#" + model.init_trial);
  };
  return key;
}

}  // namespace

std::vector<Key> data_and_model_keys() {
  return {
      make_key("experiment.name", [](auto& s) -> auto& { return s.experiment.name; }, file_name_rule(),
               "names the results file", {.default_text = "the config file's name"}),
      make_key(
          "experiment.description", [](auto& s) -> auto& { return s.experiment.description; }, text_rule("any text"),
          "stored with the results"),
      make_key("dataset.kind", [](auto& s) -> auto& { return s.dataset.kind; },
               text_rule("a kind of `stepbench list datasets`"), "where the samples come from", {.required = true}),
      make_key("dataset.path", [](auto& s) -> auto& { return s.dataset.path; }, text_rule("a file or folder"),
               "looked up from the working directory, the config's folder, the installed data", {.required = true}),
      make_key(
          "dataset.shuffle", [](auto& s) -> auto& { return s.dataset.shuffle; }, boolean_rule(),
          "visit the samples in a new order every epoch"),
      make_key("dataset.train_samples", [](auto& s) -> auto& { return s.dataset.train_samples; },
               integer_rule(1, kBillion), "use only the first ones", {.default_text = "all"}),
      make_key("dataset.validation_samples", [](auto& s) -> auto& { return s.dataset.validation_samples; },
               integer_rule(1, kBillion), "use only the first ones", {.default_text = "all"}),
      make_key(
          "dataset.validation_fraction", [](auto& s) -> auto& { return s.dataset.validation_fraction; },
          real_rule(RealRange::between_0_and_1), "part of the samples that is not trained on"),
      make_key(
          "dataset.seed", [](auto& s) -> auto& { return s.dataset.seed; }, seed_rule(), "of a generated data set"),
      make_key(
          "dataset.features", [](auto& s) -> auto& { return s.dataset.features; }, integer_rule(1, kMillion),
          "numbers per sample of a generated data set"),
      make_key("dataset.classes", [](auto& s) -> auto& { return s.dataset.classes; }, count_or_unset_rule(2, kMillion),
               "classes of a generated data set", {.default_text = "the kind's own"}),
      make_key(
          "dataset.samples", [](auto& s) -> auto& { return s.dataset.samples; }, integer_rule(1, 100 * kMillion),
          "samples of a generated data set, both splits together"),
      make_key(
          "dataset.vocabulary", [](auto& s) -> auto& { return s.dataset.vocabulary; }, enum_rule(kVocabularies),
          "the symbols of a text"),
      make_key("dataset.modulus", [](auto& s) -> auto& { return s.dataset.modulus; }, integer_rule(2, 4096),
               "of the addition", {.required = true}),
      make_key("dataset.alphabet", [](auto& s) -> auto& { return s.dataset.alphabet; }, integer_rule(2, kMillion),
               "number of symbols", {.required = true}),
      make_key("dataset.length", [](auto& s) -> auto& { return s.dataset.length; },
               integer_rule(1, kLongestContext / 2), "symbols of a sequence", {.required = true}),
      make_key("dataset.shortest", [](auto& s) -> auto& { return s.dataset.shortest; },
               integer_rule(1, kLongestContext / 2), "symbols of the shortest sequences; others have up to `length`",
               {.default_text = "dataset.length"}),
      make_key("model.kind", [](auto& s) -> auto& { return s.model.kind; }, enum_rule(kModelKinds), "the network",
               {.required = true}),
      make_key("model.layers", [](auto& s) -> auto& { return s.model.layers; }, layers_rule(),
               "sizes of input, hidden layers, output", {.condition = kMlp, .required = true, .is_list = true}),
      make_key("model.output", [](auto& s) -> auto& { return s.model.output; }, enum_rule(kOutputs),
               "activation of the last layer", {.condition = kMlp}),
      make_key(
          "model.loss", [](auto& s) -> auto& { return s.model.loss; }, enum_rule(kLosses), "what training minimises"),
      make_key("model.softmax", [](auto& s) -> auto& { return s.model.softmax; }, enum_rule(kPrecisions),
               "type that softmax and its gradient are computed in, of the loss alone",
               {.condition = kSoftmax, .default_text = "the backend's own"}),
      initialisation_key(),
      make_key(
          "model.perturb", [](auto& s) -> auto& { return s.model.perturb; }, enum_rule(kPerturbations),
          "one_bit: change the last bit of one initial weight; summation_order: order of samples within batches"),
      make_key("model.perturb_seed", [](auto& s) -> auto& { return s.model.perturb_seed; }, seed_rule(),
               "which weight, or which orders", {.condition = kPerturbed}),
      make_key("model.d_model", [](auto& s) -> auto& { return s.model.d_model; }, integer_rule(1, 65536),
               "width of the residual stream, a multiple of model.heads",
               {.condition = kTransformer, .required = true}),
      make_key("model.heads", [](auto& s) -> auto& { return s.model.heads; }, integer_rule(1, 1024),
               "attention heads of a block", {.condition = kTransformer, .required = true}),
      make_key("model.blocks", [](auto& s) -> auto& { return s.model.blocks; }, integer_rule(1, 1000),
               "attention and MLP, one after the other", {.condition = kTransformer, .required = true}),
      make_key("model.context", [](auto& s) -> auto& { return s.model.context; }, integer_rule(1, kLongestContext),
               "tokens that a prediction can see", {.condition = kTransformer, .required = true}),
      make_key("model.position", [](auto& s) -> auto& { return s.model.position; }, enum_rule(kPositions),
               "how a token's place is told", {.condition = kTransformer}),
      make_key("model.activation", [](auto& s) -> auto& { return s.model.activation; }, enum_rule(kActivations),
               "of the blocks' MLPs", {.condition = kTransformer}),
      make_key("model.tied_embeddings", [](auto& s) -> auto& { return s.model.tied_embeddings; }, boolean_rule(),
               "use the token embedding as the head", {.condition = kTransformer}),
  };
}

std::vector<Key> training_keys() {
  return {
      make_key(
          "training.epochs", [](auto& s) -> auto& { return s.training.epochs; }, integer_rule(1, kBillion),
          "passes over the data; either this or training.steps"),
      make_key(
          "training.steps", [](auto& s) -> auto& { return s.training.steps; }, integer_rule(1, kBillion),
          "training steps; either this or training.epochs"),
      make_key(
          "training.batch_size", [](auto& s) -> auto& { return s.training.batch_size; }, integer_rule(1, kMillion),
          "samples per step; of each rank or thread where scaling.kind = weak"),
      make_key("training.micro_batch", [](auto& s) -> auto& { return s.training.micro_batch; },
               integer_rule(1, kMillion), "samples whose gradients are formed at once and added up for the step",
               {.default_text = "the batch"}),
      make_key("training.divisor", [](auto& s) -> auto& { return s.training.divisor; }, enum_rule(kDivisors),
               "mean over all that the batch counts, or the mean of the micro-batches' means",
               {.condition = kAccumulated}),
      make_key(
          "training.optimizer", [](auto& s) -> auto& { return s.training.optimizer; }, enum_rule(kOptimizers),
          "rule of the update"),
      make_key("training.learning_rate", [](auto& s) -> auto& { return s.training.learning_rate; },
               real_rule(RealRange::positive), "size of a step", {.required = true}),
      make_key(
          "training.noise_scale", [](auto& s) -> auto& { return s.training.noise_scale; },
          real_rule(RealRange::not_negative),
          "samples of a batch that learns at half of learning_rate; B learn at learning_rate / (1 + noise_scale / B)"),
      make_key("training.momentum", [](auto& s) -> auto& { return s.training.momentum; },
               real_rule(RealRange::from_0_below_1), "part of the velocity that is kept", {.condition = kMomentum}),
      make_key("training.beta1", [](auto& s) -> auto& { return s.training.beta1; },
               real_rule(RealRange::from_0_below_1), "decay of the mean gradient", {.condition = kAdam}),
      make_key("training.beta2", [](auto& s) -> auto& { return s.training.beta2; },
               real_rule(RealRange::from_0_below_1), "decay of the mean squared gradient", {.condition = kAdam}),
      make_key("training.epsilon", [](auto& s) -> auto& { return s.training.epsilon; }, real_rule(RealRange::positive),
               "keeps Adam's quotient finite", {.condition = kAdam}),
      make_key(
          "training.weight_decay", [](auto& s) -> auto& { return s.training.weight_decay; },
          real_rule(RealRange::not_negative), "L2 penalty; decoupled with adamw"),
      make_key(
          "training.schedule", [](auto& s) -> auto& { return s.training.schedule; }, enum_rule(kSchedules),
          "course of the learning rate"),
      make_key("training.warmup_steps", [](auto& s) -> auto& { return s.training.warmup_steps; },
               integer_rule(0, kBillion), "steps of linear rise of the learning rate", {.condition = kCosine}),
      make_key("training.final_learning_rate", [](auto& s) -> auto& { return s.training.final_learning_rate; },
               real_rule(RealRange::not_negative), "learning rate of the last step", {.condition = kCosine}),
      make_key("training.gradient_clip", [](auto& s) -> auto& { return s.training.gradient_clip; },
               real_rule(RealRange::positive), "largest L2 norm of all gradients together", {.default_text = "off"}),
      make_key(
          "training.update_order", [](auto& s) -> auto& { return s.training.update_order; }, enum_rule(kUpdateOrders),
          "all gradients before all updates, or layer by layer"),
      make_key(
          "training.precision", [](auto& s) -> auto& { return s.training.precision; }, enum_rule(kPrecisions),
          "type of every number of the network; bfloat16: weights and activations, summed in float32"),
      make_key("training.rounding", [](auto& s) -> auto& { return s.training.rounding; }, enum_rule(kRoundings),
               "of an updated weight to bfloat16", {.condition = kRounded}),
      make_key("training.compensated", [](auto& s) -> auto& { return s.training.compensated; }, boolean_rule(),
               "keep what rounding a weight lost, and add it to its next update (Kahan)", {.condition = kRounded}),
      make_key("training.master_weights", [](auto& s) -> auto& { return s.training.master_weights; }, boolean_rule(),
               "update weights in float32, and round a copy for the products", {.condition = kBfloat16}),
      make_key("training.target", [](auto& s) -> auto& { return s.training.target; }, target_rule(),
               "the time to reach it is recorded; it stops nothing", {.default_text = "none"}),
  };
}

std::vector<Key> measure_and_record_keys() {
  return {
      make_key(
          "measure.rounds", [](auto& s) -> auto& { return s.measure.rounds; }, rounds_rule(),
          "blocks that a trial's steps are cut into; auto: as many as find measure.detect, planned from a pilot"),
      make_key("measure.detect", [](auto& s) -> auto& { return s.measure.detect; }, percentage_rule(),
               "difference in speed that the planned rounds are to find", {.condition = kPlannedRounds}),
      make_key("measure.power", [](auto& s) -> auto& { return s.measure.power; }, power_rule(),
               "share of such runs that are to find it", {.condition = kPlannedRounds}),
      make_key(
          "measure.warmup_steps", [](auto& s) -> auto& { return s.measure.warmup_steps; }, integer_rule(0, kMillion),
          "steps at a block's start that the statistics leave out"),
      make_key(
          "measure.interleave", [](auto& s) -> auto& { return s.measure.interleave; }, boolean_rule(),
          "run a group's trials in alternating blocks"),
      make_key("measure.baseline", [](auto& s) -> auto& { return s.measure.baseline; }, baseline_rule(),
               "what the others are compared with", {.default_text = "the first supported cell"}),
      make_key("measure.twin", [](auto& s) -> auto& { return s.measure.twin; }, boolean_rule(),
               "run the baseline twice: the noise floor", {.condition = kInterleaved}),
      make_key("measure.pin", [](auto& s) -> auto& { return s.measure.pin; }, enum_rule(kPins),
               "hold each thread on a CPU of its own: close together or far apart", {.of_arm = true}),
      make_key(
          "measure.gate", [](auto& s) -> auto& { return s.measure.gate; }, boolean_rule(),
          "check gradients and update before timing"),
      make_key("measure.gate_samples", [](auto& s) -> auto& { return s.measure.gate_samples; },
               integer_rule(1, kMillion), "samples that the gate looks at",
               {.condition = kGate, .default_text = "the first batch"}),
      make_key("measure.scaling", [](auto& s) -> auto& { return s.measure.scaling; }, boolean_rule(),
               "forecast what more cores would give, as `stepbench scale` does",
               {.default_text = "of backends on several threads"}),
      make_key(
          "measure.evaluate_every", [](auto& s) -> auto& { return s.measure.evaluate_every; }, interval_rule(),
          "time between evaluations on the validation split"),
      make_key(
          "record.parameters", [](auto& s) -> auto& { return s.record.parameters; }, enum_rule(kRecordParameters),
          "which parameters to store; all: initial and final"),
      make_key(
          "record.order", [](auto& s) -> auto& { return s.record.order; }, boolean_rule(),
          "store the order of the samples"),
      make_key(
          "record.steps", [](auto& s) -> auto& { return s.record.steps; }, boolean_rule(),
          "store loss and times of every step"),
      make_key(
          "record.gradient_noise", [](auto& s) -> auto& { return s.record.gradient_noise; }, boolean_rule(),
          "measure how far the gradients of micro-batches differ: the noise scale, at the cost of a pass over each",
          {.condition = kAccumulated}),
      make_key(
          "record.keep_trial_files", [](auto& s) -> auto& { return s.record.keep_trial_files; }, boolean_rule(),
          "keep the file of each trial beside the collection"),
      make_key(
          "record.checkpoint_every", [](auto& s) -> auto& { return s.record.checkpoint_every; }, period_rule(),
          "time between checkpoints of a group, after a round; never: only when a signal asks"),
  };
}

std::vector<Key> ranks_keys() {
  constexpr std::int64_t kDay = 86'400;
  return {
      make_key("ranks.launcher", [](auto& s) -> auto& { return s.ranks.launcher; }, launcher_rule(),
               "starts so many processes of the program whose path is put behind it",
               {.condition = kRanks, .of_arm = true}),
      make_key("ranks.reduction", [](auto& s) -> auto& { return s.ranks.reduction; }, enum_rule(kReductions),
               "add up gradients with the same bits on any number of ranks, or as MPI likes",
               {.condition = kRanks, .of_arm = true}),
      make_key("ranks.overlap", [](auto& s) -> auto& { return s.ranks.overlap; }, boolean_rule(),
               "send a layer's gradients while those below it are formed", {.condition = kRanks, .of_arm = true}),
      make_key("ranks.time_limit", [](auto& s) -> auto& { return s.ranks.time_limit; }, integer_rule(1, kDay),
               "seconds that the ranks may take for one answer: to make the network, to train a block",
               {.condition = kRanks, .of_arm = true}),
  };
}

std::vector<Key> scaling_keys() {
  return {
      make_key("scaling.kind", [](auto& s) -> auto& { return s.scaling.kind; }, enum_rule(kScalingKinds),
               "a study of ranks or threads: of one batch, of a batch that grows with them, of networks of their own",
               {.default_text = "none"}),
      make_key("scaling.predict", [](auto& s) -> auto& { return s.scaling.predict; }, integer_rule(1, 65536),
               "ranks or threads to which the fitted model goes on", {.condition = kStudy}),
  };
}

std::vector<Key> sweep_keys() {
  return {
      make_key("sweep.backend", [](auto& s) -> auto& { return s.backend; }, backend_rule(), "list of backends",
               {.of_arm = true, .required = true}),
      make_key("sweep.ranks", [](auto& s) -> auto& { return s.ranks.count; }, integer_rule(0, 4096),
               "list of numbers of processes that train together; 0: in the program itself", {.of_arm = true}),
      make_key("sweep.threads", [](auto& s) -> auto& { return s.threads; }, integer_rule(1, 1024),
               "list of numbers of threads, of each rank", {.of_arm = true}),
      make_key(
          "sweep.seed", [](auto& s) -> auto& { return s.seed; }, seed_rule(),
          "list of seeds of weights and sample orders"),
  };
}

}  // namespace stepbench
