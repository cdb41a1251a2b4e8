#include "core/data/hdf5_export.hpp"

#include <type_traits>
#include <variant>

#include "core/data/hdf5_format.hpp"
#include "core/hdf5/hdf5.hpp"
#include "core/text/json_strings.hpp"

namespace stepbench {
namespace {

using namespace data_file;

template <typename T>
hdf5::Dataset write(hdf5::Group& group, const char* name, const hdf5::Shape& shape, const std::vector<T>& values) {
  return group.create_dataset<T>(name, shape, values, "1");
}

void write_split(hdf5::Group& root, const char* name, const Dataset& dataset, const Split& split) {
  hdf5::Group group = root.create_group(name);
  const hdf5::Shape rows = {split.samples, dataset.features};
  if (!split.tokens.empty()) {
    write(group, kTokens, rows, split.tokens);
    write(group, kTargetTokens, rows, split.target_tokens);
    return;
  }
  std::visit(
      [&]<typename T>(const std::vector<T>& values) {
        hdf5::Dataset features = write(group, kFeatures, rows, values);
        if constexpr (std::is_same_v<T, std::uint8_t>) features.set_attribute(kDivisor, std::int64_t{kWhite});
      },
      split.features);
  if (!split.labels.empty()) write(group, kLabels, {split.samples}, split.labels);
  if (!split.targets.empty()) write(group, kTargets, {split.samples, dataset.outputs}, split.targets);
}

}  // namespace

std::vector<std::byte> data_image(const Dataset& dataset, const std::string& kind) {
  const hdf5::File file = hdf5::File::create_in_memory();
  {
    hdf5::Group root = file.root();
    root.set_attribute(kKind, kind);
    root.set_attribute(kDigest, dataset.digest);
    root.set_attribute(kOutputs, dataset.outputs);
    root.set_attribute(kContext, dataset.context);
    if (!dataset.vocabulary.empty()) root.set_attribute(kVocabulary, to_json(dataset.vocabulary));
    write_split(root, kTrain, dataset, dataset.train);
    write_split(root, kValidation, dataset, dataset.validation);
  }
  return file.image();
}

}  // namespace stepbench
