// Lists of strings as JSON: any bytes come back, and other writers' spellings are read.
#include <catch2/catch.hpp>

#include "core/error.hpp"
#include "core/text/json_strings.hpp"

namespace stepbench::testing {
namespace {

using Strings = std::vector<std::string>;

TEST_CASE("every byte, alone and in a row, comes back from JSON") {
  Strings strings = {"", std::string(1, '\0'), "\"\\/", "é€\U0001F40B", "a\xc3", "\xed\xb2\x80"};
  for (int byte = 0; byte < 256; ++byte) strings.push_back(std::string(1, static_cast<char>(byte)));
  CHECK(strings_from_json(to_json(strings)) == strings);
  CHECK(strings_from_json(to_json(Strings{})).empty());
}

TEST_CASE("JSON text keeps to UTF-8 without control characters") {
  CHECK(to_json(Strings{"a", "\n", "\"", "\\", "é", "\xff", std::string(1, '\0')}) ==
        R"(["a", "\u000a", "\"", "\\", "é", "\udcff", "\u0000"])");
}

TEST_CASE("other spellings of the same JSON are read") {
  CHECK(strings_from_json(" [ \"\\n\\t\\/\" ,\n\"\\u00E9\\ud83d\\udc0b\"\t] ") == Strings{"\n\t/", "é\U0001F40B"});
}

TEST_CASE("what is no JSON array of strings is refused") {
  for (const std::string text : {"", "[", "]", "[\"a\"", "[\"a]", "[a]", "[1]", "[\"a\",]", "[\"a\" \"b\"]", "[\"a\"]x",
                                 "[\"\\x\"]", "[\"\\u12\"]", "[\"\\ud83d\"]", "[\"\\ud83dx\"]", "[\"\\ud83d\\u0041\"]",
                                 "[\"\\udc00\"]", "[\"\n\"]", "{\"a\": 1}"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(strings_from_json(text), InputError);
  }
}

}  // namespace
}  // namespace stepbench::testing
