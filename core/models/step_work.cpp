#include "core/models/step_work.hpp"

#include "core/models/model_kinds.hpp"

namespace stepbench {
namespace {

constexpr double kMasterBytes = 4;  // of bfloat16's

void scale(Traffic& traffic, double by) {
  traffic.read *= by;
  traffic.written *= by;
  traffic.updated *= by;
}

/// Forward and backward pass of each micro-batch, and their sum: the first one's copied, the last one's joined where it
/// lies.
StepWork accumulated_work(const ModelSettings& model, const TrainingSettings& training, std::int64_t batch_size) {
  const ModelKindRow& kind = row_of(model.kind);
  const std::int64_t full = batch_size / *training.micro_batch, rest = batch_size % *training.micro_batch;
  StepWork work = kind.work(model, training, static_cast<double>(*training.micro_batch));
  const StepWork last = kind.work(model, training, static_cast<double>(rest));
  for (const Phase phase : {Phase::forward, Phase::loss, Phase::backward}) {
    PhaseWork& sum = work[phase];
    sum.scale(static_cast<double>(full));
    if (rest > 0) sum.add(last[phase]);
  }
  const double parameters = static_cast<double>(kind.layout(model).size),
               parts = static_cast<double>(full + (rest > 0 ? 1 : 0));
  Traffic& gradients = work[Phase::reduce].gradients;
  gradients.read += parts * parameters;
  gradients.written += parameters;
  gradients.updated += (parts - 1) * parameters;
  return work;
}

}  // namespace

bool trains_in_parts(const TrainingSettings& training, std::int64_t batch_size) {
  return training.micro_batch && *training.micro_batch < batch_size;
}

double StepWork::flops() const {
  double sum = 0;
  for (const PhaseWork& phase : phases) sum += phase.flops;
  return sum;
}

double StepWork::bytes() const {
  double sum = 0;
  for (const PhaseWork& phase : phases) sum += phase.bytes();
  return sum;
}

double StepWork::fetched() const {
  double sum = 0;
  for (const PhaseWork& phase : phases) sum += phase.fetched();
  return sum;
}

double scalar_bytes(const TrainingSettings& training) { return computes_in_float32(training.precision) ? 4 : 8; }

double stored_bytes(const TrainingSettings& training) {
  return training.precision == Precision::bfloat16 ? 2 : scalar_bytes(training);
}

double moments_kept(const TrainingSettings& training) {
  return training.optimizer == Optimizer::sgd ? 0 : training.optimizer == Optimizer::momentum ? 1 : 2;
}

void PhaseWork::scale(double by) {
  flops *= by;
  for (Traffic* traffic : {&weights, &activations, &gradients, &moments}) stepbench::scale(*traffic, by);
}

void PhaseWork::add(const PhaseWork& other) {
  flops += other.flops;
  for (Traffic PhaseWork::*kind :
       {&PhaseWork::weights, &PhaseWork::activations, &PhaseWork::gradients, &PhaseWork::moments}) {
    (this->*kind).read += (other.*kind).read;
    (this->*kind).written += (other.*kind).written;
    (this->*kind).updated += (other.*kind).updated;
  }
}

StepWork step_work(const ModelSettings& model, const TrainingSettings& training, std::int64_t batch_size) {
  StepWork work = trains_in_parts(training, batch_size)
                      ? accumulated_work(model, training, batch_size)
                      : row_of(model.kind).work(model, training, static_cast<double>(batch_size));
  for (PhaseWork& phase : work.phases) {
    for (Traffic* traffic : {&phase.weights, &phase.activations}) scale(*traffic, stored_bytes(training));
    for (Traffic* traffic : {&phase.gradients, &phase.moments}) scale(*traffic, scalar_bytes(training));
  }
  return work;
}

NetworkMemory network_memory(const ModelSettings& model, const TrainingSettings& training, std::int64_t batch_size) {
  const ModelKindRow& kind = row_of(model.kind);
  const auto parameters = static_cast<double>(kind.layout(model).size);
  const bool parts = trains_in_parts(training, batch_size);
  const auto batch = static_cast<double>(batch_size);
  const double at_once = parts ? static_cast<double>(*training.micro_batch) : batch;
  double kept = stored_bytes(training), rounded = 0;
  if (training.precision == Precision::bfloat16) {
    kept += training.master_weights ? kMasterBytes : training.compensated ? stored_bytes(training) : 0;
    rounded = at_once * static_cast<double>(model.layers.front());  // features, beside those that were gathered
  }
  return {.parameters = kept * parameters,
          .gradients = (parts ? 2 : 1) * scalar_bytes(training) * parameters,
          .moments = scalar_bytes(training) * moments_kept(training) * parameters,
          .activations = stored_bytes(training) * (kind.activations(model, at_once) + rounded) +
                         scalar_bytes(training) * batch * kind.gathered(model),
          .copies = 0};
}

double copied_weights(const ModelSettings& model, const TrainingSettings& training) {
  double elements = 0;
  for (const ParameterTensor& tensor : parameter_layout(model).tensors) {
    const bool is_head = model.tied_embeddings && tensor.name == "token_embedding.weight";
    const bool has_input_gradient = model.kind == ModelKind::transformer || tensor.offset > 0;
    if ((tensor.role == ParameterRole::matrix || is_head) && has_input_gradient) {
      elements += static_cast<double>(tensor.size);
    }
  }
  return stored_bytes(training) * elements;
}

void add_forward(StepWork& work, const LinearShape& shape, bool adds) {
  PhaseWork& forward = work[Phase::forward];
  forward.flops += 2 * shape.rows * shape.weight();
  forward.weights.read += shape.parameters();
  forward.activations.read += shape.rows * shape.inputs;
  (adds ? forward.activations.updated : forward.activations.written) += shape.rows * shape.outputs;
}

void add_input_gradient(StepWork& work, const LinearShape& shape, bool masked) {
  PhaseWork& backward = work[Phase::backward];
  backward.flops += 2 * shape.rows * shape.weight();
  backward.weights.read += shape.weight();
  backward.activations.read += shape.rows * (shape.outputs + (masked ? shape.inputs : 0));
  backward.activations.written += shape.rows * shape.inputs;
}

void add_weight_gradient(StepWork& work, const LinearShape& shape) {
  PhaseWork& backward = work[Phase::backward];
  backward.flops += 2 * shape.rows * shape.weight();
  backward.activations.read += shape.rows * (shape.outputs + shape.inputs);
  backward.gradients.written += shape.parameters();
}

void add_update(StepWork& work, const TrainingSettings& training, double parameters) {
  if (training.gradient_clip) work[Phase::reduce].gradients.read += parameters;
  PhaseWork& update = work[Phase::update];
  const double weight = stored_bytes(training);
  if (training.precision == Precision::bfloat16 && training.master_weights) {
    update.weights.updated += kMasterBytes / weight * parameters;
    update.weights.written += parameters;  // the copy that the products read
  } else {
    const bool compensated = training.precision == Precision::bfloat16 && training.compensated;
    update.weights.updated += (compensated ? 2 : 1) * parameters;
  }
  update.gradients.read += parameters;
  update.moments.updated += moments_kept(training) * parameters;
}

}  // namespace stepbench
