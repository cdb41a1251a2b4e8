// The product that reads its operands where they lie, against a plain loop in double: every height and width of tile,
// sums that are cut, strides that conflict, and what it must not touch.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "core/buffer.hpp"
#include "core/random.hpp"
#include "variants/kernels/direct_product.hpp"

namespace stepbench::testing {
namespace {

struct Shape {
  Transpose transpose_a = Transpose::no;
  std::ptrdiff_t m, n, k;
  std::ptrdiff_t padding = 3;  // elements after each row, which are NaN
};

template <typename Scalar>
constexpr Scalar kNan = std::numeric_limits<Scalar>::quiet_NaN();

/// Rows of random numbers, with NaN between them; the last row ends with the buffer, so that an address sanitizer sees
/// what is read behind it.
template <typename Scalar>
struct Matrix {
  Matrix(std::ptrdiff_t rows, std::ptrdiff_t columns, std::ptrdiff_t padding, std::uint64_t key)
      : stride(columns + padding), values(static_cast<std::size_t>((rows - 1) * stride + columns), kNan<Scalar>) {
    RandomStream random(key, Purpose::generated_data);
    for (std::ptrdiff_t i = 0; i < rows; ++i) {
      for (std::ptrdiff_t j = 0; j < columns; ++j) {
        values[static_cast<std::size_t>(i * stride + j)] = static_cast<Scalar>(random.normal());
      }
    }
  }
  [[nodiscard]] Scalar at(std::ptrdiff_t i, std::ptrdiff_t j) const {
    return values[static_cast<std::size_t>(i * stride + j)];
  }
  [[nodiscard]] Operand<const Scalar> from(std::ptrdiff_t i, std::ptrdiff_t j) const {
    return {values.data() + i * stride + j, stride};
  }

  std::ptrdiff_t stride;
  Buffer<Scalar> values;
};

template <typename Scalar>
struct Problem {
  explicit Problem(const Shape& s)
      : shape(s),
        a(s.transpose_a == Transpose::yes ? s.k : s.m, s.transpose_a == Transpose::yes ? s.m : s.k, s.padding, 1),
        b(s.k, s.n, s.padding, 2),
        c(s.m, s.n, s.padding, 3) {}

  void multiply(Scalar alpha, Scalar beta) {
    direct_product(shape.transpose_a, shape.m, shape.n, shape.k, alpha, a.from(0, 0), b.from(0, 0), beta,
                   {c.values.data(), c.stride});
  }
  [[nodiscard]] double element(std::ptrdiff_t i, std::ptrdiff_t j) const {
    double sum = 0;
    for (std::ptrdiff_t l = 0; l < shape.k; ++l) {
      const Scalar factor = shape.transpose_a == Transpose::yes ? a.at(l, i) : a.at(i, l);
      sum += static_cast<double>(factor) * static_cast<double>(b.at(l, j));
    }
    return sum;
  }

  Shape shape;
  Matrix<Scalar> a, b, c;
};

template <typename Scalar>
void check_product(const Shape& shape, Scalar alpha, Scalar beta) {
  Problem<Scalar> problem(shape);
  const Matrix<Scalar> before = problem.c;
  if (beta == 0) {
    for (Scalar& value : problem.c.values) value = kNan<Scalar>;
  }
  problem.multiply(alpha, beta);
  const double tolerance =
      4 * static_cast<double>(std::numeric_limits<Scalar>::epsilon()) * (1 + static_cast<double>(shape.k));
  double worst = 0;
  bool padding_kept = true;
  for (std::ptrdiff_t i = 0; i < shape.m; ++i) {
    for (std::ptrdiff_t j = 0; j < shape.n; ++j) {
      const double old = beta == 0 ? 0.0 : static_cast<double>(beta) * static_cast<double>(before.at(i, j));
      const double expected = static_cast<double>(alpha) * problem.element(i, j) + old;
      const double error = std::abs(static_cast<double>(problem.c.at(i, j)) - expected);
      worst = error <= worst ? worst : error;  // a NaN stays
    }
    for (std::ptrdiff_t j = shape.n; j < problem.c.stride && i + 1 < shape.m; ++j) {
      padding_kept = padding_kept && std::isnan(problem.c.at(i, j));
    }
  }
  INFO("A " << (shape.transpose_a == Transpose::yes ? "transposed" : "as it is") << ", m " << shape.m << ", n "
            << shape.n << ", k " << shape.k << ", beta " << beta);
  CHECK(worst <= tolerance);
  CHECK(padding_kept);
}

}  // namespace

TEMPLATE_TEST_CASE("a direct product is the product", "", float, double) {
  using Scalar = TestType;
  const Transpose transpose_a = GENERATE(Transpose::no, Transpose::yes);
  for (std::ptrdiff_t m = 1; m <= 30; ++m) check_product<Scalar>({transpose_a, m, 37, 5}, 1, 0);
  for (std::ptrdiff_t n = 1; n <= 70; ++n) check_product<Scalar>({transpose_a, 15, n, 9}, 1, 1);
  for (const std::ptrdiff_t k : {1, 2, 511, 512, 513, 1024, 1025, 2100}) {
    check_product<Scalar>({transpose_a, 17, 33, k}, 1, 0);
    check_product<Scalar>({transpose_a, 17, 33, k}, Scalar(-0.25), Scalar(0.75));
  }
}

TEMPLATE_TEST_CASE("rows a page apart give the same product", "", float, double) {
  using Scalar = TestType;
  constexpr std::ptrdiff_t kPage = 4096 / sizeof(Scalar);
  for (const std::ptrdiff_t k : {kPage, kPage - 1, 2 * kPage, std::ptrdiff_t{100}}) {
    check_product<Scalar>({.m = 20, .n = 40, .k = k, .padding = 2 * kPage - k}, 1, 1);
  }
}

TEMPLATE_TEST_CASE("an element's bits do not depend on what is computed beside it", "", float, double) {
  using Scalar = TestType;
  const Transpose transpose_a = GENERATE(Transpose::no, Transpose::yes);
  Problem<Scalar> whole({transpose_a, 45, 83, 1100});
  const Matrix<Scalar> start = whole.c;
  const Scalar alpha = Scalar(-0.3), beta = Scalar(0.9);
  whole.multiply(alpha, beta);
  for (const std::ptrdiff_t rows : {1, 7, 14, 16}) {
    for (const std::ptrdiff_t columns : {1, 8, 20, 32}) {
      Matrix<Scalar> part = start;
      const std::ptrdiff_t i = 45 - rows, j = 83 - columns;
      direct_product(transpose_a, rows, columns, std::ptrdiff_t{1100}, alpha,
                     transpose_a == Transpose::yes ? whole.a.from(0, i) : whole.a.from(i, 0), whole.b.from(0, j), beta,
                     {part.values.data() + i * part.stride + j, part.stride});
      bool same = true;
      for (std::ptrdiff_t r = i; r < 45; ++r) {
        for (std::ptrdiff_t s = j; s < 83; ++s) same = same && part.at(r, s) == whole.c.at(r, s);
      }
      INFO(rows << " rows, " << columns << " columns");
      CHECK(same);
    }
  }
}

TEMPLATE_TEST_CASE("transposition puts every element in its place", "", float, double) {
  using Scalar = TestType;
  for (const std::ptrdiff_t rows : {1, 15, 16, 17, 40}) {
    for (const std::ptrdiff_t columns : {1, 16, 31, 64}) {
      const Matrix<Scalar> from(rows, columns, 2, 1);
      Matrix<Scalar> to(columns, rows, 5, 2);
      transpose<Scalar>(rows, columns, from.from(0, 0), {to.values.data(), to.stride});
      bool right = true;
      for (std::ptrdiff_t i = 0; i < rows; ++i) {
        for (std::ptrdiff_t j = 0; j < columns; ++j) right = right && to.at(j, i) == from.at(i, j);
        if (i + 1 < columns) right = right && std::isnan(to.at(i, rows));
      }
      INFO(rows << " x " << columns);
      CHECK(right);
    }
  }
}

}  // namespace stepbench::testing
