// One build of Eigen's products: STEPBENCH_TABLE is the name of its table, and of the namespace that Eigen is in here,
// so that no two builds of a template of Eigen's have one name, of which the linker would take either.
#include "variants/tbb_eigen/functions.hpp"

#define EIGEN_DONT_PARALLELIZE
#define Eigen STEPBENCH_TABLE
#include <Eigen/Core>

namespace stepbench {
namespace {

template <typename Scalar>
using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <typename Scalar>
auto matrix(Operand<const Scalar> operand, std::ptrdiff_t rows, std::ptrdiff_t columns) {
  return Eigen::Map<const Matrix<Scalar>, 0, Eigen::OuterStride<>>(operand.data, rows, columns,
                                                                   Eigen::OuterStride<>(operand.stride));
}

template <typename Scalar>
void multiply(Transpose transpose_a, Transpose transpose_b, std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k,
              Scalar alpha, Operand<const Scalar> a, Operand<const Scalar> b, Scalar beta, Operand<Scalar> c) {
  Eigen::Map<Matrix<Scalar>, 0, Eigen::OuterStride<>> result(c.data, m, n, Eigen::OuterStride<>(c.stride));
  if (beta == 0) {
    result.setZero();
  } else if (beta != 1) {
    result *= beta;
  }
  if (transpose_a == Transpose::yes && transpose_b == Transpose::yes) {
    result.noalias() += alpha * matrix<Scalar>(a, k, m).transpose() * matrix<Scalar>(b, n, k).transpose();
  } else if (transpose_a == Transpose::yes) {
    result.noalias() += alpha * matrix<Scalar>(a, k, m).transpose() * matrix<Scalar>(b, k, n);
  } else if (transpose_b == Transpose::yes) {
    result.noalias() += alpha * matrix<Scalar>(a, m, k) * matrix<Scalar>(b, n, k).transpose();
  } else {
    result.noalias() += alpha * matrix<Scalar>(a, m, k) * matrix<Scalar>(b, k, n);
  }
}

}  // namespace

const EigenTable STEPBENCH_TABLE = {{multiply<float>}, {multiply<double>}};

}  // namespace stepbench
