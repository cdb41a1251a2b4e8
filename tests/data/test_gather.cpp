// From data sets to batches.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>

#include "core/data/gather.hpp"

namespace {
// Counts the allocations of the whole test program; gather() must make none.
std::size_t allocations = 0;
}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(std::max<std::size_t>(size, 1))) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(std::max<std::size_t>(size, 1));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace stepbench::testing {
namespace {

template <typename T>
std::vector<T> list(std::span<const T> values) {
  return {values.begin(), values.end()};
}

/// All 256 pixel values as 128 samples of 2, with labels i modulo 3.
Dataset pixel_data() {
  Dataset data;
  data.features = 2;
  data.outputs = 3;
  data.train.samples = 128;
  std::vector<std::uint8_t> pixels(256);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i);
  data.train.features = pixels;
  for (std::int32_t i = 0; i < 128; ++i) data.train.labels.push_back(i % 3);
  return data;
}

/// Three samples of 2 features, with 2 targets each.
template <typename Value>
Dataset target_data() {
  Dataset data;
  data.features = data.outputs = 2;
  data.train.samples = 3;
  data.train.features = std::vector<Value>{Value(0.1), 1, 2, 3, 4, 300};
  data.train.targets = {0, 0.1, 10, 11, 20, 21};
  return data;
}

TEMPLATE_TEST_CASE("every pixel is its value divided by 255 in the scalar type", "", float, double) {
  const Dataset data = pixel_data();
  BatchGatherer<TestType> gatherer(data, 128, false);
  const auto batch = gatherer.gather(data.train, epoch_order(128, false, 1, 0));
  REQUIRE(batch.features.size() == 256);
  std::vector<TestType> expected;
  for (int pixel = 0; pixel < 256; ++pixel) {
    volatile TestType value = static_cast<TestType>(pixel);  // not for the compiler to turn into a product
    expected.push_back(value / TestType{255});
  }
  CHECK(list(batch.features) == expected);
}

TEMPLATE_TEST_CASE("features that are fetched by rows are those that are gathered at once", "", float, double) {
  const Dataset data = pixel_data();
  const std::vector<std::int64_t> order = epoch_order(100, true, 7, 0);
  BatchGatherer<TestType> whole(data, 100, false), parts(data, 100, false);
  const auto expected = whole.gather(data.train, order);
  CHECK(expected.pending == nullptr);
  const auto batch = parts.begin_gather(data.train, order);
  REQUIRE(batch.pending != nullptr);
  CHECK(list(batch.labels) == list(expected.labels));
  CHECK(list(batch.features) == std::vector<TestType>(200, TestType{0}));  // not yet
  batch.pending->fetch(40, 100);
  CHECK(batch.features[79] == 0);
  batch.pending->fetch(0, 40);
  CHECK(list(batch.features) == list(expected.features));
}

TEMPLATE_TEST_CASE("rows and labels come in the order asked for", "", float, double) {
  const Dataset data = pixel_data();
  BatchGatherer<TestType> gatherer(data, 4, false);
  const auto batch = gatherer.gather(data.train, std::array<std::int64_t, 3>{100, 0, 100});
  CHECK(batch.size == 3);
  CHECK(list(batch.labels) == std::vector<std::int32_t>{1, 0, 1});
  CHECK(batch.targets.empty());
  REQUIRE(batch.features.size() == 6);
  CHECK(batch.features[0] == TestType{200} / TestType{255});
  CHECK(batch.features[2] == 0);
  CHECK(batch.features[5] == TestType{201} / TestType{255});
}

TEMPLATE_TEST_CASE("labels become one-hot targets where targets are asked for", "", float, double) {
  const Dataset data = pixel_data();
  BatchGatherer<TestType> gatherer(data, 3, true);
  (void)gatherer.gather(data.train, std::array<std::int64_t, 3>{0, 0, 0});  // leaves ones that must be cleared
  const auto batch = gatherer.gather(data.train, std::array<std::int64_t, 3>{2, 1, 3});
  CHECK(list(batch.targets) == std::vector<TestType>{0, 0, 1, 0, 1, 0, 1, 0, 0});
  CHECK(list(batch.labels) == std::vector<std::int32_t>{2, 1, 0});
}

TEMPLATE_TEST_CASE("real features and targets stand for themselves", "", (std::pair<float, float>),
                   (std::pair<double, float>), (std::pair<float, double>), (std::pair<double, double>)) {
  using Scalar = typename TestType::first_type;
  using Value = typename TestType::second_type;
  const Dataset data = target_data<Value>();
  BatchGatherer<Scalar> gatherer(data, 2, true);
  const auto batch = gatherer.gather(data.train, std::array<std::int64_t, 2>{2, 0});
  CHECK(list(batch.features) == std::vector<Scalar>{4, 300, static_cast<Scalar>(Value(0.1)), 1});
  CHECK(list(batch.targets) == std::vector<Scalar>{20, 21, 0, static_cast<Scalar>(0.1)});
  CHECK(batch.labels.empty());
}

TEST_CASE("a short batch after a full one has its own size") {
  const Dataset data = pixel_data();
  BatchGatherer<float> gatherer(data, 4, true);
  (void)gatherer.gather(data.train, std::array<std::int64_t, 4>{0, 1, 2, 3});
  const auto batch = gatherer.gather(data.train, std::array<std::int64_t, 1>{7});
  CHECK(batch.size == 1);
  CHECK(batch.features.size() == 2);
  CHECK(batch.labels.size() == 1);
  CHECK(batch.targets.size() == 3);
}

TEST_CASE("gathering allocates nothing") {
  const Dataset pixels = pixel_data(), reals = target_data<double>();
  BatchGatherer<float> pixel_gatherer(pixels, 3, true);
  BatchGatherer<float> real_gatherer(reals, 3, true);
  const std::array<std::int64_t, 3> order = {2, 1, 0};
  const std::size_t before = allocations;
  (void)pixel_gatherer.gather(pixels.train, order);
  (void)real_gatherer.gather(reals.train, order);
  const std::size_t after = allocations;
  CHECK(after == before);
}

TEST_CASE("an order without shuffling is the identity in every epoch") {
  CHECK(epoch_order(4, false, 9, 3) == std::vector<std::int64_t>{0, 1, 2, 3});
}

TEST_CASE("a shuffled order visits every sample once") {
  auto order = epoch_order(1000, true, 1, 0);
  CHECK(order != epoch_order(1000, false, 1, 0));
  std::sort(order.begin(), order.end());
  CHECK(order == epoch_order(1000, false, 1, 0));
}

TEST_CASE("a shuffled order depends on the seed and the epoch alone") {
  const auto order = epoch_order(100, true, 1, 0);
  CHECK(epoch_order(100, true, 1, 0) == order);
  CHECK(epoch_order(100, true, 2, 0) != order);
  CHECK(epoch_order(100, true, 1, 1) != order);
}

}  // namespace
}  // namespace stepbench::testing
