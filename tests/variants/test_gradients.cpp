// Gradients against finite differences of the loss alone, and planted faults against the same check.
#include <array>
#include <vector>

#include "tests/support/faulty_network.hpp"
#include "tests/support/finite_differences.hpp"
#include "tests/support/gradient_problem.hpp"
#include "tests/support/relative_error.hpp"
#include "tests/variants/each_backend.hpp"

namespace stepbench::testing {
namespace {

constexpr double kGradientTolerance = 1e-8;  // relative L2 per tensor

/// The worst relative L2 error over all tensors of the network's gradients; NaN where there is one.
double worst_gradient_error(Network<double>& network, const GradientProblem& problem) {
  const auto claim = network.claim_threads();
  const Batch<double> batch = problem.batch();
  const std::vector<double> expected = finite_difference_gradient(network, problem.model, problem.parameters, batch);
  network.compute_gradients(batch);
  std::vector<double> actual(expected.size());
  network.read(Content::gradients, actual);
  double worst = 0;
  for (const ParameterTensor& tensor : parameter_layout(problem.model).tensors) {
    worst = worse_of(worst,
                     relative_l2_error(tensor_of(std::span(actual), tensor), tensor_of(std::span(expected), tensor)));
  }
  return worst;
}

std::vector<GradientProblem> problems() {
  std::vector<GradientProblem> list;
  for (const Loss loss : {Loss::squared_error, Loss::cross_entropy, Loss::stablemax_cross_entropy}) {
    for (const OutputActivation output : {OutputActivation::linear, OutputActivation::relu}) {
      list.push_back(make_gradient_problem({5, 7, 4, 3}, output, loss, 3));
      list.push_back(make_gradient_problem({6, 4}, output, loss, 1));
    }
  }
  return list;
}

}  // namespace

TEST_CASE("every backend's gradients agree with finite differences, for every loss and output") {
  for (const GradientProblem& problem : problems()) {
    for_each_backend([&problem](const Backend& backend, std::int64_t threads) {
      NetworkSettings settings = problem.settings();
      settings.threads = threads;
      const auto network = backend.make<double>(settings);
      CHECK(worst_gradient_error(*network, problem) <= kGradientTolerance);
    });
  }
}

TEST_CASE("finite differences reject every planted fault in the gradients") {
  for (const GradientProblem& problem : problems()) {
    for (const Backend& backend : kFaultyBackends) {
      if (backend.name.starts_with("wrong_")) continue;  // its gradients are right: the gate's steps must find it
      INFO(backend.name << ", batch " << problem.size);
      const auto network = backend.make<double>(problem.settings());
      CHECK_FALSE(worst_gradient_error(*network, problem) <= kGradientTolerance);
    }
  }
}

}  // namespace stepbench::testing
