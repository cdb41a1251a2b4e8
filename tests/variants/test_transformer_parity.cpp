// Parity with PyTorch: golden losses, gradients and weights of small transformers in float64 (tests/golden/).
#include <algorithm>
#include <set>

#include "tests/support/transformer_parity.hpp"
#include "tests/variants/each_backend.hpp"

namespace stepbench::testing {
namespace {

/// Runs `check` on the errors of every golden run, on every backend.
template <typename Check>
void for_each_golden_run(const Check& check) {
  const std::vector<GoldenTransformer> cases = read_golden_transformers();
  for_each_backend([&](const Backend& backend, std::int64_t threads) {
    for (const GoldenTransformer& golden : cases) {
      for (const GoldenTransformerRun& run : golden.runs) {
        INFO(golden.name << ", optimizer " << static_cast<int>(run.training.optimizer));
        const TransformerFactory make = [&](NetworkSettings settings) {
          settings.threads = threads;
          return backend.make<double>(settings);
        };
        check(compare_with_pytorch(make, golden, run));
      }
    }
  });
}

}  // namespace

TEST_CASE("every backend's transformer has PyTorch's loss on the first batch") {
  for_each_golden_run([](const TransformerErrors& errors) {
    INFO("relative error " << errors.first_loss);
    CHECK(errors.first_loss <= kFirstLossTolerance);
  });
}

TEST_CASE("every backend's transformer has PyTorch's gradient of every tensor") {
  for_each_golden_run([](const TransformerErrors& errors) {
    INFO("relative error " << errors.gradient << " in " << errors.worst_gradient);
    CHECK(errors.gradient <= kGradientTolerance);
  });
}

TEST_CASE("every backend's transformer follows PyTorch's losses, with every optimizer") {
  for_each_golden_run([](const TransformerErrors& errors) {
    INFO("relative error " << errors.losses << " at step " << errors.worst_step);
    CHECK(errors.losses <= kLossesTolerance);
  });
}

TEST_CASE("every backend's transformer ends with PyTorch's parameters, with every optimizer") {
  for_each_golden_run([](const TransformerErrors& errors) {
    INFO("relative error " << errors.parameters << " in " << errors.worst_parameter);
    CHECK(errors.parameters <= kFinalParametersTolerance);
  });
}

TEST_CASE("every backend's transformer has PyTorch's loss and gradients in float32 too, as far as that goes") {
  constexpr double kFloatTolerance = 1e-5;  // relative; about 1e-7 a sum, and softmax and LayerNorm take differences
  const std::vector<GoldenTransformer> cases = read_golden_transformers();
  for_each_backend([&](const Backend& backend, std::int64_t threads) {
    for (const GoldenTransformer& golden : cases) {
      const auto network = backend.make<float>(
          {.model = golden.model, .training = {}, .max_batch = golden.batch_size, .threads = threads});
      const auto claim = network->claim_threads();
      network->write(Content::parameters, std::vector<float>(golden.initial.begin(), golden.initial.end()));
      const double loss = network->compute_gradients(golden.batch<float>(0)).loss;
      std::vector<float> gradients(golden.gradient.size());
      network->read(Content::gradients, gradients);
      const std::vector<double> widened(gradients.begin(), gradients.end());
      const auto [error, tensor] = worst_tensor(golden.model, widened, golden.gradient);
      const double loss_error = relative_error(loss, golden.runs.front().losses.front());
      INFO(golden.name << ": loss differs by " << loss_error << ", gradient by " << error << " in " << tensor);
      CHECK(loss_error <= kFloatTolerance);
      CHECK(error <= kFloatTolerance);
    }
  });
}

TEST_CASE("the golden transformers cover what parity is claimed for") {
  const std::vector<GoldenTransformer> cases = read_golden_transformers();
  const auto any = [&](const auto& holds) { return std::any_of(cases.begin(), cases.end(), holds); };
  std::set<std::tuple<PositionEncoding, bool, MlpActivation>> combinations;
  for (const GoldenTransformer& golden : cases) {
    combinations.insert({golden.model.position, golden.model.tied_embeddings, golden.model.activation});
    INFO(golden.name);
    CHECK(std::any_of(golden.runs.begin(), golden.runs.end(), [](const GoldenTransformerRun& run) {
      return run.training.optimizer == Optimizer::adamw && run.losses.size() == 50;
    }));
  }
  CHECK(combinations.size() >= 6);
  CHECK(any([](const GoldenTransformer& golden) { return golden.model.heads == 1; }));
  CHECK(any([](const GoldenTransformer& golden) { return golden.model.heads == 4; }));
  CHECK(any([](const GoldenTransformer& golden) { return golden.model.context == 1; }));
  CHECK(any([](const GoldenTransformer& golden) { return golden.samples % golden.batch_size != 0; }));
  CHECK(any([](const GoldenTransformer& golden) { return golden.runs.size() == 4; }));
  CHECK(any([](const GoldenTransformer& golden) {
    return std::count(golden.target_tokens.begin(), golden.target_tokens.end(), kNotCounted) > 0;
  }));
}

}  // namespace stepbench::testing
