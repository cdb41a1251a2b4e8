#include "variants/onednn/packed_weight.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <shared_mutex>
#include <vector>

#include "core/buffer.hpp"
#include "variants/kernels/direct_product.hpp"
#include "variants/kernels/row_major_weight.hpp"
#include "variants/onednn/library.hpp"
#include "variants/onednn/memory.hpp"

namespace stepbench {
namespace {

using dnnl::memory;

/// Y (m, n) = X (m, k) B (k, n), or + Y; oneDNN writes and keeps nothing in it, so that it may run side by side.
struct Product {
  std::ptrdiff_t m, n, k, x_stride, y_stride;
  bool accumulate;
  auto operator<=>(const Product&) const = default;
};

dnnl::matmul::primitive_desc describe(const Product& product, const memory::desc& b) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (product.accumulate) {
    dnnl::post_ops add;
    add.append_sum(1);
    attributes.set_post_ops(add);
  }
  const memory::desc x = onednn_matrix(product.m, product.k, product.x_stride),
                     y = onednn_matrix(product.m, product.n, product.y_stride);
#if DNNL_VERSION_MAJOR >= 3
  return {onednn_engine(), x, b, y, attributes};
#else
  return {dnnl::matmul::desc(x, b, y), attributes, onednn_engine()};
#endif
}

/// What oneDNN generated for a shape, or nothing where it has nothing but its reference.
using Generated = std::optional<std::pair<dnnl::matmul::primitive_desc, dnnl::matmul>>;

/// Generated once for each shape.
class GeneratedProducts {
 public:
  /// Of B as `b` says. What is returned stays.
  const Generated& get(const Product& product, const memory::desc& b) {
    {
      const std::shared_lock lock(mutex_);
      if (const auto found = generated_.find(product); found != generated_.end()) return found->second;
    }
    Generated made;
    if (const auto description = describe(product, b); !is_onednn_reference(description)) {
      made.emplace(description, dnnl::matmul(description));
    }
    const std::unique_lock lock(mutex_);
    return generated_.try_emplace(product, std::move(made)).first->second;
  }

 private:
  std::shared_mutex mutex_;
  std::map<Product, Generated> generated_;
};

/// Some outputs of a weight, W^T (in, outputs) in the blocks that oneDNN wants.
class Panel {
 public:
  Panel(Range outputs, std::ptrdiff_t inputs, const memory::desc& form)
      : outputs_(outputs),
        inputs_(inputs),
        form_(form),
        blocks_(form.get_size() / sizeof(float)),
        missing_(outputs.size() * inputs) {}

  [[nodiscard]] Range outputs() const { return outputs_; }

  /// Says that so many elements of `weight` (out, in) have new values. Whoever brings the last of them makes the copy.
  void update(std::ptrdiff_t elements, const float* weight) {
    if (missing_.fetch_sub(elements, std::memory_order_acq_rel) != elements) return;
    missing_.store(outputs_.size() * inputs_, std::memory_order_relaxed);
    // In two steps: oneDNN's reorder takes three times as long for a transposed matrix.
    const auto columns = outputs_.size();
    auto* const transposed = static_cast<float*>(onednn_scratch(blocks_.size() * sizeof(float)));
    transpose<float>(columns, inputs_, {weight + outputs_.begin * inputs_, inputs_}, {transposed, columns});
    memory rows = onednn_memory(onednn_matrix(inputs_, columns, columns), transposed),
           blocks = onednn_memory(form_, blocks_.data());
    dnnl::reorder(rows, blocks).execute(onednn_stream(), rows, blocks);
  }

  /// False where oneDNN has no fast product of that shape with these blocks.
  bool multiply(const Product& product, const float* x, float* y) {
    const Generated& generated = generated_.get(product, form_);
    if (!generated) return false;
    const auto& [description, matmul] = *generated;
    const memory::desc scratch = description.scratchpad_desc();
    matmul.execute(onednn_stream(),
                   {{DNNL_ARG_SRC, onednn_memory(description.src_desc(), x)},
                    {DNNL_ARG_WEIGHTS, onednn_memory(form_, blocks_.data())},
                    {DNNL_ARG_DST, onednn_memory(description.dst_desc(), y)},
                    {DNNL_ARG_SCRATCHPAD, memory(scratch, onednn_engine(), onednn_scratch(scratch.get_size()))}});
    return true;
  }

 private:
  Range outputs_;
  std::ptrdiff_t inputs_;
  memory::desc form_;
  Buffer<float> blocks_;
  std::atomic<std::ptrdiff_t> missing_;  // elements whose new values are still to come
  GeneratedProducts generated_;
};

// Of a panel: what a task computes of a product's columns (matrix/cut.cpp). With panels of 128, a step of
// 784-512-256-10 was 10 to 16% slower on one core (batch 512 and 128; 2.6, AVX-512).
constexpr std::ptrdiff_t kPanelOutputs = 512;
// For which the blocks are chosen, as many as a shard's fewest (matrix/cut.cpp); others take them as they are.
constexpr std::ptrdiff_t kUsualRows = 64;

/// The form that oneDNN wants W^T (inputs, outputs) in; nothing where that is plain, or it has nothing but its
/// reference.
std::optional<memory::desc> blocked_form(std::ptrdiff_t outputs, std::ptrdiff_t inputs) {
  const auto description =
      describe({kUsualRows, outputs, inputs, inputs, outputs, false}, onednn_matrix_of_any_form(inputs, outputs));
  const memory::desc form = description.weights_desc();
  if (is_onednn_reference(description) || form == onednn_matrix(inputs, outputs, outputs) ||
      form == onednn_matrix(inputs, outputs, 1, inputs)) {
    return std::nullopt;
  }
  return form;
}

class PackedWeight final : public LinearWeight<float> {
 public:
  PackedWeight(const WeightSettings& settings, const Products<float>& products)
      : inputs_(settings.inputs), rows_(settings, ParameterRole::matrix, products) {
    const OneOnednnThread one;
    for (std::ptrdiff_t begin = 0; begin < settings.outputs; begin += kPanelOutputs) {
      const Range outputs{begin, std::min(begin + kPanelOutputs, settings.outputs)};
      const std::optional<memory::desc> form = blocked_form(outputs.size(), inputs_);
      panels_.push_back(form ? std::make_unique<Panel>(outputs, inputs_, *form) : nullptr);
    }
  }

  void read(Content content, float* values) const override { rows_.read(content, values); }
  void write(Content content, const float* values) override {
    rows_.write(content, values);
    if (content == Content::parameters) update_panels({0, std::ssize(panels_) * kPanelOutputs}, inputs_);
  }

  void forward(const LinearForward<float>& product, Range rows, Range outputs) const override {
    for (std::ptrdiff_t begin = outputs.begin; begin < outputs.end;) {
      const std::unique_ptr<Panel>& panel = panels_[static_cast<std::size_t>(begin / kPanelOutputs)];
      const Range some{begin, std::min((begin / kPanelOutputs + 1) * kPanelOutputs, outputs.end)};
      if (!panel || !multiply(*panel, product, rows, some)) rows_.multiply_forward(product, rows, some);
      begin = some.end;
    }
    rows_.finish_forward(product, rows, outputs);
  }
  void backward(const LinearBackward<float>& product, Range rows, Range inputs) const override {
    rows_.backward(product, rows, inputs);
  }
  void form_gradient(const LinearGradient<float>& product, Range outputs, Range inputs) override {
    rows_.form_gradient(product, outputs, inputs);
  }
  [[nodiscard]] bool sums_by_leaves() const override { return rows_.sums_by_leaves(); }
  [[nodiscard]] std::span<float> gradient_memory() override { return rows_.gradient_memory(); }
  void update(const OptimizerStep<float>& rule, Range outputs, Range inputs) override {
    rows_.update(rule, outputs, inputs);
    update_panels(outputs, inputs.size());
  }
  [[nodiscard]] double gradient_sum_of_squares(Range outputs, Range inputs) const override {
    return rows_.gradient_sum_of_squares(outputs, inputs);
  }
  [[nodiscard]] bool trains_in_one() const override { return rows_.trains_in_one(); }
  void train(const LinearGradient<float>& product, const OptimizerStep<float>& rule, Range outputs,
             Range inputs) override {
    rows_.train(product, rule, outputs, inputs);
    update_panels(outputs, inputs.size());
  }

 private:
  /// False where `some` are not all outputs of the panel, or it has no product of the shape.
  bool multiply(Panel& panel, const LinearForward<float>& product, Range rows, Range some) const {
    if (some.begin != panel.outputs().begin || some.end != panel.outputs().end) return false;
    const OneOnednnThread one;
    return panel.multiply(
        {rows.size(), some.size(), inputs_, product.input.stride, product.output.stride, product.accumulate},
        product.input.data + rows.begin * product.input.stride,
        product.output.data + rows.begin * product.output.stride + some.begin);
  }
  void update_panels(Range outputs, std::ptrdiff_t inputs) {
    const OneOnednnThread one;
    for (const std::unique_ptr<Panel>& panel : panels_) {
      if (!panel) continue;
      const Range own = panel->outputs();
      const std::ptrdiff_t count = std::min(outputs.end, own.end) - std::max(outputs.begin, own.begin);
      if (count > 0) panel->update(count * inputs, rows_.parameters());
    }
  }

  std::ptrdiff_t inputs_;
  RowMajorWeight<float> rows_;
  std::vector<std::unique_ptr<Panel>> panels_;  // null where oneDNN wants the rows as they are
};

}  // namespace

std::unique_ptr<LinearWeight<float>> make_packed_weight(const WeightSettings& settings,
                                                        const Products<float>& products) {
  return std::make_unique<PackedWeight>(settings, products);
}

}  // namespace stepbench
