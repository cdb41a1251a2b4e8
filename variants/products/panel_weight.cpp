#include "variants/products/panel_weight.hpp"

#include <algorithm>

#include "variants/kernels/fused_product.hpp"
#include "variants/kernels/parameter_buffers.hpp"

namespace stepbench {
namespace {

template <typename Scalar>
class PanelWeight final : public LinearWeight<Scalar> {
 public:
  explicit PanelWeight(const WeightSettings& settings)
      : inputs_(settings.inputs),
        outputs_(settings.outputs),
        buffers_(static_cast<std::size_t>(panels<const Scalar>(nullptr).size()), settings.optimizer) {
    if (settings.input_gradient) {
      const Panels<const Scalar> transposed{nullptr, outputs_, inputs_};
      transposed_ = std::make_shared<Buffer<Scalar>>(static_cast<std::size_t>(transposed.size()));
    }
  }

  [[nodiscard]] bool share_parameters(const LinearWeight<Scalar>& other) override {
    const auto& same = static_cast<const PanelWeight&>(other);
    buffers_.share_parameters(same.buffers_);
    transposed_ = same.transposed_;
    return true;
  }

  void read(Content content, Scalar* values) const override {
    const Scalar* kept = buffers_.of(content);
    if (kept == nullptr) {
      std::fill_n(values, inputs_ * outputs_, Scalar{0});
    } else {
      from_panels(panels<const Scalar>(kept), values);
    }
  }

  void write(Content content, const Scalar* values) override {
    Scalar* kept = buffers_.of(content);
    if (kept == nullptr) return;
    const bool parameters = content == Content::parameters;
    to_panels(values,
              WeightPanels<Scalar>{.master = panels<Scalar>(kept), .transposed = parameters ? copy_data() : nullptr});
    if (parameters) buffers_.clear_moments();
  }

  void forward(const LinearForward<Scalar>& product, Range rows, Range outputs) const override {
    fused_product(FusedProduct<Scalar>{.a = product.input,
                                       .b = panels<const Scalar>(buffers_.parameters()),
                                       .c = product.output,
                                       .accumulate = product.accumulate,
                                       .bias = product.bias,
                                       .relu = product.relu},
                  rows, outputs);
  }

  void backward(const LinearBackward<Scalar>& product, Range rows, Range inputs) const override {
    fused_product(
        FusedProduct<Scalar>{
            .a = product.output_gradient, .b = copy(), .c = product.input_gradient, .mask = product.mask},
        rows, inputs);
  }

  void form_gradient(const LinearGradient<Scalar>& product, Range outputs, Range inputs) override {
    Scalar* scratch = nullptr;
    if (product.leaf_rows > 0) {
      thread_local Buffer<Scalar> slots;
      const auto size = static_cast<std::size_t>(leaf_scratch_size<Scalar>(product.rows, product.leaf_rows));
      if (slots.size() < size) slots.resize(size);
      scratch = slots.data();
    }
    weight_gradient(product, inputs, outputs, panels<Scalar>(buffers_.gradients()), scratch);
  }

  void update(const OptimizerStep<Scalar>& rule, Range outputs, Range inputs) override {
    update_weights(buffers_.gradients(), rule, inputs, outputs, weight());
  }

  [[nodiscard]] double gradient_sum_of_squares(Range outputs, Range inputs) const override {
    return panel_sum_of_squares(panels<const Scalar>(buffers_.gradients()), inputs, outputs);
  }

  [[nodiscard]] bool sums_by_leaves() const override { return true; }
  [[nodiscard]] std::span<Scalar> gradient_memory() override {
    return {buffers_.gradients(), static_cast<std::size_t>(panels<const Scalar>(nullptr).size())};
  }

  [[nodiscard]] bool trains_in_one() const override { return true; }
  void train(const LinearGradient<Scalar>& product, const OptimizerStep<Scalar>& rule, Range outputs,
             Range inputs) override {
    fused_update(product, rule, inputs, outputs, weight());
  }

 private:
  template <typename Element>
  [[nodiscard]] Panels<Element> panels(Element* data) const {
    return {data, inputs_, outputs_};
  }
  [[nodiscard]] Panels<const Scalar> copy() const { return {transposed_->data(), outputs_, inputs_}; }
  [[nodiscard]] Scalar* copy_data() { return transposed_ == nullptr ? nullptr : transposed_->data(); }
  [[nodiscard]] WeightPanels<Scalar> weight() {
    return {.master = panels<Scalar>(buffers_.parameters()),
            .transposed = copy_data(),
            .first = buffers_.first(),
            .second = buffers_.second()};
  }
  std::ptrdiff_t inputs_, outputs_;
  ParameterBuffers<Scalar> buffers_;            // W^T (in, out) in panels, and what goes with it
  std::shared_ptr<Buffer<Scalar>> transposed_;  // W (out, in) in panels, where dX is wanted; else null
};

}  // namespace

template <typename Scalar>
std::unique_ptr<LinearWeight<Scalar>> make_panel_weight(const WeightSettings& settings) {
  return std::make_unique<PanelWeight<Scalar>>(settings);
}

template std::unique_ptr<LinearWeight<float>> make_panel_weight<float>(const WeightSettings&);
template std::unique_ptr<LinearWeight<double>> make_panel_weight<double>(const WeightSettings&);

}  // namespace stepbench
