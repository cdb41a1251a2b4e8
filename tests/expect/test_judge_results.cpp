// Expectations held against made-up trials: every form, every way in which a run can lack the number.
#include <catch2/catch.hpp>

#include "experiments/expect/judge_results.hpp"
#include "experiments/show/shown_speed.hpp"

namespace stepbench::testing {
namespace {

using Verdict = ExpectationVerdict;
using Catch::Contains;

/// Evaluated at steps 10 and 20; both with that loss.
TrialRecord trial(const std::string& backend, std::uint64_t seed, double loss, double rate = 0.1) {
  TrialRecord made;
  made.backend = backend;
  made.seed = seed;
  made.id = backend + std::to_string(seed) + std::to_string(rate);
  made.settings = {{"training.learning_rate", rate}, {"training.target", std::string("train_loss<=1")}};
  made.epochs.epoch = {1, 2};
  made.epochs.step = {10, 20};
  made.epochs.train_loss = {loss, loss};
  made.epochs.validation_loss = {loss + 1, loss + 2};
  made.epochs.validation_accuracy = {0.9, 0.8};
  made.epochs.train_time = {1.5, 3};
  made.summary.final_train_loss = loss;
  made.summary.best_validation_accuracy = 0.9;
  made.summary.samples_per_second = 1000;
  return made;
}

/// Seeds 1 to 4 of each backend, with losses about 1 for blas and about `tbb` for tbb.
ResultFile sweep(double tbb) {
  ResultFile file;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const double own = 0.01 * static_cast<double>(seed);
    file.trials.push_back(trial("blas", seed, 1 + own));
    file.trials.push_back(trial("tbb", seed, tbb + own));
  }
  return file;
}

ExpectationRecord judge(const ResultFile& file, const std::string& claim, const std::string& tolerance = "") {
  return judge_expectations(std::vector{parse_expectation("x", claim, "Nobody 1900", tolerance)}, file).at(0);
}

Verdict verdict(const ResultFile& file, const std::string& claim, const std::string& tolerance = "") {
  return judge(file, claim, tolerance).verdict;
}

}  // namespace

TEST_CASE("a record says what was expected, found and published") {
  const ExpectationRecord record = judge(sweep(2), "final_train_loss <= 2 where backend = blas", "0.1");
  CHECK(record.name == "x");
  CHECK(record.claim == "final_train_loss <= 2 where backend = blas");
  CHECK(record.published == "Nobody 1900");
  CHECK(record.tolerance == "0.1");
  CHECK(record.verdict == Verdict::reproduced);
  CHECK(record.value == Approx(1.025));
  CHECK(record.low < 1.025);
  CHECK(record.high > 1.025);
  CHECK(record.runs == 4);
  CHECK(record.cells == 1);
}

TEST_CASE("the record is of the cell that agrees least") {
  const ExpectationRecord record = judge(sweep(2), "final_train_loss <= 1.5");
  CHECK(record.verdict == Verdict::not_reproduced);
  CHECK(record.cell == "backend = tbb");
  CHECK(record.cells == 2);
  CHECK(judge(sweep(2), "final_train_loss <= 9").cell == "backend = tbb");
  CHECK(judge(sweep(2), "final_train_loss >= 0").cell == "backend = blas");
}

TEST_CASE("ratio and difference of two values of a key, paired by seed") {
  CHECK(verdict(sweep(1.1), "difference(final_train_loss; backend = tbb; blas) = 0.1", "0.001") == Verdict::reproduced);
  CHECK(verdict(sweep(2), "ratio(final_train_loss; backend = tbb; blas) <= 1.02") == Verdict::not_reproduced);
  CHECK(verdict(sweep(2), "ratio(final_train_loss; backend = tbb; blas) <= 1.98") == Verdict::cannot_tell);
  CHECK(judge(sweep(2), "ratio(final_train_loss; backend = tbb; blas) >= 1").value == Approx(2).epsilon(0.05));
}

TEST_CASE("one run on each side decides by its value alone") {
  ResultFile file;
  file.trials = {trial("blas", 1, 1), trial("tbb", 1, 2)};
  const ExpectationRecord record = judge(file, "ratio(final_train_loss; backend = tbb; blas) >= 2");
  CHECK(record.verdict == Verdict::reproduced);
  CHECK(record.runs == 1);
  CHECK(verdict(file, "ratio(final_train_loss; backend = tbb; blas) >= 2.001") == Verdict::not_reproduced);
}

TEST_CASE("an order holds from each value of the key to the next") {
  ResultFile file;
  for (const double rate : {0.01, 0.1, 1.0}) file.trials.push_back(trial("blas", 1, rate, rate));
  CHECK(verdict(file, "increasing(final_train_loss; training.learning_rate)") == Verdict::reproduced);
  const ExpectationRecord falling = judge(file, "decreasing(final_train_loss; training.learning_rate)");
  CHECK(falling.verdict == Verdict::not_reproduced);
  CHECK_THAT(falling.why, Contains("from training.learning_rate 0.1 to 1"));
  file.trials[2].summary.final_train_loss = 0.09;
  CHECK(verdict(file, "increasing(final_train_loss; training.learning_rate)") == Verdict::not_reproduced);
  CHECK(verdict(file, "increasing(final_train_loss; training.learning_rate)", "0.02") == Verdict::reproduced);
}

TEST_CASE("two lines cross between values of a key, or do not") {
  ResultFile file;
  for (const double rate : {1.0, 3.0, 5.0}) {
    file.trials.push_back(trial("blas", 1, 2, rate));
    file.trials.push_back(trial("tbb", 1, rate, rate));
  }
  const ExpectationRecord crossing =
      judge(file, "crossing(final_train_loss; backend = tbb; blas; training.learning_rate) in [1.5, 2.5]");
  CHECK(crossing.verdict == Verdict::reproduced);
  CHECK(crossing.value == Approx(2));
  for (TrialRecord& each : file.trials) each.summary.final_train_loss += each.backend == "tbb" ? 10 : 0;
  const ExpectationRecord apart =
      judge(file, "crossing(final_train_loss; backend = tbb; blas; training.learning_rate) in [1.5, 2.5]");
  CHECK(apart.verdict == Verdict::not_reproduced);
  CHECK_THAT(apart.why, Contains("do not cross"));
}

TEST_CASE("a spread is over one key, pooled over the others, and runs that stand twice are one") {
  ResultFile file;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    for (const std::int64_t which : {1, 2, 3}) {
      for (const char* perturb : {"none", "one_bit"}) {
        const bool changed = std::string(perturb) == "one_bit";
        TrialRecord& made = file.trials.emplace_back(
            trial("blas", seed, static_cast<double>(seed) + (changed ? 0.01 * static_cast<double>(which) : 0)));
        made.settings.emplace_back("model.perturb", std::string(perturb));
        if (changed) made.settings.emplace_back("model.perturb_seed", which);
      }
    }
  }
  const ExpectationRecord seeds = judge(file, "spread(final_train_loss) >= 0.1 where model.perturb = none");
  CHECK(seeds.value == Approx(std::sqrt(2.5)));
  CHECK(seeds.runs == 5);
  const ExpectationRecord ratio =
      judge(file,
            "ratio(spread(final_train_loss over model.perturb_seed); spread(final_train_loss over seed)) <= 0.1 where "
            "model.perturb = one_bit");
  CHECK(ratio.value == Approx(0.01 / std::sqrt(2.5)));
  CHECK(ratio.runs == 15);  // both sides rest on all that are perturbed
  CHECK(ratio.verdict == Verdict::reproduced);
}

TEST_CASE("a metric at a step, from the steps of evaluations or in older files from those of training") {
  ResultFile file;
  file.trials = {trial("blas", 1, 1)};
  CHECK(judge(file, "validation_loss@10 >= 0").value == 2);
  CHECK(judge(file, "validation_accuracy@20 >= 0").value == 0.8);
  CHECK(verdict(file, "validation_loss@15 >= 0") == Verdict::cannot_tell);
  file.trials[0].epochs.step.clear();
  CHECK(verdict(file, "validation_loss@20 >= 0") == Verdict::cannot_tell);
  file.trials[0].settings.emplace_back("training.steps", std::int64_t{40});
  CHECK(judge(file, "validation_loss@20 >= 0").value == 2);
}

TEST_CASE("a gradient's noise scale, of the whole training and of what went before an evaluation") {
  ResultFile file;
  file.trials = {trial("blas", 1, 1)};
  CHECK(verdict(file, "gradient_noise_scale >= 0") == Verdict::cannot_tell);
  file.trials[0].summary.gradient_noise_scale = 25;
  file.trials[0].epochs.gradient_square = {3, 1};
  file.trials[0].epochs.gradient_variance = {30, 70};
  CHECK(judge(file, "gradient_noise_scale >= 0").value == 25);
  CHECK(judge(file, "gradient_noise_scale@10 >= 0").value == 10);
  CHECK(judge(file, "gradient_noise_scale@20 >= 0").value == 70);
}

TEST_CASE("steps and time to a target, and a target that was not reached") {
  ResultFile file;
  file.trials = {trial("blas", 1, 1), trial("tbb", 1, 2)};
  file.trials[0].summary.time_to_target = 3;
  CHECK(judge(file, "steps_to_target <= 30 where backend = blas").value == 20);
  CHECK(judge(file, "time_to_target <= 30 where backend = blas").value == 3);
  const ExpectationRecord missed = judge(file, "steps_to_target <= 30 where backend = tbb");
  CHECK(missed.verdict == Verdict::not_reproduced);
  CHECK_THAT(missed.why, Contains("1 of 1 runs did not reach the target"));
  CHECK(verdict(file, "ratio(steps_to_target; backend = tbb; blas) >= 2") == Verdict::reproduced);
  CHECK(verdict(file, "ratio(steps_to_target; backend = tbb; blas) <= 2") == Verdict::not_reproduced);
}

TEST_CASE("a diverged run has an infinite loss and no accuracy, but the best that it had") {
  ResultFile file;
  file.trials = {trial("blas", 1, 1)};
  file.trials[0].status = Status::diverged;
  file.trials[0].diverged_at_step = 15;
  const ExpectationRecord loss = judge(file, "final_train_loss <= 5");
  CHECK(loss.verdict == Verdict::not_reproduced);
  CHECK_THAT(loss.why, Contains("1 of 1 runs diverged"));
  CHECK(verdict(file, "final_train_loss >= 5") == Verdict::reproduced);
  CHECK(verdict(file, "final_validation_accuracy <= 0.1") == Verdict::reproduced);
  CHECK(judge(file, "best_validation_accuracy >= 0").value == 0.9);
  CHECK(judge(file, "validation_loss@10 >= 0").value == 2);
  CHECK(judge(file, "validation_accuracy@20 >= 0").value == 0);
}

TEST_CASE("a failed run leaves its cell open, an unsupported one is no run") {
  ResultFile file = sweep(2);
  file.trials[0].status = Status::failed;
  const ExpectationRecord failed = judge(file, "final_train_loss <= 5 where backend = blas");
  CHECK(failed.verdict == Verdict::cannot_tell);
  CHECK_THAT(failed.why, Contains("1 of 4 runs failed"));
  file.trials[0].status = Status::unsupported;
  CHECK(verdict(file, "final_train_loss <= 5 where backend = blas") == Verdict::reproduced);
  for (TrialRecord& each : file.trials) each.status = Status::unsupported;
  CHECK(verdict(file, "final_train_loss <= 5") == Verdict::cannot_tell);
}

TEST_CASE("the worst tensor's gradient error, and the speed") {
  ResultFile file;
  file.trials = {trial("blas", 1, 1)};
  file.trials[0].checks = {{.tensor = "a", .gradient_error = 1e-7}, {.tensor = "b", .gradient_error = 3e-7}};
  CHECK(judge(file, "gradient_error <= 1").value == 3e-7);
  CHECK(judge(file, "samples_per_second >= 1").value == 1000);
}

TEST_CASE("the speed is the table's: of the mean over the rounds, not of the median step") {
  ResultFile file;
  file.trials = {trial("blas", 1, 1)};
  TrialRecord& timed = file.trials[0];
  timed.group = "s1";
  timed.summary.step_time_median = 0.032;
  timed.summary.step_time_mad = 0;
  timed.summary.samples_per_second = 1000;  // of that
  GroupRecord& rounds = file.groups.emplace_back();
  rounds.id = "s1";
  rounds.trials = {timed.id};
  rounds.step_time = {0.032, 0.128};  // mean 0.064
  rounds.peak_gflops = {1, 1};
  CHECK(judge(file, "samples_per_second >= 1").value == Approx(500));
  const TableRow row{{&timed}, {&timed}, ""};
  CHECK(ShownSpeed(row, TimedTrials(file)).rate(&TrialSummary::samples_per_second) == "500 ±0.0%");
}

TEST_CASE("what a file expects is judged by its own words") {
  ResultFile file = sweep(2);
  file.expectations = not_judged(std::vector{parse_expectation("x", "final_train_loss <= 2", "Nobody", "5%")});
  CHECK(file.expectations.at(0).verdict == Verdict::not_judged);
  judge_expectations(file);
  CHECK(file.expectations.at(0).verdict == Verdict::reproduced);
  CHECK(file.expectations.at(0).published == "Nobody");
}

}  // namespace stepbench::testing
