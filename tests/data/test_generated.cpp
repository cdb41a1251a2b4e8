// Generated data: the shapes and distributions that the headers promise, balance, determinism, the split.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <numbers>

#include "core/data/generated.hpp"
#include "tests/data/input_error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace stepbench::testing {
namespace {

DatasetSettings of_kind(const std::string& kind) {
  DatasetSettings settings;
  settings.kind = kind;
  return settings;
}
Dataset load(const DatasetSettings& settings) { return load_dataset(settings, 0, {}); }

struct Sample {
  std::vector<double> features;
  std::int32_t label;
  auto operator<=>(const Sample&) const = default;
};
std::vector<Sample> samples_of(const Split& split, std::int64_t features) {
  const auto& values = std::get<std::vector<double>>(split.features);
  REQUIRE(static_cast<std::int64_t>(values.size()) == split.samples * features);
  REQUIRE(static_cast<std::int64_t>(split.labels.size()) == split.samples);
  std::vector<Sample> samples;
  for (std::size_t i = 0; i < split.labels.size(); ++i) {
    const double* row = values.data() + i * static_cast<std::size_t>(features);
    samples.push_back({{row, row + features}, split.labels[i]});
  }
  return samples;
}
/// Of both splits, sorted.
std::vector<Sample> all_samples(const Dataset& data) {
  auto samples = samples_of(data.train, data.features);
  const auto validation = samples_of(data.validation, data.features);
  samples.insert(samples.end(), validation.begin(), validation.end());
  std::sort(samples.begin(), samples.end());
  return samples;
}

TEST_CASE("generated kinds have their own default number of classes") {
  CHECK(load(of_kind("spirals")).outputs == 3);
  CHECK(load(of_kind("blobs")).outputs == 2);
}

TEST_CASE("generated classes differ in size by one at most") {
  for (const std::string kind : {"spirals", "blobs"}) {
    DatasetSettings settings = of_kind(kind);
    settings.classes = 7;
    settings.samples = 100;
    std::map<std::int32_t, int> counts;
    for (const Sample& sample : all_samples(load(settings))) ++counts[sample.label];
    CAPTURE(kind, counts);
    REQUIRE(counts.size() == 7);
    for (const auto& [label, count] : counts) CHECK((count == 14 || count == 15));
  }
}

TEST_CASE("the same settings give the same data, another seed gives other data") {
  for (const std::string kind : {"spirals", "blobs"}) {
    DatasetSettings settings = of_kind(kind);
    const std::string digest = load(settings).digest;
    CHECK(load(settings).digest == digest);
    const auto samples = all_samples(load(settings));
    settings.seed = 2;
    CHECK(load(settings).digest != digest);
    CHECK(all_samples(load(settings)) != samples);  // not the split alone
  }
}

TEST_CASE("the splits are disjoint parts of samples that do not depend on the fraction") {
  for (const std::string kind : {"spirals", "blobs"}) {
    DatasetSettings settings = of_kind(kind);
    settings.samples = 200;
    const auto samples = all_samples(load(settings));
    settings.validation_fraction = 0.5;
    CHECK(all_samples(load(settings)) == samples);
    if (kind == "blobs") CHECK(std::adjacent_find(samples.begin(), samples.end()) == samples.end());
  }
}

TEST_CASE("the validation split has the floor of its fraction, but one sample at least") {
  const auto sizes = [](std::int64_t samples, double fraction) {
    DatasetSettings settings = of_kind("blobs");
    settings.samples = samples;
    settings.validation_fraction = fraction;
    const Dataset data = load(settings);
    return std::pair(data.train.samples, data.validation.samples);
  };
  CHECK(sizes(1000, 0.1) == std::pair<std::int64_t, std::int64_t>(900, 100));
  CHECK(sizes(19, 0.25) == std::pair<std::int64_t, std::int64_t>(15, 4));
  CHECK(sizes(5, 0.1) == std::pair<std::int64_t, std::int64_t>(4, 1));
  CHECK(sizes(5, 0) == std::pair<std::int64_t, std::int64_t>(4, 1));
  CHECK(sizes(5, 0.999) == std::pair<std::int64_t, std::int64_t>(1, 4));
}

TEST_CASE("both splits are drawn from all classes") {
  DatasetSettings settings = of_kind("spirals");
  settings.validation_fraction = 0.3;
  const Dataset data = load(settings);
  for (const Split* split : {&data.train, &data.validation}) {
    for (const std::int32_t label : {0, 1, 2}) {
      const double share = static_cast<double>(std::count(split->labels.begin(), split->labels.end(), label)) /
                           static_cast<double>(split->samples);
      CAPTURE(label, share);
      CHECK(std::abs(share - 1.0 / 3) < 0.14);  // five standard errors for 300 samples
    }
  }
}

TEST_CASE("the validation split of spirals comes from all along the arms") {
  // Samples are made from the inside out: without a permutation, validation would hold the arms' ends.
  const Dataset data = load(of_kind("spirals"));
  double sum = 0;
  for (const Sample& sample : samples_of(data.validation, 2)) {
    sum += std::hypot(sample.features[0], sample.features[1]);
  }
  CHECK(std::abs(sum / 100 - 0.5) < 5 * std::sqrt(1.0 / 12 / 100));
}

TEST_CASE("spirals wind by 4 radians from the origin to radius 1, with an angular noise of 0.2") {
  DatasetSettings settings = of_kind("spirals");
  settings.classes = 5;
  settings.samples = 5000;
  const Dataset data = load(settings);
  REQUIRE(data.features == 2);
  double sum = 0, squares = 0, largest = 0, radius_sum = 0;
  for (const Sample& sample : all_samples(data)) {
    const double radius = std::hypot(sample.features[0], sample.features[1]);
    const double arm = 2 * std::numbers::pi * sample.label / 5 + 4 * radius;
    const double noise = std::remainder(std::atan2(sample.features[0], sample.features[1]) - arm, 2 * std::numbers::pi);
    largest = std::max(largest, radius);
    radius_sum += radius;
    if (radius == 0) continue;
    sum += noise;
    squares += noise * noise;
  }
  CHECK(largest == Approx(1));
  CHECK(radius_sum / 5000 == Approx(0.5));
  CHECK(std::abs(sum / 5000) < 5 * 0.2 / std::sqrt(5000.0));
  CHECK(std::sqrt(squares / 5000) == Approx(0.2).epsilon(0.05));
}

TEST_CASE("blobs have centres within 4 of the origin in each feature, apart from each other, and unit spread") {
  DatasetSettings settings = of_kind("blobs");
  settings.features = 3;
  settings.classes = 4;
  settings.samples = 8000;
  const Dataset data = load(settings);
  REQUIRE(data.features == 3);
  std::map<std::int32_t, std::vector<double>> centres;
  const auto samples = all_samples(data);
  for (std::size_t f = 0; f < 3; ++f) {
    for (std::int32_t label = 0; label < 4; ++label) {
      double sum = 0, squares = 0;
      for (const Sample& sample : samples) {
        if (sample.label != label) continue;
        sum += sample.features[f];
        squares += sample.features[f] * sample.features[f];
      }
      const double mean = sum / 2000;
      CAPTURE(f, label, mean);
      CHECK(std::abs(mean) < 4 + 5 / std::sqrt(2000.0));
      CHECK(squares / 2000 - mean * mean == Approx(1).epsilon(5 * std::sqrt(2.0 / 2000)));
      centres[label].push_back(mean);
    }
  }
  for (std::int32_t label = 1; label < 4; ++label) {
    double distance = 0;
    for (std::size_t f = 0; f < 3; ++f) distance = std::hypot(distance, centres[label][f] - centres[0][f]);
    CHECK(distance > 0.5);
  }
}

TEST_CASE("generated kinds refuse settings that leave nothing to learn from") {
  struct Case {
    std::string message;
    void (*change)(DatasetSettings&);
  };
  const std::vector<Case> cases = {
      {"dataset.classes: 1 found; must be at least 2", [](DatasetSettings& s) { s.classes = 1; }},
      {"dataset.classes: -3 found; must be at least 2", [](DatasetSettings& s) { s.classes = -3; }},
      {"dataset.features: 0 found; must be at least 1", [](DatasetSettings& s) { s.features = 0; }},
      {"dataset.samples: 2 found; 3 classes need at least as many samples",
       [](DatasetSettings& s) {
         s.classes = 3;
         s.samples = 2;
       }},
      {"dataset.samples: 1099511627776 samples of 2 features are more than 4294967296 values in all",
       [](DatasetSettings& s) { s.samples = std::int64_t{1} << 40; }},
      {"dataset.validation_fraction: 1 found; must be at least 0 and below 1",
       [](DatasetSettings& s) { s.validation_fraction = 1; }},
      {"dataset.validation_fraction: -0.1 found; must be at least 0 and below 1",
       [](DatasetSettings& s) { s.validation_fraction = -0.1; }},
      {"dataset.validation_fraction: nan found; must be at least 0 and below 1",
       [](DatasetSettings& s) { s.validation_fraction = std::nan(""); }},
  };
  for (const Case& item : cases) {
    DatasetSettings settings = of_kind("blobs");
    item.change(settings);
    CHECK(input_error([&] { return load(settings); }) == item.message);
  }
}

}  // namespace
}  // namespace stepbench::testing
