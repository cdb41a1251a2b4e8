#include "core/data/hdf5_values.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "core/data/hdf5_format.hpp"
#include "core/error.hpp"
#include "core/table_values.hpp"

namespace stepbench {
namespace {

using hdf5::ElementClass;

template <typename Scalar>
std::vector<Scalar> read_finite(const hdf5::Dataset& data, std::int64_t columns) {
  std::vector<Scalar> values = data.read<Scalar>();
  const auto bad = std::find_if(values.begin(), values.end(), [](Scalar value) { return !std::isfinite(value); });
  if (bad != values.end()) fail_data(data, fmt::format("{} holds {}", place_text(bad - values.begin(), columns), *bad));
  return values;
}

}  // namespace

void fail_data(const hdf5::Dataset& data, const std::string& what) { throw InputError(data.name() + ": " + what); }

std::string shape_text(const hdf5::Shape& shape) { return fmt::format("({})", fmt::join(shape, ", ")); }

Matrix checked_shape(const hdf5::Dataset& data, std::vector<std::string>& warnings) {
  const ElementClass type = data.element_class();
  if (type != ElementClass::integer && type != ElementClass::floating) fail_data(data, "does not hold numbers");
  for (std::string& gap : data.never_written()) warnings.push_back(std::move(gap));
  const hdf5::Shape shape = data.shape();
  if (shape.empty()) fail_data(data, "is a single value; its first dimension must be the samples");
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) {
    fail_data(data, fmt::format("is empty: its shape is {}", shape_text(shape)));
  }
  // A data set may claim any shape without a byte behind it, and to ask for more memory than there is ends in a kill.
  double bytes = sizeof(double);
  for (const std::int64_t extent : shape) bytes *= static_cast<double>(extent);
  if (bytes > static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE))) {
    fail_data(data, fmt::format("is too large for this machine's memory: its shape is {}", shape_text(shape)));
  }
  return {shape[0], std::accumulate(shape.begin() + 1, shape.end(), std::int64_t{1}, std::multiplies<>())};
}

Features read_features(const hdf5::Dataset& data, std::int64_t columns) {
  if (data.has_attribute(data_file::kDivisor)) {
    if (!data.is_uint8() || data.attribute(data_file::kDivisor) != hdf5::Attribute(std::int64_t{kWhite})) {
      fail_data(data, fmt::format("has an attribute divisor; known is {}, of bytes without sign", kWhite));
    }
    return data.read<std::uint8_t>();
  }
  if (data.element_class() == ElementClass::floating && data.element_bytes() == sizeof(float)) {
    return read_finite<float>(data, columns);
  }
  return read_finite<double>(data, columns);
}

std::vector<double> read_doubles(const hdf5::Dataset& data, std::int64_t columns) {
  return read_finite<double>(data, columns);
}

std::vector<std::int32_t> read_whole_numbers(const hdf5::Dataset& data, std::int64_t columns, std::int32_t low,
                                             std::int32_t high, const char* what) {
  const auto checked = [&]<typename Number>(const std::vector<Number>& values) {
    std::vector<std::int32_t> numbers;
    numbers.reserve(values.size());
    for (const Number value : values) {
      // Compared as double, which holds every int32: NaN is in no range.
      const auto exact = static_cast<double>(value);
      if (!(exact >= low && exact <= high) || exact != std::trunc(exact)) {
        fail_data(data, fmt::format("{} is {}; {} are whole numbers from {} to {}",
                                    place_text(std::ssize(numbers), columns), value, what, low, high));
      }
      numbers.push_back(static_cast<std::int32_t>(value));
    }
    return numbers;
  };
  return data.element_class() == ElementClass::floating ? checked(data.read<double>())
                                                        : checked(data.read<std::int64_t>());
}

}  // namespace stepbench
