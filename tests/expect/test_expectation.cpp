// A claim's grammar: what each form means, and one line for each thing that is wrong.
#include <catch2/catch.hpp>

#include "core/error.hpp"
#include "core/expect/expectation.hpp"

namespace stepbench::testing {
namespace {

using Form = Expectation::Form;
using Catch::Contains;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Expectation parse(const std::string& claim, const std::string& tolerance = "") {
  return parse_expectation("x", claim, "", tolerance);
}

std::string error_of(const std::string& claim, const std::string& tolerance = "") {
  try {
    static_cast<void>(parse(claim, tolerance));
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a quantity against a number is bounded on one side") {
  const Expectation at_least = parse("best_validation_accuracy >= 0.95"), at_most = parse("final_train_loss<=-1e-3");
  CHECK(at_least.form == Form::value);
  CHECK(at_least.quantity.metric == "best_validation_accuracy");
  CHECK(at_least.low == 0.95);
  CHECK(at_least.high == kInfinity);
  CHECK(at_most.quantity.metric == "final_train_loss");
  CHECK(at_most.low == -kInfinity);
  CHECK(at_most.high == -1e-3);
}

TEST_CASE("a range has both bounds") {
  const Expectation expectation = parse("steps_to_target in [100, 200]");
  CHECK(expectation.low == 100);
  CHECK(expectation.high == 200);
}

TEST_CASE("a tolerance widens what is expected, a percentage by a part of the bound") {
  CHECK(parse("best_validation_accuracy >= 0.95", "0.02").low == Approx(0.93));
  CHECK(parse("final_train_loss <= 2", "5%").high == Approx(2.1));
  const Expectation equal = parse("final_train_loss = 2", "0.5");
  CHECK(equal.low == 1.5);
  CHECK(equal.high == 2.5);
  CHECK(parse("increasing(final_train_loss; seed)", "0.1").low == -0.1);
}

TEST_CASE("a metric at a step") {
  const Quantity quantity = parse("validation_accuracy@600 >= 0.5").quantity;
  CHECK(quantity.metric == "validation_accuracy");
  CHECK(quantity.step == 600);
  CHECK(parse("gradient_noise_scale@8 >= 1").quantity.step == 8);  // which is one of a whole training, too
  CHECK_FALSE(parse("gradient_noise_scale >= 1").quantity.step.has_value());
}

TEST_CASE("a ratio of two values of a key, with conditions") {
  const Expectation expectation = parse(
      "ratio( final_train_loss ;training.precision=bfloat16; float32 ) <= 1.02 where model.layers = 4,8,3, seed = 1");
  CHECK(expectation.form == Form::ratio);
  CHECK(expectation.key == "training.precision");
  CHECK(expectation.first == "bfloat16");
  CHECK(expectation.second == "float32");
  CHECK(expectation.high == 1.02);
  REQUIRE(expectation.where.size() == 2);
  CHECK(expectation.where[0].key == "model.layers");
  CHECK(expectation.where[0].value == "4,8,3");
  CHECK(expectation.where[1].value == "1");
}

TEST_CASE("a ratio of two spreads of the same trials") {
  const Expectation expectation =
      parse("ratio(spread(final_train_loss over model.perturb_seed); spread(final_train_loss)) in [0.5, 2]");
  CHECK(expectation.quantity.spread_over == "model.perturb_seed");
  REQUIRE(expectation.other.has_value());
  CHECK(expectation.other->spread_over == "seed");
  CHECK_FALSE(expectation.has_sides());
  CHECK(expectation.named_keys() == std::vector<std::string>{"model.perturb_seed", "seed"});
}

TEST_CASE("an order along a key, and a crossing along another") {
  CHECK(parse("decreasing(steps_to_target; training.batch_size)").form == Form::decreasing);
  CHECK(parse("decreasing(steps_to_target; training.batch_size)").high == 0);
  const Expectation crossing = parse("crossing(final_train_loss; backend = hogwild; tbb; threads) in [2, 8]");
  CHECK(crossing.form == Form::crossing);
  CHECK(crossing.first == "hogwild");
  CHECK(crossing.second == "tbb");
  CHECK(crossing.over == "threads");
}

TEST_CASE("what is wrong with a claim is said in one line") {
  CHECK_THAT(error_of("best_validation_acuracy >= 1"), Contains("did you mean \"best_validation_accuracy\"?"));
  CHECK_THAT(error_of("train_loss >= 1"), Contains("with a step, as in train_loss@600"));
  CHECK_THAT(error_of("train_loss@x >= 1"), Contains("a step from 1 on"));
  CHECK_THAT(error_of("final_train_loss@5 >= 1"), Contains("final_train_loss@5"));
  CHECK_THAT(error_of("final_train_loss => 1"), Contains("found \"=> 1\""));
  CHECK_THAT(error_of("final_train_loss"), Contains("found \"final_train_loss\", allowed: <= NUMBER"));
  CHECK_THAT(error_of("final_train_loss <= x"), Contains("found \"x\", allowed: a number"));
  CHECK_THAT(error_of("final_train_loss <= inf"), Contains("allowed: a number"));
  CHECK_THAT(error_of("final_train_loss in [2, 1]"), Contains("the lower one first"));
  CHECK_THAT(error_of("final_train_loss in [2]"), Contains("in [LOW, HIGH]"));
  CHECK_THAT(error_of("final_train_loss = 1"), Contains("x.tolerance"));
  CHECK_THAT(error_of("ratoi(final_train_loss; a = b; c) <= 1"), Contains("did you mean \"ratio\"?"));
  CHECK_THAT(error_of("ratio(final_train_loss; a = b; b) <= 1"), Contains("two different values"));
  CHECK_THAT(error_of("ratio(final_train_loss; a = b; c; d) <= 1"), Contains("OTHER VALUE"));
  CHECK_THAT(error_of("ratio(final_train_loss; a = b; c <= 1"), Contains("no closing parenthesis"));
  CHECK_THAT(error_of("ratio(final_train_loss; ; c) <= 1"), Contains("both sides of each"));
  CHECK_THAT(error_of("increasing(final_train_loss; seed) >= 1"), Contains("nothing behind"));
  CHECK_THAT(error_of("crossing(final_train_loss; a = b; c) >= 1"), Contains("KEY ALONG WHICH"));
  CHECK_THAT(error_of("difference(spread(final_train_loss); a = b; c) >= 1"), Contains("or in a ratio"));
  CHECK_THAT(error_of("ratio(spread(final_train_loss); final_train_loss) >= 1"), Contains("against another spread"));
  CHECK_THAT(error_of("final_train_loss <= 1 where seed"), Contains("KEY = VALUE"));
  CHECK_THAT(error_of("final_train_loss <= 1", "-1"), Contains("tolerance: found \"-1\""));
  CHECK_THAT(error_of("final_train_loss <= 0", "5%"), Contains("of a bound that is 0"));
}

}  // namespace stepbench::testing
