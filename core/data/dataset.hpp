// A data set in memory, and the table of kinds that can be loaded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/batch.hpp"
#include "core/settings.hpp"

namespace stepbench {

inline constexpr int kWhite = 255;  // of a pixel

/// (samples, features), row-major. uint8 values are pixels and stand for value / kWhite; the others for themselves.
using Features = std::variant<std::vector<std::uint8_t>, std::vector<float>, std::vector<double>>;

/// Letters: N samples, F features, K outputs.
struct Split {
  std::int64_t samples = 0;                 // N, at least 1
  Features features;                        // (N, F)
  std::vector<std::int32_t> labels;         // (N), each in [0, K); empty where the data has targets
  std::vector<double> targets;              // (N, K); empty where the data has labels
  std::vector<std::int32_t> tokens;         // (N, T), each in [0, V); empty for data without tokens
  std::vector<std::int32_t> target_tokens;  // (N, T), each in [0, V) or kNotCounted
};

struct Dataset {
  std::int64_t features = 0;            // F: columns of the features; T of tokens
  std::int64_t outputs = 0;             // K: classes of the labels, or width of the targets; V of tokens
  std::int64_t context = 0;             // T: tokens of a sequence; 0 for data without tokens
  std::vector<std::string> vocabulary;  // (V): the text of each token, UTF-8 or with bytes as tokens that byte
  Split train;
  Split validation;
  std::string digest;                 // XXH3-128 over shapes and contents of both splits as loaded
  std::string beyond_float32;         // the first value that float32 cannot hold, and where it stands; empty: none
  std::vector<std::string> warnings;  // what to know before its numbers are believed, a line each
};

/// One row of the table of data sets. `keys` are the `dataset.*` keys (without the section) that the kind uses besides
/// `kind`, `shuffle`, `train_samples` and `validation_samples`, which all kinds have.
struct DatasetKind {
  std::string_view name;
  std::string_view summary;  // one line for `stepbench list datasets`
  std::vector<std::string_view> keys;
  /// `context`: T of the model, for data that is cut into sequences. `resolved`: empty without `path`.
  Dataset (*load)(const DatasetSettings&, std::int64_t context, const std::filesystem::path& resolved);
};
[[nodiscard]] std::span<const DatasetKind> dataset_kinds();
/// nullptr when there is no such kind.
[[nodiscard]] const DatasetKind* find_dataset_kind(std::string_view name);

/// Loads, cuts to `train_samples` and `validation_samples` (the first ones), checks and digests. A relative `path` is
/// looked up in each of `folders` in turn. Throws InputError naming the file and what is wrong with it. Warns of
/// classes without training samples. `context`: T of the model that will be trained, 0 for an MLP.
[[nodiscard]] Dataset load_dataset(const DatasetSettings& settings, std::int64_t context,
                                   std::span<const std::filesystem::path> folders);

}  // namespace stepbench
