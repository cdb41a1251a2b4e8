// What a text that is one number may look like.
#include <catch2/catch.hpp>
#include <cstdint>
#include <string>

#include "core/text/number.hpp"

namespace stepbench::testing {

TEST_CASE("a text is a number where the whole of it is") {
  CHECK(parse_number<std::int64_t>("-12") == -12);
  CHECK(parse_number<double>("1.5e3") == 1500.0);
  for (const std::string text : {"", " 1", "1 ", "1x", "+1", "0x1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_number<std::int64_t>(text));
    CHECK_FALSE(parse_number<double>(text));
  }
}
TEST_CASE("a text is no number that its type does not hold") {
  CHECK_FALSE(parse_number<std::int64_t>("1.5"));
  CHECK_FALSE(parse_number<std::int64_t>("9223372036854775808"));
  CHECK_FALSE(parse_number<std::uint64_t>("-1"));
  CHECK_FALSE(parse_number<double>("1e999"));
}
TEST_CASE("a number may be asked for without an exponent") {
  CHECK(parse_number<double>("0.25", std::chars_format::fixed) == 0.25);
  CHECK_FALSE(parse_number<double>("25e-2", std::chars_format::fixed));
}

}  // namespace stepbench::testing
