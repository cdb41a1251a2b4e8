// The kinds `text` and `names`: a file as a stream of tokens, which are its characters or its bytes. Gzip is undone.
// Both cut each part of the stream into samples of T + 1 tokens that overlap by one: sample k covers tokens kT .. kT+T
// of its part, the first T of them the input, the last T the targets; a tail too short for a sample is left out.
// A byte order mark of UTF-8 at its start is no part of a text, and UTF-16 is refused (as bytes, a text may be
// anything). Not here: subword vocabularies, several files, other encodings, normalisation.
#pragma once

#include <filesystem>

#include "core/data/dataset.hpp"

namespace stepbench {

/// The text as it stands in the file, line ends included, its first floor((1 - validation_fraction) * tokens) tokens
/// for training. Throws InputError naming the file or the key: no text, bytes that are not UTF-8, a part too short for
/// one sample of `context` tokens.
[[nodiscard]] Dataset load_text(const DatasetSettings& settings, std::int64_t context,
                                const std::filesystem::path& file);

/// A file of one name a line, which ends with CR, LF or both (blank lines are left out): the lines, shuffled with a key
/// that no setting changes and joined by line feeds, as a text. Throws as load_text does.
[[nodiscard]] Dataset load_names(const DatasetSettings& settings, std::int64_t context,
                                 const std::filesystem::path& file);

}  // namespace stepbench
