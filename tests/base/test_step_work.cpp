// The models of bytes and memory against small cases that were counted by hand, and against the FLOPs that stand beside
// them.
#include <catch2/catch.hpp>

#include "core/models/parameters.hpp"
#include "core/models/step_work.hpp"

namespace stepbench::testing {
namespace {

ModelSettings small_mlp() {
  ModelSettings model;
  model.layers = {3, 2, 1};
  return model;
}

ModelSettings small_transformer() {
  ModelSettings model;
  model.kind = ModelKind::transformer;
  model.d_model = 8;
  model.heads = 2;
  model.blocks = 3;
  model.context = 5;
  model.vocabulary_size = 11;
  return model;
}

TrainingSettings training_of(Optimizer optimizer, Precision precision = Precision::float32) {
  TrainingSettings training;
  training.optimizer = optimizer;
  training.precision = precision;
  return training;
}

}  // namespace

TEST_CASE("an MLP's bytes are what a count by hand gives") {
  // 3-2-1 at batch 4: 8 weights and biases in the first layer, 3 in the second; activations (4, 3), (4, 2), (4, 1).
  const StepWork work = step_work(small_mlp(), training_of(Optimizer::adam), 4);
  const PhaseWork &forward = work[Phase::forward], &backward = work[Phase::backward], &update = work[Phase::update];
  CHECK(forward.weights.read == 4 * 11);
  CHECK(forward.activations.read == 4 * (12 + 8));
  CHECK(forward.activations.written == 4 * (8 + 4));
  CHECK(work[Phase::loss].activations.bytes() == 4 * (4 + 4));
  CHECK(backward.weights.read == 4 * 2);  // the second layer's, for the input gradient
  // That reads the output gradient and the mask, and writes the input gradient; each weight gradient reads two.
  CHECK(backward.activations.read == 4 * ((4 + 8) + (4 + 8) + (8 + 12)));
  CHECK(backward.activations.written == 4 * 8);
  CHECK(backward.gradients.written == 4 * 11);
  CHECK(update.weights.updated == 4 * 11);
  CHECK(update.gradients.read == 4 * 11);
  CHECK(update.moments.updated == 2 * 4 * 11);
  CHECK(update.bytes() == 4 * 11 * (2 + 1 + 4));
  CHECK(update.fetched() == 4 * 11 * (1 + 1 + 2));
}

TEST_CASE("optimisers differ by the moments that they keep, and clipping reads the gradients once more") {
  const double sgd = step_work(small_mlp(), training_of(Optimizer::sgd), 4).bytes();
  CHECK(step_work(small_mlp(), training_of(Optimizer::momentum), 4).bytes() == sgd + 2 * 4 * 11);
  CHECK(step_work(small_mlp(), training_of(Optimizer::adamw), 4).bytes() == sgd + 4 * 4 * 11);
  TrainingSettings clipped = training_of(Optimizer::sgd);
  clipped.gradient_clip = 1;
  CHECK(step_work(small_mlp(), clipped, 4).bytes() == sgd + 4 * 11);
}

TEST_CASE("float64 moves twice the bytes of float32, and does the same operations") {
  for (const ModelSettings& model : {small_mlp(), small_transformer()}) {
    const StepWork single = step_work(model, training_of(Optimizer::adam), 4);
    const StepWork twice = step_work(model, training_of(Optimizer::adam, Precision::float64), 4);
    CHECK(twice.bytes() == 2 * single.bytes());
    CHECK(twice.flops() == single.flops());
  }
}

TEST_CASE("bfloat16 halves the bytes of weights and activations, and of nothing else") {
  const StepWork single = step_work(small_mlp(), training_of(Optimizer::adam), 4);
  const StepWork half = step_work(small_mlp(), training_of(Optimizer::adam, Precision::bfloat16), 4);
  for (const Phase phase : {Phase::forward, Phase::loss, Phase::backward, Phase::update}) {
    CHECK(2 * half[phase].weights.bytes() == single[phase].weights.bytes());
    const double rounding = phase == Phase::forward ? 4 * 3 * (4 + 2) : 0;  // 4 rows of 3 features, read and written
    CHECK(2 * (half[phase].activations.bytes() - rounding) == single[phase].activations.bytes());
    CHECK(half[phase].gradients.bytes() == single[phase].gradients.bytes());
    CHECK(half[phase].moments.bytes() == single[phase].moments.bytes());
  }
  CHECK(half.flops() == single.flops());
}

TEST_CASE("what keeps bfloat16's updates is read and written by them, and held") {
  TrainingSettings training = training_of(Optimizer::sgd, Precision::bfloat16);
  const StepWork plain = step_work(small_mlp(), training, 4);
  const NetworkMemory held = network_memory(small_mlp(), training, 4);
  CHECK(held.parameters == 2 * 11);
  CHECK(held.gradients == 4 * 11);
  CHECK(held.activations == 2 * 4 * (3 + 2 * (2 + 1)) + 4 * 4 * 3);  // and the features before they are rounded
  CHECK(copied_weights(small_mlp(), training) == 2 * 2);
  training.compensated = true;
  CHECK(step_work(small_mlp(), training, 4).bytes() == plain.bytes() + 2 * 2 * 11);
  CHECK(network_memory(small_mlp(), training, 4).parameters == (2 + 2) * 11);
  training.compensated = false;
  training.master_weights = true;  // those are updated, and the copy is only written
  CHECK(step_work(small_mlp(), training, 4).bytes() == plain.bytes() + (2 * 4 + 2 - 2 * 2) * 11);
  CHECK(network_memory(small_mlp(), training, 4).parameters == (2 + 4) * 11);
}

TEST_CASE("the phases' operations add up to those of the step") {
  for (const ModelSettings& model : {small_mlp(), small_transformer()}) {
    for (const std::int64_t batch : {1, 7}) {
      CHECK(step_work(model, training_of(Optimizer::sgd), batch).flops() == Approx(flops_per_step(model, batch)));
    }
  }
}

TEST_CASE("every gradient of a transformer is formed once, tied embeddings or not") {
  for (const bool tied : {false, true}) {
    for (const PositionEncoding position : {PositionEncoding::learned, PositionEncoding::sinusoidal}) {
      ModelSettings model = small_transformer();
      model.tied_embeddings = tied;
      model.position = position;
      const StepWork work = step_work(model, training_of(Optimizer::sgd), 2);
      CHECK(work[Phase::backward].gradients.written == 4 * static_cast<double>(parameter_layout(model).size));
    }
  }
}

TEST_CASE("a network's memory is parameters, gradients, moments and what the backward pass needs") {
  const NetworkMemory memory = network_memory(small_mlp(), training_of(Optimizer::adam), 4);
  CHECK(memory.parameters == 4 * 11);
  CHECK(memory.gradients == 4 * 11);
  CHECK(memory.moments == 2 * 4 * 11);
  CHECK(memory.activations == 4 * 4 * (3 + 2 * (2 + 1)));  // the batch; of each layer outputs and their gradients
  CHECK(memory.sum() == memory.parameters * 4 + memory.activations);
}

TEST_CASE("micro-batches take activations of one of them and a sum of gradients, and move weights for each") {
  for (const ModelSettings& model : {small_mlp(), small_transformer()}) {
    TrainingSettings training = training_of(Optimizer::sgd);
    const StepWork whole = step_work(model, training, 7);
    const double parameters = network_memory(model, training, 7).parameters,
                 activations = network_memory(model, training, 3).activations;
    training.micro_batch = 7;
    CHECK(step_work(model, training, 7).bytes() == whole.bytes());
    training.micro_batch = 3;  // 3, 3 and 1
    const StepWork parts = step_work(model, training, 7);
    CHECK(parts.flops() == Approx(whole.flops()));
    // Of embeddings a step reads only the rows that its tokens have.
    if (model.kind == ModelKind::mlp)
      CHECK(parts[Phase::forward].weights.read == 3 * whole[Phase::forward].weights.read);
    CHECK(parts[Phase::backward].gradients.written == 3 * whole[Phase::backward].gradients.written);
    CHECK(parts[Phase::update].bytes() == whole[Phase::update].bytes());
    // The first is copied, the second added, the third joined by what there is, where the update wants it.
    CHECK(parts[Phase::reduce].gradients.bytes() == 8 * parameters);
    const NetworkMemory memory = network_memory(model, training, 7);
    const double rest_of_batch = model.kind == ModelKind::mlp ? 4 * (7 - 3) * 3 : 0;  // which is gathered whole
    CHECK(memory.activations == activations + rest_of_batch);
    CHECK(memory.gradients == 2 * parameters);
  }
}

TEST_CASE("in bfloat16 the whole batch is gathered in float32, and rounded by micro-batches") {
  TrainingSettings training = training_of(Optimizer::sgd, Precision::bfloat16);
  ModelSettings model = small_mlp();
  model.loss = Loss::squared_error;  // whose targets are gathered, too
  CHECK(network_memory(model, training, 8).activations == 2 * 8 * (3 + 2 * (2 + 1)) + 4 * 8 * (3 + 1));
  training.micro_batch = 2;
  CHECK(network_memory(model, training, 8).activations == 2 * 2 * (3 + 2 * (2 + 1)) + 4 * 8 * (3 + 1));
}

TEST_CASE("weights are copied where their input gradient is wanted") {
  const TrainingSettings training = training_of(Optimizer::sgd);
  CHECK(copied_weights(small_mlp(), training) == 4 * 2);
  ModelSettings transformer = small_transformer();
  CHECK(copied_weights(transformer, training) == 4 * (3 * 12 * 64 + 11 * 8));
  transformer.tied_embeddings = true;
  CHECK(copied_weights(transformer, training) == 4 * (3 * 12 * 64 + 11 * 8));
}

}  // namespace stepbench::testing
