#include "variants/matrix/bfloat16_mlp.hpp"

#include <utility>

namespace stepbench {

Bfloat16Mlp::Rows::Rows(std::int64_t count, std::ptrdiff_t columns)
    : stride(bfloat16_stride(columns)), elements(static_cast<std::size_t>(count * stride)) {}

Bfloat16Mlp::Bfloat16Mlp(const NetworkSettings& settings, const Products<float>& products)
    : MatrixModel<float>(settings, /*rows_per_sample=*/1, products),
      output_loss_(settings.model),
      logits_stride_(activation_stride<float>(settings.model.layers.back())) {
  const ParameterLayout layout = parameter_layout(settings.model);
  for (LayoutCursor cursor(layout); !cursor.at_end();) {
    const ParameterUnit<float>& unit = describe_unit(cursor);
    layers_.emplace_back(Bfloat16Layer::Shape{.inputs = unit.columns,
                                              .outputs = unit.rows,
                                              .canonical_weight = unit.canonical_weight,
                                              .canonical_bias = unit.canonical_bias,
                                              .input_gradient = !layers_.empty()},
                         settings);
    inputs_.emplace_back(settings.max_batch, unit.columns);
    deltas_.emplace_back(settings.max_batch, unit.rows);
  }
  logits_.resize(static_cast<std::size_t>(settings.max_batch * logits_stride_));
  logit_gradients_.resize(logits_.size());
  outputs_per_loss_ = output_loss_.outputs_per_loss();
}

void Bfloat16Mlp::read(Content content, std::span<float> values) const {
  for (const Bfloat16Layer& layer : layers_) layer.read(content, values.data());
}

void Bfloat16Mlp::write(Content content, std::span<const float> values) {
  for (Bfloat16Layer& layer : layers_) layer.write(content, values.data());
}

void Bfloat16Mlp::forward(Lane<float>& lane) {
  lane.rows(Phase::forward, "rounding of features", [this](const StepInputs<float>& inputs, Range rows) {
    const std::ptrdiff_t columns = units_.front().columns;
    for (std::ptrdiff_t b = rows.begin; b < rows.end; ++b) {
      round_to_bfloat16(inputs.batch->features.data() + b * columns, columns, inputs_.front().row(b));
    }
  });
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    const ParameterUnit<float>& unit = units_[l];
    lane.product(Phase::forward, "forward of " + unit.name, unit.rows, unit.columns,
                 [this, l](const StepInputs<float>&, Range rows, Range columns) {
                   const Operand<const Bfloat16> input = std::as_const(inputs_[l]).all();
                   if (l + 1 < layers_.size()) {
                     layers_[l].forward(input, inputs_[l + 1].all(), rows, columns);
                   } else {
                     layers_[l].forward_unrounded(input, {logits_.data(), logits_stride_}, output_loss_.has_relu(),
                                                  rows, columns);
                   }
                 });
  }
  lane.rows(Phase::loss, "loss",
            [this](const StepInputs<float>& inputs, Range rows) { row_losses(*inputs.batch, rows); });
}

void Bfloat16Mlp::row_losses(const Batch<float>& batch, Range rows) {
  for (std::ptrdiff_t b = rows.begin; b < rows.end; ++b) {
    float* gradient = logit_gradients_.data() + b * logits_stride_;
    row_losses_[static_cast<std::size_t>(b)] = output_loss_(batch, b, logits_.data() + b * logits_stride_, gradient);
    round_to_bfloat16(gradient, units_.back().rows, deltas_.back().row(b));
  }
}

void Bfloat16Mlp::hits(Lane<float>& lane) {
  lane.rows(Phase::loss, "hits", [this](const StepInputs<float>& inputs, Range rows) {
    for (std::ptrdiff_t b = rows.begin; b < rows.end; ++b) {
      row_hits_[static_cast<std::size_t>(b)] =
          output_loss_.is_hit(*inputs.batch, b, logits_.data() + b * logits_stride_) ? 1 : 0;
    }
  });
}

void Bfloat16Mlp::backward(std::ptrdiff_t stage, Lane<float>& lane) {
  const auto layer = static_cast<std::size_t>(stage);
  const ParameterUnit<float>& unit = units_[layer];
  if (layer > 0) {  // nothing below wants the first layer's input gradient
    lane.product(Phase::backward, "dX of " + unit.name, unit.columns, unit.rows,
                 [this, layer](const StepInputs<float>&, Range rows, Range columns) {
                   layers_[layer].backward(std::as_const(deltas_[layer]).all(), std::as_const(inputs_[layer]).all(),
                                           deltas_[layer - 1].all(), rows, columns);
                 });
  }
  lane.release(layer);
}

std::vector<std::span<float>> Bfloat16Mlp::gradient_memory() {
  std::vector<std::span<float>> parts;
  for (Bfloat16Layer& layer : layers_) parts.push_back(layer.gradient_memory());
  parts.emplace_back();  // the model has no buffers of its own
  return parts;
}

LinearGradient<Bfloat16> Bfloat16Mlp::layer_gradient(const Batch<float>& batch, std::size_t layer) const {
  return {deltas_[layer].all(), inputs_[layer].all(), batch.size};
}

void Bfloat16Mlp::form_gradient(const Batch<float>& batch, std::size_t layer, Range rows, Range columns) {
  layers_[layer].form_gradient(layer_gradient(batch, layer), rows, columns);
}

void Bfloat16Mlp::update(std::size_t layer, Range rows, Range columns, const OptimizerStep<float>& rule) {
  layers_[layer].update(rule, rows, columns);
}

void Bfloat16Mlp::train(const Batch<float>& batch, std::size_t layer, Range rows, Range columns,
                        const OptimizerStep<float>& rule) {
  layers_[layer].train(layer_gradient(batch, layer), rule, rows, columns);
}

double Bfloat16Mlp::gradient_sum_of_squares(std::size_t layer, Range rows, Range columns) const {
  return layers_[layer].gradient_sum_of_squares(rows, columns);
}

}  // namespace stepbench
