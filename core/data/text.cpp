#include "core/data/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

#include "core/data/input_stream.hpp"
#include "core/data/token_tasks.hpp"
#include "core/error.hpp"
#include "core/random.hpp"
#include "core/text/utf8.hpp"

namespace stepbench {
namespace {

constexpr std::int64_t kLargestText = std::int64_t{1} << 31;  // bytes; its tokens take eight times that
constexpr std::uint64_t kNameOrderSeed = 0;

/// A text as places in its sorted vocabulary.
struct Tokens {
  std::vector<std::int32_t> tokens;
  std::vector<std::string> vocabulary;
};

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view what) {
  throw InputError(fmt::format("{}: {}", path.string(), what));
}

std::string read_bytes(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) fail(path, "is a folder; give a text file");
  InputStream file(path);
  const auto bytes = file.read(kLargestText);
  if (static_cast<std::int64_t>(bytes.size()) == kLargestText) {
    file.fail(fmt::format("is too long: texts are below {} bytes", kLargestText));
  }
  return {bytes.begin(), bytes.end()};
}

void require_utf8(std::string_view text, const std::filesystem::path& path) {
  for (std::size_t at = 0; at < text.size();) {
    const auto found = first_code_point(text.substr(at));
    if (!found) {
      fail(path, fmt::format("is not UTF-8 at byte {}; with dataset.vocabulary = bytes any file can be read", at));
    }
    at += found->length;
  }
}

/// The file's text without a byte order mark, UTF-8 unless its vocabulary is bytes. `in_lines`: it will be cut at line
/// ends, which UTF-16 has no bytes of its own for.
std::string read_text(const std::filesystem::path& path, VocabularyKind vocabulary, bool in_lines) {
  std::string text = read_bytes(path);
  const bool as_characters = vocabulary == VocabularyKind::characters;
  const bool utf16 = text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF");
  if (utf16 && (as_characters || in_lines)) {
    fail(path, "is UTF-16, by its byte order mark; make it UTF-8: iconv -f UTF-16 -t UTF-8");
  }
  if (as_characters) require_utf8(text, path);
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  return text;
}

/// `text` is UTF-8 unless `kind` is bytes.
std::vector<std::uint32_t> symbols_of(std::string_view text, VocabularyKind kind) {
  std::vector<std::uint32_t> symbols;
  symbols.reserve(text.size());
  while (!text.empty()) {
    const CodePoint symbol = kind == VocabularyKind::bytes ? CodePoint{static_cast<unsigned char>(text.front()), 1}
                                                           : first_code_point(text).value();
    symbols.push_back(symbol.value);
    text.remove_prefix(symbol.length);
  }
  return symbols;
}

Tokens tokenise(std::string_view text, VocabularyKind kind) {
  const std::vector<std::uint32_t> symbols = symbols_of(text, kind);
  const std::uint32_t symbol_count = symbols.empty() ? 0 : *std::max_element(symbols.begin(), symbols.end()) + 1;
  std::vector<std::int32_t> places(symbol_count, -1);
  for (const std::uint32_t symbol : symbols) places[symbol] = 0;
  Tokens result;
  for (std::uint32_t symbol = 0; symbol < symbol_count; ++symbol) {
    if (places[symbol] < 0) continue;
    places[symbol] = static_cast<std::int32_t>(result.vocabulary.size());
    result.vocabulary.push_back(kind == VocabularyKind::bytes ? std::string(1, static_cast<char>(symbol))
                                                              : to_utf8(symbol));
  }
  result.tokens.reserve(symbols.size());
  for (const std::uint32_t symbol : symbols) result.tokens.push_back(places[symbol]);
  return result;
}

/// All samples of a part that has one at least.
Split cut_into_samples(std::span<const std::int32_t> part, std::int64_t context) {
  Split split;
  split.samples = (static_cast<std::int64_t>(part.size()) - 1) / context;
  const auto count = static_cast<std::size_t>(split.samples * context);
  const auto inputs = part.first(count), targets = part.subspan(1, count);
  split.tokens.assign(inputs.begin(), inputs.end());
  split.target_tokens.assign(targets.begin(), targets.end());
  return split;
}

void require_room(const std::filesystem::path& path, const char* name, std::size_t part, std::size_t other_part,
                  std::int64_t context) {
  if (part < 2) {
    throw InputError(fmt::format("{}: its text is too short: of {} tokens, {} are for {}, and one sample needs 2",
                                 path.string(), part + other_part, part, name));
  }
  if (static_cast<std::int64_t>(part) <= context) {
    throw SettingError(
        "model.context",
        fmt::format("found \"{}\", but {} has only {} tokens for {}, allowed: at most {}", context, path.string(), part,
                    name, std::max<std::size_t>(std::min(part, other_part), 2) - 1));
  }
}

Dataset make_dataset(std::string_view text, const DatasetSettings& settings, std::int64_t context,
                     const std::filesystem::path& path) {
  require_sequences(settings, context);
  if (!(settings.validation_fraction > 0 && settings.validation_fraction < 1)) {
    throw SettingError("dataset.validation_fraction",
                       fmt::format("{} found; must be above 0 and below 1", settings.validation_fraction));
  }
  Tokens text_tokens = tokenise(text, settings.vocabulary);
  const std::span<const std::int32_t> tokens(text_tokens.tokens);
  const auto train =
      static_cast<std::size_t>(std::floor((1 - settings.validation_fraction) * static_cast<double>(tokens.size())));
  require_room(path, "training", train, tokens.size() - train, context);
  require_room(path, "validation", tokens.size() - train, train, context);
  Dataset dataset;
  dataset.features = dataset.context = context;
  dataset.outputs = static_cast<std::int64_t>(text_tokens.vocabulary.size());
  dataset.vocabulary = std::move(text_tokens.vocabulary);
  dataset.train = cut_into_samples(tokens.first(train), context);
  dataset.validation = cut_into_samples(tokens.subspan(train), context);
  return dataset;
}

/// What stands between line ends (CR, LF or both), without the empty ones.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find_first_of("\r\n"));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

}  // namespace

Dataset load_text(const DatasetSettings& settings, std::int64_t context, const std::filesystem::path& file) {
  const std::string text = read_text(file, settings.vocabulary, /*in_lines=*/false);
  if (text.empty()) fail(file, "holds no text");
  return make_dataset(text, settings, context, file);
}

Dataset load_names(const DatasetSettings& settings, std::int64_t context, const std::filesystem::path& file) {
  const std::string text = read_text(file, settings.vocabulary, /*in_lines=*/true);
  const std::vector<std::string_view> names = lines_of(text);
  if (names.empty()) fail(file, "holds no names");
  std::string joined;
  joined.reserve(text.size());
  const auto order =
      permutation(static_cast<std::int64_t>(names.size()), RandomStream(kNameOrderSeed, Purpose::validation_split));
  for (const std::int64_t name : order) {
    if (!joined.empty()) joined += '\n';
    joined += names[static_cast<std::size_t>(name)];
  }
  return make_dataset(joined, settings, context, file);
}

}  // namespace stepbench
