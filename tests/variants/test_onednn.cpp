// oneDNN's weight, which lies in blocks besides, does as OpenBLAS's row-major one: float32, for it has nothing else.
#include <dlfcn.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <tuple>
#include <vector>

#include "core/random.hpp"
#include "tests/support/relative_error.hpp"
#include "variants/onednn/library.hpp"
#include "variants/onednn/products.hpp"
#if STEPBENCH_HAS_ONEDNN_PRIMITIVES
#include "variants/onednn_primitives/blocked_weight.hpp"
#endif
#include "variants/products/openblas.hpp"

namespace stepbench::testing {
namespace {

using Values = std::vector<float>;

Values random_values(std::ptrdiff_t count, std::uint64_t seed) {
  RandomStream stream(seed, Purpose::generated_data);
  Values values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>(stream.uniform() - 0.5);
  return values;
}

std::vector<Range> in_steps(std::ptrdiff_t count, std::ptrdiff_t step) {
  std::vector<Range> parts;
  for (std::ptrdiff_t begin = 0; begin < count; begin += step) parts.push_back({begin, std::min(begin + step, count)});
  return parts;
}

struct Shape {
  std::ptrdiff_t rows, outputs, inputs;
};

using MakeWeight = std::function<std::unique_ptr<LinearWeight<float>>(const WeightSettings&)>;
std::unique_ptr<LinearWeight<float>> in_tasks(const WeightSettings& settings) {
  return onednn_products().make_weight(settings);
}

/// Both kinds of a layer's weight after a step of SGD in blocks: what each gives forward and backward.
struct Both {
  Shape shape;
  std::unique_ptr<LinearWeight<float>> onednn, openblas;
  Values x = random_values(shape.rows * shape.inputs, 1), dy = random_values(shape.rows * shape.outputs, 2),
         bias = random_values(shape.outputs, 3);

  Both(const Shape& layer, std::ptrdiff_t output_step, std::ptrdiff_t input_step, const MakeWeight& make = in_tasks)
      : shape(layer) {
    const WeightSettings settings{shape.outputs, shape.inputs, Optimizer::sgd, true};
    onednn = make(settings);
    openblas = openblas_products<float>().make_weight(settings);
    const Values w = random_values(shape.outputs * shape.inputs, 4);
    const OptimizerStep<float> rule(TrainingSettings{}, 0.05, 1, 1);
    for (LinearWeight<float>* weight : {onednn.get(), openblas.get()}) {
      weight->write(Content::parameters, w.data());
      for (const Range outputs : in_steps(shape.outputs, output_step)) {
        for (const Range inputs : in_steps(shape.inputs, input_step)) {
          weight->train({{dy.data(), shape.outputs}, {x.data(), shape.inputs}, shape.rows}, rule, outputs, inputs);
        }
      }
    }
  }
  [[nodiscard]] Values forward(const LinearWeight<float>& weight, bool accumulate, std::ptrdiff_t output_step) const {
    Values y = dy;
    for (const Range outputs : in_steps(shape.outputs, output_step)) {
      weight.forward({.input = {x.data(), shape.inputs},
                      .output = {y.data(), shape.outputs},
                      .accumulate = accumulate,
                      .bias = bias.data(),
                      .relu = true},
                     {0, shape.rows}, outputs);
    }
    return y;
  }
  [[nodiscard]] Values backward(const LinearWeight<float>& weight) const {
    Values dx(x.size());
    weight.backward({.output_gradient = {dy.data(), shape.outputs}, .input_gradient = {dx.data(), shape.inputs}},
                    {0, shape.rows}, {0, shape.inputs});
    return dx;
  }
};

// A column that is a panel by itself (512 + 1), more than the usual rows, few of everything.
const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all = {{64, 512, 784}, {5, 10, 7},    {1, 1, 1},      {31, 33, 130},
                                         {150, 513, 96}, {3, 700, 300}, {200, 1536, 48}};
  return all;
}

constexpr double kTolerance = 2e-6;

}  // namespace

TEST_CASE("oneDNN's weight multiplies by what was last written and trained, in one block or in many") {
  if (const std::string why = onednn_unsupported(); !why.empty()) {
    WARN("not checked: " << why);
    return;
  }
  for (const Shape& shape : shapes()) {
    for (const auto& [output_step, input_step] :
         {std::pair{shape.outputs, shape.inputs}, std::pair{std::ptrdiff_t{16}, std::ptrdiff_t{48}}}) {
      INFO(shape.rows << " rows, " << shape.outputs << " x " << shape.inputs << ", blocks of " << output_step);
      const Both both(shape, output_step, input_step);
      for (const bool accumulate : {false, true}) {
        for (const std::ptrdiff_t part : {shape.outputs, std::ptrdiff_t{512}, std::ptrdiff_t{16}}) {
          CHECK(relative_l2_error(both.forward(*both.onednn, accumulate, part),
                                  both.forward(*both.openblas, accumulate, shape.outputs)) <= kTolerance);
        }
      }
      CHECK(relative_l2_error(both.backward(*both.onednn), both.backward(*both.openblas)) <= kTolerance);
    }
  }
}

TEST_CASE("oneDNN's inner products, on a weight in one form for all three, do as OpenBLAS's products") {
#if STEPBENCH_HAS_ONEDNN_PRIMITIVES
  for (const Shape& shape : shapes()) {
    INFO(shape.rows << " rows, " << shape.outputs << " x " << shape.inputs);
    const Both both(shape, shape.outputs, shape.inputs, make_blocked_weight);
    for (const bool accumulate : {false, true}) {
      CHECK(relative_l2_error(both.forward(*both.onednn, accumulate, shape.outputs),
                              both.forward(*both.openblas, accumulate, shape.outputs)) <= kTolerance);
    }
    CHECK(relative_l2_error(both.backward(*both.onednn), both.backward(*both.openblas)) <= kTolerance);
    Values onednn(static_cast<std::size_t>(shape.outputs * shape.inputs)), openblas(onednn.size());
    double sums[2] = {};
    for (const auto& [weight, values, sum] :
         {std::tuple{both.onednn.get(), &onednn, &sums[0]}, std::tuple{both.openblas.get(), &openblas, &sums[1]}}) {
      weight->form_gradient({{both.dy.data(), shape.outputs}, {both.x.data(), shape.inputs}, shape.rows},
                            {0, shape.outputs}, {0, shape.inputs});
      weight->read(Content::gradients, values->data());
      for (const Range outputs : in_steps(shape.outputs, 16)) {
        *sum += weight->gradient_sum_of_squares(outputs, {0, shape.inputs});
      }
    }
    CHECK(relative_l2_error(onednn, openblas) <= kTolerance);
    CHECK(sums[0] == Approx(sums[1]).epsilon(1e-5));
  }
#else
  WARN("not checked: this build has no OpenMP");
#endif
}

TEST_CASE("a NaN stays a NaN behind the ReLU of oneDNN's inner product, so that divergence shows") {
#if STEPBENCH_HAS_ONEDNN_PRIMITIVES
  Both both({5, 64, 32}, 64, 32, make_blocked_weight);
  both.x[2 * 32] = std::numeric_limits<float>::quiet_NaN();
  const Values y = both.forward(*both.onednn, false, 64);
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::isnan(y[i]) == (i / 64 == 2));
#else
  WARN("not checked: this build has no OpenMP");
#endif
}

TEST_CASE("oneDNN's products leave the calling thread's number of OpenMP threads as it was") {
  const auto get = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "omp_get_max_threads"));
  const auto set = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  if (get == nullptr || set == nullptr) {
    WARN("not checked: no OpenMP is loaded");
    return;
  }
  const int before = get();
  set(3);
  {
    const OneOnednnThread one;
    CHECK(get() == 1);
  }
  static_cast<void>(Both({20, 64, 64}, 64, 64));
  CHECK(get() == 3);
  set(before);
}

}  // namespace stepbench::testing
