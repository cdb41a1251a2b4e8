#include "core/data/hdf5_dataset.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <new>
#include <numeric>

#include "core/error.hpp"
#include "core/hdf5/hdf5.hpp"

namespace stepbench {
namespace {

using hdf5::ElementClass;

[[noreturn]] void fail(const hdf5::Dataset& data, const std::string& what) {
  throw InputError(data.name() + ": " + what);
}

std::string shape_text(const hdf5::Shape& shape) { return fmt::format("({})", fmt::join(shape, ", ")); }

/// (rows, all that is left), with at least one element, numeric, and small enough to be read.
struct Matrix {
  std::int64_t rows = 0, columns = 0;
};
Matrix checked_shape(const hdf5::Dataset& data, std::vector<std::string>& warnings) {
  const ElementClass type = data.element_class();
  if (type != ElementClass::integer && type != ElementClass::floating) fail(data, "does not hold numbers");
  for (std::string& gap : data.never_written()) warnings.push_back(std::move(gap));
  const hdf5::Shape shape = data.shape();
  if (shape.empty()) fail(data, "is a single value; its first dimension must be the samples");
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) {
    fail(data, fmt::format("is empty: its shape is {}", shape_text(shape)));
  }
  // A data set may claim any shape without a byte behind it, and to ask for more memory than there is ends in a kill.
  double bytes = sizeof(double);
  for (const std::int64_t extent : shape) bytes *= static_cast<double>(extent);
  if (bytes > static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE))) {
    fail(data, fmt::format("is too large for this machine's memory: its shape is {}", shape_text(shape)));
  }
  return {shape[0], std::accumulate(shape.begin() + 1, shape.end(), std::int64_t{1}, std::multiplies<>())};
}

template <typename Scalar>
std::vector<Scalar> read_finite(const hdf5::Dataset& data, std::int64_t columns) {
  std::vector<Scalar> values = data.read<Scalar>();
  const auto bad = std::find_if(values.begin(), values.end(), [](Scalar value) { return !std::isfinite(value); });
  if (bad != values.end()) fail(data, fmt::format("row {} holds {}", (bad - values.begin()) / columns, *bad));
  return values;
}

Features read_features(const hdf5::Dataset& data, std::int64_t columns) {
  if (data.element_class() == ElementClass::floating && data.element_bytes() == sizeof(float)) {
    return read_finite<float>(data, columns);
  }
  return read_finite<double>(data, columns);
}

std::vector<std::int32_t> read_labels(const hdf5::Dataset& data) {
  if (data.element_class() != ElementClass::integer) fail(data, "labels must be integers");
  if (data.shape().size() != 1) {
    fail(data, fmt::format("its shape is {}; labels have one dimension", shape_text(data.shape())));
  }
  const auto values = data.read<std::int64_t>();
  constexpr std::int64_t kLargest = std::numeric_limits<std::int32_t>::max();
  std::vector<std::int32_t> labels;
  labels.reserve(values.size());
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (values[row] < 0 || values[row] > kLargest) {
      fail(data, fmt::format("row {} is {}; labels are 0 to {}", row, values[row], kLargest));
    }
    labels.push_back(static_cast<std::int32_t>(values[row]));
  }
  return labels;
}

struct WideSplit {
  Split split;
  std::int64_t features = 0;
  std::int64_t outputs = 0;  // classes seen, or width of the targets
};

WideSplit read_split(const hdf5::Group& root, const std::string& name, std::vector<std::string>& warnings) {
  const auto need = [&](const std::string& path) {
    if (!root.has(path)) throw InputError(fmt::format("{}/{}: there is no such data set", root.name(), path));
    return root.dataset(path);
  };
  if (root.has(name)) static_cast<void>(root.group(name));  // for the reason why it is none, or leads nowhere
  const std::string labels_path = name + "/labels", targets_path = name + "/targets";
  const bool labelled = root.has(labels_path);
  if (labelled && root.has(targets_path)) {
    throw InputError(fmt::format("{}/{}: has both labels and targets; keep one of them", root.name(), name));
  }
  const hdf5::Dataset features = need(name + "/features");
  if (!labelled && !root.has(targets_path)) {
    throw InputError(fmt::format("{}/{}: has neither labels nor targets", root.name(), name));
  }
  const hdf5::Dataset answers = need(labelled ? labels_path : targets_path);

  const Matrix feature_shape = checked_shape(features, warnings), answer_shape = checked_shape(answers, warnings);
  if (answer_shape.rows != feature_shape.rows) {
    fail(answers, fmt::format("has {} rows, but {} has {}", answer_shape.rows, features.name(), feature_shape.rows));
  }
  WideSplit wide;
  wide.features = feature_shape.columns;
  wide.split.samples = feature_shape.rows;
  if (labelled) {
    wide.split.labels = read_labels(answers);
    wide.outputs = std::int64_t{1} + *std::max_element(wide.split.labels.begin(), wide.split.labels.end());
  } else {
    if (answers.shape().size() > 2) {
      fail(answers, fmt::format("its shape is {}; targets are (samples, outputs)", shape_text(answers.shape())));
    }
    wide.outputs = answer_shape.columns;
    wide.split.targets = read_finite<double>(answers, wide.outputs);
  }
  wide.split.features = read_features(features, wide.features);
  return wide;
}

Dataset read_file(const std::filesystem::path& path) {
  const hdf5::File file = hdf5::File::open(path);
  const hdf5::Group root = file.root();
  Dataset dataset;
  WideSplit train = read_split(root, "train", dataset.warnings),
            validation = read_split(root, "validation", dataset.warnings);
  const auto differ = [&](const std::string& what) { throw InputError(fmt::format("{}: {}", path.string(), what)); };
  if (train.split.labels.empty() != validation.split.labels.empty()) {
    differ("one of train and validation has labels and the other targets");
  }
  if (train.features != validation.features) {
    differ(fmt::format("train/features has {} features per sample, validation/features has {}", train.features,
                       validation.features));
  }
  if (train.split.labels.empty() && train.outputs != validation.outputs) {
    differ(fmt::format("train/targets has {} outputs per sample, validation/targets has {}", train.outputs,
                       validation.outputs));
  }
  dataset.features = train.features;
  dataset.outputs = std::max(train.outputs, validation.outputs);
  dataset.train = std::move(train.split);
  dataset.validation = std::move(validation.split);
  return dataset;
}

}  // namespace

Dataset load_hdf5_dataset(const DatasetSettings&, std::int64_t, const std::filesystem::path& file) {
  try {
    return read_file(file);
  } catch (const InputError&) {
    throw;
  } catch (const Error& error) {  // what the HDF5 layer finds wrong is, here, wrong with the user's input
    throw InputError(error.what());
  } catch (const std::bad_alloc&) {
    throw InputError(file.string() + ": is too large for the memory that is left");
  }
}

}  // namespace stepbench
