// The products from panels of weights against plain loops in double: odd sizes, all that is done to a result before it
// is written, what must not be touched, and that a cut changes no bit.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "core/buffer.hpp"
#include "core/random.hpp"
#include "variants/kernels/fused_product.hpp"

namespace stepbench::testing {
namespace {

template <typename Scalar>
constexpr Scalar kNan = std::numeric_limits<Scalar>::quiet_NaN();

template <typename Scalar>
Buffer<Scalar> random_numbers(std::ptrdiff_t count, std::uint64_t key) {
  RandomStream random(key, Purpose::generated_data);
  Buffer<Scalar> values(static_cast<std::size_t>(count));
  std::generate(values.begin(), values.end(), [&] { return static_cast<Scalar>(random.normal()); });
  return values;
}

/// Rows of random numbers with NaN between them; the last row ends with the buffer, so that an address sanitizer sees
/// what is read behind it.
template <typename Scalar>
struct Rows {
  Rows(std::ptrdiff_t rows, std::ptrdiff_t columns, std::uint64_t key, std::ptrdiff_t padding = 3)
      : stride(columns + padding), values(static_cast<std::size_t>((rows - 1) * stride + columns), kNan<Scalar>) {
    const Buffer<Scalar> numbers = random_numbers<Scalar>(rows * columns, key);
    for (std::ptrdiff_t i = 0; i < rows; ++i) {
      std::copy_n(numbers.begin() + i * columns, columns, values.begin() + i * stride);
    }
  }
  [[nodiscard]] Scalar at(std::ptrdiff_t i, std::ptrdiff_t j) const {
    return values[static_cast<std::size_t>(i * stride + j)];
  }
  [[nodiscard]] Operand<const Scalar> view() const { return {values.data(), stride}; }
  [[nodiscard]] Operand<Scalar> view() { return {values.data(), stride}; }

  std::ptrdiff_t stride;
  Buffer<Scalar> values;
};

/// Everything of a layer in panels, from random numbers in canonical order.
template <typename Scalar>
struct Weight {
  Weight(std::ptrdiff_t in, std::ptrdiff_t out, std::uint64_t key)
      : inputs(in),
        outputs(out),
        canonical(random_numbers<Scalar>(in * out, key)),
        master(static_cast<std::size_t>(Panels<Scalar>{nullptr, in, out}.size())),
        transposed(static_cast<std::size_t>(Panels<Scalar>{nullptr, out, in}.size())),
        first(master),
        second(master),
        gradient(master) {
    to_panels(random_numbers<Scalar>(in * out, key + 1).data(), {.master = panels(first)});
    Buffer<Scalar> squares = random_numbers<Scalar>(in * out, key + 2);
    for (Scalar& value : squares) value *= value;
    to_panels(squares.data(), {.master = panels(second)});
    to_panels(canonical.data(), view());
  }
  [[nodiscard]] Panels<Scalar> panels(Buffer<Scalar>& of) const { return {of.data(), inputs, outputs}; }
  [[nodiscard]] WeightPanels<Scalar> view() { return {panels(master), transposed.data(), first.data(), second.data()}; }
  /// What it is in canonical order.
  [[nodiscard]] Buffer<Scalar> read(const Buffer<Scalar>& of) const {
    Buffer<Scalar> values(static_cast<std::size_t>(inputs * outputs));
    from_panels(Panels<const Scalar>{of.data(), inputs, outputs}, values.data());
    return values;
  }
  [[nodiscard]] Scalar at(std::ptrdiff_t in, std::ptrdiff_t out) const {
    return canonical[static_cast<std::size_t>(out * inputs + in)];
  }

  std::ptrdiff_t inputs, outputs;
  Buffer<Scalar> canonical;
  Buffer<Scalar> master, transposed, first, second, gradient;
};

template <typename Scalar>
[[nodiscard]] bool same_bits(const Buffer<Scalar>& a, const Buffer<Scalar>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(Scalar)) == 0;
}

template <typename Scalar>
double tolerance(std::ptrdiff_t depth) {
  return 4 * static_cast<double>(std::numeric_limits<Scalar>::epsilon()) * (1 + static_cast<double>(depth));
}

void take_worst(double& worst, double error) { worst = error <= worst ? worst : error; }  // a NaN stays

enum class Way { plain, forward, hidden, residual, back };

template <typename Scalar>
FusedProduct<Scalar> product_of(Way way, const Rows<Scalar>& a, Panels<const Scalar> b, Rows<Scalar>& c,
                                const Buffer<Scalar>& bias, const Rows<Scalar>& mask) {
  FusedProduct<Scalar> product{.a = a.view(), .b = b, .c = c.view()};
  product.accumulate = way == Way::residual;
  if (way == Way::forward || way == Way::hidden) product.bias = bias.data();
  product.relu = way == Way::hidden;
  if (way == Way::back) product.mask = mask.view();
  return product;
}

template <typename Scalar>
void check_product(Way way, std::ptrdiff_t n, std::ptrdiff_t depth, std::ptrdiff_t columns,
                   std::ptrdiff_t padding = 3) {
  const Rows<Scalar> a(n, depth, 1, padding), mask(n, columns, 2);
  Weight<Scalar> b(depth, columns, 3);
  Rows<Scalar> c(n, columns, 7, padding);
  const Rows<Scalar> before = c;
  if (way != Way::residual) std::fill(c.values.begin(), c.values.end(), kNan<Scalar>);
  const Buffer<Scalar> bias = random_numbers<Scalar>(columns, 6);
  fused_product(product_of<Scalar>(way, a, {b.master.data(), depth, columns}, c, bias, mask), {0, n}, {0, columns});
  double worst = 0;
  bool padding_kept = true;
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    for (std::ptrdiff_t j = 0; j < columns; ++j) {
      double expected = way == Way::residual ? static_cast<double>(before.at(i, j)) : 0;
      for (std::ptrdiff_t k = 0; k < depth; ++k) {
        expected += static_cast<double>(a.at(i, k)) * static_cast<double>(b.at(k, j));
      }
      if (way == Way::forward || way == Way::hidden) expected += static_cast<double>(bias[static_cast<std::size_t>(j)]);
      if (way == Way::hidden) expected = std::max(expected, 0.0);
      if (way == Way::back && !(mask.at(i, j) > 0)) expected = 0;
      take_worst(worst, std::abs(static_cast<double>(c.at(i, j)) - expected));
    }
    for (std::ptrdiff_t j = columns; j < c.stride && i + 1 < n; ++j)
      padding_kept = padding_kept && std::isnan(c.at(i, j));
  }
  INFO("way " << static_cast<int>(way) << ", N " << n << ", depth " << depth << ", columns " << columns);
  CHECK(worst <= tolerance<Scalar>(depth));
  CHECK(padding_kept);
}

OptimizerStep<float> make_rule(float, const TrainingSettings& t, double clip) { return {t, 0.1, 5, clip}; }
OptimizerStep<double> make_rule(double, const TrainingSettings& t, double clip) { return {t, 0.1, 5, clip}; }

template <typename Scalar>
OptimizerStep<Scalar> rule_of(Optimizer optimizer, double decay, double clip = 1) {
  TrainingSettings training;
  training.optimizer = optimizer;
  training.weight_decay = decay;
  return make_rule(Scalar{}, training, clip);
}

constexpr Optimizer kOptimizers[] = {Optimizer::sgd, Optimizer::momentum, Optimizer::adam, Optimizer::adamw};

}  // namespace

TEMPLATE_TEST_CASE("a product from panels is the product, with what is fused into it", "", float, double) {
  using Scalar = TestType;
  for (const Way way : {Way::plain, Way::forward, Way::hidden, Way::residual, Way::back}) {
    for (std::ptrdiff_t n = 1; n <= 31; ++n) check_product<Scalar>(way, n, 9, 49);
    for (std::ptrdiff_t columns = 1; columns <= 70; ++columns) check_product<Scalar>(way, 5, 10, columns);
    for (const std::ptrdiff_t depth : {1, 2, 512, 783, 1024, 1025, 2100}) check_product<Scalar>(way, 15, depth, 41);
  }
}

TEMPLATE_TEST_CASE("rows a page apart give the same product from panels", "", float, double) {
  constexpr std::ptrdiff_t kPage = 4096 / sizeof(TestType);
  for (const std::ptrdiff_t depth : {kPage, std::ptrdiff_t{100}, kPage + 1}) {
    check_product<TestType>(Way::hidden, 20, depth, 40, 2 * kPage - depth);
  }
}

TEMPLATE_TEST_CASE("NaN passes ReLU", "", float, double) {
  Rows<TestType> a(2, 3, 1), c(2, 20, 2);
  Weight<TestType> b(3, 20, 3);
  a.values[1] = kNan<TestType>;
  fused_product<TestType>({.a = std::as_const(a).view(), .b = {b.master.data(), 3, 20}, .c = c.view(), .relu = true},
                          {0, 2}, {0, 20});
  CHECK(std::isnan(c.at(0, 0)));
  CHECK(std::isnan(c.at(0, 19)));
  CHECK_FALSE(std::isnan(c.at(1, 0)));
}

TEMPLATE_TEST_CASE("a weight's gradient is the product", "", float, double) {
  using Scalar = TestType;
  struct Shape {
    std::ptrdiff_t rows, in, out;
  };
  for (const Shape& s : {Shape{1, 1, 1}, Shape{5, 783, 10}, Shape{31, 40, 300}, Shape{1025, 33, 17}, Shape{2100, 5, 70},
                         Shape{512, 16, 1}}) {
    const Rows<Scalar> x(s.rows, s.in, 1), dy(s.rows, s.out, 2);
    Weight<Scalar> weight(s.in, s.out, 3);
    weight_gradient<Scalar>({dy.view(), x.view(), s.rows}, {0, s.in}, {0, s.out}, weight.panels(weight.gradient));
    const Buffer<Scalar> gradient = weight.read(weight.gradient);
    double worst = 0;
    for (std::ptrdiff_t o = 0; o < s.out; ++o) {
      for (std::ptrdiff_t i = 0; i < s.in; ++i) {
        double sum = 0;
        for (std::ptrdiff_t k = 0; k < s.rows; ++k) {
          sum += static_cast<double>(x.at(k, i)) * static_cast<double>(dy.at(k, o));
        }
        take_worst(worst, std::abs(static_cast<double>(gradient[static_cast<std::size_t>(o * s.in + i)]) - sum));
      }
    }
    INFO(s.rows << " rows, " << s.in << " in, " << s.out << " out");
    CHECK(worst <= tolerance<Scalar>(s.rows));
  }
}

TEMPLATE_TEST_CASE("an update with the product has the bits of update_slice on its gradient", "", float, double) {
  using Scalar = TestType;
  struct Case {
    double decay, clip;
  };
  for (const Optimizer optimizer : kOptimizers) {
    for (const auto [decay, clip] : {Case{0, 1}, Case{0.1, 1}, Case{0, 0.5}}) {
      for (const std::ptrdiff_t rows : {5, 1100}) {
        const std::ptrdiff_t in = 39, out = 275;
        const OptimizerStep<Scalar> rule = rule_of<Scalar>(optimizer, decay, clip);
        const Rows<Scalar> x(rows, in, 1), dy(rows, out, 2);
        const LinearGradient<Scalar> product{dy.view(), x.view(), rows};
        Weight<Scalar> fused(in, out, 3), apart(in, out, 3);
        Buffer<Scalar> parameters = fused.canonical, first = fused.read(fused.first), second = fused.read(fused.second);
        fused_update(product, rule, {0, in}, {0, out}, fused.view());
        weight_gradient(product, {0, in}, {0, out}, apart.panels(apart.gradient));
        update_weights<Scalar>(apart.gradient.data(), rule, {0, in}, {0, out}, apart.view());
        const Buffer<Scalar> gradient = apart.read(apart.gradient);
        update_slice<Scalar>(rule, ParameterRole::matrix, in * out, gradient.data(), parameters.data(), first.data(),
                             second.data());
        INFO("optimizer " << static_cast<int>(optimizer) << ", decay " << decay << ", clip " << clip << ", rows "
                          << rows);
        CHECK(same_bits(fused.master, apart.master));
        CHECK(same_bits(fused.first, apart.first));
        CHECK(same_bits(fused.second, apart.second));
        CHECK(same_bits(fused.read(fused.master), parameters));
        CHECK(same_bits(fused.read(fused.first), first));
        CHECK(same_bits(fused.read(fused.second), second));
      }
    }
  }
}

TEMPLATE_TEST_CASE("the transposed copy follows every update", "", float, double) {
  using Scalar = TestType;
  for (const Optimizer optimizer : {Optimizer::sgd, Optimizer::adam}) {
    for (const std::ptrdiff_t in : {1, 16, 45}) {
      const std::ptrdiff_t rows = 7, out = 37;
      const Rows<Scalar> x(rows, in, 1), dy(rows, out, 2);
      Weight<Scalar> weight(in, out, 3);
      fused_update(LinearGradient<Scalar>{dy.view(), x.view(), rows}, rule_of<Scalar>(optimizer, 0), {0, in}, {0, out},
                   weight.view());
      Weight<Scalar> fresh(in, out, 3);
      to_panels(weight.read(weight.master).data(), fresh.view());
      INFO("optimizer " << static_cast<int>(optimizer) << ", in " << in);
      CHECK(same_bits(fresh.transposed, weight.transposed));
      CHECK(same_bits(fresh.master, weight.master));  // what lies behind the matrix is 0 still
      CHECK_FALSE(same_bits(fresh.canonical, weight.read(weight.master)));
    }
  }
}

TEMPLATE_TEST_CASE("a cut of a product from panels changes no bit", "", float, double) {
  using Scalar = TestType;
  constexpr std::ptrdiff_t kColumns = kPanelColumns<Scalar>;
  const std::ptrdiff_t n = 45, depth = 1100, columns = 83;
  const Rows<Scalar> a(n, depth, 1), mask(n, columns, 2), start(n, columns, 7);
  Weight<Scalar> b(depth, columns, 3);
  const Buffer<Scalar> bias = random_numbers<Scalar>(columns, 6);
  RandomStream random(1, Purpose::generated_data);
  for (const Way way : {Way::plain, Way::hidden, Way::residual, Way::back}) {
    Rows<Scalar> whole = start;
    fused_product(product_of<Scalar>(way, a, {b.master.data(), depth, columns}, whole, bias, mask), {0, n},
                  {0, columns});
    for (int trial = 0; trial < 5; ++trial) {
      Rows<Scalar> cut = start;
      const auto product = product_of<Scalar>(way, a, {b.master.data(), depth, columns}, cut, bias, mask);
      for (Range rows{0, 0}; rows.end < n;) {
        rows = {rows.end, std::min(n, rows.end + 1 + static_cast<std::ptrdiff_t>(random.below(20)))};
        for (Range some{0, 0}; some.end < columns;) {
          some = {some.end,
                  std::min(columns, some.end + kColumns * (1 + static_cast<std::ptrdiff_t>(random.below(4))))};
          fused_product(product, rows, some);
        }
      }
      INFO("way " << static_cast<int>(way));
      CHECK(same_bits(cut.values, whole.values));
    }
  }
}

TEMPLATE_TEST_CASE("a cut of an update changes no bit", "", float, double) {
  using Scalar = TestType;
  constexpr std::ptrdiff_t kColumns = kPanelColumns<Scalar>;
  RandomStream random(2, Purpose::generated_data);
  for (const Optimizer optimizer : kOptimizers) {
    for (const std::ptrdiff_t rows : {19, 1100}) {
      const std::ptrdiff_t in = 45, out = 299;
      const OptimizerStep<Scalar> rule = rule_of<Scalar>(optimizer, 0);
      const Rows<Scalar> x(rows, in, 1), dy(rows, out, 2);
      const LinearGradient<Scalar> product{dy.view(), x.view(), rows};
      Weight<Scalar> whole(in, out, 3), cut(in, out, 3);
      fused_update(product, rule, {0, in}, {0, out}, whole.view());
      for (Range inputs{0, 0}; inputs.end < in;) {
        inputs = {inputs.end, std::min(in, inputs.end + kColumns * (1 + static_cast<std::ptrdiff_t>(random.below(2))))};
        for (Range some{0, 0}; some.end < out;) {
          some = {some.end, std::min(out, some.end + kColumns * (1 + static_cast<std::ptrdiff_t>(random.below(20))))};
          fused_update(product, rule, inputs, some, cut.view());
        }
      }
      INFO("optimizer " << static_cast<int>(optimizer) << ", rows " << rows);
      CHECK(same_bits(cut.master, whole.master));
      CHECK(same_bits(cut.transposed, whole.transposed));
      CHECK(same_bits(cut.first, whole.first));
      CHECK(same_bits(cut.second, whole.second));
    }
  }
}

TEMPLATE_TEST_CASE("panels read back what was written to them", "", float, double) {
  using Scalar = TestType;
  for (const std::ptrdiff_t in : {1, 16, 31, 64}) {
    for (const std::ptrdiff_t out : {1, 10, 16, 47}) {
      Weight<Scalar> weight(in, out, 3);
      INFO(in << " in, " << out << " out");
      CHECK(same_bits(weight.read(weight.master), weight.canonical));
      Weight<Scalar> mirrored(out, in, 4);  // its master is W itself where W^T is its canonical order
      Buffer<Scalar> transposed(weight.canonical.size());
      for (std::ptrdiff_t o = 0; o < out; ++o) {
        for (std::ptrdiff_t i = 0; i < in; ++i) transposed[static_cast<std::size_t>(i * out + o)] = weight.at(i, o);
      }
      to_panels(transposed.data(), mirrored.view());
      CHECK(same_bits(mirrored.master, weight.transposed));
    }
  }
}

}  // namespace stepbench::testing
