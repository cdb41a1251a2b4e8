// The order in which a trial trains on its samples.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "experiments/plan/trial_steps.hpp"

namespace stepbench::testing {
namespace {

using Order = std::vector<std::int64_t>;

Order order_of(Perturbation perturb, std::uint64_t seed, std::int64_t epoch, bool shuffle = true) {
  Dataset dataset;
  dataset.train.samples = 50;
  TrialSettings trial;
  trial.training.batch_size = 16;
  trial.dataset.shuffle = shuffle;
  trial.model.perturb = perturb;
  trial.model.perturb_seed = seed;
  return training_order(trial, dataset, epoch);
}

TEST_CASE("another order of summation has the same batches, each in an order of its own") {
  for (const bool shuffle : {false, true}) {
    for (const std::int64_t epoch : {0, 3}) {
      const Order plain = order_of(Perturbation::none, 1, epoch, shuffle),
                  perturbed = order_of(Perturbation::summation_order, 1, epoch, shuffle);
      REQUIRE(perturbed.size() == plain.size());
      for (std::ptrdiff_t begin = 0; begin < 50; begin += 16) {
        const std::ptrdiff_t end = std::min<std::ptrdiff_t>(begin + 16, 50);
        const auto batch = [&](const Order& order) { return Order(order.begin() + begin, order.begin() + end); };
        const Order before = batch(plain), after = batch(perturbed);
        CHECK(std::set(before.begin(), before.end()) == std::set(after.begin(), after.end()));
        if (end - begin > 2) CHECK(before != after);
      }
    }
  }
}

TEST_CASE("the orders of summation follow the seed of the perturbation, and each step has another") {
  CHECK(order_of(Perturbation::summation_order, 1, 0) == order_of(Perturbation::summation_order, 1, 0));
  CHECK(order_of(Perturbation::summation_order, 1, 0) != order_of(Perturbation::summation_order, 2, 0));
  const auto places = [](std::int64_t epoch, std::ptrdiff_t batch) {  // where the samples of a batch went
    const Order plain = order_of(Perturbation::none, 1, epoch, false),
                perturbed = order_of(Perturbation::summation_order, 1, epoch, false);
    Order moved(perturbed.begin() + 16 * batch, perturbed.begin() + 16 * (batch + 1));
    for (std::int64_t& sample : moved) sample -= plain[static_cast<std::size_t>(16 * batch)];
    return moved;
  };
  CHECK(places(0, 0) != places(0, 1));
  CHECK(places(0, 0) != places(1, 0));
}

TEST_CASE("a changed bit leaves the order of the samples alone") {
  CHECK(order_of(Perturbation::one_bit, 1, 2) == order_of(Perturbation::none, 1, 2));
}

}  // namespace
}  // namespace stepbench::testing
