// A config's [expect], and what --set does to it.
#include <catch2/catch.hpp>

#include "tests/config/config_fixture.hpp"

namespace stepbench::testing {
namespace {

using Catch::Contains;

constexpr std::string_view kExpect =
    "[expect]\n"                                  // 11
    "learns = best_validation_accuracy >= 0.9\n"  // 12
    "learns.tolerance = 0.02\n"                   // 13
    "learns.published = Nobody 1900, Table 1: 0.95; see also \"there\" # not here\n";

}  // namespace

TEST_CASE("an expectation has its claim, its tolerance and where it is published") {
  const Experiment experiment = load_with(kExpect);
  REQUIRE(experiment.expectations.size() == 1);
  const Expectation& expectation = experiment.expectations[0];
  CHECK(expectation.name == "learns");
  CHECK(expectation.claim == "best_validation_accuracy >= 0.9");
  CHECK(expectation.low == Approx(0.88));
  CHECK(expectation.published == "Nobody 1900, Table 1: 0.95; see also \"there\"");
}

TEST_CASE("a config without the section expects nothing") { CHECK(load_with("").expectations.empty()); }

TEST_CASE("an override adds, replaces and takes away") {
  const Experiment experiment = load_with(
      kExpect, {"expect.learns=final_train_loss <= 2", "expect.learns.published=", "expect.more=gradient_error <= 1"});
  REQUIRE(experiment.expectations.size() == 2);
  CHECK(experiment.expectations[0].claim == "final_train_loss <= 2");
  CHECK(experiment.expectations[0].tolerance == "0.02");
  CHECK(experiment.expectations[0].published == "");
  CHECK(experiment.expectations[1].name == "more");
  CHECK(load_with(kExpect, {"expect.learns="}).expectations.empty());
}

TEST_CASE("what is wrong is said at its line, or at its --set") {
  CHECK(error_with("[expect]\nlearns = best_validation_acuracy >= 1\n").starts_with("quick.cfg:12: expect.learns: "));
  CHECK_THAT(error_with("", {"expect.learns=final_train_loss <= x"}),
             Contains("--set expect.learns: found \"x\", allowed: a number"));
  CHECK_THAT(error_with("[expect]\nlearns.tolerance = 1\n"), Contains("there is no expectation learns"));
  CHECK_THAT(error_with("[expect]\nlearns.tolerence = 1\n"), Contains("did you mean \"tolerance\"?"));
  CHECK_THAT(error_with("[expect]\nLearns = final_train_loss <= 1\n"), Contains("lower-case"));
  CHECK_THAT(error_with("", {"expect.learns="}), Contains("nothing after \"=\""));
  CHECK_THAT(error_with("[expect]\na = final_train_loss <= 1 where backend = tbb\n"),
             Contains("quick.cfg:12: expect.a: no trial has backend = tbb, allowed: blas"));
}

TEST_CASE("a sweep that --set has changed may lack what the config expects of it") {
  const std::string_view expect = "[expect]\na = final_train_loss <= 1 where backend = blas\n";
  CHECK(load_with(expect, {"sweep.backend=tbb"}).expectations.size() == 1);
  CHECK_THAT(error_with(expect, {"sweep.backend=tbb", "expect.b=final_train_loss <= 1 where backend = blas"}),
             Contains("--set expect.b: no trial has backend = blas"));
}

TEST_CASE("the text that is kept tells what --set said of it") {
  CHECK_THAT(load_with(kExpect, {"expect.learns="}).text, Contains("# --set expect.learns="));
}

}  // namespace stepbench::testing
