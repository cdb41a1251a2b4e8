#include "experiments/export_data.hpp"

#include <type_traits>
#include <variant>

#include "core/hdf5/hdf5.hpp"
#include "core/results/json_strings.hpp"

namespace stepbench {
namespace {

constexpr std::int64_t kWhite = 255;  // what a pixel of a uint8 is divided by

template <typename T>
hdf5::Dataset write(hdf5::Group& group, const char* name, const hdf5::Shape& shape, const std::vector<T>& values) {
  return group.create_dataset<T>(name, shape, values, "1");
}

void write_split(hdf5::Group& root, const char* name, const Dataset& dataset, const Split& split) {
  hdf5::Group group = root.create_group(name);
  const hdf5::Shape rows = {split.samples, dataset.features};
  if (!split.tokens.empty()) {
    write(group, "tokens", rows, split.tokens);
    write(group, "target_tokens", rows, split.target_tokens);
    return;
  }
  std::visit(
      [&]<typename T>(const std::vector<T>& values) {
        hdf5::Dataset features = write(group, "features", rows, values);
        if constexpr (std::is_same_v<T, std::uint8_t>) features.set_attribute("divisor", kWhite);
      },
      split.features);
  if (!split.labels.empty()) write(group, "labels", {split.samples}, split.labels);
  if (!split.targets.empty()) write(group, "targets", {split.samples, dataset.outputs}, split.targets);
}

}  // namespace

std::vector<std::byte> data_image(const Dataset& dataset, const std::string& kind) {
  const hdf5::File file = hdf5::File::create_in_memory();
  {
    hdf5::Group root = file.root();
    root.set_attribute("kind", kind);
    root.set_attribute("digest", dataset.digest);
    root.set_attribute("outputs", dataset.outputs);
    root.set_attribute("context", dataset.context);
    if (!dataset.vocabulary.empty()) root.set_attribute("vocabulary", to_json(dataset.vocabulary));
    write_split(root, "train", dataset, dataset.train);
    write_split(root, "validation", dataset, dataset.validation);
  }
  return file.image();
}

}  // namespace stepbench
