// What is the same for all kinds of data: finding the path, cutting the splits, the digest.
#include "core/data/dataset.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "core/digest.hpp"
#include "core/error.hpp"
#include "core/table_values.hpp"

namespace stepbench {
namespace {

std::filesystem::path find_path(const DatasetSettings& settings, std::span<const std::filesystem::path> folders) {
  if (settings.path.empty()) {
    throw SettingError("dataset.path", fmt::format("a data set of kind \"{}\" needs a path", settings.kind));
  }
  const std::filesystem::path path = settings.path;
  std::vector<std::filesystem::path> candidates;
  if (path.is_absolute()) {
    candidates.push_back(path);
  } else {
    for (const auto& folder : folders) {
      const auto candidate = (folder / path).lexically_normal();
      if (std::find(candidates.begin(), candidates.end(), candidate) == candidates.end()) {
        candidates.push_back(candidate);
      }
    }
  }
  std::string looked_at;
  for (const auto& candidate : candidates) {
    std::error_code ignored;  // a place that cannot be looked at is a place where the data is not
    if (std::filesystem::exists(candidate, ignored)) return candidate;
    looked_at += (looked_at.empty() ? "" : ", ") + candidate.string();
  }
  throw SettingError("dataset.path", fmt::format("\"{}\" is not there; looked at {}", settings.path, looked_at));
}

/// Keeps the first `wanted` samples of a split that has `outputs` columns of targets, if any.
void cut(Split& split, std::optional<std::int64_t> wanted, std::int64_t features, std::int64_t outputs,
         std::string_view name, std::string_view source) {
  if (!wanted) return;
  if (*wanted < 1 || *wanted > split.samples) {
    throw SettingError(fmt::format("dataset.{}_samples", name),
                       fmt::format("{} asked for; {} has {} {} samples", *wanted, source, split.samples, name));
  }
  split.samples = *wanted;
  const auto shorten = [](auto& values, std::int64_t size) {
    values.resize(static_cast<std::size_t>(size));
    values.shrink_to_fit();
  };
  if (split.tokens.empty()) std::visit([&](auto& values) { shorten(values, *wanted * features); }, split.features);
  if (!split.labels.empty()) shorten(split.labels, *wanted);
  if (!split.targets.empty()) shorten(split.targets, *wanted * outputs);
  if (!split.tokens.empty()) {
    shorten(split.tokens, *wanted * features);
    shorten(split.target_tokens, *wanted * features);
  }
}

/// Of the classes 0 .. K-1, those that no training sample has: they cannot be learnt, and are often a mistake in the
/// labels. Empty when there are none.
std::string missing_classes(const Dataset& dataset, std::string_view source) {
  constexpr std::size_t kNamed = 5;
  if (dataset.train.labels.empty()) return "";
  const std::set<std::int32_t> seen(dataset.train.labels.begin(), dataset.train.labels.end());
  const auto count = static_cast<std::size_t>(dataset.outputs) - seen.size();
  std::vector<std::int32_t> missing;  // the first ones
  for (std::int32_t label = 0; missing.size() < std::min(count, kNamed); ++label) {
    if (!seen.contains(label)) missing.push_back(label);
  }
  if (count == 0) return "";
  const std::string of_labels = fmt::format("of the labels 0 to {}", dataset.outputs - 1);
  const std::vector<std::int32_t>& validation = dataset.validation.labels;
  if (count == 1 && missing.front() == 0 && std::find(validation.begin(), validation.end(), 0) == validation.end()) {
    return fmt::format("{}: no sample has label 0 {}; do they count from 1?", source, of_labels);
  }
  return fmt::format("{}: no training sample has label {}{} {}", source, fmt::join(missing, ", "),
                     count > missing.size() ? fmt::format(" and {} others", count - missing.size()) : "", of_labels);
}

/// Of doubles only: floats are finite, and everything else is within their range.
std::string beyond_float32(const Dataset& dataset) {
  const auto look = [](std::span<const double> values, std::int64_t columns, const char* split, const char* name) {
    const std::optional<std::int64_t> index = first_beyond_float32(values);
    if (!index) return std::string();
    return fmt::format("{}/{}, {} is {}", split, name, place_text(*index, columns),
                       values[static_cast<std::size_t>(*index)]);
  };
  for (const auto& [split, name] : {std::pair(&dataset.train, "train"), std::pair(&dataset.validation, "validation")}) {
    std::string found;
    if (const auto* features = std::get_if<std::vector<double>>(&split->features)) {
      found = look(*features, dataset.features, name, "features");
    }
    if (found.empty()) found = look(split->targets, dataset.outputs, name, "targets");
    if (!found.empty()) return found;
  }
  return "";
}

std::string digest_of(const Dataset& dataset) {
  Digest digest;
  for (const Split* split : {&dataset.train, &dataset.validation}) {
    // The shapes and the type of the features (their place in the variant) come first, so that no two data sets with
    // the same bytes but another meaning share a digest.
    const std::array<std::int64_t, 5> shape = {split->samples, dataset.features, dataset.outputs,
                                               static_cast<std::int64_t>(split->features.index()),
                                               split->labels.empty() ? 0 : 1};
    digest.add_values(std::span<const std::int64_t>(shape));
    std::visit([&](const auto& values) { digest.add(std::as_bytes(std::span(values))); }, split->features);
    digest.add_values(std::span<const std::int32_t>(split->labels));
    digest.add_values(std::span<const double>(split->targets));
    digest.add_values(std::span<const std::int32_t>(split->tokens));
    digest.add_values(std::span<const std::int32_t>(split->target_tokens));
  }
  if (dataset.context > 0) {
    std::vector<std::int64_t> sizes = {dataset.context};
    for (const std::string& token : dataset.vocabulary) sizes.push_back(static_cast<std::int64_t>(token.size()));
    digest.add_values(std::span<const std::int64_t>(sizes));
    for (const std::string& token : dataset.vocabulary) digest.add_values(std::span<const char>(token));
  }
  return digest.hex();
}

}  // namespace

const DatasetKind* find_dataset_kind(std::string_view name) {
  for (const DatasetKind& kind : dataset_kinds()) {
    if (kind.name == name) return &kind;
  }
  return nullptr;
}

Dataset load_dataset(const DatasetSettings& settings, std::int64_t context,
                     std::span<const std::filesystem::path> folders) {
  const DatasetKind* kind = find_dataset_kind(settings.kind);
  if (kind == nullptr) {
    std::string known;
    for (const DatasetKind& row : dataset_kinds()) known.append(known.empty() ? "" : ", ").append(row.name);
    throw SettingError("dataset.kind", fmt::format("there is no \"{}\"; known are {}", settings.kind, known));
  }
  const bool reads_files = std::find(kind->keys.begin(), kind->keys.end(), "path") != kind->keys.end();
  const std::filesystem::path resolved = reads_files ? find_path(settings, folders) : std::filesystem::path();
  Dataset dataset = kind->load(settings, context, resolved);
  const std::string source = reads_files ? resolved.string() : settings.kind;
  cut(dataset.train, settings.train_samples, dataset.features, dataset.outputs, "train", source);
  cut(dataset.validation, settings.validation_samples, dataset.features, dataset.outputs, "validation", source);
  if (std::string missing = missing_classes(dataset, source); !missing.empty()) {
    dataset.warnings.push_back(std::move(missing));
  }
  dataset.beyond_float32 = beyond_float32(dataset);
  dataset.digest = digest_of(dataset);
  return dataset;
}

}  // namespace stepbench
