// A linear layer's weight does the same however its products let it lie: each kind against plain loops in double.
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "core/random.hpp"
#include "tests/support/relative_error.hpp"
#include "variants/kernels/products.hpp"
#include "variants/products/direct.hpp"
#include "variants/products/openblas.hpp"

namespace stepbench::testing {
namespace {

using Values = std::vector<double>;

Values random_values(std::ptrdiff_t count, std::uint64_t seed) {
  RandomStream stream(seed, Purpose::generated_data);
  Values values(static_cast<std::size_t>(count));
  for (double& value : values) value = stream.uniform() - 0.5;
  return values;
}

/// Rows N, outputs and inputs of a layer, and its values: X, dY and W, dense.
struct Layer {
  std::ptrdiff_t rows, outputs, inputs;
  Values x = random_values(rows * inputs, 1), dy = random_values(rows * outputs, 2),
         w = random_values(outputs * inputs, 3);
  Values bias = random_values(outputs, 4);

  [[nodiscard]] double x_at(std::ptrdiff_t n, std::ptrdiff_t i) const {
    return x[static_cast<std::size_t>(n * inputs + i)];
  }
  [[nodiscard]] double dy_at(std::ptrdiff_t n, std::ptrdiff_t o) const {
    return dy[static_cast<std::size_t>(n * outputs + o)];
  }
  [[nodiscard]] double w_at(std::ptrdiff_t o, std::ptrdiff_t i) const {
    return w[static_cast<std::size_t>(o * inputs + i)];
  }

  [[nodiscard]] Values forward(bool relu) const {
    Values y;
    for (std::ptrdiff_t n = 0; n < rows; ++n) {
      for (std::ptrdiff_t o = 0; o < outputs; ++o) {
        double sum = bias[static_cast<std::size_t>(o)];
        for (std::ptrdiff_t i = 0; i < inputs; ++i) sum += x_at(n, i) * w_at(o, i);
        y.push_back(relu && sum < 0 ? 0 : sum);
      }
    }
    return y;
  }
  [[nodiscard]] Values backward() const {  // masked by x
    Values dx;
    for (std::ptrdiff_t n = 0; n < rows; ++n) {
      for (std::ptrdiff_t i = 0; i < inputs; ++i) {
        double sum = 0;
        for (std::ptrdiff_t o = 0; o < outputs; ++o) sum += dy_at(n, o) * w_at(o, i);
        dx.push_back(x_at(n, i) > 0 ? sum : 0);
      }
    }
    return dx;
  }
  [[nodiscard]] Values gradient() const {
    Values dw;
    for (std::ptrdiff_t o = 0; o < outputs; ++o) {
      for (std::ptrdiff_t i = 0; i < inputs; ++i) {
        double sum = 0;
        for (std::ptrdiff_t n = 0; n < rows; ++n) sum += dy_at(n, o) * x_at(n, i);
        dw.push_back(sum);
      }
    }
    return dw;
  }
};

/// The whole in one part, or parts that begin where parts may: at multiples of 16.
struct Parts {
  std::vector<Range> rows, outputs, inputs;
};
std::vector<Range> in_steps(std::ptrdiff_t count, std::ptrdiff_t step) {
  std::vector<Range> parts;
  for (std::ptrdiff_t begin = 0; begin < count; begin += step) parts.push_back({begin, std::min(begin + step, count)});
  return parts;
}
Parts whole(const Layer& layer) { return {{{0, layer.rows}}, {{0, layer.outputs}}, {{0, layer.inputs}}}; }
Parts fine(const Layer& layer) {
  return {in_steps(layer.rows, 5), in_steps(layer.outputs, 16), in_steps(layer.inputs, 48)};
}

const std::vector<Layer>& layers() {
  static const std::vector<Layer> all = {{1, 1, 1},    {5, 10, 7},     {31, 33, 130}, {32, 16, 784},
                                         {17, 64, 48}, {150, 120, 96}, {3, 100, 300}};
  return all;
}

/// Each kind of products, each layer, in one part and in many.
void for_each_case(Optimizer optimizer, const auto& check) {
  const std::vector<std::pair<std::string, const Products<double>*>> kinds = {
      {"openblas", &openblas_products<double>()}, {"direct", &direct_products<double>()}};
  for (const auto& [name, products] : kinds) {
    for (const Layer& layer : layers()) {
      for (const Parts& parts : {whole(layer), fine(layer)}) {
        INFO(name << ": " << layer.rows << " rows, " << layer.outputs << " x " << layer.inputs << ", "
                  << parts.outputs.size() << " parts");
        const auto weight = products->make_weight({layer.outputs, layer.inputs, optimizer, true});
        weight->write(Content::parameters, layer.w.data());
        check(layer, parts, *products, *weight);
      }
    }
  }
}

/// A dense matrix with its rows as far apart as the products like it.
struct Rows {
  Values values;
  std::ptrdiff_t count, columns, stride;

  Rows(const Products<double>& products, std::ptrdiff_t row_count, std::ptrdiff_t column_count,
       const Values* dense = nullptr)
      : count(row_count), columns(column_count), stride(products.row_stride(column_count)) {
    values.assign(static_cast<std::size_t>(count * stride), std::nan(""));
    for (std::ptrdiff_t r = 0; dense != nullptr && r < count; ++r) {
      std::copy_n(dense->begin() + r * columns, columns, values.begin() + r * stride);
    }
  }
  [[nodiscard]] Operand<double> operand() { return {values.data(), stride}; }
  [[nodiscard]] Operand<const double> operand() const { return {values.data(), stride}; }
  [[nodiscard]] Values dense() const {
    Values all;
    for (std::ptrdiff_t r = 0; r < count; ++r) {
      all.insert(all.end(), values.begin() + r * stride, values.begin() + r * stride + columns);
    }
    return all;
  }
};

constexpr double kTolerance = 1e-13;

void for_blocks(const Parts& parts, const auto& work) {
  for (const Range outputs : parts.outputs) {
    for (const Range inputs : parts.inputs) work(outputs, inputs);
  }
}

Values read(const LinearWeight<double>& weight, const Layer& layer, Content content) {
  Values values(layer.w.size());
  weight.read(content, values.data());
  return values;
}

OptimizerStep<double> rule_of(Optimizer optimizer) {
  TrainingSettings training;
  training.optimizer = optimizer;
  training.weight_decay = 0.1;
  return {training, 0.05, 3, 1};
}

}  // namespace

TEST_CASE("a weight reads back what was written") {
  for_each_case(Optimizer::adam,
                [](const Layer& layer, const Parts&, const Products<double>&, LinearWeight<double>& weight) {
                  CHECK(read(weight, layer, Content::parameters) == layer.w);
                  const Values moment = random_values(layer.outputs * layer.inputs, 9);
                  weight.write(Content::second_moment, moment.data());
                  CHECK(read(weight, layer, Content::second_moment) == moment);
                  CHECK(read(weight, layer, Content::first_moment) == Values(layer.w.size()));
                  weight.write(Content::parameters, layer.w.data());  // a fresh start
                  CHECK(read(weight, layer, Content::second_moment) == Values(layer.w.size()));
                });
}

TEST_CASE("forward: bias, ReLU, and what is added to") {
  for_each_case(Optimizer::sgd, [](const Layer& layer, const Parts& parts, const Products<double>& products,
                                   LinearWeight<double>& weight) {
    const Rows x(products, layer.rows, layer.inputs, &layer.x);
    for (const bool relu : {false, true}) {
      Rows y(products, layer.rows, layer.outputs);
      for (const Range rows : parts.rows) {
        for (const Range outputs : parts.outputs) {
          weight.forward({.input = x.operand(), .output = y.operand(), .bias = layer.bias.data(), .relu = relu}, rows,
                         outputs);
        }
      }
      CHECK(relative_l2_error(y.dense(), layer.forward(relu)) <= kTolerance);
    }
    Rows sum(products, layer.rows, layer.outputs, &layer.dy);
    Values expected = layer.forward(false);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      expected[i] += layer.dy[i] - layer.bias[i % static_cast<std::size_t>(layer.outputs)];
    }
    for (const Range rows : parts.rows) {
      for (const Range outputs : parts.outputs) {
        weight.forward({.input = x.operand(), .output = sum.operand(), .accumulate = true}, rows, outputs);
      }
    }
    CHECK(relative_l2_error(sum.dense(), expected) <= 10 * kTolerance);
  });
}

TEST_CASE("NaN goes through ReLU, so that divergence shows") {
  for (const Products<double>* products : {&openblas_products<double>(), &direct_products<double>()}) {
    const auto weight = products->make_weight({2, 1, Optimizer::sgd, false});
    const Values w{1, -1}, x{std::nan("")}, bias{0, 0};
    weight->write(Content::parameters, w.data());
    Rows y(*products, 1, 2);
    weight->forward({.input = {x.data(), 1}, .output = y.operand(), .bias = bias.data(), .relu = true}, {0, 1}, {0, 2});
    CHECK(std::isnan(y.dense()[0]));
    CHECK(std::isnan(y.dense()[1]));
  }
}

TEST_CASE("backward: dX, and ReLU's derivative") {
  for_each_case(Optimizer::sgd, [](const Layer& layer, const Parts& parts, const Products<double>& products,
                                   LinearWeight<double>& weight) {
    const Rows x(products, layer.rows, layer.inputs, &layer.x), dy(products, layer.rows, layer.outputs, &layer.dy);
    Rows dx(products, layer.rows, layer.inputs);
    for (const Range rows : parts.rows) {
      for (const Range inputs : parts.inputs) {
        weight.backward({.output_gradient = dy.operand(), .input_gradient = dx.operand(), .mask = x.operand()}, rows,
                        inputs);
      }
    }
    CHECK(relative_l2_error(dx.dense(), layer.backward()) <= kTolerance);
  });
}

TEST_CASE("the gradient of a weight, and its sum of squares") {
  for_each_case(Optimizer::sgd, [](const Layer& layer, const Parts& parts, const Products<double>& products,
                                   LinearWeight<double>& weight) {
    const Rows x(products, layer.rows, layer.inputs, &layer.x), dy(products, layer.rows, layer.outputs, &layer.dy);
    double squares = 0;
    for_blocks(parts, [&](Range outputs, Range inputs) {
      weight.form_gradient({.output_gradient = dy.operand(), .input = x.operand(), .rows = layer.rows}, outputs,
                           inputs);
      squares += weight.gradient_sum_of_squares(outputs, inputs);
    });
    const Values expected = layer.gradient();
    double sum = 0;
    for (const double value : expected) sum += value * value;
    CHECK(relative_l2_error(read(weight, layer, Content::gradients), expected) <= kTolerance);
    CHECK(squares == Approx(sum).epsilon(1e-12));
  });
}

TEST_CASE("a training step in one is the gradient and the optimiser's step, and dX is by the new weights") {
  for (const Optimizer optimizer : {Optimizer::sgd, Optimizer::momentum, Optimizer::adam, Optimizer::adamw}) {
    const OptimizerStep<double> rule = rule_of(optimizer);
    INFO("optimizer " << static_cast<int>(optimizer));
    for_each_case(optimizer, [&](const Layer& layer, const Parts& parts, const Products<double>& products,
                                 LinearWeight<double>& weight) {
      const Rows x(products, layer.rows, layer.inputs, &layer.x), dy(products, layer.rows, layer.outputs, &layer.dy);
      const LinearGradient<double> product{.output_gradient = dy.operand(), .input = x.operand(), .rows = layer.rows};
      Values expected = layer.w, gradient = layer.gradient(), first(gradient.size()), second(gradient.size());
      update_slice(rule, ParameterRole::matrix, std::ssize(expected), gradient.data(), expected.data(), first.data(),
                   second.data());
      const bool in_one = weight.trains_in_one();
      for_blocks(parts, [&](Range outputs, Range inputs) {
        if (in_one) {
          weight.train(product, rule, outputs, inputs);
        } else {
          weight.form_gradient(product, outputs, inputs);
          weight.update(rule, outputs, inputs);
        }
      });
      CHECK(relative_l2_error(read(weight, layer, Content::parameters), expected) <= 1e-12);
      Rows dx(products, layer.rows, layer.inputs);
      weight.backward({.output_gradient = dy.operand(), .input_gradient = dx.operand(), .mask = x.operand()},
                      {0, layer.rows}, {0, layer.inputs});
      Layer updated = layer;
      updated.w = expected;
      CHECK(relative_l2_error(dx.dense(), updated.backward()) <= 1e-11);
    });
  }
}

}  // namespace stepbench::testing
