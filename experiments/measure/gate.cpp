#include "experiments/measure/gate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/bfloat16.hpp"
#include "core/data/gather.hpp"
#include "core/models/parameters.hpp"
#include "core/schedule.hpp"
#include "experiments/measure/gate_batch.hpp"
#include "experiments/plan/start_parameters.hpp"
#include "variants/ranks/ranks.hpp"

namespace stepbench {
namespace {

constexpr double kFloat64Tolerance = 1e-9;
constexpr double kFloat32Tolerance = 1e-3;
// Of a training step in bfloat16 that updates layer by layer, so that weights which round the other way change what is
// passed down: 1.3e-3 was measured (784-512-256-10, B = 512). That weights are rounded at all is told by themselves.
constexpr double kLayerwiseTolerance = 0x1p-5;
constexpr std::size_t kLosses = 3;               // of the trial's optimiser: before it, and after each of two steps
constexpr double kSmallestRelativeChange = 0.1;  // of a matrix, by the gate's training step

double norm(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return std::sqrt(sum);
}

/// The trial's network with plain SGD, for the gate alone.
NetworkSettings gate_settings(const TrialSettings& trial, std::size_t batch) {
  NetworkSettings settings = network_settings(trial, static_cast<std::int64_t>(batch));
  settings.training.optimizer = Optimizer::sgd;
  settings.training.weight_decay = 0;
  settings.training.gradient_clip.reset();
  return settings;
}

/// The same, with the trial's own optimiser.
NetworkSettings own_optimiser(const TrialSettings& trial, std::size_t batch) {
  return network_settings(trial, static_cast<std::int64_t>(batch));
}

/// What one backend computes at the gate, widened to double.
struct Computed {
  double loss = 0;
  std::vector<double> gradients;
  std::vector<double> update;  // change by apply_update with these gradients
  double loss_of_step = 0;
  std::vector<double> change;                                  // by a whole training step
  std::vector<double> updated_parameters, changed_parameters;  // after these
};

/// What is wrong with parameters that are not all numbers of bfloat16, or empty.
std::string unrounded(const Computed& computed) {
  const auto is_bfloat16 = [](double value) { return std::isnan(value) || rounded_to_bfloat16(value) == value; };
  if (!std::ranges::all_of(computed.updated_parameters, is_bfloat16)) return "an update leaves parameters unrounded";
  if (!std::ranges::all_of(computed.changed_parameters, is_bfloat16)) {
    return "a training step leaves parameters unrounded";
  }
  return "";
}

template <typename Scalar>
std::vector<double> widen(const std::vector<Scalar>& values) {
  return {values.begin(), values.end()};
}

template <typename Scalar>
std::vector<Scalar> gate_parameters(const TrialSettings& trial) {
  // A float64 reference of a float32 trial starts from the rounded parameters, so that only arithmetic differs.
  if (computes_in_float32(trial.training.precision)) {
    const std::vector<float> rounded = start_parameters<float>(trial);
    return {rounded.begin(), rounded.end()};
  }
  return start_parameters<Scalar>(trial);
}

template <typename Scalar>
class GateRun {
 public:
  GateRun(const Backend& backend, const TrialSettings& trial, const Dataset& dataset,
          std::span<const std::int64_t> order, const NetworkSettings& settings)
      : dataset_(dataset),
        order_(order),
        network_(make_network<Scalar>(backend, settings)),
        claim_(network_->claim_threads()),
        gatherer_(dataset, std::ssize(order), trial.model.loss == Loss::squared_error),
        batch_(gatherer_.gather(dataset.train, order)),
        step_gatherer_(dataset, std::ssize(order), trial.model.loss == Loss::squared_error),
        step_batch_(network_->fetches_features() ? step_gatherer_.begin_gather(dataset.train, order) : batch_),
        start_(gate_parameters<Scalar>(trial)) {}

  void gradients(Computed& computed) {
    network_->write(Content::parameters, start_);
    computed.loss = network_->compute_gradients(batch_).loss;
    computed.gradients = widen(read(Content::gradients));
  }

  /// After gradients().
  void update(Computed& computed, double learning_rate) {
    network_->apply_update({.learning_rate = learning_rate, .number = 1});
    computed.update = change_of_parameters();
    computed.updated_parameters = widen(read(Content::parameters));
  }

  /// The change by an update with gradients of another network.
  [[nodiscard]] std::vector<double> update_by(const std::vector<double>& gradients, double learning_rate) {
    network_->write(Content::parameters, start_);
    network_->write(Content::gradients, std::vector<Scalar>(gradients.begin(), gradients.end()));
    network_->apply_update({.learning_rate = learning_rate, .number = 1});
    return change_of_parameters();
  }

  void change(Computed& computed, double learning_rate) {
    network_->write(Content::parameters, start_);
    computed.loss_of_step = train_step({.learning_rate = learning_rate, .number = 1});
    computed.change = change_of_parameters();
    computed.changed_parameters = widen(read(Content::parameters));
  }

  /// Of steps one after the other.
  [[nodiscard]] std::vector<double> losses(double learning_rate) {
    network_->write(Content::parameters, start_);
    std::vector<double> losses;
    while (losses.size() < kLosses) {
      losses.push_back(train_step({.learning_rate = learning_rate, .number = std::ssize(losses) + 1}));
    }
    return losses;
  }

  [[nodiscard]] std::vector<double> start() const { return widen(start_); }

 private:
  [[nodiscard]] std::vector<Scalar> read(Content content) const {
    std::vector<Scalar> values(start_.size());
    network_->read(content, values);
    return values;
  }
  /// In the way that is timed. Its loss.
  double train_step(const UpdateStep& update) {
    BlockTrainer* trainer = network_->block_trainer();
    if (trainer == nullptr) return network_->train_step(step_batch_, update).loss;
    const BlockStep step{.samples = std::ssize(order_), .update = update};
    return trainer->train_block(dataset_.train, order_, std::span(&step, 1), nullptr).front().result.loss;
  }
  [[nodiscard]] std::vector<double> change_of_parameters() const {
    std::vector<double> change = widen(read(Content::parameters));
    for (std::size_t i = 0; i < start_.size(); ++i) change[i] -= static_cast<double>(start_[i]);
    return change;
  }

  const Dataset& dataset_;
  std::span<const std::int64_t> order_;
  std::unique_ptr<Network<Scalar>> network_;
  std::unique_ptr<ThreadClaim> claim_;
  BatchGatherer<Scalar> gatherer_;
  Batch<Scalar> batch_;
  // A training step gets its batch as it will when it is timed, in memory where the features are not yet.
  BatchGatherer<Scalar> step_gatherer_;
  Batch<Scalar> step_batch_;
  std::vector<Scalar> start_;
};

struct Difference {
  double relative_l2, relative_max, cosine;
};

/// NaN in `actual` gives NaN, which no tolerance lets pass.
Difference compare(std::span<const double> actual, std::span<const double> expected) {
  double squares = 0, largest = 0, expected_largest = 0, dot = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference = actual[i] - expected[i];
    squares += difference * difference;
    if (!(std::abs(difference) <= largest)) largest = std::abs(difference);  // NaN stays
    expected_largest = std::max(expected_largest, std::abs(expected[i]));
    dot += actual[i] * expected[i];
  }
  if (squares == 0) return {0, 0, norm(expected) == 0 ? kNotANumber : 1};
  const double expected_norm = norm(expected);
  return {std::sqrt(squares) / expected_norm, largest / expected_largest, dot / (norm(actual) * expected_norm)};
}

/// Whether one comes right after the other among the finite numbers of bfloat16, which both are.
bool are_neighbours(double a, double b) {
  constexpr int kSign = 0x8000;
  const auto place = [](double value) {
    const int bits = to_bfloat16(static_cast<float>(value)).bits;
    return (bits & kSign) == 0 ? bits : kSign - bits;
  };
  return std::isfinite(a) && std::isfinite(b) && std::abs(place(a) - place(b)) == 1;
}

/// The change of a network in bfloat16 as it is to be judged: where a tensor's differs by more than is `allowed`, and
/// the element that does so most came to the neighbour of the number that was expected, that one counts as right: one
/// of the network. `parameters`: after the change.
///
/// Float32's w - lr g and float64's lie on two sides of the middle between two numbers of bfloat16 in 1 to 4 of 100,000
/// elements, rightly. One of them alone is more than is allowed of up to about 10,000 elements, where the change is a
/// tenth of the weights. Simulated with normal weights and gradients, that refuses 1 to 2 of 100 right networks of such
/// a layer; with one let off, fewer than 2 of 10,000.
std::vector<double> but_for_one(std::vector<double> change, const std::vector<double>& expected,
                                const std::vector<double>& parameters, const std::vector<ParameterTensor>& tensors,
                                double allowed) {
  for (const ParameterTensor& tensor : tensors) {
    const std::span<double> actual = tensor_of(std::span(change), tensor);
    const std::span<const double> right = tensor_of(std::span(expected), tensor);
    if (compare(actual, right).relative_l2 <= allowed) continue;
    std::size_t most = 0;
    for (std::size_t i = 0; i < actual.size(); ++i) {
      if (std::abs(actual[i] - right[i]) > std::abs(actual[most] - right[most])) most = i;
    }
    const double value = tensor_of(std::span(parameters), tensor)[most];
    if (are_neighbours(value, value - actual[most] + right[most])) actual[most] = right[most];
    break;
  }
  return change;
}

}  // namespace

/// In bfloat16 a number that is stored may round the other way, where its sum in float32 is on the other side of the
/// middle between two of them: then it differs by 2^-8 of itself. Of B samples, one that does so in the last layer
/// changes a gradient by about 2^-8 / sqrt(B); and each further hidden layer passes what differs on as more that rounds
/// the other way, and at last as units of ReLU that change sides: 2^-14, times 4 for each hidden layer up to the
/// fourth.
///
/// Measured on MNIST and Gaussian clouds, widths of 30 to 2000, B of 32 to 2048, neuron and tbb: at most 3e-5 with one
/// hidden layer, 3.4e-4 with two, 3.4e-3 with four. One kind of rounding left out (features, activations or their
/// gradients), B = 32: 1.3e-3 to 2.5e-3 with one, 2.0e-3 to 2.3e-2 with two.
GateTolerance gate_tolerance(const TrialSettings& trial, std::int64_t samples) {
  switch (trial.training.precision) {
    case Precision::float32:
      return {kFloat32Tolerance, kFloat32Tolerance, kFloat32Tolerance};
    case Precision::float64:
      return {kFloat64Tolerance, kFloat64Tolerance, kFloat64Tolerance};
    case Precision::bfloat16:
      break;
  }
  const auto hidden_layers = static_cast<int>(std::min<std::size_t>(trial.model.layers.size() - 2, 4));
  const double gradients = 0x1p-8 / std::sqrt(static_cast<double>(samples)) + std::ldexp(0x1p-14, 2 * hidden_layers);
  const bool is_layerwise = trial.training.update_order == UpdateOrder::layerwise;
  return {gradients, kFloat32Tolerance, is_layerwise ? kLayerwiseTolerance : kFloat32Tolerance};
}

Gate::Expected Gate::expect(const TrialSettings& trial, const Dataset& dataset) const {
  Expected expected;
  expected.batch_size = trial.batch_size();
  expected.order = gate_batch(trial, dataset);
  TrialSettings single = trial;
  single.threads = 1;
  single.ranks = {};
  // Of what is right the reference has none: it sees the whole batch at once.
  if (single.training.divisor == Divisor::counted) single.training.micro_batch.reset();
  GateRun<double> run(reference_, single, dataset, expected.order, gate_settings(single, expected.order.size()));
  Computed computed;
  run.gradients(computed);
  const std::vector<double> start = run.start();
  for (const ParameterTensor& tensor : parameter_layout(trial.model).tensors) {
    const double gradient = norm(tensor_of(std::span<const double>(computed.gradients), tensor));
    const double parameter = norm(tensor_of(std::span<const double>(start), tensor));
    if (gradient > 0)
      expected.learning_rate = std::max(expected.learning_rate, kSmallestRelativeChange * parameter / gradient);
  }
  if (!(expected.learning_rate > 0)) expected.learning_rate = 1;
  run.change(computed, expected.learning_rate);
  expected.loss = computed.loss;
  expected.gradients = std::move(computed.gradients);
  expected.change = std::move(computed.change);
  return expected;
}

std::vector<double> Gate::expected_update(const TrialSettings& trial, const Dataset& dataset,
                                          const std::vector<double>& gradients) const {
  TrialSettings single = trial;
  single.threads = 1;
  GateRun<double> run(reference_, single, dataset, expected_->order, gate_settings(single, expected_->order.size()));
  return run.update_by(gradients, expected_->learning_rate);
}

GateResult Gate::check(const Backend& backend, const TrialSettings& trial, const Dataset& dataset) {
  if (!trial.measure.gate) return {.passed = true, .message = {}, .checks = {}};
  if (!expected_ || expected_->batch_size != trial.batch_size()) {
    expected_ = expect(trial, dataset);
    losses_.clear();
  }
  const NetworkSettings settings = gate_settings(trial, expected_->order.size());
  Computed computed;
  const auto compute = [&](auto run) {
    run.gradients(computed);
    run.update(computed, expected_->learning_rate);
    run.change(computed, expected_->learning_rate);
  };
  if (computes_in_float32(trial.training.precision)) {
    compute(GateRun<float>(backend, trial, dataset, expected_->order, settings));
  } else {
    compute(GateRun<double>(backend, trial, dataset, expected_->order, settings));
  }
  const bool rounds = trial.training.precision == Precision::bfloat16;
  std::vector<double> update = expected_->gradients;  // w -= lr g, whatever the order of a whole step
  for (double& value : update) value *= -expected_->learning_rate;
  if (rounds) update = expected_update(trial, dataset, computed.gradients);
  const bool is_simultaneous = trial.training.update_order == UpdateOrder::simultaneous;
  const std::vector<double>& step = rounds && is_simultaneous ? update : expected_->change;

  const GateTolerance tolerance = gate_tolerance(trial, std::ssize(expected_->order));
  GateResult result;
  if (rounds) result.message = unrounded(computed);
  const std::vector<ParameterTensor> tensors = parameter_layout(trial.model).tensors;
  std::vector<double> judged_update = computed.update, judged_change = computed.change;
  if (rounds) {
    judged_update =
        but_for_one(std::move(judged_update), update, computed.updated_parameters, tensors, tolerance.update);
    if (is_simultaneous) {
      judged_change = but_for_one(std::move(judged_change), step, computed.changed_parameters, tensors, tolerance.step);
    }
  }
  const auto require = [&](double error, double allowed, const std::string& what) {
    if (!(error <= allowed) && result.message.empty()) {
      result.message = fmt::format("{} differs from float64 {} by {:.2g} (relative L2), allowed is {:.0e}", what,
                                   kReferenceBackend, error, allowed);
    }
  };
  const auto loss_error = [this](double loss) {
    return loss == expected_->loss ? 0 : std::abs(loss - expected_->loss) / std::abs(expected_->loss);
  };
  require(loss_error(computed.loss), tolerance.gradients, "the loss");
  require(loss_error(computed.loss_of_step), tolerance.gradients, "the loss of a training step");
  for (const ParameterTensor& tensor : tensors) {
    const auto part = [&tensor](const std::vector<double>& flat) { return tensor_of(std::span(flat), tensor); };
    const Difference gradient = compare(part(computed.gradients), part(expected_->gradients));
    const Difference change = compare(part(computed.change), part(step));
    result.checks.push_back({.tensor = tensor.name,
                             .gradient_error = gradient.relative_l2,
                             .gradient_max_error = gradient.relative_max,
                             .gradient_cosine = gradient.cosine,
                             .update_error = change.relative_l2});
    require(gradient.relative_l2, tolerance.gradients, "the gradient of " + tensor.name);
    require(compare(part(judged_update), part(update)).relative_l2, tolerance.update,
            "the change of " + tensor.name + " by an update");
    require(compare(part(judged_change), part(step)).relative_l2, tolerance.step,
            "the change of " + tensor.name + " by a training step");
  }
  if (backend.own_process && result.message.empty()) result.message = check_optimiser(backend, trial, dataset);
  result.passed = result.message.empty();
  return result;
}

std::string Gate::check_optimiser(const Backend& backend, const TrialSettings& trial, const Dataset& dataset) {
  const std::vector<std::int64_t>& order = expected_->order;
  const double rate = trial.training.learning_rate * batch_size_factor(trial.training, trial.batch_size());
  if (losses_.empty()) {
    TrialSettings single = trial;
    single.threads = 1;
    single.ranks = {};
    losses_ = GateRun<double>(reference_, single, dataset, order, own_optimiser(single, order.size())).losses(rate);
  }
  const NetworkSettings settings = own_optimiser(trial, order.size());
  const std::vector<double> losses = computes_in_float32(trial.training.precision)
                                         ? GateRun<float>(backend, trial, dataset, order, settings).losses(rate)
                                         : GateRun<double>(backend, trial, dataset, order, settings).losses(rate);
  const double allowed = gate_tolerance(trial, std::ssize(order)).gradients;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const double error = std::abs(losses[i] - losses_[i]) / std::abs(losses_[i]);
    if (losses[i] == losses_[i] || error <= allowed) continue;
    return fmt::format("the loss after {} steps of its optimiser differs from float64 {} by {:.2g}, allowed is {:.0e}",
                       i, kReferenceBackend, error, allowed);
  }
  return "";
}

}  // namespace stepbench
