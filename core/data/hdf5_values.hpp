// The values of a user's HDF5 data sets, checked as they are read: shape, type, range. Which data sets there are, and
// what they are for, is hdf5_dataset.cpp's business. All throw InputError (or Error, of HDF5 itself) naming the data
// set and, where there is one, the row.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/data/dataset.hpp"
#include "core/hdf5/hdf5.hpp"

namespace stepbench {

/// InputError for `data`, whose name comes first.
[[noreturn]] void fail_data(const hdf5::Dataset& data, const std::string& what);

/// `(3, 2)`
[[nodiscard]] std::string shape_text(const hdf5::Shape& shape);

/// (rows, all that is left), one element at least.
struct Matrix {
  std::int64_t rows = 0, columns = 0;
};

/// Of numbers that were written and fit in memory; what was written in part goes to `warnings`.
[[nodiscard]] Matrix checked_shape(const hdf5::Dataset& data, std::vector<std::string>& warnings);

/// Finite numbers, in their own precision: floats of 4 bytes stay float, bytes with the attribute `divisor` are pixels,
/// all others become double.
[[nodiscard]] Features read_features(const hdf5::Dataset& data, std::int64_t columns);

/// Finite numbers.
[[nodiscard]] std::vector<double> read_doubles(const hdf5::Dataset& data, std::int64_t columns);

/// Whole numbers from `low` to `high`, of whatever type. `what` they are, for the message: labels.
[[nodiscard]] std::vector<std::int32_t> read_whole_numbers(const hdf5::Dataset& data, std::int64_t columns,
                                                           std::int32_t low, std::int32_t high, const char* what);

}  // namespace stepbench
