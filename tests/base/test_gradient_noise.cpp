// The moments of gradients from the squares of micro-batches' means: planted, and by simulation unbiased.
#include <boost/math/statistics/univariate_statistics.hpp>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/gradient_noise.hpp"
#include "core/random.hpp"

namespace stepbench::testing {
namespace {

namespace statistics = boost::math::statistics;

double square_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return sum;
}

/// A mean over so many samples of |G|^2 = 14 and tr(S) = 3 * 12 = 36: uniform within 6 around each of three numbers.
std::vector<double> mean_gradient(RandomStream& stream, std::int64_t samples) {
  std::vector<double> mean(3);
  for (std::int64_t i = 0; i < samples; ++i) {
    for (std::size_t k = 0; k < mean.size(); ++k) {
      mean[k] += (static_cast<double>(k) + 1 + 12 * (stream.uniform() - 0.5)) / static_cast<double>(samples);
    }
  }
  return mean;
}

}  // namespace

TEST_CASE("moments of micro-batches of one size are those of McCandlish et al., appendix A.1") {
  const double small = 4, big = 12, square_small = (5.0 + 7.0 + 3.0) / 3, square_big = 2.5;
  GradientMomentSums sums;
  for (const double square : {5.0, 7.0, 3.0}) sums.add(small, square);
  const GradientMoments moments = sums.moments(square_big);
  CHECK(moments.square == Approx((big * square_big - small * square_small) / (big - small)));
  CHECK(moments.variance == Approx((square_small - square_big) / (1 / small - 1 / big)));
}

TEST_CASE("one micro-batch tells nothing of how gradients differ") {
  GradientMomentSums sums;
  CHECK(std::isnan(sums.moments(0).variance));
  sums.add(4, 5);
  CHECK(std::isnan(sums.moments(5).square));
  CHECK(std::isnan(sums.moments(5).variance));
}

TEST_CASE("estimates of moments are unbiased, whatever the sizes of the micro-batches") {
  constexpr int kSteps = 20000;
  RandomStream stream(1, Purpose::generated_data);
  for (const std::vector<std::int64_t>& sizes : std::vector<std::vector<std::int64_t>>{{1, 1}, {2, 2, 2}, {5, 1, 2}}) {
    std::vector<double> squares, variances;
    for (int step = 0; step < kSteps; ++step) {
      GradientMomentSums sums;
      std::vector<double> batch(3);
      double all = 0;
      for (const std::int64_t size : sizes) all += static_cast<double>(size);
      for (const std::int64_t size : sizes) {
        const std::vector<double> mean = mean_gradient(stream, size);
        sums.add(static_cast<double>(size), square_of(mean));
        for (std::size_t k = 0; k < batch.size(); ++k) batch[k] += mean[k] * static_cast<double>(size) / all;
      }
      const GradientMoments moments = sums.moments(square_of(batch));
      squares.push_back(moments.square);
      variances.push_back(moments.variance);
    }
    CAPTURE(sizes.size());
    const double error = 4 / std::sqrt(kSteps);
    CHECK(statistics::mean(squares) == Approx(14).margin(error * std::sqrt(statistics::sample_variance(squares))));
    CHECK(statistics::mean(variances) == Approx(36).margin(error * std::sqrt(statistics::sample_variance(variances))));
  }
}

}  // namespace stepbench::testing
