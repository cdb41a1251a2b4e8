// What INI text is taken to mean, and what is refused before any key is looked at.
#include <catch2/catch.hpp>

#include "core/config/ini.hpp"
#include "core/error.hpp"

namespace stepbench::testing {
namespace {

/// The text of the one value in `[a]` with the line `line`.
std::string value_of(const std::string& line) { return parse_ini("[a]\n" + line + "\n", "x.cfg").entries.at(0).text; }

std::string error_of(std::string_view text) {
  try {
    static_cast<void>(parse_ini(text, "x.cfg"));
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("an entry has its section, key, text and line") {
  const IniFile file = parse_ini("\n[a]\nx = 1\n\n[b]\n y.z\t=  2 3 \n", "x.cfg");
  REQUIRE(file.entries.size() == 2);
  CHECK(file.entries[0].key == "a.x");
  CHECK(file.entries[0].text == "1");
  CHECK(file.entries[0].line == 3);
  CHECK(file.entries[1].key == "b.y.z");
  CHECK(file.entries[1].text == "2 3");
  CHECK(file.entries[1].line == 6);
  REQUIRE(file.sections.size() == 2);
  CHECK(file.sections[1].name == "b");
  CHECK(file.sections[1].line == 5);
}

TEST_CASE("a byte-order mark, CRLF and a missing last line end make no difference") {
  const IniFile file = parse_ini("\xEF\xBB\xBF[a]\r\nx = 1\r\ny = 2", "x.cfg");
  REQUIRE(file.entries.size() == 2);
  CHECK(file.entries[0].text == "1");
  CHECK(file.entries[1].text == "2");
}

TEST_CASE("blanks inside and comments after a section header are ignored") {
  CHECK(parse_ini("  [ a\t]  # why\nx = 1\n", "x.cfg").entries.at(0).key == "a.x");
  CHECK(parse_ini("[a] ; why\nx = 1\n", "x.cfg").entries.at(0).key == "a.x");
}

TEST_CASE("a section may be continued further down") {
  const IniFile file = parse_ini("[a]\nx = 1\n[b]\nx = 2\n[a]\ny = 3\n", "x.cfg");
  REQUIRE(file.entries.size() == 3);
  CHECK(file.entries[2].key == "a.y");
}

TEST_CASE("lines that start with # or ; are comments") {
  CHECK(parse_ini("# [b]\n; x\n[a]\n  # y = 1\n\t; z = 1\nx = 1\n", "x.cfg").entries.size() == 1);
}

TEST_CASE("# after a blank starts a comment, # within a value does not") {
  CHECK(value_of("x = 1 # why") == "1");
  CHECK(value_of("x = 1\t#why") == "1");
  CHECK(value_of("x = file:a/b.h5#tbb-t2-s1") == "file:a/b.h5#tbb-t2-s1");
  CHECK(value_of("x = file:a.h5#one # the first") == "file:a.h5#one");
}

TEST_CASE("a ; within a value belongs to it") { CHECK(value_of("x = 1 ; 2") == "1 ; 2"); }

TEST_CASE("double quotes around a value are removed, and keep blanks and # inside") {
  CHECK(value_of("x = \"a b\"") == "a b");
  CHECK(value_of("x = \" a \"") == " a ");
  CHECK(value_of("x = \"a # b\" # comment") == "a # b");
  CHECK(value_of("x = say \"a\"") == "say \"a\"");
}

TEST_CASE("only the first = separates") { CHECK(value_of("x = loss<=0.3 = y") == "loss<=0.3 = y"); }

TEST_CASE("UTF-8 values are kept") { CHECK(value_of("x = Größe 大 🙂") == "Größe 大 🙂"); }

TEST_CASE("malformed lines are named by file and line") {
  CHECK(error_of("[a]\nx 1\n") == "x.cfg:2: \"x 1\" has no \"=\", allowed: key = value");
  CHECK(error_of("[a]\nx # = 1\n") == "x.cfg:2: \"x # = 1\" has no \"=\", allowed: key = value");
  CHECK(error_of("[a]\n= 1\n") == "x.cfg:2: nothing before \"=\", allowed: key = value");
  CHECK(error_of("[a]\nx =\n") == "x.cfg:2: a.x: empty value, allowed: key = value");
  CHECK(error_of("[a]\nx = # later\n") == "x.cfg:2: a.x: empty value, allowed: key = value");
  CHECK(error_of("[a]\nx = \"\"\n") == "x.cfg:2: a.x: empty value, allowed: key = value");
  CHECK(error_of("[a]\nx = \"b\n") == "x.cfg:2: a.x: \"b has no closing quote");
  CHECK(error_of("[a]\nx = \"b\" c\n") == "x.cfg:2: a.x: \"c\" after the closing quote, allowed: a comment");
  CHECK(error_of("\n[a\nx = 1\n") == "x.cfg:2: section header \"[a\" has no closing \"]\"");
  CHECK(error_of("[a] b\n") == "x.cfg:1: \"b\" after a section header, allowed: a comment");
  CHECK(error_of("[ ]\n") == "x.cfg:1: a section header without a name");
  CHECK(error_of("x = 1\n[a]\n") == "x.cfg:1: key \"x\" stands before the first section header");
}

TEST_CASE("a key that is set twice is named with both lines") {
  CHECK(error_of("[a]\nx = 1\n[b]\nx = 1\n[a]\nx = 1\n") == "x.cfg:6: a.x: set twice, first on line 2");
}

TEST_CASE("bytes that are not text are refused with their line") {
  using namespace std::string_literals;
  CHECK(error_of("[a]\nx = 1\0\n"s) == "x.cfg:2: a NUL byte, allowed: UTF-8 text");
  CHECK(error_of("[a]\nx = \x01\n") == "x.cfg:2: a control character, allowed: UTF-8 text");
  CHECK(error_of("[a]\rx = 1\n") == "x.cfg:1: a control character, allowed: UTF-8 text");
  const std::string not_utf8 = "x.cfg:2: bytes that are not UTF-8, allowed: UTF-8 text";
  CHECK(error_of("[a]\nx = \xFF\n") == not_utf8);
  CHECK(error_of("[a]\nx = \xC3") == not_utf8);                // cut short
  CHECK(error_of("[a]\nx = \xC0\xAF\n") == not_utf8);          // overlong `/`
  CHECK(error_of("[a]\nx = \xE0\x80\xAF\n") == not_utf8);      // overlong in three bytes
  CHECK(error_of("[a]\nx = \xED\xA0\x80\n") == not_utf8);      // half a surrogate pair
  CHECK(error_of("[a]\nx = \xF4\x90\x80\x80\n") == not_utf8);  // above U+10FFFF
}

TEST_CASE("a long line is cut in the message, between characters") {
  std::string text = "[a]\n" + std::string(79, 'x');
  for (int i = 0; i < 100; ++i) text += "ß";
  CHECK(error_of(text) == "x.cfg:2: \"" + std::string(79, 'x') + "...\" has no \"=\", allowed: key = value");
}

}  // namespace stepbench::testing
