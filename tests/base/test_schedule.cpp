// The learning rate of a step: schedules, and what the size of the batch makes of them.
#include <catch2/catch.hpp>

#include "core/schedule.hpp"

namespace stepbench::testing {
namespace {

TrainingSettings cosine() {
  TrainingSettings training;
  training.schedule = Schedule::cosine;
  training.learning_rate = 0.8;
  training.warmup_steps = 4;
  training.final_learning_rate = 0.2;
  return training;
}

}  // namespace

TEST_CASE("a constant schedule has one rate") {
  TrainingSettings training;
  training.learning_rate = 0.3;
  for (const std::int64_t step : {0, 7, 99}) CHECK(scheduled_learning_rate(training, step, 100, 32) == 0.3);
}

TEST_CASE("a cosine rises to its rate, and falls to its last one, which the middle lies halfway to") {
  const TrainingSettings training = cosine();
  CHECK(scheduled_learning_rate(training, 0, 25, 32) == Approx(0.2));
  CHECK(scheduled_learning_rate(training, 3, 25, 32) == Approx(0.8));
  CHECK(scheduled_learning_rate(training, 14, 25, 32) == Approx(0.5));
  CHECK(scheduled_learning_rate(training, 24, 25, 32) == Approx(0.2));
}

TEST_CASE(
    "with a noise scale, a batch of its size learns at half the rate, one far below in proportion, one far above at "
    "all of it") {
  TrainingSettings training;
  training.learning_rate = 0.6;
  training.noise_scale = 64;
  const auto rate = [&](std::int64_t batch_size) { return scheduled_learning_rate(training, 0, 1, batch_size); };
  CHECK(rate(64) == Approx(0.3));
  CHECK(rate(32) == Approx(0.2));
  CHECK(rate(2) / rate(1) == Approx(2).epsilon(0.02));
  CHECK(rate(64'000) == Approx(0.6).epsilon(0.002));
}

TEST_CASE("without one, the batch makes no difference to a bit of the rate") {
  const TrainingSettings training = cosine();
  for (const std::int64_t step : {0, 2, 9, 24}) {
    CHECK(scheduled_learning_rate(training, step, 25, 1) == scheduled_learning_rate(training, step, 25, 1000));
  }
  CHECK(batch_size_factor(training, 3) == 1);
}

TEST_CASE("the noise scale is of the whole schedule, warm-up and last rate included") {
  TrainingSettings plain = cosine(), scaled = cosine();
  scaled.noise_scale = 96;
  for (std::int64_t step = 0; step < 25; ++step) {
    CAPTURE(step);
    CHECK(scheduled_learning_rate(scaled, step, 25, 32) == Approx(scheduled_learning_rate(plain, step, 25, 32) / 4));
  }
}

}  // namespace stepbench::testing
