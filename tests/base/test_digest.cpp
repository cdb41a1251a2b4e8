// The XXH3-128 digest. The answer for no input is the xxHash project's own test vector.
#include <array>
#include <catch2/catch.hpp>
#include <cstdint>
#include <string_view>

#include "core/digest.hpp"

namespace stepbench::testing {
namespace {

std::string digest_of(std::initializer_list<std::string_view> pieces) {
  Digest digest;
  for (const std::string_view piece : pieces) digest.add(std::as_bytes(std::span(piece)));
  return digest.hex();
}

TEST_CASE("the digest of no bytes is XXH3-128's published one") {
  CHECK(digest_of({}) == "99aa06d3014798d86001c324468d497f");
}

TEST_CASE("a digest is that of all pieces joined") {
  CHECK(digest_of({"step", "", "bench"}) == digest_of({"stepbench"}));
}

TEST_CASE("a changed byte changes the digest") { CHECK(digest_of({"stepbench"}) != digest_of({"stepbencH"})); }

TEST_CASE("asking for the digest does not end it") {
  Digest digest;
  const std::string_view first = "step", second = "bench";
  digest.add(std::as_bytes(std::span(first)));
  (void)digest.hex();
  digest.add(std::as_bytes(std::span(second)));
  CHECK(digest.hex() == digest_of({"stepbench"}));
}

TEST_CASE("values are digested as their bytes") {
  const std::array<std::uint8_t, 4> bytes = {0x01, 0x02, 0x03, 0x04};
  Digest digest;
  digest.add_values(std::span<const std::uint8_t>(bytes));
  CHECK(digest.hex() == digest_of({"\x01\x02\x03\x04"}));
}

}  // namespace
}  // namespace stepbench::testing
