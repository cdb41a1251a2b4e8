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
#include "core/utf8.hpp"

namespace stepbench {
namespace {

constexpr std::int64_t kLargestText = std::int64_t{1} << 31;  // bytes; its tokens take eight times that
constexpr std::uint64_t kNameOrderSeed = 0;

/// A text as places in its sorted vocabulary.
struct Tokens {
  std::vector<std::int32_t> tokens;
  std::vector<std::string> vocabulary;
};

std::string read_file(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    throw InputError(fmt::format("{}: is a folder; give a text file", path.string()));
  }
  InputStream file(path);
  const auto bytes = file.read(kLargestText);
  if (static_cast<std::int64_t>(bytes.size()) == kLargestText) {
    file.fail(fmt::format("is too long: texts are below {} bytes", kLargestText));
  }
  return {bytes.begin(), bytes.end()};
}

std::vector<std::uint32_t> symbols_of(std::string_view text, VocabularyKind kind, const std::filesystem::path& path) {
  std::vector<std::uint32_t> symbols;
  symbols.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    if (kind == VocabularyKind::bytes) {
      symbols.push_back(static_cast<unsigned char>(text[at++]));
      continue;
    }
    const auto found = first_code_point(text.substr(at));
    if (!found) {
      throw InputError(fmt::format("{}: is not UTF-8 at byte {}; with dataset.vocabulary = bytes any file can be read",
                                   path.string(), at));
    }
    symbols.push_back(found->value);
    at += found->length;
  }
  return symbols;
}

Tokens tokenise(std::string_view text, VocabularyKind kind, const std::filesystem::path& path) {
  const std::vector<std::uint32_t> symbols = symbols_of(text, kind, path);
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
    throw InputError(fmt::format("model.context: found \"{}\", but {} has only {} tokens for {}, allowed: at most {}",
                                 context, path.string(), part, name,
                                 std::max<std::size_t>(std::min(part, other_part), 2) - 1));
  }
}

Dataset make_dataset(std::string_view text, const DatasetSettings& settings, std::int64_t context,
                     const std::filesystem::path& path) {
  require_sequences(settings, context);
  if (!(settings.validation_fraction > 0 && settings.validation_fraction < 1)) {
    throw InputError(fmt::format("dataset.validation_fraction: {} found; must be above 0 and below 1",
                                 settings.validation_fraction));
  }
  Tokens text_tokens = tokenise(text, settings.vocabulary, path);
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

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

}  // namespace

Dataset load_text(const DatasetSettings& settings, std::int64_t context, const std::filesystem::path& file) {
  const std::string text = read_file(file);
  if (text.empty()) throw InputError(file.string() + ": holds no text");
  return make_dataset(text, settings, context, file);
}

Dataset load_names(const DatasetSettings& settings, std::int64_t context, const std::filesystem::path& file) {
  const std::string text = read_file(file);
  const std::vector<std::string_view> names = lines_of(text);
  if (names.empty()) throw InputError(file.string() + ": holds no names");
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
