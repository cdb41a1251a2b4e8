#include "core/data/hdf5_dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <new>

#include "core/data/hdf5_format.hpp"
#include "core/data/hdf5_values.hpp"
#include "core/data/token_tasks.hpp"
#include "core/error.hpp"
#include "core/hdf5/hdf5.hpp"
#include "core/text/json_strings.hpp"

namespace stepbench {
namespace {

using namespace data_file;

constexpr std::int64_t kMostOutputs = std::int64_t{1} << 24;  // of tokens, and by attribute: beyond it, a mistake

/// A split, and what the other one must agree with.
struct WideSplit {
  Split split;
  std::int64_t features = 0;  // F or T
  std::int64_t outputs = 0;   // classes or tokens seen, or width of the targets
};

std::string path_of(const char* split, const char* name) { return fmt::format("{}/{}", split, name); }

hdf5::Dataset need(const hdf5::Group& root, const std::string& path) {
  if (!root.has(path)) throw InputError(fmt::format("{}/{}: there is no such data set", root.name(), path));
  return root.dataset(path);
}

std::int64_t count_up_to(const std::vector<std::int32_t>& numbers) {
  return std::int64_t{1} + *std::max_element(numbers.begin(), numbers.end());
}

/// A column, of one dimension or two.
std::vector<std::int32_t> read_labels(const hdf5::Dataset& data, const Matrix& shape) {
  if (shape.columns != 1) {
    fail_data(data, fmt::format("its shape is {}; labels are one column", shape_text(data.shape())));
  }
  return read_whole_numbers(data, 1, 0, std::numeric_limits<std::int32_t>::max(), kLabels);
}

WideSplit read_rows(const hdf5::Group& root, const char* name, std::vector<std::string>& warnings) {
  const std::string labels = path_of(name, kLabels), targets = path_of(name, kTargets);
  const bool labelled = root.has(labels);
  if (labelled && root.has(targets)) {
    throw InputError(fmt::format("{}/{}: has both labels and targets; keep one of them", root.name(), name));
  }
  const hdf5::Dataset features = need(root, path_of(name, kFeatures));
  if (!labelled && !root.has(targets)) {
    throw InputError(fmt::format("{}/{}: has neither labels nor targets", root.name(), name));
  }
  const hdf5::Dataset answers = need(root, labelled ? labels : targets);

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
    wide.outputs = count_up_to(wide.split.labels);
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

WideSplit read_sequences(const hdf5::Group& root, const char* name, std::int64_t context,
                         std::vector<std::string>& warnings) {
  const hdf5::Dataset tokens = need(root, path_of(name, kTokens)), targets = need(root, path_of(name, kTargetTokens));
  const Matrix shape = checked_shape(tokens, warnings);
  static_cast<void>(checked_shape(targets, warnings));
  if (tokens.shape().size() != 2 || targets.shape() != tokens.shape()) {
    fail_data(targets, fmt::format("its shape is {}, and that of {} is {}; both are (samples, tokens)",
                                   shape_text(targets.shape()), tokens.name(), shape_text(tokens.shape())));
  }
  if (shape.columns != context) {
    throw SettingError("model.context", fmt::format("found \"{}\", but the sequences of {} have {} tokens, allowed: {}",
                                                    context, tokens.name(), shape.columns, shape.columns));
  }
  WideSplit wide;
  wide.features = context;
  wide.split.samples = shape.rows;
  constexpr auto kLast = static_cast<std::int32_t>(kMostOutputs - 1);
  wide.split.tokens = read_whole_numbers(tokens, context, 0, kLast, "tokens");
  wide.split.target_tokens = read_whole_numbers(targets, context, kNotCounted, kLast, "targets (-1: not counted)");
  const std::vector<std::int32_t>& all = wide.split.target_tokens;
  for (auto row = all.begin(); row != all.end(); row += context) {
    if (std::count(row, row + context, kNotCounted) == context) {
      fail_data(targets, fmt::format("row {} has no target that counts", (row - all.begin()) / context));
    }
  }
  wide.outputs = std::max(count_up_to(wide.split.tokens), count_up_to(all));
  return wide;
}

/// The texts of the tokens; empty where the file has none.
std::vector<std::string> read_vocabulary(const hdf5::Group& root) {
  if (!root.has_attribute(kVocabulary)) return {};
  try {
    return strings_from_json(root.attribute_as<std::string>(kVocabulary));
  } catch (const InputError& error) {
    throw InputError(fmt::format("{} its attribute {} cannot be read: {}", root.name(), kVocabulary, error.what()));
  }
}

std::vector<std::string> numbers_below(std::int64_t count) {
  std::vector<std::string> numbers;
  for (std::int64_t number = 0; number < count; ++number) numbers.push_back(std::to_string(number));
  return numbers;
}

/// K or V as the file's attributes tell it, who may know of more than is in the file; else what was `found` in it.
std::int64_t read_outputs(const hdf5::Group& root, std::int64_t found, bool is_width, std::size_t vocabulary) {
  const auto texts = static_cast<std::int64_t>(vocabulary);
  const std::int64_t otherwise = vocabulary == 0 ? found : texts;
  const auto outputs = root.has_attribute(kOutputs) ? root.attribute_as<std::int64_t>(kOutputs) : otherwise;
  const auto differ = [&](const std::string& what) { throw InputError(fmt::format("{} {}", root.name(), what)); };
  if (is_width && outputs != found)
    differ(fmt::format("its attribute outputs is {}, but its targets have {}", outputs, found));
  if (outputs < found)
    differ(fmt::format("says that it has {} classes or tokens, but has number {}", outputs, found - 1));
  if (outputs > std::max(found, kMostOutputs))
    differ(fmt::format("its attribute outputs is {}; it is at most {}", outputs, kMostOutputs));
  if (vocabulary != 0 && texts != outputs)
    differ(fmt::format("its attribute vocabulary has {} texts for {} tokens", texts, outputs));
  return outputs;
}

Dataset read_file(const std::filesystem::path& path, const DatasetSettings& settings, std::int64_t context) {
  const hdf5::File file = hdf5::File::open(path);
  const hdf5::Group root = file.root();
  const bool sequences = root.has(path_of(kTrain, kTokens));
  if (sequences) require_sequences(settings, context);
  Dataset dataset;
  const auto read = [&](const char* name) {
    if (root.has(name)) static_cast<void>(root.group(name));  // for the reason why it is none, or leads nowhere
    if (root.has(path_of(name, kTokens)) && root.has(path_of(name, kFeatures))) {
      throw InputError(fmt::format("{}/{}: has both features and tokens; keep one of them", root.name(), name));
    }
    return sequences ? read_sequences(root, name, context, dataset.warnings) : read_rows(root, name, dataset.warnings);
  };
  WideSplit train = read(kTrain), validation = read(kValidation);
  const auto differ = [&](const std::string& what) { throw InputError(fmt::format("{}: {}", path.string(), what)); };
  if (train.split.labels.empty() != validation.split.labels.empty()) {
    differ("one of train and validation has labels and the other targets");
  }
  if (train.features != validation.features) {
    differ(fmt::format("train/features has {} features per sample, validation/features has {}", train.features,
                       validation.features));
  }
  const bool has_targets = !train.split.targets.empty();
  if (has_targets && train.outputs != validation.outputs) {
    differ(fmt::format("train/targets has {} outputs per sample, validation/targets has {}", train.outputs,
                       validation.outputs));
  }
  dataset.features = train.features;
  if (sequences) dataset.vocabulary = read_vocabulary(root);
  dataset.outputs =
      read_outputs(root, std::max(train.outputs, validation.outputs), has_targets, dataset.vocabulary.size());
  if (sequences) {
    dataset.context = context;
    if (dataset.vocabulary.empty()) dataset.vocabulary = numbers_below(dataset.outputs);
  }
  dataset.train = std::move(train.split);
  dataset.validation = std::move(validation.split);
  return dataset;
}

}  // namespace

Dataset load_hdf5_dataset(const DatasetSettings& settings, std::int64_t context, const std::filesystem::path& file) {
  try {
    return read_file(file, settings, context);
  } catch (const InputError&) {
    throw;
  } catch (const Error& error) {  // what the HDF5 layer finds wrong is, here, wrong with the user's input
    throw InputError(error.what());
  } catch (const std::bad_alloc&) {
    throw InputError(file.string() + ": is too large for the memory that is left");
  }
}

}  // namespace stepbench
