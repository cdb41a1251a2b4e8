#include "variants/matrix/transformer.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "variants/kernels/transformer_kernels.hpp"

namespace stepbench {

template <typename Scalar>
MatrixTransformer<Scalar>::MatrixTransformer(const NetworkSettings& settings, const Products<Scalar>& products)
    : MatrixModel<Scalar>(settings, settings.model.context, products),
      model_(settings.model),
      attention_{settings.model.context, settings.model.d_model, settings.model.heads},
      scratch_size_(attention_scratch(products, attention_)),
      rows_(static_cast<std::size_t>(settings.max_batch * settings.model.context)),
      blocks_(static_cast<std::size_t>(settings.model.blocks)) {
  assert(settings.training.update_order == UpdateOrder::simultaneous);  // a config that asks for another is refused
  const ParameterLayout layout = parameter_layout(model_);
  LayoutCursor cursor(layout);
  token_embedding_ = this->add_unit(cursor, /*has_bias=*/false);
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

  const auto width = static_cast<std::size_t>(model_.d_model);
  stream_.resize(rows_ * width);
  stream_gradient_.resize(rows_ * width);
  wide_scratch_.resize(rows_ * 4 * width);
  narrow_scratch_.resize(rows_ * width);
  attention_scratch_.resize(static_cast<std::size_t>(settings.max_batch * scratch_size_));
  index_units();
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
  const std::size_t unit = model_.tied_embeddings ? token_embedding_ : this->add_unit(layout, /*has_bias=*/false);
  this->keep_copy(this->units_[unit]);
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
  const std::size_t unit = this->add_unit(layout, /*has_bias=*/true);
  this->keep_copy(this->units_[unit]);
  return {unit, input.data(), output_gradient.data()};
}

template <typename Scalar>
Range MatrixTransformer<Scalar>::token_rows(Range samples) const {
  return {samples.begin * attention_.context, samples.end * attention_.context};
}

template <typename Scalar>
void MatrixTransformer<Scalar>::embed(const Batch<Scalar>& batch, Range rows) {
  const std::ptrdiff_t width = attention_.width;
  const Scalar* tokens = this->parameter(unit(token_embedding_).weight);
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
void MatrixTransformer<Scalar>::project_rows(const Linear& linear, const Scalar* input, Scalar beta, Scalar* output,
                                             Range rows) const {
  const ParameterUnit& u = unit(linear.unit);
  this->project(u, input + rows.begin * u.columns, beta, output + rows.begin * u.rows, rows.size());
}

template <typename Scalar>
void MatrixTransformer<Scalar>::project_rows_back(const Linear& linear, const Scalar* output_gradient,
                                                  Scalar* input_gradient, Range rows) const {
  const ParameterUnit& u = unit(linear.unit);
  this->project_back(u, output_gradient + rows.begin * u.rows, input_gradient + rows.begin * u.columns, rows.size());
}

template <typename Scalar>
void MatrixTransformer<Scalar>::forward(const Batch<Scalar>& batch, Range samples) {
  const Range rows = token_rows(samples);
  const std::ptrdiff_t width = attention_.width, context = attention_.context;
  embed(batch, rows);
  // A projection that adds to the residual stream does so in its matrix product; its bias waits for the next norm.
  const Linear* pending = nullptr;
  for (Block& block : blocks_) {
    normalise(block.norm1, pending, rows);
    project_rows(block.qkv, block.norm1.output.data(), Scalar{0}, block.qkv_values.data(), rows);
    add_bias(block.qkv_values.data() + rows.begin * 3 * width, this->parameter(unit(block.qkv.unit).bias), rows.size(),
             3 * width, false);
    for (std::ptrdiff_t s = samples.begin; s < samples.end; ++s) {
      attention_forward(this->products(), attention_, block.qkv_values.data() + s * context * 3 * width,
                        block.probabilities.data() + s * attention_.probabilities(),
                        block.attended.data() + s * context * width, attention_scratch_.data() + s * scratch_size_);
    }
    project_rows(block.output, block.attended.data(), Scalar{1}, stream_.data(), rows);
    normalise(block.norm2, &block.output, rows);
    project_rows(block.up, block.norm2.output.data(), Scalar{0}, block.up_values.data(), rows);
    add_bias_and_activate(model_.activation, block.up_values.data() + rows.begin * 4 * width,
                          this->parameter(unit(block.up.unit).bias), rows.size(), 4 * width,
                          block.activated.data() + rows.begin * 4 * width);
    project_rows(block.down, block.activated.data(), Scalar{1}, stream_.data(), rows);
    pending = &block.down;
  }
  normalise(final_norm_, pending, rows);
  project_rows(head_, final_norm_.output.data(), Scalar{0}, logits_.data(), rows);
}

template <typename Scalar>
void MatrixTransformer<Scalar>::loss(const Batch<Scalar>& batch, Range samples) {
  const Range rows = token_rows(samples);
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
      this->row_losses_[row] =
          token_cross_entropy(logits_.data() + r * vocabulary, target, vocabulary, scale, gradient);
    }
  }
}

template <typename Scalar>
void MatrixTransformer<Scalar>::hits(const Batch<Scalar>& batch, Range samples) {
  const Range rows = token_rows(samples);
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
void MatrixTransformer<Scalar>::backward(std::ptrdiff_t, const Batch<Scalar>&, Range samples) {
  const Range rows = token_rows(samples);
  const std::ptrdiff_t width = attention_.width, context = attention_.context;
  const auto keep_stream_gradient = [&](Buffer<Scalar>& copy) {
    std::copy_n(stream_gradient_.data() + rows.begin * width, rows.size() * width, copy.data() + rows.begin * width);
  };
  project_rows_back(head_, logits_gradient_.data(), final_norm_.output_gradient.data(), rows);
  norm_backward(final_norm_, false, rows);
  for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block) {
    keep_stream_gradient(block->mlp_gradient);
    project_rows_back(block->down, block->mlp_gradient.data(), wide_scratch_.data(), rows);
    activation_backward(model_.activation, wide_scratch_.data() + rows.begin * 4 * width, rows.size() * 4 * width,
                        block->up_values.data() + rows.begin * 4 * width);
    project_rows_back(block->up, block->up_values.data(), block->norm2.output_gradient.data(), rows);
    norm_backward(block->norm2, true, rows);
    keep_stream_gradient(block->attention_gradient);
    project_rows_back(block->output, block->attention_gradient.data(), narrow_scratch_.data(), rows);
    for (std::ptrdiff_t s = samples.begin; s < samples.end; ++s) {
      attention_backward(
          this->products(), attention_, block->qkv_values.data() + s * context * 3 * width,
          block->probabilities.data() + s * attention_.probabilities(), narrow_scratch_.data() + s * context * width,
          block->qkv_gradient.data() + s * context * 3 * width, attention_scratch_.data() + s * scratch_size_);
    }
    project_rows_back(block->qkv, block->qkv_gradient.data(), block->norm1.output_gradient.data(), rows);
    norm_backward(block->norm1, true, rows);
  }
}

template <typename Scalar>
void MatrixTransformer<Scalar>::token_embedding_gradient(const Batch<Scalar>& batch, Range vocabulary) {
  const ParameterUnit& u = unit(token_embedding_);
  Scalar* gradients = this->gradient(u.weight);
  if (model_.tied_embeddings) {
    this->linear_gradient(u, vocabulary, head_.output_gradient, head_.input, batch.size * attention_.context);
  } else {
    std::fill_n(gradients + vocabulary.begin * u.columns, vocabulary.size() * u.columns, Scalar{0});
  }
  for (std::ptrdiff_t r = 0; r < batch.size * attention_.context; ++r) {
    const std::ptrdiff_t token = batch.tokens[static_cast<std::size_t>(r)];
    if (token < vocabulary.begin || token >= vocabulary.end) continue;
    const Scalar* row = stream_gradient_.data() + r * u.columns;
    for (std::ptrdiff_t j = 0; j < u.columns; ++j) gradients[token * u.columns + j] += row[j];
  }
}

template <typename Scalar>
void MatrixTransformer<Scalar>::position_embedding_gradient(const Batch<Scalar>& batch, Range positions) {
  const ParameterUnit& u = unit(position_embedding_);
  // Row t of every sequence: the rows of a sequence are `context` apart, so one position is a strided sum.
  for (std::ptrdiff_t t = positions.begin; t < positions.end; ++t) {
    sum_rows(stream_gradient_.data() + t * u.columns, batch.size, u.columns, attention_.context * u.columns,
             this->gradient(u.weight + t * u.columns));
  }
}

template <typename Scalar>
void MatrixTransformer<Scalar>::norm_gradient(const Norm& norm, const Batch<Scalar>& batch, Range columns) {
  const ParameterUnit& u = unit(norm.unit);
  const std::ptrdiff_t width = attention_.width, rows = batch.size * attention_.context;
  sum_row_products(norm.output_gradient.data() + columns.begin, norm.normalised.data() + columns.begin, rows,
                   columns.size(), width, this->gradient(u.weight + columns.begin));
  sum_rows(norm.output_gradient.data() + columns.begin, rows, columns.size(), width,
           this->gradient(u.bias + columns.begin));
}

template <typename Scalar>
void MatrixTransformer<Scalar>::weight_gradient(const Batch<Scalar>& batch, std::size_t number, Range rows) {
  if (number == token_embedding_) {
    token_embedding_gradient(batch, rows);
  } else if (has_position_unit_ && number == position_embedding_) {
    position_embedding_gradient(batch, rows);
  } else if (const Norm* norm = norm_of_unit_[number]) {
    norm_gradient(*norm, batch, rows);
  } else {
    const Linear& linear = *linear_of_unit_[number];
    this->linear_gradient(unit(number), rows, linear.output_gradient, linear.input, batch.size * attention_.context);
  }
}

template <typename Scalar>
void MatrixTransformer<Scalar>::fused_sgd(const Batch<Scalar>& batch, std::size_t number, Range rows,
                                          const OptimizerStep<Scalar>& step) {
  if (const Linear* linear = linear_of_unit_[number]) {
    this->fused_linear_sgd(unit(number), rows, linear->output_gradient, linear->input, batch.size * attention_.context,
                           step);
    return;
  }
  weight_gradient(batch, number, rows);
  this->update(number, rows, step);
}

template class MatrixTransformer<float>;
template class MatrixTransformer<double>;

}  // namespace stepbench
