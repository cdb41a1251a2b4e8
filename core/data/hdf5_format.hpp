// The file that the kind `hdf5` reads and `export-data` writes: the names in it, once for both.
//
// train/ and validation/ each hold `features` (N, F) and `labels` (N) or `targets` (N, K); or `tokens` and
// `target_tokens` (N, T), a target of -1 being one that does not count. The attributes are optional in a user's own
// file.
#pragma once

namespace stepbench::data_file {

inline constexpr const char* kTrain = "train";
inline constexpr const char* kValidation = "validation";

inline constexpr const char* kFeatures = "features";
inline constexpr const char* kLabels = "labels";
inline constexpr const char* kTargets = "targets";
inline constexpr const char* kTokens = "tokens";
inline constexpr const char* kTargetTokens = "target_tokens";

// Of uint8 features: they are pixels, and stand for themselves divided by it, which is always kWhite (dataset.hpp).
inline constexpr const char* kDivisor = "divisor";

// Of the root. K of the labels or targets, or V of the tokens: more than what happens to be in the file. The texts of
// the tokens, a JSON array of strings (core/text/json_strings.hpp).
inline constexpr const char* kOutputs = "outputs";
inline constexpr const char* kVocabulary = "vocabulary";

// Of the root, for other readers: T (0: no tokens), the kind of data set that was exported, its digest.
inline constexpr const char* kContext = "context";
inline constexpr const char* kKind = "kind";
inline constexpr const char* kDigest = "digest";

}  // namespace stepbench::data_file
