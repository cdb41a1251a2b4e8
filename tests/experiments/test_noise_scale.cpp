// A training whose learning rate follows the size of its batch.
#include <catch2/catch.hpp>

#include "experiments/plan/plan.hpp"
#include "tests/experiments/run_first_group.hpp"
#include "tests/experiments/small_experiment.hpp"

namespace stepbench::testing {
namespace {

std::vector<double> losses(const std::vector<std::string>& overrides) {
  const GroupResult result = run_first_group(small_experiment(overrides));
  REQUIRE(result.trials.front().status == Status::completed);
  return result.trials.front().steps.train_loss;
}

}  // namespace

TEST_CASE("a trial learns at the rate that its noise scale gives a batch of its size") {
  // 0.4 / (1 + 48 / 16) = 0.1, in powers of two times what is rounded once.
  CHECK(losses({"training.learning_rate=0.4", "training.noise_scale=48"}) == losses({"training.learning_rate=0.1"}));
  CHECK(losses({"training.learning_rate=0.4", "training.noise_scale=48"}) != losses({"training.learning_rate=0.4"}));
}

}  // namespace stepbench::testing
