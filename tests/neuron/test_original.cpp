// 640 steps on real digits against the original algorithm in numpy (tests/golden).
#include <catch2/catch.hpp>

#include "tests/support/parity.hpp"
#include "variants/neuron/neuron.hpp"

namespace stepbench::testing {
namespace {

void check_parity(UpdateOrder order) {
  const testing::ParityErrors errors = testing::compare_with_original(neuron::make_neuron_network<double>, order);
  INFO("worst at step " << errors.worst_step << " and in " << errors.worst_tensor);
  CHECK(errors.loss <= testing::kParityTolerance);
  CHECK(errors.parameters <= testing::kParityTolerance);
}

TEST_CASE("layerwise training retraces the original") { check_parity(UpdateOrder::layerwise); }

TEST_CASE("simultaneous training retraces the original with the textbook's order") {
  check_parity(UpdateOrder::simultaneous);
}

}  // namespace
}  // namespace stepbench::testing
