// Fuzzes the reading of `text` and `names`. The first byte of an input says: names (bit 0), bytes as vocabulary (bit
// 1), gzipped here (bit 2), the context less 1 (bits 3 to 5), the validation fraction (bits 6 and 7). The rest is the
// file.
#include <algorithm>

#include "core/data/text.hpp"
#include "tests/fuzz/gzip.hpp"

namespace {

using namespace stepbench;

void check(const Split& split, const Dataset& dataset) {
  fuzz::require(split.samples > 0, "a split that loads has samples");
  const auto tokens = static_cast<std::size_t>(split.samples * dataset.context);
  fuzz::require(split.tokens.size() == tokens && split.target_tokens.size() == tokens,
                "samples are as long as the context");
  const auto in_vocabulary = [&](std::int32_t token) { return token >= 0 && token < dataset.outputs; };
  fuzz::require(std::all_of(split.tokens.begin(), split.tokens.end(), in_vocabulary), "tokens are in the vocabulary");
  fuzz::require(std::all_of(split.target_tokens.begin(), split.target_tokens.end(), in_vocabulary),
                "targets are in the vocabulary");
  fuzz::require(std::equal(split.tokens.begin() + 1, split.tokens.end(), split.target_tokens.begin()),
                "a target is the token that follows");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  if (size == 0) return 0;
  const std::uint8_t choice = data[0];
  const fuzz::Bytes content(data + 1, size - 1);
  const std::filesystem::path file = folder / "text";
  if ((choice & 4) != 0) {
    fuzz::write_file(file, fuzz::gzipped(content));
  } else {
    fuzz::write_file(file, content);
  }
  DatasetSettings settings;
  settings.vocabulary = (choice & 2) != 0 ? VocabularyKind::bytes : VocabularyKind::characters;
  constexpr double kFractions[] = {0.1, 0.5, 0.9, 0.001};
  settings.validation_fraction = kFractions[choice >> 6];
  const std::int64_t context = 1 + (choice >> 3 & 7);
  fuzz::reads_or_refuses(
      [&] {
        const Dataset dataset =
            (choice & 1) != 0 ? load_names(settings, context, file) : load_text(settings, context, file);
        fuzz::require(dataset.outputs == static_cast<std::int64_t>(dataset.vocabulary.size()),
                      "the vocabulary is whole");
        fuzz::require(std::is_sorted(dataset.vocabulary.begin(), dataset.vocabulary.end()), "the vocabulary is sorted");
        check(dataset.train, dataset);
        check(dataset.validation, dataset);
      },
      [&](std::string_view message) {
        return message.starts_with(file.string() + ": ") || message.starts_with("model.context: ");
      });
  return 0;
}
