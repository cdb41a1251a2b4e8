#include "core/data/hdf5_dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <new>

#include "core/data/hdf5_values.hpp"
#include "core/error.hpp"
#include "core/hdf5/hdf5.hpp"

namespace stepbench {
namespace {

/// A column, of one dimension or two.
std::vector<std::int32_t> read_labels(const hdf5::Dataset& data, const Matrix& shape) {
  if (shape.columns != 1) {
    fail_data(data, fmt::format("its shape is {}; labels are one column", shape_text(data.shape())));
  }
  return read_whole_numbers(data, 1, 0, std::numeric_limits<std::int32_t>::max(), "labels");
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
    fail_data(answers,
              fmt::format("has {} rows, but {} has {}", answer_shape.rows, features.name(), feature_shape.rows));
  }
  WideSplit wide;
  wide.features = feature_shape.columns;
  wide.split.samples = feature_shape.rows;
  if (labelled) {
    wide.split.labels = read_labels(answers, answer_shape);
    wide.outputs = std::int64_t{1} + *std::max_element(wide.split.labels.begin(), wide.split.labels.end());
  } else {
    if (answers.shape().size() > 2) {
      fail_data(answers, fmt::format("its shape is {}; targets are (samples, outputs)", shape_text(answers.shape())));
    }
    wide.outputs = answer_shape.columns;
    wide.split.targets = read_doubles(answers, wide.outputs);
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
