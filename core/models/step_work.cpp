#include "core/models/step_work.hpp"

#include "core/models/model_kinds.hpp"

namespace stepbench {
namespace {

void scale(Traffic& traffic, double by) {
  traffic.read *= by;
  traffic.written *= by;
  traffic.updated *= by;
}

}  // namespace

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

double scalar_bytes(const TrainingSettings& training) { return training.precision == Precision::float32 ? 4 : 8; }

double moments_kept(const TrainingSettings& training) {
  return training.optimizer == Optimizer::sgd ? 0 : training.optimizer == Optimizer::momentum ? 1 : 2;
}

StepWork step_work(const ModelSettings& model, const TrainingSettings& training, std::int64_t batch_size) {
  StepWork work = row_of(model.kind).work(model, training, static_cast<double>(batch_size));
  for (PhaseWork& phase : work.phases) {
    for (Traffic* traffic : {&phase.weights, &phase.activations, &phase.gradients, &phase.moments}) {
      scale(*traffic, scalar_bytes(training));
    }
  }
  return work;
}

NetworkMemory network_memory(const ModelSettings& model, const TrainingSettings& training, std::int64_t batch_size) {
  const ModelKindRow& kind = row_of(model.kind);
  const double parameters = scalar_bytes(training) * static_cast<double>(kind.layout(model).size);
  return {.parameters = parameters,
          .gradients = parameters,
          .moments = moments_kept(training) * parameters,
          .activations = scalar_bytes(training) * kind.activations(model, static_cast<double>(batch_size)),
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
  return scalar_bytes(training) * elements;
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
  update.weights.updated += parameters;
  update.gradients.read += parameters;
  update.moments.updated += moments_kept(training) * parameters;
}

}  // namespace stepbench
