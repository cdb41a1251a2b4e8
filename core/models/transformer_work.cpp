// What a step of the transformer moves and holds: see step_work.hpp.
//
// Letters: B batch, T context, N = B T rows (tokens), D width, H heads, L blocks, V vocabulary.
#include <algorithm>

#include "core/models/step_work.hpp"
#include "core/models/transformer.hpp"

namespace stepbench {
namespace {

/// Of a batch, in elements where nothing else is said.
struct Shape {
  Shape(const ModelSettings& model, double batch_size)
      : batch(batch_size),
        context(static_cast<double>(model.context)),
        width(static_cast<double>(model.d_model)),
        heads(static_cast<double>(model.heads)),
        vocabulary(static_cast<double>(model.vocabulary_size)) {}

  double batch, context, width, heads, vocabulary;
  [[nodiscard]] double rows() const { return batch * context; }
  [[nodiscard]] double stream() const { return rows() * width; }  // (N, D)
  /// Probabilities that count: a position sees itself and those before it.
  [[nodiscard]] double seen() const { return batch * heads * context * (context + 1) / 2; }
  [[nodiscard]] LinearShape linear(double inputs, double outputs, bool has_bias = true) const {
    return {rows(), inputs, outputs, has_bias};
  }
};

/// A LayerNorm over the residual stream, of which what the norm's backward pass needs is kept. `pending`: the bias of
/// the projection before it, which it adds to the stream.
void add_norm(StepWork& work, const Shape& shape, bool pending) {
  PhaseWork& forward = work[Phase::forward];
  forward.weights.read += 2 * shape.width;
  (pending ? forward.activations.updated : forward.activations.read) += shape.stream();
  forward.activations.written += 2 * shape.stream();
}

/// `first`: it sets the stream's gradient, others add to it. `kept`: a projection's weight gradient still needs the
/// stream's gradient as it is here.
void add_norm_back(StepWork& work, const Shape& shape, bool first, bool kept) {
  PhaseWork& backward = work[Phase::backward];
  backward.weights.read += shape.width;
  backward.activations.read += 2 * shape.stream();
  (first ? backward.activations.written : backward.activations.updated) += shape.stream();
  if (kept) backward.activations.written += shape.stream();
  backward.activations.read += 2 * shape.stream();  // again, for the gradient of weight and bias
  backward.gradients.written += 2 * shape.width;
}

void add_attention(StepWork& work, const Shape& shape) {
  const double flops = 2 * shape.batch * shape.context * shape.context * shape.width;  // causal: half of two products
  PhaseWork& forward = work[Phase::forward];
  forward.flops += flops;
  forward.activations.read += 3 * shape.stream();
  forward.activations.written += shape.seen() + shape.stream();
  PhaseWork& backward = work[Phase::backward];
  backward.flops += 2 * flops;
  backward.activations.read += 3 * shape.stream() + shape.seen() + shape.stream();
  backward.activations.written += 3 * shape.stream();
}

void add_block(StepWork& work, const Shape& shape, bool is_first) {
  const double width = shape.width;
  const LinearShape qkv = shape.linear(width, 3 * width), output = shape.linear(width, width),
                    up = shape.linear(width, 4 * width), down = shape.linear(4 * width, width);
  add_norm(work, shape, !is_first);
  add_forward(work, qkv);
  add_attention(work, shape);
  add_forward(work, output, /*adds=*/true);
  add_norm(work, shape, true);
  add_forward(work, up);
  work[Phase::forward].activations.written += 4 * shape.stream();  // activated, beside what went in
  add_forward(work, down, /*adds=*/true);

  add_input_gradient(work, down);
  work[Phase::backward].activations.updated += 4 * shape.stream();  // through the activation, in place
  add_norm_back(work, shape, false, true);
  add_norm_back(work, shape, false, !is_first);
  for (const LinearShape& linear : {up, output, qkv}) add_input_gradient(work, linear);
  for (const LinearShape& linear : {qkv, output, up, down}) add_weight_gradient(work, linear);
}

void add_embeddings(StepWork& work, const ModelSettings& model, const Shape& shape) {
  const double positions = shape.context * shape.width;
  PhaseWork& forward = work[Phase::forward];
  forward.weights.read += std::min(shape.rows(), shape.vocabulary) * shape.width + positions;
  forward.activations.written += shape.stream();
  PhaseWork& backward = work[Phase::backward];
  backward.activations.read += shape.stream();
  // A tied one adds to the head's gradient while that is at hand.
  if (!model.tied_embeddings) backward.gradients.written += shape.vocabulary * shape.width;
  if (model.position != PositionEncoding::learned) return;
  backward.activations.read += shape.stream();
  backward.gradients.written += positions;
}

}  // namespace

StepWork transformer_work(const ModelSettings& model, const TrainingSettings& training, double batch) {
  const Shape shape(model, batch);
  const LinearShape head = shape.linear(shape.width, shape.vocabulary, /*has_bias=*/false);
  StepWork work;
  add_embeddings(work, model, shape);
  for (std::int64_t i = 0; i < model.blocks; ++i) add_block(work, shape, i == 0);
  add_norm(work, shape, model.blocks > 0);
  add_norm_back(work, shape, true, model.blocks > 0);
  add_forward(work, head);
  add_input_gradient(work, head);
  add_weight_gradient(work, head);
  PhaseWork& loss = work[Phase::loss];
  loss.activations.read += shape.rows() * shape.vocabulary;
  loss.activations.written += shape.rows() * shape.vocabulary;
  add_update(work, training, static_cast<double>(transformer_layout(model).size));
  return work;
}

double transformer_activations(const ModelSettings& model, double batch) {
  const Shape shape(model, batch);
  // Of a block: norms 2 x 3 D (normalised, output, gradient) and 2, qkv 2 x 3 D, attended and two gradients of the
  // stream 3 D, the MLP's 2 x 4 D; of each head its probabilities, whole.
  const double block = 23 * shape.stream() + 2 * shape.rows() + shape.heads * shape.rows() * shape.context;
  // The last norm, the stream and its gradient, a gradient of 4 D and one of D; the logits and theirs.
  const double rest = 10 * shape.stream() + shape.rows() + 2 * shape.rows() * shape.vocabulary;
  return static_cast<double>(model.blocks) * block + rest;
}

}  // namespace stepbench
