// Files as tokens: the vocabulary, the samples, the split, and what is refused.
#include <zlib.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "core/data/text.hpp"
#include "tests/data/input_error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace stepbench::testing {
namespace {

/// One file of a folder of its own.
struct TextFile {
  TemporaryFolder folder;
  std::filesystem::path path = folder.path() / "text.txt";
  explicit TextFile(const std::string& text) { write_file(path, std::span<const char>(text)); }
};

DatasetSettings settings_of(const std::filesystem::path& path, const std::string& kind = "text") {
  DatasetSettings settings;
  settings.kind = kind;
  settings.path = path.string();
  settings.validation_fraction = 0.5;
  return settings;
}

/// The tokens as text again, sample after sample.
std::string spelled(const Dataset& data, std::span<const std::int32_t> tokens) {
  std::string text;
  for (const std::int32_t token : tokens) text += data.vocabulary.at(static_cast<std::size_t>(token));
  return text;
}

std::string error_of(const std::string& text, std::int64_t context, const std::string& kind = "text") {
  const TextFile file(text);
  std::string error = input_error([&] { return load_dataset(settings_of(file.path, kind), context, {}); });
  const std::size_t at = error.find(file.path.string());
  return at == std::string::npos ? error : error.replace(at, file.path.string().size(), "FILE");
}

TEST_CASE("a text becomes samples of its next characters, and a tail too short for one is left out") {
  const TextFile file("abcdefghijklmnopqr");  // 9 for training: two samples of 4 and their targets
  const Dataset data = load_dataset(settings_of(file.path), 4, {});
  CHECK(data.features == 4);
  CHECK(data.context == 4);
  CHECK(data.outputs == 18);
  CHECK(data.train.samples == 2);
  CHECK(spelled(data, data.train.tokens) == "abcdefgh");
  CHECK(spelled(data, data.train.target_tokens) == "bcdefghi");
  CHECK(data.validation.samples == 2);
  CHECK(spelled(data, data.validation.tokens) == "jklmnopq");
  CHECK(spelled(data, data.validation.target_tokens) == "klmnopqr");
  const Dataset longer = load_dataset(settings_of(file.path), 5, {});
  CHECK(spelled(longer, longer.train.tokens) == "abcde");
  CHECK(spelled(longer, longer.train.target_tokens) == "bcdef");
}

TEST_CASE("the training part of a text is the floor of its share") {
  const TextFile file("abcdefghijk");  // 11: (1 - 0.3) * 11 = 7.7
  DatasetSettings settings = settings_of(file.path);
  settings.validation_fraction = 0.3;
  const Dataset data = load_dataset(settings, 1, {});
  CHECK(spelled(data, data.train.target_tokens) == "bcdefg");
  CHECK(spelled(data, data.validation.tokens) == "hij");
}

TEST_CASE("characters are code points, sorted, of the whole file") {
  const TextFile file("zé€\U0001F40B\nzaz");
  const Dataset data = load_dataset(settings_of(file.path), 2, {});
  CHECK(data.vocabulary == std::vector<std::string>{"\n", "a", "z", "é", "€", "\U0001F40B"});
  CHECK(spelled(data, data.train.tokens) == "zé");
  CHECK(spelled(data, data.train.target_tokens) == "é€");
}

TEST_CASE("bytes are sorted as unsigned, and any file has them") {
  const TextFile file(std::string("\xff\x00z\x80 a", 6));
  DatasetSettings settings = settings_of(file.path);
  settings.vocabulary = VocabularyKind::bytes;
  const Dataset data = load_dataset(settings, 2, {});
  CHECK(data.vocabulary == std::vector<std::string>{std::string(1, '\0'), " ", "a", "z", "\x80", "\xff"});
  CHECK(spelled(data, data.train.tokens) == std::string("\xff\x00", 2));
}

TEST_CASE("a gzipped text is the same data") {
  const std::string text = "a text that is long enough";
  const TextFile plain(text);
  const std::filesystem::path packed = plain.folder.path() / "text.gz";
  const gzFile stream = gzopen(packed.c_str(), "wb");
  REQUIRE(gzwrite(stream, text.data(), static_cast<unsigned>(text.size())) == static_cast<int>(text.size()));
  gzclose(stream);
  CHECK(load_dataset(settings_of(packed), 3, {}).digest == load_dataset(settings_of(plain.path), 3, {}).digest);
}

TEST_CASE("the digest of tokens sees the context and the vocabulary's text") {
  const TextFile first("aabbaabbaabb"), second("ccddccddccdd");
  const Dataset data = load_dataset(settings_of(first.path), 2, {}),
                other = load_dataset(settings_of(second.path), 2, {});
  REQUIRE(data.train.tokens == other.train.tokens);
  CHECK(data.digest != other.digest);
  CHECK(load_dataset(settings_of(first.path), 2, {}).digest == data.digest);
  CHECK(load_dataset(settings_of(first.path), 1, {}).digest != data.digest);
}

TEST_CASE("a cut keeps the first samples of a text") {
  const TextFile file("abcdefghijklmnopqrstuvwxyz");
  DatasetSettings settings = settings_of(file.path);
  settings.train_samples = 2;
  const Dataset data = load_dataset(settings, 3, {});
  CHECK(data.train.samples == 2);
  CHECK(spelled(data, data.train.tokens) == "abcdef");
  CHECK(spelled(data, data.train.target_tokens) == "bcdefg");
  CHECK(data.outputs == 26);
}

TEST_CASE("names are mixed whole, with line ends between them, the same way each time") {
  const TextFile file("anna\r\n\nbo\ncleo\ndan\n");
  const Dataset data = load_dataset(settings_of(file.path, "names"), 1, {});
  CHECK(data.vocabulary == std::vector<std::string>{"\n", "a", "b", "c", "d", "e", "l", "n", "o"});
  // 4 + 2 + 4 + 3 letters and 3 line ends are 16 tokens, 8 for each part; the first one of each is no target.
  std::string text = spelled(data, data.train.tokens) + spelled(data, std::span(data.train.target_tokens).last(1)) +
                     spelled(data, data.validation.tokens) +
                     spelled(data, std::span(data.validation.target_tokens).last(1));
  CHECK(text.size() == 16);
  CHECK(text != "anna\nbo\ncleo\ndan");
  std::multiset<std::string> names;
  for (text += '\n'; !text.empty(); text.erase(0, text.find('\n') + 1)) names.insert(text.substr(0, text.find('\n')));
  CHECK(names == std::multiset<std::string>{"anna", "bo", "cleo", "dan"});
  DatasetSettings other_seed = settings_of(file.path, "names");
  other_seed.seed = 99;
  CHECK(load_dataset(other_seed, 1, {}).digest == data.digest);
}

const std::string kMark = "\xEF\xBB\xBF";  // U+FEFF in UTF-8

std::string digest_of(const std::string& text, const std::string& kind,
                      VocabularyKind vocabulary = VocabularyKind::characters) {
  const TextFile file(text);
  DatasetSettings settings = settings_of(file.path, kind);
  settings.vocabulary = vocabulary;
  return load_dataset(settings, 2, {}).digest;
}

TEST_CASE("a byte order mark at the start is no part of a text or of its names, as characters or as bytes") {
  for (const std::string kind : {"text", "names"}) {
    for (const VocabularyKind vocabulary : {VocabularyKind::characters, VocabularyKind::bytes}) {
      CHECK(digest_of(kMark + "anna\nbo\ncleo\n", kind, vocabulary) == digest_of("anna\nbo\ncleo\n", kind, vocabulary));
    }
  }
  CHECK(digest_of("an" + kMark + "na\nbo\n", "text") != digest_of("anna\nbo\n", "text"));
  CHECK(error_of(kMark, 2) == "FILE: holds no text");
  CHECK(error_of(kMark, 2, "names") == "FILE: holds no names");
}

TEST_CASE("CR, CRLF and LF each end a name") {
  const std::string with_lf = digest_of("anna\nbo\ncleo\ndan\n", "names");
  CHECK(digest_of("anna\rbo\rcleo\rdan\r", "names") == with_lf);
  CHECK(digest_of("anna\r\nbo\r\ncleo\r\ndan\r\n", "names") == with_lf);
  CHECK(digest_of("anna\rbo\ncleo\r\ndan", "names") == with_lf);
}

TEST_CASE("a text keeps its line ends as they stand") {
  const TextFile file("ab\r\ncd\re");
  CHECK(load_dataset(settings_of(file.path), 2, {}).vocabulary ==
        std::vector<std::string>{"\n", "\r", "a", "b", "c", "d", "e"});
}

TEST_CASE("UTF-16 is refused by its byte order mark, unless a text is read as bytes") {
  for (const std::string& text :
       {std::string("\xff\xfe\x61\0\x0a\0\x62\0", 8), std::string("\xfe\xff\0\x61\0\x0a", 6)}) {
    const std::string error = "FILE: is UTF-16, by its byte order mark; make it UTF-8: iconv -f UTF-16 -t UTF-8";
    CHECK(error_of(text, 1) == error);
    CHECK(error_of(text, 1, "names") == error);
    const TextFile file(text);
    DatasetSettings as_bytes = settings_of(file.path);
    as_bytes.vocabulary = VocabularyKind::bytes;
    CHECK(load_dataset(as_bytes, 1, {}).vocabulary.back() == "\xff");
    as_bytes.kind = "names";
    CHECK(input_error([&] { return load_dataset(as_bytes, 1, {}); }) == file.path.string() + error.substr(4));
  }
}

TEST_CASE("a text without text is refused") {
  CHECK(error_of("", 2) == "FILE: holds no text");
  CHECK(error_of("\n\r\n\n", 2, "names") == "FILE: holds no names");
}

TEST_CASE("a text that is not there, or is a folder, is refused") {
  const TemporaryFolder folder;
  const std::string absent = (folder.path() / "absent").string();
  CHECK(input_error([&] { return load_dataset(settings_of(absent), 2, {}); }) ==
        "dataset.path: \"" + absent + "\" is not there; looked at " + absent);
  CHECK(input_error([&] { return load_dataset(settings_of(folder.path()), 2, {}); }) ==
        folder.path().string() + ": is a folder; give a text file");
}

TEST_CASE("a text cut short within its gzip is refused") {
  const std::string start("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b", 11);
  CHECK(error_of(start, 2) == "FILE: its gzip data ends too early; was the download cut short?");
}

TEST_CASE("a context longer than either part of the text is refused with the longest that fits") {
  const std::string text = "abcdefghijklmnopqrst";  // 10 and 10
  CHECK(error_of(text, 9) == "");
  CHECK(error_of(text, 10) ==
        "model.context: found \"10\", but FILE has only 10 tokens for training, allowed: at most 9");
  const TextFile file(text);
  DatasetSettings settings = settings_of(file.path);
  settings.validation_fraction = 0.2;
  CHECK(input_error([&] { return load_dataset(settings, 4, {}); }) ==
        "model.context: found \"4\", but " + file.path.string() +
            " has only 4 tokens for validation, allowed: at most 3");
}

TEST_CASE("a text of which a part holds no sample at all is refused") {
  CHECK(error_of("abc", 1) == "FILE: its text is too short: of 3 tokens, 1 are for training, and one sample needs 2");
}

TEST_CASE("bytes that are not UTF-8 are refused with their place and the way out") {
  for (const std::string bad : {"\xff", "\x80", "\xc3", "\xc3(", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
                                "\xf4\x90\x80\x80", "\xf0\x80\x80\xaf", "\xe2\x82"}) {
    CHECK(error_of("ab" + bad, 1) ==
          "FILE: is not UTF-8 at byte 2; with dataset.vocabulary = bytes any file can be read");
  }
  // Of the file, also where the names are mixed or a byte order mark is left out.
  CHECK(error_of("anna\nbo\ncleo\nd\xff\n", 1, "names") ==
        "FILE: is not UTF-8 at byte 14; with dataset.vocabulary = bytes any file can be read");
  CHECK(error_of(kMark + "ab\xff", 1) ==
        "FILE: is not UTF-8 at byte 5; with dataset.vocabulary = bytes any file can be read");
}

TEST_CASE("an MLP cannot read tokens") {
  for (const std::string kind : {"text", "names"}) {
    CHECK(error_of("abcdefgh", 0, kind) == "model.kind: found \"mlp\", but dataset.kind = " + kind +
                                               " has tokens and no features, allowed: transformer");
  }
}

}  // namespace
}  // namespace stepbench::testing
