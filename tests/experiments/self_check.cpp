// The measuring method on known answers, on this machine as it is: a backend against itself (A/A), against a copy of it
// that does 5% more work (A/B), and beside others against alone. Run by hand; the figures stand in README.md.
#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <cmath>
#include <iostream>

#include "core/lap_clock.hpp"
#include "core/results/trial_record.hpp"
#include "core/statistics.hpp"
#include "experiments/measure/group_run.hpp"
#include "tests/experiments/small_experiment.hpp"
#include "variants/blas/blas.hpp"
#include "variants/openblas_runtime.hpp"

namespace stepbench::testing {
namespace {

constexpr double kSlowdown = 0.05;

/// blas, and then parts of the step once more for 5% of the time that the step took.
template <typename Scalar>
class SlowedNetwork final : public Network<Scalar> {
 public:
  explicit SlowedNetwork(const NetworkSettings& settings) : real_(make_blas_network<Scalar>(settings)) {}
  std::unique_ptr<ThreadClaim> claim_threads() override { return real_->claim_threads(); }
  void set_parameters(std::span<const Scalar> parameters) override { real_->set_parameters(parameters); }
  void get_parameters(std::span<Scalar> parameters) const override { real_->get_parameters(parameters); }
  Evaluation evaluate(const Batch<Scalar>& batch) override { return real_->evaluate(batch); }
  StepResult compute_gradients(const Batch<Scalar>& batch) override { return real_->compute_gradients(batch); }
  void get_gradients(std::span<Scalar> gradients) const override { real_->get_gradients(gradients); }
  void apply_update(const UpdateStep& update) override { real_->apply_update(update); }
  StepResult train_step(const Batch<Scalar>& batch, const UpdateStep& update) override {
    LapClock clock;
    const StepResult result = real_->train_step(batch, update);
    const double more = kSlowdown * clock.lap();
    Batch<Scalar> sample = batch;
    sample.size = sample.counted = 1;
    sample.features = batch.features.first(batch.features.size() / static_cast<std::size_t>(batch.size));
    sample.labels = batch.labels.first(1);
    for (double spent = 0; spent < more; spent += clock.lap()) real_->evaluate(sample);
    return result;
  }

 private:
  std::unique_ptr<Network<Scalar>> real_;
};

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_slowed(const NetworkSettings& settings) {
  return std::make_unique<SlowedNetwork<Scalar>>(settings);
}

std::vector<Backend> table_with_copies() {
  std::vector<Backend> table(backends().begin(), backends().end());
  Backend copy = *find_backend(table, "blas");
  copy.name = "copy";
  table.push_back(copy);
  table.push_back({"slowed", "", 64, false, make_slowed<float>, make_slowed<double>});
  return table;
}

GroupResult run(const std::vector<std::string>& overrides) {
  static const std::vector<Backend> table = table_with_copies();
  const Experiment experiment = experiment_from(
      "[experiment]\nname = self-check\n"
      "[dataset]\nkind = blobs\nfeatures = 256\nclasses = 10\nsamples = 4000\n"
      "[model]\nkind = mlp\nlayers = 256,256,10\n"
      "[training]\nsteps = 480\nbatch_size = 64\nlearning_rate = 0.01\n"
      "[measure]\nevaluate_every = 1000 epochs\n"
      "[sweep]\nbackend = blas\n",
      overrides);
  Progress progress(stderr, Verbosity::quiet, 1);
  return run_group(plan_experiment(experiment, table).front(), *find_backend(table, kReferenceBackend), progress);
}

/// Measures `rival` against blas again and again. Returns how often the interval held what it should.
void sweep_against_blas(const std::string& rival, int sweeps) {
  int one_inside = 0, slower = 0, faster = 0;
  for (int i = 0; i < sweeps; ++i) {
    const GroupResult result =
        run({"sweep.backend=blas," + rival, "measure.baseline=blas", "sweep.seed=" + std::to_string(i + 1)});
    const TrialSummary& summary = result.trials[1].summary;
    const RatioEstimate speed = {summary.speed_ratio, summary.speed_ratio_low, summary.speed_ratio_high};
    const SpeedVerdict verdict = speed_verdict(speed, summary.noise_floor);
    one_inside += speed.low <= 1 && 1 <= speed.high ? 1 : 0;
    slower += speed.high < 1 ? 1 : 0;
    faster += speed.low > 1 ? 1 : 0;
    fmt::print("{:>2}: {} {:.4f} [{:.4f}, {:.4f}], noise floor {:.4f}: {}\n", i + 1, rival, speed.ratio, speed.low,
               speed.high, summary.noise_floor, to_text(verdict));
    std::cout.flush();
  }
  fmt::print("{} against blas, {} sweeps: the 95% interval holds 1 in {}, lies below in {}, above in {}\n", rival,
             sweeps, one_inside, slower, faster);
}

/// Median step of each trial beside the others, over its median alone.
void compare_with_alone() {
  const GroupResult together =
      run({"sweep.backend=blas,tbb", "sweep.threads=1,2", "measure.baseline=blas-t1", "training.steps=2400"});
  fmt::print("noise floor {:.4f}\n", together.trials.front().summary.noise_floor);
  for (const TrialRecord& record : together.trials) {
    const GroupResult alone = run(
        {"sweep.backend=" + record.backend, "training.steps=2400", "sweep.threads=" + std::to_string(record.threads)});
    fmt::print("{}: beside the others over alone {:.4f}\n", record.id,
               record.summary.step_time_median / alone.trials.front().summary.step_time_median);
  }
}

/// blas with 2 threads after tbb with 2, and tbb after blas, each over its time at the block before which none ran.
void compare_neighbours() {
  const GroupResult together =
      run({"sweep.backend=blas,tbb", "sweep.threads=2", "measure.rounds=40", "training.steps=4000"});
  const GroupRecord& rounds = together.rounds;
  const std::size_t members = rounds.trials.size();
  for (std::size_t m = 0; m < members; ++m) {
    const bool is_tbb = rounds.trials[m].starts_with("tbb");
    const GroupResult alone = run({fmt::format("sweep.backend={}", is_tbb ? "tbb" : "blas"), "sweep.threads=2",
                                   "measure.rounds=40", "training.steps=4000"});
    std::vector<double> after_other, after_same;
    for (std::size_t r = 0; r < rounds.peak_gflops.size(); ++r) {
      const std::int64_t place = rounds.position[r * members + m];
      for (std::size_t other = 0; other < members; ++other) {
        if (rounds.position[r * members + other] != place - 1) continue;
        const bool same = rounds.trials[other].starts_with("tbb") == is_tbb;
        (same ? after_same : after_other).push_back(rounds.step_time[r * members + m]);
      }
    }
    const double reference = alone.trials.front().summary.step_time_median;
    fmt::print(
        "{}: median step over its median alone: {:.4f} after the other backend ({} blocks), {:.4f} after its own "
        "kind ({} blocks)\n",
        rounds.trials[m], median(after_other) / reference, after_other.size(), median(after_same) / reference,
        after_same.size());
  }
}

int check(int argc, char** argv) {
  namespace po = boost::program_options;
  po::options_description options("options");
  int sweeps = 40;
  std::string what;
  options.add_options()("help", "this text")("sweeps", po::value(&sweeps), "how many short sweeps; default 40")(
      "what", po::value(&what)->required(), "aa, ab, alone, neighbours; may stand without --what");
  po::positional_options_description positional;
  positional.add("what", 1);
  po::variables_map values;
  po::store(po::command_line_parser(argc, argv).options(options).positional(positional).run(), values);
  if (values.contains("help")) {
    std::cout << "stepbench_self_check WHAT: the measuring method on known answers\n" << options;
    return 0;
  }
  po::notify(values);
  if (what == "aa") {
    sweep_against_blas("copy", sweeps);
  } else if (what == "ab") {
    sweep_against_blas("slowed", sweeps);
  } else if (what == "alone") {
    compare_with_alone();
  } else if (what == "neighbours") {
    compare_neighbours();
  } else {
    throw po::error("WHAT: found \"" + what + "\", allowed: aa, ab, alone, neighbours");
  }
  return 0;
}

}  // namespace
}  // namespace stepbench::testing

int main(int argc, char** argv) {
  stepbench::require_honest_kernels(argv);
  try {
    return stepbench::testing::check(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "stepbench_self_check: " << error.what() << '\n';
    return 2;
  }
}
