// Values as text, and suggestions for mistyped names.
#include <array>
#include <catch2/catch.hpp>

#include "core/config/experiment.hpp"
#include "core/text/suggestion.hpp"
#include "core/value.hpp"

namespace stepbench::testing {

TEST_CASE("values are spelled as a config spells them") {
  CHECK(to_text(true) == "true");
  CHECK(to_text(false) == "false");
  CHECK(to_text(std::int64_t{-3}) == "-3");
  CHECK(to_text(std::string("a b")) == "a b");
  CHECK(to_text(std::vector<std::int64_t>{784, 128, 10}) == "784,128,10");
}

TEST_CASE("doubles are spelled in the shortest form that reads back the same") {
  CHECK(to_text(0.1) == "0.1");
  CHECK(to_text(1.0) == "1");
  CHECK(to_text(1e-8) == "1e-08");
  CHECK(to_text(0.1 + 0.2) == "0.30000000000000004");
  CHECK(to_text(-2.2250738585072014e-308) == "-2.2250738585072014e-308");
}

TEST_CASE("a near name is suggested") {
  constexpr std::array<std::string_view, 4> kNames = {"neuron", "blas", "tbb", "transformer"};
  CHECK(suggestion("neurom", kNames) == "; did you mean \"neuron\"?");  // replaced
  CHECK(suggestion("nuron", kNames) == "; did you mean \"neuron\"?");   // missing
  CHECK(suggestion("blass", kNames) == "; did you mean \"blas\"?");     // extra
  CHECK(suggestion("balsa", kNames) == "");                             // two off in five letters
  CHECK(suggestion("bals", kNames) == "; did you mean \"blas\"?");      // swapped
  CHECK(suggestion("TBB", kNames) == "; did you mean \"tbb\"?");
  CHECK(suggestion("tranformr", kNames) == "; did you mean \"transformer\"?");
}

TEST_CASE("nothing is suggested when no name is near") {
  constexpr std::array<std::string_view, 2> kNames = {"blas", "tbb"};
  CHECK(suggestion("cuda", kNames) == "");
  CHECK(suggestion("", kNames) == "");
  CHECK(suggestion("x", kNames) == "");
  CHECK(suggestion(std::string(100000, 'b'), kNames) == "");
  CHECK(suggestion("blas", {}) == "");
}

}  // namespace stepbench::testing
