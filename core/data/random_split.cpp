#include "core/data/random_split.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "core/random.hpp"

namespace stepbench {

RandomSplit split_at_random(std::int64_t count, const DatasetSettings& settings) {
  if (!(settings.validation_fraction >= 0 && settings.validation_fraction < 1)) {
    throw SettingError("dataset.validation_fraction",
                       fmt::format("{} found; must be at least 0 and below 1", settings.validation_fraction));
  }
  const auto validation = std::max<std::int64_t>(
      1, static_cast<std::int64_t>(std::floor(settings.validation_fraction * static_cast<double>(count))));
  return {permutation(count, RandomStream(settings.seed, Purpose::validation_split)),
          static_cast<std::size_t>(count - validation)};
}

}  // namespace stepbench
