#include "variants/matrix/bfloat16_layer.hpp"

#include <algorithm>
#include <vector>

namespace stepbench {
namespace {

constexpr std::ptrdiff_t kColumns = kPanelColumns<Bfloat16>;

std::size_t panel_elements(std::ptrdiff_t rows, std::ptrdiff_t columns) {
  return static_cast<std::size_t>(Panels<const Bfloat16>{nullptr, rows, columns}.size());
}

std::ptrdiff_t padded(std::ptrdiff_t count) { return (count + kColumns - 1) / kColumns * kColumns; }

void copy(std::span<const float> from, float* to) { std::ranges::copy(from, to); }
void copy(const Buffer<Bfloat16>& from, float* to) { widen(from.data(), std::ssize(from), to); }
void copy(const float* from, std::span<float> to) { std::copy_n(from, to.size(), to.begin()); }
void copy(const float* from, Buffer<Bfloat16>& to) { round_to_bfloat16(from, std::ssize(to), to.data()); }

}  // namespace

Bfloat16Layer::Kept::Kept(std::span<float> gradients_of_these, const TrainingSettings& training)
    : values(gradients_of_these.size()),
      compensation(training.compensated && !training.master_weights ? values.size() : 0),
      gradients(gradients_of_these),
      first(training.optimizer == Optimizer::sgd ? 0 : values.size()),
      second(training.optimizer == Optimizer::adam || training.optimizer == Optimizer::adamw ? values.size() : 0),
      master(training.master_weights ? values.size() : 0) {}

Bfloat16Parameters Bfloat16Layer::Kept::parameters() {
  const auto of = [](auto& buffer) { return buffer.empty() ? nullptr : buffer.data(); };
  return {values.data(), of(first), of(second), of(master), of(compensation)};
}

template <typename Self, typename Use>
void Bfloat16Layer::Kept::with(Self& self, Content content, const Use& use) {
  switch (content) {
    case Content::parameters:
      return use(self.values);
    case Content::gradients:
      return use(self.gradients);
    case Content::first_moment:
      return use(self.first);
    case Content::second_moment:
      return use(self.second);
    case Content::compensation:
      return use(self.compensation);
    case Content::master_weights:
      return use(self.master);
  }
}

void Bfloat16Layer::Kept::start_anew() {
  std::ranges::fill(first, 0.0F);
  std::ranges::fill(second, 0.0F);
  std::ranges::fill(compensation, Bfloat16{0});
  if (!master.empty()) copy(values, master.data());
}

Bfloat16Layer::Bfloat16Layer(const Shape& shape, const NetworkSettings& settings)
    : shape_(shape),
      rounding_(settings.training.rounding),
      seed_(settings.seed),
      gradients_(panel_elements(shape.inputs, shape.outputs) + static_cast<std::size_t>(padded(shape.outputs))),
      weight_(std::span(gradients_).first(panel_elements(shape.inputs, shape.outputs)), settings.training),
      bias_(std::span(gradients_).subspan(weight_.gradients.size()), settings.training),
      transposed_(shape.input_gradient ? panel_elements(shape.outputs, shape.inputs) : 0) {}

void Bfloat16Layer::read(Content content, float* all) const {
  float* to = all + shape_.canonical_weight;
  Kept::with(weight_, content, [&](const auto& kept) {
    if (kept.empty()) {
      std::fill_n(to, shape_.inputs * shape_.outputs, 0.0F);
      return;
    }
    Buffer<float> panels(kept.size());
    copy(kept, panels.data());
    from_panels(in_panels(panels.data()), to);
  });
  Kept::with(bias_, content, [&](const auto& kept) {
    std::vector<float> values(static_cast<std::size_t>(padded(shape_.outputs)));
    if (!kept.empty()) copy(kept, values.data());
    std::copy_n(values.begin(), shape_.outputs, all + shape_.canonical_bias);
  });
}

void Bfloat16Layer::write(Content content, const float* all) {
  Kept::with(weight_, content, [&](auto& kept) {
    if (kept.empty()) return;
    const bool is_copied = content == Content::parameters && !transposed_.empty();
    Buffer<float> panels(kept.size()), transposed(is_copied ? transposed_.size() : 0);
    to_panels(all + shape_.canonical_weight,
              WeightPanels<float>{.master = {panels.data(), shape_.inputs, shape_.outputs},
                                  .transposed = is_copied ? transposed.data() : nullptr});
    copy(panels.data(), kept);
    if (is_copied) copy(transposed.data(), transposed_);
  });
  Kept::with(bias_, content, [&](auto& kept) {
    if (kept.empty()) return;
    std::vector<float> values(kept.size());
    std::copy_n(all + shape_.canonical_bias, shape_.outputs, values.begin());
    copy(values.data(), kept);
  });
  if (content != Content::parameters) return;
  weight_.start_anew();
  bias_.start_anew();
}

void Bfloat16Layer::forward(Operand<const Bfloat16> input, Operand<Bfloat16> output, Range rows, Range outputs) const {
  bfloat16_product({.a = input,
                    .b = {weight_.values.data(), shape_.inputs, shape_.outputs},
                    .c = output,
                    .bias = bias_.values.data(),
                    .relu = true},
                   rows, outputs);
}

void Bfloat16Layer::forward_unrounded(Operand<const Bfloat16> input, Operand<float> output, bool relu, Range rows,
                                      Range outputs) const {
  bfloat16_product({.a = input,
                    .b = {weight_.values.data(), shape_.inputs, shape_.outputs},
                    .unrounded = output,
                    .bias = bias_.values.data(),
                    .relu = relu},
                   rows, outputs);
}

void Bfloat16Layer::backward(Operand<const Bfloat16> output_gradient, Operand<const Bfloat16> mask,
                             Operand<Bfloat16> input_gradient, Range rows, Range inputs) const {
  bfloat16_product({.a = output_gradient,
                    .b = {transposed_.data(), shape_.outputs, shape_.inputs},
                    .c = input_gradient,
                    .mask = mask},
                   rows, inputs);
}

Bfloat16Weight Bfloat16Layer::weight() {
  return {
      .inputs = shape_.inputs,
      .outputs = shape_.outputs,
      .parameters = weight_.parameters(),
      .transposed = transposed_.empty() ? nullptr : transposed_.data(),
      .places = {static_cast<std::uint32_t>(shape_.canonical_weight), 1, static_cast<std::uint32_t>(shape_.inputs)}};
}

WeightRounding Bfloat16Layer::rounding(const OptimizerStep<float>& rule) const {
  if (rounding_ == Rounding::nearest) return {};
  return {.stochastic = true, .key = rounding_key(seed_, rule.number)};
}

void Bfloat16Layer::sum_bias_gradient(const LinearGradient<Bfloat16>& product, Range outputs) {
  const Operand<const Bfloat16>& dy = product.output_gradient;
  sum_bfloat16_rows(dy.data + outputs.begin, product.rows, outputs.size(), dy.stride,
                    bias_.gradients.data() + outputs.begin);
}

void Bfloat16Layer::update_bias(const OptimizerStep<float>& rule, Range outputs) {
  const auto first = static_cast<std::uint32_t>(shape_.canonical_bias + outputs.begin);
  update_bfloat16_rows(bias_.gradients.data() + outputs.begin, rule, ParameterRole::bias, rounding(rule),
                       {first, static_cast<std::uint32_t>(kColumns), 1}, padded(outputs.size()) / kColumns,
                       bias_.parameters().from(outputs.begin));
}

void Bfloat16Layer::form_gradient(const LinearGradient<Bfloat16>& product, Range outputs, Range inputs) {
  bfloat16_gradient(product, inputs, outputs, {weight_.gradients.data(), shape_.inputs, shape_.outputs});
  if (inputs.begin == 0) sum_bias_gradient(product, outputs);
}

void Bfloat16Layer::update(const OptimizerStep<float>& rule, Range outputs, Range inputs) {
  update_bfloat16(weight_.gradients.data(), rule, rounding(rule), inputs, outputs, weight());
  if (inputs.begin == 0) update_bias(rule, outputs);
}

void Bfloat16Layer::train(const LinearGradient<Bfloat16>& product, const OptimizerStep<float>& rule, Range outputs,
                          Range inputs) {
  train_bfloat16(product, rule, rounding(rule), inputs, outputs, weight());
  if (inputs.begin != 0) return;
  sum_bias_gradient(product, outputs);
  update_bias(rule, outputs);
}

double Bfloat16Layer::gradient_sum_of_squares(Range outputs, Range inputs) const {
  double sum = panel_sum_of_squares(in_panels(weight_.gradients.data()), inputs, outputs);
  if (inputs.begin == 0) sum += sum_of_squares(bias_.gradients.data() + outputs.begin, outputs.size());
  return sum;
}

}  // namespace stepbench
