#include "core/data/generated.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "core/data/random_split.hpp"
#include "core/error.hpp"
#include "core/random.hpp"

namespace stepbench {
namespace {

constexpr double kSpiralTurn = 4.0;   // radians from an arm's start to its end
constexpr double kSpiralNoise = 0.2;  // standard deviation of the angle, radians
constexpr double kLargestCentre = 4.0;
constexpr std::int64_t kMostValues = std::int64_t{1} << 32;  // 32 GiB of features: beyond it, a typing error

// Indices of Purpose::generated_data: streams that must not share numbers.
constexpr std::uint64_t kSampleStream = 0;
constexpr std::uint64_t kCentreStream = 1;

/// Sample i is of class i modulo `classes`, so class sizes differ by one at most.
struct Samples {
  std::int64_t count, features, classes;
  std::vector<double> values;  // (count, features)
};

Samples empty_samples(const DatasetSettings& settings, std::int64_t features, std::int64_t default_classes) {
  const std::int64_t classes = settings.classes == 0 ? default_classes : settings.classes;
  if (classes < 2 || classes > std::numeric_limits<std::int32_t>::max()) {
    throw SettingError("dataset.classes", fmt::format("{} found; must be at least 2", classes));
  }
  if (features < 1) throw SettingError("dataset.features", fmt::format("{} found; must be at least 1", features));
  if (settings.samples < classes) {
    throw SettingError("dataset.samples",
                       fmt::format("{} found; {} classes need at least as many samples", settings.samples, classes));
  }
  if (features > kMostValues / settings.samples || features > kMostValues / classes) {
    throw SettingError("dataset.samples", fmt::format("{} samples of {} features are more than {} values in all",
                                                      settings.samples, features, kMostValues));
  }
  return {settings.samples, features, classes,
          std::vector<double>(static_cast<std::size_t>(settings.samples * features))};
}

Dataset split_samples(const Samples& samples, const DatasetSettings& settings) {
  const RandomSplit parts = split_at_random(samples.count, settings);
  const auto take = [&](std::span<const std::int64_t> part) {
    Split split;
    split.samples = static_cast<std::int64_t>(part.size());
    std::vector<double> rows;
    rows.reserve(part.size() * static_cast<std::size_t>(samples.features));
    for (const std::int64_t sample : part) {
      const double* row = samples.values.data() + sample * samples.features;
      rows.insert(rows.end(), row, row + samples.features);
      split.labels.push_back(static_cast<std::int32_t>(sample % samples.classes));
    }
    split.features = std::move(rows);
    return split;
  };
  Dataset dataset;
  dataset.features = samples.features;
  dataset.outputs = samples.classes;
  dataset.train = take(parts.train());
  dataset.validation = take(parts.validation());
  return dataset;
}

}  // namespace

Dataset generate_spirals(const DatasetSettings& settings, std::int64_t, const std::filesystem::path&) {
  constexpr std::int64_t kFeatures = 2;
  constexpr std::int64_t kDefaultClasses = 3;
  Samples samples = empty_samples(settings, kFeatures, kDefaultClasses);
  RandomStream noise(settings.seed, Purpose::generated_data, kSampleStream);
  for (std::int64_t i = 0; i < samples.count; ++i) {
    const std::int64_t arm = i % samples.classes;
    const std::int64_t place = i / samples.classes;
    const std::int64_t last_place = (samples.count - 1 - arm) / samples.classes;
    const double radius = last_place == 0 ? 1.0 : static_cast<double>(place) / static_cast<double>(last_place);
    const double start = 2 * std::numbers::pi * static_cast<double>(arm) / static_cast<double>(samples.classes);
    const double angle = start + kSpiralTurn * radius + kSpiralNoise * noise.normal();
    double* point = samples.values.data() + i * kFeatures;
    point[0] = radius * std::sin(angle);
    point[1] = radius * std::cos(angle);
  }
  return split_samples(samples, settings);
}

Dataset generate_blobs(const DatasetSettings& settings, std::int64_t, const std::filesystem::path&) {
  constexpr std::int64_t kDefaultClasses = 2;
  Samples samples = empty_samples(settings, settings.features, kDefaultClasses);
  std::vector<double> centres(static_cast<std::size_t>(samples.classes * samples.features));
  RandomStream centre_stream(settings.seed, Purpose::generated_data, kCentreStream);
  for (double& coordinate : centres) coordinate = kLargestCentre * (2 * centre_stream.uniform() - 1);
  RandomStream noise(settings.seed, Purpose::generated_data, kSampleStream);
  for (std::int64_t i = 0; i < samples.count; ++i) {
    const double* centre = centres.data() + (i % samples.classes) * samples.features;
    double* point = samples.values.data() + i * samples.features;
    for (std::int64_t f = 0; f < samples.features; ++f) point[f] = centre[f] + noise.normal();
  }
  return split_samples(samples, settings);
}

}  // namespace stepbench
