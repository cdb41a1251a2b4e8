// Parity with the original: the golden losses and weights of its algorithm in numpy (tests/golden/).
#include "tests/support/parity.hpp"
#include "tests/variants/each_backend.hpp"

namespace stepbench::testing {
namespace {

void require_parity(UpdateOrder order) {
  for_each_backend([order](const Backend& backend, std::int64_t threads) {
    const ParityErrors errors = compare_with_original(
        [&](NetworkSettings settings) {
          settings.threads = threads;
          return backend.make<double>(settings);
        },
        order);
    INFO("loss " << errors.loss << " at step " << errors.worst_step << ", parameters " << errors.parameters << " in "
                 << errors.worst_tensor);
    CHECK(errors.loss <= kParityTolerance);
    CHECK(errors.parameters <= kParityTolerance);
  });
}

}  // namespace

TEST_CASE("every backend reproduces the original's 640 steps, updating layer by layer") {
  require_parity(UpdateOrder::layerwise);
}

TEST_CASE("every backend reproduces the textbook variant's 640 steps, updating all layers at once") {
  require_parity(UpdateOrder::simultaneous);
}

TEST_CASE("float32 stays within 1e-4 of the float64 original for 100 steps on every backend") {
  constexpr std::size_t kSteps = 100;
  constexpr double kTolerance = 1e-4;  // relative, on each step's loss
  const GoldenOriginal golden = read_golden_original();
  DatasetSettings digits;
  digits.kind = "mnist";
  digits.path = "experiments/data/mnist-10k";
  digits.train_samples = golden.samples;
  const std::array<std::filesystem::path, 1> folders = {STEPBENCH_SOURCE_DIR};
  const Dataset dataset = load_dataset(digits, 0, folders);
  for (const UpdateOrder order : {UpdateOrder::layerwise, UpdateOrder::simultaneous}) {
    const GoldenRun& expected = order == UpdateOrder::layerwise ? golden.layerwise : golden.simultaneous;
    for_each_backend([&](const Backend& backend, std::int64_t threads) {
      NetworkSettings settings{
          .model = golden.model, .training = {}, .max_batch = golden.batch_size, .threads = threads};
      settings.training.update_order = order;
      const auto network = backend.make<float>(settings);
      const auto claim = network->claim_threads();
      network->write(Content::parameters, std::vector<float>(golden.initial.begin(), golden.initial.end()));
      BatchGatherer<float> gatherer(dataset, golden.batch_size, true);
      const std::vector<std::int64_t> samples = epoch_order(golden.samples, false, 0, 0);
      double worst = 0;
      for (std::size_t step = 0; step < kSteps; ++step) {
        const auto size = static_cast<std::size_t>(golden.batch_size);
        const auto rows = std::span(samples).subspan(step * size % samples.size(), size);
        const UpdateStep update{.learning_rate = golden.learning_rate, .number = static_cast<std::int64_t>(step) + 1};
        const double loss = network->train_step(gatherer.gather(dataset.train, rows), update).loss;
        worst = worse_of(worst, std::fabs(loss - expected.losses[step]) / expected.losses[step]);
      }
      CHECK(worst <= kTolerance);
    });
  }
}

}  // namespace stepbench::testing
