#include "variants/matrix/transformer.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "variants/kernels/leaf_sum.hpp"
#include "variants/kernels/transformer_kernels.hpp"

namespace stepbench {

template <typename Scalar>
MatrixTransformer<Scalar>::MatrixTransformer(const NetworkSettings& settings, const Products<Scalar>& products)
    : MatrixModel<Scalar>(settings, settings.model.context, products),
      model_(settings.model),
      label_loss_(label_loss_of<Scalar>(settings.model, token_cross_entropy<Scalar>)),
      attention_{settings.model.context, settings.model.d_model, settings.model.heads},
      scratch_size_(attention_scratch(products, attention_)),
      rows_(static_cast<std::size_t>(settings.max_batch * settings.model.context)),
      blocks_(static_cast<std::size_t>(settings.model.blocks)) {
  assert(settings.training.update_order == UpdateOrder::simultaneous);  // a config that asks for another is refused
  const ParameterLayout layout = parameter_layout(model_);
  LayoutCursor cursor(layout);
  make_token_embedding(cursor);
  if (model_.position == PositionEncoding::learned) {
    position_embedding_ = this->add_unit(cursor, /*has_bias=*/false);
    has_position_unit_ = true;
  } else {
    make_sinusoids();
  }
  for (Block& block : blocks_) make_block(block, cursor, settings.max_batch);
  final_norm_ = make_norm(cursor);
  make_head(cursor);
  assert(cursor.at_end());
  this->make_buffers();

  const auto width = static_cast<std::size_t>(model_.d_model);
  stream_.resize(rows_ * width);
  stream_gradient_.resize(rows_ * width);
  wide_scratch_.resize(rows_ * 4 * width);
  narrow_scratch_.resize(rows_ * width);
  attention_scratch_.resize(static_cast<std::size_t>(settings.max_batch * model_.heads * scratch_size_));
  index_units();
}

template <typename Scalar>
void MatrixTransformer<Scalar>::make_token_embedding(LayoutCursor& layout) {
  if (!model_.tied_embeddings) {
    token_embedding_ = this->add_unit(layout, /*has_bias=*/false);
    return;
  }
  // Its rows are looked up, too: whatever the products like best, it stays row by row.
  auto weight = std::make_unique<RowMajorWeight<Scalar>>(WeightSettings{.outputs = model_.vocabulary_size,
                                                                        .inputs = model_.d_model,
                                                                        .optimizer = this->optimizer(),
                                                                        .input_gradient = true},
                                                         ParameterRole::embedding, this->products());
  tied_ = weight.get();
  token_embedding_ = this->add_linear(layout, /*has_bias=*/false, std::move(weight));
}

template <typename Scalar>
void MatrixTransformer<Scalar>::make_sinusoids() {
  positions_.resize(static_cast<std::size_t>(model_.context * model_.d_model));
  for (std::int64_t t = 0; t < model_.context; ++t) {
    for (std::int64_t j = 0; j < model_.d_model; ++j) {
      const double exponent = static_cast<double>(j - j % 2) / static_cast<double>(model_.d_model);
      const double angle = static_cast<double>(t) / std::pow(10000.0, exponent);
      positions_[static_cast<std::size_t>(t * model_.d_model + j)] =
          static_cast<Scalar>(j % 2 == 0 ? std::sin(angle) : std::cos(angle));
    }
  }
}

template <typename Scalar>
void MatrixTransformer<Scalar>::make_block(Block& block, LayoutCursor& layout, std::int64_t max_batch) {
  const auto width = static_cast<std::size_t>(model_.d_model);
  block.norm1 = make_norm(layout);
  block.qkv_values.resize(rows_ * 3 * width);
  block.qkv_gradient.resize(rows_ * 3 * width);
  block.probabilities.resize(static_cast<std::size_t>(max_batch * attention_.probabilities()));
  block.attended.resize(rows_ * width);
  block.attention_gradient.resize(rows_ * width);
  block.qkv = make_linear(layout, block.norm1.output, block.qkv_gradient);
  block.output = make_linear(layout, block.attended, block.attention_gradient);
  block.norm2 = make_norm(layout);
  block.up_values.resize(rows_ * 4 * width);
  block.activated.resize(rows_ * 4 * width);
  block.mlp_gradient.resize(rows_ * width);
  block.up = make_linear(layout, block.norm2.output, block.up_values);
  block.down = make_linear(layout, block.activated, block.mlp_gradient);
}

template <typename Scalar>
void MatrixTransformer<Scalar>::make_head(LayoutCursor& layout) {
  const auto vocabulary = static_cast<std::size_t>(model_.vocabulary_size);
  logits_.resize(rows_ * vocabulary);
  logits_gradient_.resize(rows_ * vocabulary);
  const std::size_t unit = model_.tied_embeddings ? token_embedding_ : this->add_linear(layout, /*has_bias=*/false);
  head_ = {unit, final_norm_.output.data(), logits_gradient_.data()};
}

template <typename Scalar>
void MatrixTransformer<Scalar>::index_units() {
  norm_of_unit_.resize(this->units_.size());
  linear_of_unit_.resize(this->units_.size());
  for (const Block& block : blocks_) {
    for (const Norm* norm : {&block.norm1, &block.norm2}) norm_of_unit_[norm->unit] = norm;
    for (const Linear* linear : {&block.qkv, &block.output, &block.up, &block.down}) {
      linear_of_unit_[linear->unit] = linear;
    }
  }
  norm_of_unit_[final_norm_.unit] = &final_norm_;
  if (!model_.tied_embeddings) linear_of_unit_[head_.unit] = &head_;
}

template <typename Scalar>
typename MatrixTransformer<Scalar>::Norm MatrixTransformer<Scalar>::make_norm(LayoutCursor& layout) {
  const std::size_t elements = rows_ * static_cast<std::size_t>(model_.d_model);
  return {.unit = this->add_unit(layout, /*has_bias=*/true),
          .normalised = Buffer<Scalar>(elements),
          .output = Buffer<Scalar>(elements),
          .inverse_deviation = Buffer<Scalar>(rows_),
          .output_gradient = Buffer<Scalar>(elements)};
}

template <typename Scalar>
typename MatrixTransformer<Scalar>::Linear MatrixTransformer<Scalar>::make_linear(
    LayoutCursor& layout, const Buffer<Scalar>& input, const Buffer<Scalar>& output_gradient) {
  const std::size_t unit = this->add_linear(layout, /*has_bias=*/true);
  return {unit, input.data(), output_gradient.data()};
}

template <typename Scalar>
void MatrixTransformer<Scalar>::embed(const Batch<Scalar>& batch, Range rows) {
  const std::ptrdiff_t width = attention_.width;
  const Scalar* tokens = tied_ != nullptr ? tied_->parameters() : this->parameter(unit(token_embedding_).weight);
  const Scalar* positions = has_position_unit_ ? this->parameter(unit(position_embedding_).weight) : positions_.data();
  for (std::ptrdiff_t r = rows.begin; r < rows.end; ++r) {
    const Scalar* token = tokens + batch.tokens[static_cast<std::size_t>(r)] * width;
    const Scalar* position = positions + r % attention_.context * width;
    Scalar* row = stream_.data() + r * width;
    for (std::ptrdiff_t j = 0; j < width; ++j) row[j] = token[j] + position[j];
  }
}

template <typename Scalar>
void MatrixTransformer<Scalar>::normalise(Norm& norm, const Linear* pending, Range rows) {
  const std::ptrdiff_t width = attention_.width, first = rows.begin * width;
  const Scalar* pending_bias = pending == nullptr ? nullptr : this->parameter(unit(pending->unit).bias);
  layer_norm(stream_.data() + first, pending_bias, this->parameter(unit(norm.unit).weight),
             this->parameter(unit(norm.unit).bias), rows.size(), width, norm.normalised.data() + first,
             norm.output.data() + first, norm.inverse_deviation.data() + rows.begin);
}

template <typename Scalar>
LinearGradient<Scalar> MatrixTransformer<Scalar>::gradient_of(const Linear& linear, const Batch<Scalar>& batch) const {
  const ParameterUnit<Scalar>& u = unit(linear.unit);
  return {{linear.output_gradient, u.rows},
          {linear.input, u.columns},
          batch.size * attention_.context,
          this->leaf_rows(batch)};
}

template <typename Scalar>
Scalar* MatrixTransformer<Scalar>::head_scratch(std::ptrdiff_t sample, Range heads) {
  return attention_scratch_.data() + (sample * attention_.heads + heads.begin) * scratch_size_;
}

template <typename Scalar>
void MatrixTransformer<Scalar>::add_projection(Lane<Scalar>& lane, const Linear& linear, Scalar* output, Into into,
                                               auto then) {
  const ParameterUnit<Scalar>& u = unit(linear.unit);
  lane.product(Phase::forward, "forward of " + u.name, u.rows, u.columns,
               [this, &linear, &u, output, into, then](const StepInputs<Scalar>&, Range rows, Range columns) {
                 u.linear->forward({.input = {linear.input, u.columns},
                                    .output = {output, u.rows},
                                    .accumulate = into == Into::added,
                                    .bias = into == Into::with_bias ? this->parameter(u.bias) : nullptr},
                                   rows, columns);
                 then(rows, columns);
               });
}

template <typename Scalar>
void MatrixTransformer<Scalar>::add_projection_back(Lane<Scalar>& lane, const Linear& linear, Scalar* input_gradient,
                                                    auto then) {
  const ParameterUnit<Scalar>& u = unit(linear.unit);
  lane.product(Phase::backward, "dX of " + u.name, u.columns, u.rows,
               [&linear, &u, input_gradient, then](const StepInputs<Scalar>&, Range rows, Range columns) {
                 u.linear->backward({.output_gradient = {linear.output_gradient, u.rows},
                                     .input_gradient = {input_gradient, u.columns}},
                                    rows, columns);
                 then(rows, columns);
               });
  if (linear.unit != token_embedding_) lane.release(linear.unit);
}

template <typename Scalar>
void MatrixTransformer<Scalar>::block_forward(Lane<Scalar>& lane, Block& block, const Linear* pending) {
  const std::ptrdiff_t width = attention_.width, context = attention_.context;
  const auto nothing = [](Range, Range) {};
  lane.rows(Phase::forward, unit(block.norm1.unit).name,
            [this, &block, pending](const StepInputs<Scalar>&, Range rows) { normalise(block.norm1, pending, rows); });
  add_projection(lane, block.qkv, block.qkv_values.data(), Into::with_bias, nothing);
  lane.samples(Phase::forward, "forward of attention", attention_.heads,
               [this, &block, width, context](const StepInputs<Scalar>&, std::ptrdiff_t s, Range heads) {
                 attention_forward(this->products(), attention_, heads,
                                   block.qkv_values.data() + s * context * 3 * width,
                                   block.probabilities.data() + s * attention_.probabilities(),
                                   block.attended.data() + s * context * width, head_scratch(s, heads));
               });
  // A projection that adds to the residual stream does so in its matrix product; its bias waits for the next norm.
  add_projection(lane, block.output, stream_.data(), Into::added, nothing);
  lane.rows(Phase::forward, unit(block.norm2.unit).name,
            [this, &block](const StepInputs<Scalar>&, Range rows) { normalise(block.norm2, &block.output, rows); });
  add_projection(lane, block.up, block.up_values.data(), Into::set, [this, &block, width](Range rows, Range columns) {
    const Scalar* up_bias = this->parameter(unit(block.up.unit).bias);
    for_dense_rows(rows, columns, 4 * width, [&](std::ptrdiff_t offset, std::ptrdiff_t count) {
      add_bias_and_activate(model_.activation, block.up_values.data() + offset, up_bias + columns.begin, count,
                            columns.size(), block.activated.data() + offset);
    });
  });
  add_projection(lane, block.down, stream_.data(), Into::added, nothing);
}

template <typename Scalar>
void MatrixTransformer<Scalar>::forward(Lane<Scalar>& lane) {
  lane.rows(Phase::forward, "embedding",
            [this](const StepInputs<Scalar>& inputs, Range rows) { embed(*inputs.batch, rows); });
  const Linear* pending = nullptr;
  for (Block& block : blocks_) {
    block_forward(lane, block, pending);
    pending = &block.down;
  }
  lane.rows(Phase::forward, unit(final_norm_.unit).name,
            [this, pending](const StepInputs<Scalar>&, Range rows) { normalise(final_norm_, pending, rows); });
  add_projection(lane, head_, logits_.data(), Into::set, [](Range, Range) {});
  lane.rows(Phase::loss, "loss",
            [this](const StepInputs<Scalar>& inputs, Range rows) { row_losses(*inputs.batch, rows); });
}

template <typename Scalar>
void MatrixTransformer<Scalar>::row_losses(const Batch<Scalar>& batch, Range rows) {
  const std::ptrdiff_t vocabulary = model_.vocabulary_size;
  const Scalar scale = Scalar{1} / static_cast<Scalar>(batch.counted);
  for (std::ptrdiff_t r = rows.begin; r < rows.end; ++r) {
    const auto row = static_cast<std::size_t>(r);
    Scalar* gradient = logits_gradient_.data() + r * vocabulary;
    const std::int32_t target = batch.target_tokens[row];
    if (target == kNotCounted) {
      this->row_losses_[row] = 0;
      std::fill_n(gradient, vocabulary, Scalar{0});
    } else {
      this->row_losses_[row] = label_loss_(logits_.data() + r * vocabulary, target, vocabulary, scale, gradient);
    }
  }
}

template <typename Scalar>
void MatrixTransformer<Scalar>::hits(Lane<Scalar>& lane) {
  lane.rows(Phase::loss, "hits",
            [this](const StepInputs<Scalar>& inputs, Range rows) { row_hits(*inputs.batch, rows); });
}

template <typename Scalar>
void MatrixTransformer<Scalar>::row_hits(const Batch<Scalar>& batch, Range rows) {
  const auto vocabulary = static_cast<std::size_t>(model_.vocabulary_size);
  for (auto row = static_cast<std::size_t>(rows.begin); row < static_cast<std::size_t>(rows.end); ++row) {
    const std::span<const Scalar> logits(logits_.data() + row * vocabulary, vocabulary);
    this->row_hits_[row] = largest_is_at(logits, batch.target_tokens[row]) ? 1 : 0;
  }
}

template <typename Scalar>
void MatrixTransformer<Scalar>::norm_backward(Norm& norm, bool accumulate, Range rows) {
  const std::ptrdiff_t width = attention_.width, first = rows.begin * width;
  layer_norm_backward(norm.output_gradient.data() + first, norm.normalised.data() + first,
                      norm.inverse_deviation.data() + rows.begin, this->parameter(unit(norm.unit).weight), rows.size(),
                      width, accumulate, stream_gradient_.data() + first);
}

template <typename Scalar>
void MatrixTransformer<Scalar>::block_backward(Lane<Scalar>& lane, Block& block) {
  const std::ptrdiff_t width = attention_.width, context = attention_.context;
  const auto nothing = [](Range, Range) {};
  add_projection_back(lane, block.down, wide_scratch_.data(), [this, &block, width](Range rows, Range columns) {
    for_dense_runs(rows, columns, 4 * width, [&](std::ptrdiff_t offset, std::ptrdiff_t count) {
      activation_backward(model_.activation, wide_scratch_.data() + offset, count, block.up_values.data() + offset);
    });
  });
  add_projection_back(lane, block.up, block.norm2.output_gradient.data(), nothing);
  add_norm_backward(lane, block.norm2, true, &block.attention_gradient);
  add_projection_back(lane, block.output, narrow_scratch_.data(), nothing);
  lane.samples(Phase::backward, "backward of attention", attention_.heads,
               [this, &block, width, context](const StepInputs<Scalar>&, std::ptrdiff_t s, Range heads) {
                 attention_backward(this->products(), attention_, heads,
                                    block.qkv_values.data() + s * context * 3 * width,
                                    block.probabilities.data() + s * attention_.probabilities(),
                                    narrow_scratch_.data() + s * context * width,
                                    block.qkv_gradient.data() + s * context * 3 * width, head_scratch(s, heads));
               });
  add_projection_back(lane, block.qkv, block.norm1.output_gradient.data(), nothing);
  Buffer<Scalar>* below = &block == blocks_.data() ? nullptr : &(&block - 1)->mlp_gradient;
  add_norm_backward(lane, block.norm1, true, below);
}

template <typename Scalar>
void MatrixTransformer<Scalar>::add_norm_backward(Lane<Scalar>& lane, Norm& norm, bool accumulate,
                                                  Buffer<Scalar>* copy) {
  lane.rows(Phase::backward, "backward of " + unit(norm.unit).name,
            [this, &norm, accumulate, copy](const StepInputs<Scalar>&, Range rows) {
              norm_backward(norm, accumulate, rows);
              if (copy == nullptr) return;
              const std::ptrdiff_t first = rows.begin * attention_.width;
              std::copy_n(stream_gradient_.data() + first, rows.size() * attention_.width, copy->data() + first);
            });
  lane.release(norm.unit);
}

template <typename Scalar>
void MatrixTransformer<Scalar>::backward(std::ptrdiff_t, Lane<Scalar>& lane) {
  add_projection_back(lane, head_, final_norm_.output_gradient.data(), [](Range, Range) {});
  add_norm_backward(lane, final_norm_, false, blocks_.empty() ? nullptr : &blocks_.back().mlp_gradient);
  for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block) block_backward(lane, *block);
  lane.release(token_embedding_);
  if (has_position_unit_) lane.release(position_embedding_);
}

template <typename Scalar>
void MatrixTransformer<Scalar>::token_embedding_gradient(const Batch<Scalar>& batch, Range vocabulary, Range columns) {
  const ParameterUnit<Scalar>& u = unit(token_embedding_);
  Scalar* gradients = tied_ != nullptr ? tied_->gradients() : this->gradient(u.weight);
  const Operand<Scalar> block{gradients + vocabulary.begin * u.columns + columns.begin, u.columns};
  sum_by_leaves(batch.size * attention_.context, this->leaf_rows(batch), vocabulary.size(), columns.size(), block,
                [&](Range rows, Operand<Scalar> sum) {
                  if (tied_ != nullptr) {
                    tied_->form_gradient(gradient_of(head_, batch), rows, vocabulary, columns, sum);
                  } else {
                    for (std::ptrdiff_t v = 0; v < vocabulary.size(); ++v) {
                      std::fill_n(sum.data + v * sum.stride, columns.size(), Scalar{0});
                    }
                  }
                  add_looked_up_rows(batch, rows, vocabulary, columns, sum);
                });
}

template <typename Scalar>
void MatrixTransformer<Scalar>::add_looked_up_rows(const Batch<Scalar>& batch, Range rows, Range vocabulary,
                                                   Range columns, Operand<Scalar> sum) const {
  for (std::ptrdiff_t r = rows.begin; r < rows.end; ++r) {
    const std::ptrdiff_t token = batch.tokens[static_cast<std::size_t>(r)];
    if (token < vocabulary.begin || token >= vocabulary.end) continue;
    const Scalar* row = stream_gradient_.data() + r * attention_.width + columns.begin;
    Scalar* to = sum.data + (token - vocabulary.begin) * sum.stride;
    for (std::ptrdiff_t j = 0; j < columns.size(); ++j) to[j] += row[j];
  }
}

template <typename Scalar>
void MatrixTransformer<Scalar>::position_embedding_gradient(const Batch<Scalar>& batch, Range positions,
                                                            Range columns) {
  const ParameterUnit<Scalar>& u = unit(position_embedding_);
  // Row t of every sequence: the rows of a sequence are `context` apart, so one position is a strided sum.
  for (std::ptrdiff_t t = positions.begin; t < positions.end; ++t) {
    const std::ptrdiff_t first = t * u.columns + columns.begin;
    const std::ptrdiff_t stride = attention_.context * u.columns;
    sum_by_leaves<Scalar>(batch.size, batch.leaf, 1, columns.size(), {this->gradient(u.weight + first), columns.size()},
                          [&](Range samples, Operand<Scalar> sum) {
                            sum_rows(stream_gradient_.data() + samples.begin * stride + first, samples.size(),
                                     columns.size(), stride, sum.data);
                          });
  }
}

template <typename Scalar>
void MatrixTransformer<Scalar>::norm_gradient(const Norm& norm, const Batch<Scalar>& batch, Range columns) {
  const ParameterUnit<Scalar>& u = unit(norm.unit);
  const std::ptrdiff_t width = attention_.width, rows = batch.size * attention_.context;
  const auto sum_into = [&](std::ptrdiff_t gradient, const auto& form) {
    sum_by_leaves<Scalar>(rows, this->leaf_rows(batch), 1, columns.size(),
                          {this->gradient(gradient + columns.begin), columns.size()},
                          [&](Range some, Operand<Scalar> sum) { form(some, sum.data); });
  };
  sum_into(u.weight, [&](Range some, Scalar* sum) {
    const std::ptrdiff_t first = some.begin * width + columns.begin;
    sum_row_products(norm.output_gradient.data() + first, norm.normalised.data() + first, some.size(), columns.size(),
                     width, sum);
  });
  sum_into(u.bias, [&](Range some, Scalar* sum) {
    sum_rows(norm.output_gradient.data() + some.begin * width + columns.begin, some.size(), columns.size(), width, sum);
  });
}

template <typename Scalar>
void MatrixTransformer<Scalar>::form_gradient(const Batch<Scalar>& batch, std::size_t number, Range rows,
                                              Range columns) {
  if (number == token_embedding_) {
    token_embedding_gradient(batch, rows, columns);
  } else if (has_position_unit_ && number == position_embedding_) {
    position_embedding_gradient(batch, rows, columns);
  } else if (const Norm* norm = norm_of_unit_[number]) {
    norm_gradient(*norm, batch, rows);
  } else {
    this->form_linear_gradient(number, rows, columns, gradient_of(*linear_of_unit_[number], batch));
  }
}

template <typename Scalar>
void MatrixTransformer<Scalar>::train(const Batch<Scalar>& batch, std::size_t number, Range rows, Range columns,
                                      const OptimizerStep<Scalar>& rule) {
  this->train_linear(number, rows, columns, gradient_of(*linear_of_unit_[number], batch), rule);
}

template class MatrixTransformer<float>;
template class MatrixTransformer<double>;

}  // namespace stepbench
