// What a trial on tokens records: means over the tokens that count, speeds, the vocabulary. The network is a stand-in
// whose losses say how many tokens its batches count.
#include <catch2/catch.hpp>
#include <cmath>

#include "experiments/measure/summary.hpp"
#include "experiments/measure/trial_run.hpp"

namespace stepbench::testing {
namespace {

/// Loss of a batch: the number of tokens that it counts. One of them is right.
template <typename Scalar>
class CountingNetwork final : public Network<Scalar> {
 public:
  std::unique_ptr<ThreadClaim> claim_threads() override { return std::make_unique<ThreadClaim>(); }
  void read(Content, std::span<Scalar> values) const override { std::fill(values.begin(), values.end(), Scalar{0}); }
  void write(Content, std::span<const Scalar>) override {}
  Evaluation evaluate(const Batch<Scalar>& batch) override { return {static_cast<double>(batch.counted), 1}; }
  StepResult compute_gradients(const Batch<Scalar>& batch) override { return result(batch); }
  void apply_update(const UpdateStep&) override {}
  StepResult train_step(const Batch<Scalar>& batch, const UpdateStep&) override { return result(batch); }

 private:
  static StepResult result(const Batch<Scalar>& batch) {
    StepResult result;
    result.loss = static_cast<double>(batch.counted);
    return result;
  }
};
template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_counting(const NetworkSettings&) {
  return std::make_unique<CountingNetwork<Scalar>>();
}
constexpr Backend kCounting = {"counting", "", 1, true, make_counting<float>, make_counting<double>};

/// Two batches of one sample of two tokens: the first counts one of them, the second both.
Split uneven_split() {
  Split split;
  split.samples = 2;
  split.tokens = {0, 1, 1, 0};
  split.target_tokens = {kNotCounted, 1, 0, 1};
  return split;
}
Dataset uneven_dataset() {
  Dataset data;
  data.features = data.context = data.outputs = 2;
  data.vocabulary = {"a", "\n"};
  data.train = data.validation = uneven_split();
  return data;
}
TrialSettings trial_settings() {
  TrialSettings trial;
  trial.dataset.shuffle = false;
  trial.model.kind = ModelKind::transformer;
  trial.model.d_model = trial.model.context = trial.model.vocabulary_size = 2;
  trial.model.heads = trial.model.blocks = 1;
  trial.training.epochs = 1;
  trial.training.batch_size = 1;
  trial.measure.warmup_steps = 0;
  return trial;
}

TrialRecord train_one_epoch(const TrialSettings& trial, const Dataset& data) {
  const auto run = start_trial(kCounting, trial, data, {});
  run->train(2, 0);
  TrialRecord record = run->record();
  summarise(record, trial, data, 1);
  return record;
}

}  // namespace

TEST_CASE("losses and accuracy of tokens are means over those that count") {
  const TrialRecord record = train_one_epoch(trial_settings(), uneven_dataset());
  CHECK(record.steps.train_loss == std::vector<double>{1, 2});
  REQUIRE(record.epochs.epoch.size() == 1);
  CHECK(record.epochs.train_loss[0] == Approx((1.0 * 1 + 2.0 * 2) / 3));
  CHECK(record.epochs.validation_loss[0] == Approx((1.0 * 1 + 2.0 * 2) / 3));
  CHECK(record.epochs.validation_accuracy[0] == Approx(2.0 / 3));
}

TEST_CASE("how far steps spread is told within a segment: that a restart is faster is no noise") {
  TrialRecord record;
  for (const double time : {1.0, 1.1, 1.2, 2.0, 2.1, 2.2}) {
    record.steps.round.push_back(std::ssize(record.steps.wall_time) / 3);
    record.steps.wall_time.push_back(time);
  }
  const std::vector<std::int64_t> segments = {0, 1};
  TrialRecord whole = record;
  summarise(whole, trial_settings(), uneven_dataset(), 1);
  summarise(record, trial_settings(), uneven_dataset(), 1, segments);
  CHECK(record.summary.step_time_median == whole.summary.step_time_median);
  CHECK(whole.summary.step_time_mad == Approx(0.5));
  CHECK(record.summary.step_time_mad == Approx(0.1));
  CHECK(record.summary.step_time_iqr == Approx(0.2));
}

TEST_CASE("tokens per second are samples per second times the context") {
  const TrialRecord record = train_one_epoch(trial_settings(), uneven_dataset());
  CHECK(record.summary.samples_per_second > 0);
  CHECK(record.summary.tokens_per_second == 2 * record.summary.samples_per_second);
}

TEST_CASE("the vocabulary is kept with the trial") {
  CHECK(train_one_epoch(trial_settings(), uneven_dataset()).vocabulary == R"(["a", "\u000a"])");
}

TEST_CASE("data without tokens has neither a vocabulary nor tokens per second") {
  Dataset data;
  data.features = 1;
  data.outputs = 2;
  data.train.samples = data.validation.samples = 2;
  data.train.features = data.validation.features = std::vector<float>{1, 2};
  data.train.labels = data.validation.labels = {0, 1};
  TrialSettings trial = trial_settings();
  trial.model = {};
  trial.model.layers = {1, 2};
  const TrialRecord record = train_one_epoch(trial, data);
  CHECK(record.vocabulary.empty());
  CHECK(std::isnan(record.summary.tokens_per_second));
  CHECK(record.epochs.validation_accuracy[0] == 1);
}

}  // namespace stepbench::testing
