#include "variants/onednn_primitives/blocked_weight.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <utility>

#include "core/error.hpp"
#include "variants/kernels/parameter_buffers.hpp"
#include "variants/onednn/memory.hpp"

namespace stepbench {
namespace {

using dnnl::memory;
using Forward = dnnl::inner_product_forward;
using BackwardData = dnnl::inner_product_backward_data;
using BackwardWeights = dnnl::inner_product_backward_weights;

// For which the form is chosen (not measured against others); other numbers of rows take it as it is.
constexpr std::ptrdiff_t kUsualRows = 64;

struct Layer {
  std::ptrdiff_t outputs, inputs;
  [[nodiscard]] memory::desc x(std::ptrdiff_t rows) const { return onednn_matrix(rows, inputs, inputs); }
  [[nodiscard]] memory::desc y(std::ptrdiff_t rows) const { return onednn_matrix(rows, outputs, outputs); }
  [[nodiscard]] memory::desc bias() const { return {{outputs}, memory::data_type::f32, memory::format_tag::a}; }
};

/// What is done to a result before it is stored, in this order.
struct Finish {
  bool accumulate = false, bias = false, relu = false;
  auto operator<=>(const Finish&) const = default;
};

// oneDNN's ReLU gives 0 for NaN, by which a training that diverges would not show. With a slope left of 0 it is NaN;
// with this one, the least, -1 becomes -1e-38, which is not above 0 either and is nothing beside any number it is added
// to.
constexpr float kSlopeLeftOfZero = std::numeric_limits<float>::min();

dnnl::primitive_attr attributes(const Finish& finish = {}) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::post_ops after;
  if (finish.accumulate) after.append_sum(1);
  if (finish.relu) {
#if DNNL_VERSION_MAJOR >= 3
    after.append_eltwise(dnnl::algorithm::eltwise_relu, kSlopeLeftOfZero, 0);
#else
    after.append_eltwise(1, dnnl::algorithm::eltwise_relu, kSlopeLeftOfZero, 0);
#endif
  }
  attributes.set_post_ops(after);
  return attributes;
}

Forward::primitive_desc describe_forward(const Layer& layer, std::ptrdiff_t rows, const memory::desc& w,
                                         const Finish& finish = {}) {
  constexpr auto kTraining = dnnl::prop_kind::forward_training;
  const memory::desc bias = finish.bias ? layer.bias() : memory::desc();
#if DNNL_VERSION_MAJOR >= 3
  return {onednn_engine(), kTraining, layer.x(rows), w, bias, layer.y(rows), attributes(finish)};
#else
  return {Forward::desc(kTraining, layer.x(rows), w, bias, layer.y(rows)), attributes(finish), onednn_engine()};
#endif
}

BackwardData::primitive_desc describe_backward(const Layer& layer, std::ptrdiff_t rows, const memory::desc& w) {
#if DNNL_VERSION_MAJOR >= 3
  return {onednn_engine(), layer.x(rows), w, layer.y(rows), describe_forward(layer, rows, w), attributes()};
#else
  return {BackwardData::desc(layer.x(rows), w, layer.y(rows)), attributes(), onednn_engine(),
          describe_forward(layer, rows, w)};
#endif
}

BackwardWeights::primitive_desc describe_gradient(const Layer& layer, std::ptrdiff_t rows, const memory::desc& w) {
#if DNNL_VERSION_MAJOR >= 3
  return {onednn_engine(), layer.x(rows), w, layer.y(rows), describe_forward(layer, rows, w), attributes()};
#else
  return {BackwardWeights::desc(layer.x(rows), w, layer.y(rows)), attributes(), onednn_engine(),
          describe_forward(layer, rows, w)};
#endif
}

/// The form that all three want, or that of the rows where they differ.
memory::desc common_form(const Layer& layer) {
  const memory::desc any = onednn_matrix_of_any_form(layer.outputs, layer.inputs);
  const memory::desc form = describe_forward(layer, kUsualRows, any).weights_desc();
  const bool is_common = describe_backward(layer, kUsualRows, any).weights_desc() == form &&
                         describe_gradient(layer, kUsualRows, any).diff_weights_desc() == form;
  return is_common ? form : onednn_matrix(layer.outputs, layer.inputs, layer.inputs);
}

/// A primitive for each number of rows, generated at its first use.
template <typename Primitive>
class Generated {
 public:
  using Key = std::pair<std::ptrdiff_t, Finish>;  // rows, and what is done besides
  using Description = typename Primitive::primitive_desc;

  template <typename Describe>
  void run(const Key& key, const Describe& describe, std::unordered_map<int, memory> arguments) {
    auto found = made_.find(key);
    if (found == made_.end()) {
      const Description description = describe();
      found = made_.try_emplace(key, description, Primitive(description)).first;
    }
    const auto& [description, primitive] = found->second;
    const memory::desc scratch = description.scratchpad_desc();
    arguments.insert({DNNL_ARG_SCRATCHPAD, memory(scratch, onednn_engine(), onednn_scratch(scratch.get_size()))});
    primitive.execute(onednn_stream(), arguments);
  }

 private:
  std::map<Key, std::pair<Description, Primitive>> made_;
};

/// One after the other, as the tasks of `onednn` are: primitives are made on first use without a lock.
class BlockedWeight final : public LinearWeight<float> {
 public:
  explicit BlockedWeight(const WeightSettings& settings)
      : layer_{settings.outputs, settings.inputs},
        form_(common_form(layer_)),
        buffers_(form_.get_size() / sizeof(float), settings.optimizer) {}

  void read(Content content, float* values) const override {
    if (const float* kept = buffers_.of(content)) {
      reorder(onednn_memory(form_, kept), onednn_memory(rows(), values));
    } else {
      std::fill_n(values, layer_.outputs * layer_.inputs, 0.0F);
    }
  }
  void write(Content content, const float* values) override {
    if (float* kept = buffers_.of(content)) reorder(onednn_memory(rows(), values), onednn_memory(form_, kept));
    if (content == Content::parameters) buffers_.clear_moments();
  }

  void forward(const LinearForward<float>& product, Range rows, Range outputs) const override {
    require_whole(outputs, layer_.outputs,
                  product.input.stride == layer_.inputs && product.output.stride == layer_.outputs);
    const std::ptrdiff_t count = rows.size();
    const Finish finish{product.accumulate, product.bias != nullptr, product.bias != nullptr && product.relu};
    std::unordered_map<int, memory> arguments = {
        {DNNL_ARG_SRC, onednn_memory(layer_.x(count), product.input.data + rows.begin * layer_.inputs)},
        {DNNL_ARG_WEIGHTS, onednn_memory(form_, buffers_.parameters())},
        {DNNL_ARG_DST, onednn_memory(layer_.y(count), product.output.data + rows.begin * layer_.outputs)}};
    if (finish.bias) arguments.insert({DNNL_ARG_BIAS, onednn_memory(layer_.bias(), product.bias)});
    forward_.run(
        {count, finish}, [&] { return describe_forward(layer_, count, form_, finish); }, std::move(arguments));
  }
  void backward(const LinearBackward<float>& product, Range rows, Range inputs) const override {
    require_whole(inputs, layer_.inputs,
                  product.output_gradient.stride == layer_.outputs && product.input_gradient.stride == layer_.inputs);
    const std::ptrdiff_t count = rows.size(), first = rows.begin * layer_.inputs;
    backward_.run({count, {}}, [&] { return describe_backward(layer_, count, form_); },
                  {{DNNL_ARG_DIFF_SRC, onednn_memory(layer_.x(count), product.input_gradient.data + first)},
                   {DNNL_ARG_WEIGHTS, onednn_memory(form_, buffers_.parameters())},
                   {DNNL_ARG_DIFF_DST,
                    onednn_memory(layer_.y(count), product.output_gradient.data + rows.begin * layer_.outputs)}});
    if (product.mask.data != nullptr) {
      mask_by_relu(product.input_gradient.data + first, product.mask.data + first, count * layer_.inputs);
    }
  }

  void form_gradient(const LinearGradient<float>& product, Range outputs, Range inputs) override {
    require_whole(outputs, layer_.outputs, inputs.size() == layer_.inputs);
    require_whole(inputs, layer_.inputs,
                  product.output_gradient.stride == layer_.outputs && product.input.stride == layer_.inputs);
    gradient_.run({product.rows, {}}, [&] { return describe_gradient(layer_, product.rows, form_); },
                  {{DNNL_ARG_SRC, onednn_memory(layer_.x(product.rows), product.input.data)},
                   {DNNL_ARG_DIFF_WEIGHTS, onednn_memory(form_, buffers_.gradients())},
                   {DNNL_ARG_DIFF_DST, onednn_memory(layer_.y(product.rows), product.output_gradient.data)}});
  }
  [[nodiscard]] std::span<float> gradient_memory() override {
    return {buffers_.gradients(), static_cast<std::size_t>(elements())};
  }
  /// What stands behind the last output and input is 0, and stays 0 by every rule.
  void update(const OptimizerStep<float>& rule, Range outputs, Range) override {
    require_whole(outputs, layer_.outputs, true);
    buffers_.update(ParameterRole::matrix, 0, elements(), rule);
  }
  /// Asked by parts, which do not lie together: the first one has it all.
  [[nodiscard]] double gradient_sum_of_squares(Range outputs, Range inputs) const override {
    return outputs.begin == 0 && inputs.begin == 0 ? sum_of_squares(buffers_.gradients(), elements()) : 0;
  }
  [[nodiscard]] bool trains_in_one() const override { return true; }
  void train(const LinearGradient<float>& product, const OptimizerStep<float>& rule, Range outputs,
             Range inputs) override {
    form_gradient(product, outputs, inputs);
    update(rule, outputs, inputs);
  }

 private:
  [[nodiscard]] memory::desc rows() const { return onednn_matrix(layer_.outputs, layer_.inputs, layer_.inputs); }
  [[nodiscard]] std::ptrdiff_t elements() const {
    return static_cast<std::ptrdiff_t>(form_.get_size() / sizeof(float));
  }
  static void reorder(memory from, memory to) { dnnl::reorder(from, to).execute(onednn_stream(), from, to); }
  static void require_whole(Range part, std::ptrdiff_t all, bool is_dense) {
    if (part.begin == 0 && part.end == all && is_dense) return;
    throw Error("oneDNN's inner product takes whole and dense matrices: it is for a cut that leaves weights whole");
  }

  Layer layer_;
  memory::desc form_;
  ParameterBuffers<float> buffers_;  // all in `form_`
  mutable Generated<Forward> forward_;
  mutable Generated<BackwardData> backward_;
  Generated<BackwardWeights> gradient_;
};

}  // namespace

std::unique_ptr<LinearWeight<float>> make_blocked_weight(const WeightSettings& settings) {
  return std::make_unique<BlockedWeight>(settings);
}

}  // namespace stepbench
