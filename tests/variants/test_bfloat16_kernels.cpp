// The kernels of bfloat16, under the instruction set in use (ctest runs all of them): rounding bit by bit, products
// against sums that have no rounding, updates against their definition.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "core/buffer.hpp"
#include "core/random.hpp"
#include "variants/kernels/bfloat16.hpp"

namespace stepbench::testing {
namespace {

constexpr std::ptrdiff_t kColumns = kPanelColumns<Bfloat16>;

/// What rounding finds: all kinds of numbers, ties among them, infinity, NaN, denormals.
std::vector<float> all_kinds(std::size_t count) {
  std::vector<float> values = {0.0F,
                               -0.0F,
                               std::numeric_limits<float>::infinity(),
                               std::numeric_limits<float>::max(),
                               std::numeric_limits<float>::quiet_NaN(),
                               std::numeric_limits<float>::denorm_min()};
  RandomStream stream(3, Purpose::generated_data);
  while (values.size() < count) {
    const auto bits = static_cast<std::uint32_t>(stream.next());
    values.push_back(__builtin_bit_cast(float, values.size() % 3 == 0 ? (bits & 0xffff0000U) | 0x8000U : bits));
  }
  values.resize(count);
  return values;
}

/// A matrix of small multiples of 1/8, whose products and sums are exact in float32.
struct Exact {
  Exact(std::ptrdiff_t row_count, std::ptrdiff_t column_count, std::uint64_t seed)
      : rows(row_count),
        columns(column_count),
        stride(bfloat16_stride(column_count)),
        elements(static_cast<std::size_t>(rows * stride),  // what lies behind a row belongs to nobody
                 to_bfloat16(std::numeric_limits<float>::quiet_NaN())) {
    RandomStream stream(seed, Purpose::generated_data);
    for (std::ptrdiff_t i = 0; i < rows; ++i) {
      for (std::ptrdiff_t j = 0; j < columns; ++j) {
        elements[static_cast<std::size_t>(i * stride + j)] =
            to_bfloat16((static_cast<float>(stream.below(33)) - 16.0F) / 8);
      }
    }
  }
  [[nodiscard]] double at(std::ptrdiff_t i, std::ptrdiff_t j) const {
    return static_cast<double>(to_float(elements[static_cast<std::size_t>(i * stride + j)]));
  }
  [[nodiscard]] Operand<const Bfloat16> operand() const { return {elements.data(), stride}; }
  std::ptrdiff_t rows, columns, stride;
  Buffer<Bfloat16> elements;
};

/// The same in panels.
Buffer<Bfloat16> in_panels(const Exact& matrix) {
  const Panels<const Bfloat16> panels{nullptr, matrix.rows, matrix.columns};
  Buffer<Bfloat16> elements(static_cast<std::size_t>(panels.size()));
  for (std::ptrdiff_t i = 0; i < matrix.rows; ++i) {
    for (std::ptrdiff_t j = 0; j < matrix.columns; ++j) {
      elements[static_cast<std::size_t>(j / kColumns * panels.stride() + i * kColumns + j % kColumns)] =
          to_bfloat16(static_cast<float>(matrix.at(i, j)));
    }
  }
  return elements;
}

/// `values` as an update in stochastic rounding stores them: an update of weights that are all -0, by SGD at a rate of
/// -1, so that weight and step come to the value itself, whatever it is. Parameters from `first` on; up to the end of
/// the last row of P, behind which there are two numbers more, not to be written.
std::vector<Bfloat16> drawn_by_update(const std::vector<float>& values, RoundingKey key, std::uint32_t first) {
  const std::ptrdiff_t rows = (std::ssize(values) + kColumns - 1) / kColumns;
  std::vector<float> gradient = values;
  gradient.resize(static_cast<std::size_t>(rows * kColumns));
  std::vector<Bfloat16> drawn(gradient.size(), to_bfloat16(-0.0F));
  drawn.resize(drawn.size() + 2, Bfloat16{0x1234});
  update_bfloat16_rows(gradient.data(), OptimizerStep<float>(TrainingSettings(), /*learning_rate=*/-1, 1, 1),
                       ParameterRole::matrix, {.stochastic = true, .key = key},
                       {first, static_cast<std::uint32_t>(kColumns), 1}, rows, {drawn.data()});
  return drawn;
}

/// As the arithmetic of an update takes it: denormals are flushed.
float flushed(float value) {
  const auto bits = __builtin_bit_cast(std::uint32_t, value);
  return (bits & 0x7f800000U) == 0 ? __builtin_bit_cast(float, bits & 0x80000000U) : value;
}

struct Shape {
  std::ptrdiff_t rows, depth, columns;
};
const std::vector<Shape> kShapes = {{1, 1, 1},    {3, 5, 16},    {7, 33, 10},    {16, 64, 48},
                                    {29, 40, 77}, {5, 1300, 33}, {40, 512, 160}, {2, 513, 130}};

}  // namespace

TEST_CASE("rounding in vectors has the bits of rounding one by one") {
  for (const std::size_t count : {1U, 7U, 16U, 33U, 1000U}) {
    const std::vector<float> values = all_kinds(count);
    std::vector<Bfloat16> rounded(count + 1, Bfloat16{0x1234});
    round_to_bfloat16(values.data(), std::ssize(values), rounded.data());
    const RoundingKey key = rounding_key(5, 6);
    const std::vector<Bfloat16> drawn = drawn_by_update(values, key, 77);
    std::vector<float> wide(count);
    widen(rounded.data(), std::ssize(values), wide.data());
    for (std::size_t i = 0; i < count; ++i) {
      REQUIRE(rounded[i] == to_bfloat16(values[i]));
      REQUIRE(drawn[i] == to_bfloat16(flushed(values[i]), rounding_bits(key, static_cast<std::uint32_t>(77 + i))));
      REQUIRE(__builtin_bit_cast(std::uint32_t, wide[i]) == std::uint32_t{rounded[i].bits} << 16U);
    }
    CHECK(rounded[count] == Bfloat16{0x1234});
    CHECK(drawn[drawn.size() - 2] == Bfloat16{0x1234});
    CHECK(drawn.back() == Bfloat16{0x1234});
  }
}

TEST_CASE("stochastic rounding is unbiased, and nearest rounding of the same numbers is not") {
  constexpr std::size_t kCount = 1'000'000;
  for (const float value : {1.0009765625F, -3.0078F, 0.0101F, 1e-20F}) {
    const std::vector<float> values(kCount, value);
    const std::vector<Bfloat16> rounded = drawn_by_update(values, rounding_key(1, 1), 0);
    double sum = 0, squares = 0;
    for (std::size_t i = 0; i < kCount; ++i) {
      const double error = static_cast<double>(to_float(rounded[i])) - static_cast<double>(value);
      sum += error;
      squares += error * error;
    }
    const double mean = sum / kCount, standard_error = std::sqrt(squares / kCount - mean * mean) / std::sqrt(kCount);
    INFO("value " << value << ", mean error " << mean << ", standard error " << standard_error);
    CHECK(standard_error > 0);
    CHECK(std::abs(mean) < 4 * standard_error);
    CHECK(std::abs(static_cast<double>(rounded_to_bfloat16(value)) - static_cast<double>(value)) > 4 * standard_error);
  }
}

TEST_CASE("rounding of numbers that differ, step after step, adds up to nothing") {
  constexpr std::size_t kCount = 100'000;
  RandomStream stream(9, Purpose::generated_data);
  std::vector<float> values(kCount);
  for (float& value : values) value = static_cast<float>(stream.normal());
  double sum = 0, squares = 0;
  for (std::int64_t step = 1; step <= 10; ++step) {
    const std::vector<Bfloat16> rounded = drawn_by_update(values, rounding_key(1, step), 0);
    for (std::size_t i = 0; i < kCount; ++i) {
      const double error = static_cast<double>(to_float(rounded[i])) - static_cast<double>(values[i]);
      sum += error;
      squares += error * error;
    }
  }
  CHECK(std::abs(sum) < 4 * std::sqrt(squares));
}

TEST_CASE("a product in bfloat16 sums in float32 and rounds once, with bias, ReLU or mask") {
  for (const Shape& shape : kShapes) {
    CAPTURE(shape.rows, shape.depth, shape.columns);
    const Exact a(shape.rows, shape.depth, 1), b(shape.depth, shape.columns, 2), mask(shape.rows, shape.columns, 3);
    const Exact bias(1, shape.columns, 4);
    const Buffer<Bfloat16> panels = in_panels(b);
    Exact rounded(shape.rows, shape.columns, 5), masked(shape.rows, shape.columns, 6);
    const std::ptrdiff_t wide_stride = activation_stride<float>(shape.columns);
    Buffer<float> wide(static_cast<std::size_t>(shape.rows * wide_stride));
    Bfloat16Product product{.a = a.operand(), .b = {panels.data(), shape.depth, shape.columns}};
    const Range rows{0, shape.rows}, columns{0, shape.columns};
    product.c = {rounded.elements.data(), rounded.stride};
    product.bias = bias.elements.data();
    product.relu = true;
    // In two parts of the columns where there are two panels.
    const std::ptrdiff_t cut = shape.columns > kColumns ? kColumns : shape.columns;
    bfloat16_product(product, rows, {0, cut});
    if (cut < shape.columns) bfloat16_product(product, rows, {cut, shape.columns});
    product.relu = false;
    product.c = {nullptr, 0};
    product.unrounded = {wide.data(), wide_stride};
    bfloat16_product(product, rows, columns);
    product.unrounded = {nullptr, 0};
    product.bias = nullptr;
    product.c = {masked.elements.data(), masked.stride};
    product.mask = mask.operand();
    bfloat16_product(product, rows, columns);
    for (std::ptrdiff_t i = 0; i < shape.rows; ++i) {
      for (std::ptrdiff_t j = 0; j < shape.columns; ++j) {
        double sum = 0;
        for (std::ptrdiff_t k = 0; k < shape.depth; ++k) sum += a.at(i, k) * b.at(k, j);
        const double z = sum + bias.at(0, j);
        REQUIRE(rounded.at(i, j) == rounded_to_bfloat16(z > 0 ? z : 0));
        REQUIRE(static_cast<double>(wide[static_cast<std::size_t>(i * wide_stride + j)]) == z);
        REQUIRE(masked.at(i, j) == rounded_to_bfloat16(mask.at(i, j) > 0 ? sum : 0));
      }
    }
  }
}

TEST_CASE("a NaN in bfloat16 goes through ReLU, so that divergence shows") {
  Exact a(2, 20, 1), c(2, 16, 2);
  const Exact b(20, 16, 3), bias(1, 16, 4);
  a.elements[3] = to_bfloat16(std::numeric_limits<float>::quiet_NaN());
  const Buffer<Bfloat16> panels = in_panels(b);
  bfloat16_product({.a = a.operand(),
                    .b = {panels.data(), 20, 16},
                    .c = {c.elements.data(), c.stride},
                    .bias = bias.elements.data(),
                    .relu = true},
                   {0, 2}, {0, 16});
  CHECK(std::isnan(c.at(0, 0)));
  CHECK_FALSE(std::isnan(c.at(1, 0)));
}

TEST_CASE("a weight's gradient of bfloat16 rows is summed in float32, and so is a bias's") {
  for (const Shape& shape : kShapes) {  // rows of the batch, inputs, outputs
    CAPTURE(shape.rows, shape.depth, shape.columns);
    const Exact x(shape.rows, shape.depth, 1), dy(shape.rows, shape.columns, 2);
    const Panels<const float> layout{nullptr, shape.depth, shape.columns};
    Buffer<float> gradient(static_cast<std::size_t>(layout.size()));
    bfloat16_gradient({dy.operand(), x.operand(), shape.rows}, {0, shape.depth}, {0, shape.columns},
                      {gradient.data(), shape.depth, shape.columns});
    std::vector<float> sums(static_cast<std::size_t>(shape.columns));
    sum_bfloat16_rows(dy.elements.data(), shape.rows, shape.columns, dy.stride, sums.data());
    for (std::ptrdiff_t j = 0; j < shape.columns; ++j) {
      double column = 0;
      for (std::ptrdiff_t b = 0; b < shape.rows; ++b) column += dy.at(b, j);
      REQUIRE(static_cast<double>(sums[static_cast<std::size_t>(j)]) == column);
      for (std::ptrdiff_t i = 0; i < shape.depth; ++i) {
        double sum = 0;
        for (std::ptrdiff_t b = 0; b < shape.rows; ++b) sum += x.at(b, i) * dy.at(b, j);
        const std::ptrdiff_t place = j / kColumns * layout.stride() + i * kColumns + j % kColumns;
        REQUIRE(static_cast<double>(gradient[static_cast<std::size_t>(place)]) == sum);
      }
    }
  }
}

namespace {

/// A weight of 40 inputs and 50 outputs under SGD at a rate that is a power of two, so that w + step has no rounding of
/// its own that an FMA could spare.
struct Updated {
  static constexpr std::ptrdiff_t kInputs = 40, kOutputs = 50, kOffset = 1000;
  explicit Updated(bool master, bool compensated)
      : values(size()),
        transposed(static_cast<std::size_t>(Panels<float>{nullptr, kOutputs, kInputs}.size())),
        compensation(compensated ? size() : 0),
        gradient(size()),
        masters(master ? size() : 0) {
    RandomStream stream(11, Purpose::generated_data);
    for (std::ptrdiff_t i = 0; i < kInputs; ++i) {
      for (std::ptrdiff_t j = 0; j < kOutputs; ++j) {
        const std::size_t p = place(i, j);
        values[p] = to_bfloat16(static_cast<float>(stream.normal()));
        gradient[p] = to_float(to_bfloat16(static_cast<float>(stream.normal() * 0.1)));
        if (master) masters[p] = to_float(values[p]);
      }
    }
  }
  static Panels<const float> panels() { return {nullptr, kInputs, kOutputs}; }
  static std::size_t size() { return static_cast<std::size_t>(panels().size()); }
  static std::size_t place(std::ptrdiff_t i, std::ptrdiff_t j) {
    return static_cast<std::size_t>(j / kColumns * panels().stride() + i * kColumns + j % kColumns);
  }
  static std::uint32_t canonical(std::ptrdiff_t i, std::ptrdiff_t j) {
    return static_cast<std::uint32_t>(kOffset + j * kInputs + i);
  }
  void step(const OptimizerStep<float>& rule, const WeightRounding& rounding) {
    const auto of = [](auto& buffer) { return buffer.empty() ? nullptr : buffer.data(); };
    const Bfloat16Weight weight{.inputs = kInputs,
                                .outputs = kOutputs,
                                .parameters = {values.data(), nullptr, nullptr, of(masters), of(compensation)},
                                .transposed = transposed.data(),
                                .places = {kOffset, 1, kInputs}};
    update_bfloat16(gradient.data(), rule, rounding, {0, 16}, {0, kOutputs}, weight);
    update_bfloat16(gradient.data(), rule, rounding, {16, kInputs}, {0, 32}, weight);
    update_bfloat16(gradient.data(), rule, rounding, {16, kInputs}, {32, kOutputs}, weight);
  }
  Buffer<Bfloat16> values, transposed, compensation;
  Buffer<float> gradient, masters;
};

}  // namespace

TEST_CASE("an update in bfloat16 is its definition, element by element, and the transposed copy follows") {
  TrainingSettings training;
  constexpr float kRate = 0x1p-6F;
  for (const bool stochastic : {false, true}) {
    for (const int kind : {0, 1, 2}) {  // nothing kept, compensation, masters
      if (kind == 2 && stochastic) continue;
      CAPTURE(stochastic, kind);
      Updated weight(kind == 2, kind == 1);
      Updated expected(kind == 2, kind == 1);
      for (std::int64_t number = 1; number <= 3; ++number) {
        const RoundingKey key = rounding_key(4, number);
        weight.step(OptimizerStep<float>(training, static_cast<double>(kRate), number, 1), {stochastic, key});
        for (std::ptrdiff_t i = 0; i < Updated::kInputs; ++i) {
          for (std::ptrdiff_t j = 0; j < Updated::kOutputs; ++j) {
            const std::size_t p = Updated::place(i, j);
            const auto rounded = [&](float value) {
              return stochastic ? to_bfloat16(value, rounding_bits(key, Updated::canonical(i, j))) : to_bfloat16(value);
            };
            const float w = to_float(expected.values[p]), step = -kRate * expected.gradient[p];
            if (kind == 2) {
              expected.masters[p] += step;
              expected.values[p] = to_bfloat16(expected.masters[p]);
              REQUIRE(weight.masters[p] == expected.masters[p]);
            } else if (kind == 1) {
              const float y = step - to_float(expected.compensation[p]);
              expected.values[p] = rounded(w + y);
              expected.compensation[p] = to_bfloat16((to_float(expected.values[p]) - w) - y);
              REQUIRE(weight.compensation[p] == expected.compensation[p]);
            } else {
              expected.values[p] = rounded(w + step);
            }
            REQUIRE(weight.values[p] == expected.values[p]);
            const Panels<const float> mirrored{nullptr, Updated::kOutputs, Updated::kInputs};
            const std::ptrdiff_t other = i / kColumns * mirrored.stride() + j * kColumns + i % kColumns;
            REQUIRE(weight.transposed[static_cast<std::size_t>(other)] == expected.values[p]);
          }
        }
      }
    }
  }
}

TEST_CASE("updates too small for bfloat16 are lost by nearest rounding, and by no other way") {
  // 2^-10 is an eighth of what 1 and the next number are apart: 256 of them make 0.25.
  TrainingSettings training;
  constexpr std::ptrdiff_t kRows = 64;
  const auto mean_after = [&](bool stochastic, bool compensated, bool master) {
    std::vector<Bfloat16> values(kRows * kColumns, to_bfloat16(1.0F)), compensation(compensated ? values.size() : 0);
    std::vector<float> gradient(values.size(), -1.0F), masters(master ? values.size() : 0, 1.0F);
    for (std::int64_t number = 1; number <= 256; ++number) {
      update_bfloat16_rows(gradient.data(), OptimizerStep<float>(training, 0x1p-10, number, 1), ParameterRole::matrix,
                           {stochastic, rounding_key(1, number)}, {0, kColumns, 1}, kRows,
                           {values.data(), nullptr, nullptr, master ? masters.data() : nullptr,
                            compensated ? compensation.data() : nullptr});
    }
    double sum = 0;
    for (const Bfloat16 value : values) sum += static_cast<double>(to_float(value));
    return sum / static_cast<double>(values.size());
  };
  CHECK(mean_after(false, false, false) == 1);
  CHECK(mean_after(true, false, false) == Approx(1.25).margin(0.01));  // of 1024 weights: a standard error of 1e-3
  CHECK(mean_after(false, true, false) == Approx(1.25).margin(0x1p-7));
  CHECK(mean_after(true, true, false) == Approx(1.25).margin(0.01));
  CHECK(mean_after(false, false, true) == 1.25);
}

TEST_CASE("Adam's and momentum's steps of bfloat16 weights are those of float32 ones") {
  for (const Optimizer optimizer : {Optimizer::momentum, Optimizer::adam, Optimizer::adamw}) {
    TrainingSettings training;
    training.optimizer = optimizer;
    training.weight_decay = 0.01;
    constexpr std::ptrdiff_t kCount = 5 * kColumns;
    RandomStream stream(12, Purpose::generated_data);
    std::vector<float> gradient(kCount), masters(kCount), first(kCount), second(kCount);
    for (std::size_t i = 0; i < kCount; ++i) {
      masters[i] = static_cast<float>(stream.normal());
      gradient[i] = static_cast<float>(stream.normal());
    }
    std::vector<float> parameters = masters, first32 = first, second32 = second;
    std::vector<Bfloat16> values(kCount);
    for (std::int64_t number = 1; number <= 4; ++number) {
      const OptimizerStep<float> rule(training, 0.01, number, 0.5);
      update_slice(rule, ParameterRole::matrix, kCount, gradient.data(), parameters.data(), first32.data(),
                   second32.data());
      update_bfloat16_rows(gradient.data(), rule, ParameterRole::matrix, {}, {0, kColumns, 1}, 5,
                           {values.data(), first.data(), second.data(), masters.data(), nullptr});
    }
    for (std::size_t i = 0; i < kCount; ++i) {
      REQUIRE(masters[i] == Approx(parameters[i]).epsilon(1e-5).margin(1e-6));
      REQUIRE(values[i] == to_bfloat16(masters[i]));
    }
  }
}

}  // namespace stepbench::testing
