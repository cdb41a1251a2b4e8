// The random streams: known answers first (Random123's kat_vectors, and numpy.random.Philox as a second
// implementation), then the distributions. Bounds on moments are five standard errors of the mean they check.
#include <Random123/philox.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "core/random.hpp"

namespace stepbench::testing {
namespace {

using Words = std::array<std::uint64_t, 4>;

Words philox(const Words& counter, const std::array<std::uint64_t, 2>& key) {
  const auto block = r123::Philox4x64()({{counter[0], counter[1], counter[2], counter[3]}}, {{key[0], key[1]}});
  return {block[0], block[1], block[2], block[3]};
}

/// Mean and standard error of `draws` values.
struct Mean {
  double value, error;
};
Mean mean_of(int draws, const std::function<double()>& draw) {
  double sum = 0, squares = 0;
  for (int i = 0; i < draws; ++i) {
    const double value = draw();
    sum += value;
    squares += value * value;
  }
  const double mean = sum / draws;
  return {mean, std::sqrt((squares / draws - mean * mean) / draws)};
}
void check_mean(Mean mean, double expected) {
  CAPTURE(mean.value, mean.error, expected);
  CHECK(std::abs(mean.value - expected) < 5 * mean.error);
}
constexpr int kDraws = 200000;

TEST_CASE("Philox4x64-10 gives Random123's known answers") {
  constexpr std::uint64_t kOnes = ~std::uint64_t{0};
  CHECK(philox({0, 0, 0, 0}, {0, 0}) ==
        Words{0x16554d9eca36314c, 0xdb20fe9d672d0fdc, 0xd7e772cee186176b, 0x7e68b68aec7ba23b});
  CHECK(philox({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}) ==
        Words{0x87b092c3013fe90b, 0x438c3c67be8d0224, 0x9cc7d7c69cd777b6, 0xa09caebf594f0ba0});
  CHECK(philox({0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89},
               {0x452821e638d01377, 0xbe5466cf34e90c6c}) ==
        Words{0xa528f45403e61d95, 0x38c72dbd566e9788, 0xa5a1610e72fd18b5, 0x57bd43b5e52b7fe6});
}

TEST_CASE("a stream is Philox with counter (block, index, purpose, 0) and key (seed, 0)") {
  // numpy.random.Philox(counter=(0, 3, 2, 0) - 1, key=(7, 0)).random_raw(8)
  const std::array<std::uint64_t, 8> expected = {0x70c53ddd31c9eb00, 0xe2b033f5c4b59f0f, 0x368d2266211bc1e8,
                                                 0xb544116bce8f5871, 0x8f7e8c586bf56323, 0x77493cb9af2be903,
                                                 0x9fae440b45590877, 0x6698ab2b3c355b27};
  RandomStream stream(7, Purpose::sample_order, 3);
  std::array<std::uint64_t, 8> drawn{};
  for (auto& word : drawn) word = stream.next();
  CHECK(drawn == expected);
}

TEST_CASE("streams of another seed, purpose or index differ") {
  std::set<std::uint64_t> first_words;
  for (const std::uint64_t seed : {1u, 2u}) {
    for (const Purpose purpose :
         {Purpose::initial_parameters, Purpose::sample_order, Purpose::generated_data, Purpose::validation_split,
          Purpose::round_order, Purpose::sampling, Purpose::perturbation, Purpose::planned_rounds,
          Purpose::summation_order, Purpose::rounding}) {
      for (const std::uint64_t index : {0u, 1u}) first_words.insert(RandomStream(seed, purpose, index).next());
    }
  }
  CHECK(first_words.size() == 2 * 10 * 2);
}

TEST_CASE("the purposes keep their numbers, which are part of every result") {
  CHECK(static_cast<int>(Purpose::initial_parameters) == 1);
  CHECK(static_cast<int>(Purpose::sample_order) == 2);
  CHECK(static_cast<int>(Purpose::generated_data) == 3);
  CHECK(static_cast<int>(Purpose::validation_split) == 4);
  CHECK(static_cast<int>(Purpose::round_order) == 5);
  CHECK(static_cast<int>(Purpose::sampling) == 6);
  CHECK(static_cast<int>(Purpose::perturbation) == 7);
  CHECK(static_cast<int>(Purpose::planned_rounds) == 8);
  CHECK(static_cast<int>(Purpose::summation_order) == 9);
  CHECK(static_cast<int>(Purpose::rounding) == 10);
}

TEST_CASE("uniform lies from 0 to below 1 with mean 1/2 and variance 1/12") {
  RandomStream stream(1, Purpose::generated_data);
  bool inside = true;
  const auto draw = [&] {
    const double value = stream.uniform();
    inside = inside && value >= 0 && value < 1;
    return value;
  };
  check_mean(mean_of(kDraws, draw), 0.5);
  check_mean(mean_of(kDraws, [&] { return std::pow(draw() - 0.5, 2); }), 1.0 / 12);
  CHECK(inside);
}

TEST_CASE("normal has the moments of N(0, 1)") {
  RandomStream stream(2, Purpose::generated_data);
  const std::array<double, 4> moments = {0, 1, 0, 3};
  for (std::size_t power = 1; power <= moments.size(); ++power) {
    CAPTURE(power);
    check_mean(mean_of(kDraws, [&] { return std::pow(stream.normal(), static_cast<double>(power)); }),
               moments[power - 1]);
  }
}

TEST_CASE("neighbouring normal draws are uncorrelated") {
  // The two values of one Box-Muller pair share a radius.
  RandomStream stream(3, Purpose::generated_data);
  check_mean(mean_of(kDraws,
                     [&] {
                       const double first = stream.normal();
                       return first * stream.normal();
                     }),
             0);
}

TEST_CASE("below draws every value equally often") {
  RandomStream stream(4, Purpose::generated_data);
  constexpr int kValues = 7;
  std::array<int, kValues> counts{};
  for (int i = 0; i < kDraws; ++i) ++counts.at(stream.below(kValues));
  double chi_squared = 0;
  constexpr double kExpected = static_cast<double>(kDraws) / kValues;
  for (const int count : counts) chi_squared += std::pow(count - kExpected, 2) / kExpected;
  CHECK(chi_squared < 22.46);  // the 99.9% quantile for 6 degrees of freedom
}

TEST_CASE("below is unbiased where a plain remainder is not") {
  // With limit 3/4 of 2^64, a remainder would give the lowest third of the values half of all draws instead of a third.
  RandomStream stream(5, Purpose::generated_data);
  constexpr std::uint64_t kLimit = 0xC000000000000000;
  check_mean(mean_of(kDraws, [&] { return stream.below(kLimit) < kLimit / 3 ? 1.0 : 0.0; }), 1.0 / 3);
}

TEST_CASE("below 1 is 0") {
  RandomStream stream(6, Purpose::generated_data);
  for (int i = 0; i < 100; ++i) CHECK(stream.below(1) == 0);
}

TEST_CASE("a permutation holds every place once") {
  for (const std::int64_t count : {0, 1, 2, 1000}) {
    auto order = permutation(count, RandomStream(1, Purpose::sample_order));
    std::sort(order.begin(), order.end());
    REQUIRE(static_cast<std::int64_t>(order.size()) == count);
    for (std::int64_t i = 0; i < count; ++i) REQUIRE(order[static_cast<std::size_t>(i)] == i);
  }
}

TEST_CASE("all permutations of four are equally likely") {
  std::map<std::vector<std::int64_t>, int> counts;
  constexpr int kPermutations = 24000;
  for (std::uint64_t i = 0; i < kPermutations; ++i) ++counts[permutation(4, RandomStream(1, Purpose::sample_order, i))];
  CHECK(counts.size() == 24);
  double chi_squared = 0;
  for (const auto& [order, count] : counts) chi_squared += std::pow(count - 1000, 2) / 1000;
  CHECK(chi_squared < 49.73);  // the 99.9% quantile for 23 degrees of freedom
}

TEST_CASE("a permutation is the same for the same stream and another for another epoch") {
  const auto order = [](std::uint64_t epoch) {
    return permutation(100, RandomStream(1, Purpose::sample_order, epoch));
  };
  CHECK(order(0) == order(0));
  CHECK(order(0) != order(1));
}

}  // namespace
}  // namespace stepbench::testing
