// Ranks as a run sees them: a network in processes of its own. From the command line: test_program.py.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <numeric>
#include <thread>

#include "core/data/dataset.hpp"
#include "core/models/parameters.hpp"
#include "core/random.hpp"
#include "tests/support/relative_error.hpp"
#include "variants/ranks/ranks.hpp"
#include "variants/registry.hpp"

namespace stepbench::testing {
namespace {

constexpr std::int64_t kSamples = 600, kFeatures = 20;

Split random_split() {
  Split split;
  split.samples = kSamples;
  std::vector<double> features(kSamples * kFeatures);
  RandomStream stream(4, Purpose::generated_data);
  for (double& value : features) value = stream.uniform();
  split.features = std::move(features);
  split.labels.resize(kSamples);
  for (std::int32_t& label : split.labels) label = static_cast<std::int32_t>(stream.below(5));
  return split;
}

NetworkSettings settings_of(std::int64_t ranks, std::int64_t threads = 1) {
  NetworkSettings settings;
  settings.model.layers = {kFeatures, 64, 5};
  settings.training.learning_rate = 0.01;
  settings.training.optimizer = Optimizer::adamw;
  settings.training.weight_decay = 0.1;
  settings.training.gradient_clip = 0.5;
  settings.max_batch = 520;
  settings.threads = threads;
  settings.ranks.count = ranks;
  return settings;
}

/// CPU seconds of a process's threads, from schedstat.
double cpu_seconds(pid_t process) {
  std::ifstream stat("/proc/" + std::to_string(process) + "/schedstat");
  double nanoseconds = 0;
  stat >> nanoseconds;
  return 1e-9 * nanoseconds;
}

struct Trained {
  std::vector<double> losses, parameters;
};

/// Some steps, the last on fewer samples than there are leaves for all ranks.
template <typename Scalar>
Trained train(const Backend& backend, const NetworkSettings& settings, const Split& split) {
  const auto network = make_network<Scalar>(backend, settings);
  network->write(Content::parameters, initial_parameters<Scalar>(settings.model, 3));
  std::vector<std::int64_t> rows(kSamples);
  std::iota(rows.begin(), rows.end(), 0);
  const std::vector<BlockStep> steps = {{520, {0.01, 1}}, {65, {0.02, 2}}, {15, {0.01, 3}}};
  Trained trained;
  for (const TimedStep& step : network->own_process()->train_block(split, rows, steps, nullptr)) {
    trained.losses.push_back(step.result.loss);
    CHECK(step.wall_time > 0);
  }
  std::vector<Scalar> parameters(static_cast<std::size_t>(parameter_layout(settings.model).size));
  network->read(Content::parameters, parameters);
  trained.parameters.assign(parameters.begin(), parameters.end());
  return trained;
}

/// The same by one network of this process, step by step.
Trained train_here(const Backend& backend, NetworkSettings settings, const Split& split) {
  settings.ranks.count = 0;
  const auto network = backend.make<double>(settings);
  network->write(Content::parameters, initial_parameters<double>(settings.model, 3));
  const auto claim = network->claim_threads();
  Trained trained;
  std::int64_t first = 0;
  for (const BlockStep& step : {BlockStep{520, {0.01, 1}}, {65, {0.02, 2}}, {15, {0.01, 3}}}) {
    const auto begin = static_cast<std::size_t>(first), size = static_cast<std::size_t>(step.samples);
    const auto& features = std::get<std::vector<double>>(split.features);
    trained.losses.push_back(
        network
            ->train_step({.size = step.samples,
                          .counted = step.samples,
                          .features = std::span(features).subspan(begin * kFeatures, size * kFeatures),
                          .labels = std::span(split.labels).subspan(begin, size),
                          .targets = {}},
                         step.update)
            .loss);
    first += step.samples;
  }
  trained.parameters.resize(static_cast<std::size_t>(parameter_layout(settings.model).size));
  network->read(Content::parameters, trained.parameters);
  return trained;
}

void check_equal_to_rounding(const Trained& ranks, const Trained& here, double tolerance) {
  REQUIRE(ranks.losses.size() == here.losses.size());
  for (std::size_t i = 0; i < here.losses.size(); ++i) {
    CHECK(ranks.losses[i] == Approx(here.losses[i]).epsilon(tolerance));
  }
  CHECK(relative_l2_error(ranks.parameters, here.parameters) <= tolerance);
}

}  // namespace

TEST_CASE("ranks of every backend train as one network does, in float64 to rounding") {
  const Split split = random_split();
  const Trained here = train_here(*find_backend(backends(), kReferenceBackend), settings_of(0), split);
  for (const Backend& backend : backends_in_process()) {
    NetworkSettings settings = settings_of(3);
    settings.training.precision = Precision::float64;
    if (!unsupported_reason(backend, settings).empty()) continue;
    for (const Reduction reduction : {Reduction::exact, Reduction::fast}) {
      INFO(backend.name << (reduction == Reduction::exact ? " exact" : " fast"));
      settings.ranks.reduction = reduction;
      check_equal_to_rounding(train<double>(backend, settings, split), here, 1e-12);
    }
  }
}

TEST_CASE("an exact sum has the same bits on any number of ranks and threads, with and without overlap") {
  const Split split = random_split();
  for (const char* name : {"tbb", "threads"}) {
    const Backend& backend = *find_backend(backends(), name);
    const Trained one = train<float>(backend, settings_of(1), split);
    for (const std::int64_t ranks : {2, 3, 4, 8}) {
      for (const std::int64_t threads : {1, 2}) {
        INFO(name << ": " << ranks << " ranks of " << threads << " threads");
        NetworkSettings settings = settings_of(ranks, threads);
        settings.ranks.overlap = ranks != 4;
        const Trained many = train<float>(backend, settings, split);
        CHECK(many.losses == one.losses);
        CHECK(many.parameters == one.parameters);
      }
    }
  }
}

TEST_CASE("a fast sum is right whichever part of the gradients is there first in which rank") {
  const Split split = random_split();
  const Trained here = train_here(*find_backend(backends(), kReferenceBackend), settings_of(0), split);
  for (int again = 0; again < 5; ++again) {
    NetworkSettings settings = settings_of(2, 3);
    settings.training.precision = Precision::float64;
    settings.ranks.reduction = Reduction::fast;
    check_equal_to_rounding(train<double>(*find_backend(backends(), "tbb"), settings, split), here, 1e-12);
  }
}

TEST_CASE("ranks sleep between blocks") {
  const Split split = random_split();
  const NetworkSettings settings = settings_of(3);
  const auto network = make_network<float>(*find_backend(backends(), "tbb"), settings);
  network->write(Content::parameters, initial_parameters<float>(settings.model, 3));
  const std::vector<pid_t> processes = network->own_process()->processes();
  REQUIRE(processes.size() == 3);
  for (const pid_t process : processes) CHECK(process != getpid());
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  for (const pid_t process : processes) {
    const double before = cpu_seconds(process);
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    CHECK(cpu_seconds(process) == before);  // as they are stopped, those on this machine
  }
}

TEST_CASE("what ranks cannot do is said before any is started") {
  const Backend& tbb = *find_backend(backends(), "tbb");
  NetworkSettings settings = settings_of(2);
  CHECK(ranks_unsupported(tbb, settings).empty());
  settings.training.update_order = UpdateOrder::layerwise;
  CHECK_THAT(ranks_unsupported(tbb, settings), Catch::Contains("layerwise"));
  settings = settings_of(2);
  settings.ranks.launcher = "no-such-launcher -n {ranks}";
  CHECK_THAT(ranks_unsupported(tbb, settings), Catch::Contains("no program \"no-such-launcher\""));
  CHECK_THAT(ranks_unsupported(*find_backend(backends(), "numpy"), settings_of(2)), Catch::Contains("no ranks"));
}

TEST_CASE("a launcher that starts ranks that do not know of each other is told from one that does") {
  NetworkSettings settings = settings_of(2);
  settings.ranks.launcher = "env UNUSED={ranks}";
  CHECK_THROWS_WITH(make_network<float>(*find_backend(backends(), "tbb"), settings),
                    Catch::Contains("tbb on 2 ranks: 1 processes know of each other, not 2"));
}

}  // namespace stepbench::testing
