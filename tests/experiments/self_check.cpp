// The measuring method on known answers, on this machine as it is: a backend against itself (A/A), against a copy of it
// that does 5% more work (A/B), and a trial beside others, or after a peer's process, against the same alone. Run by
// hand; the figures stand in experiments/measure/README.md.
#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <cmath>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "core/lap_clock.hpp"
#include "core/results/trial_record.hpp"
#include "core/speed_verdict.hpp"
#include "experiments/measure/group_run.hpp"
#include "experiments/terminal/standard_streams.hpp"
#include "tests/experiments/by_hand.hpp"
#include "tests/experiments/small_experiment.hpp"
#include "tests/support/forwarding_network.hpp"
#include "variants/blas/blas.hpp"

namespace stepbench::testing {
namespace {

constexpr double kSlowdown = 0.05;

/// blas, and then parts of the step once more for 5% of the time that the step took.
template <typename Scalar>
class SlowedNetwork final : public ForwardingNetwork<Scalar> {
 public:
  explicit SlowedNetwork(const NetworkSettings& settings)
      : ForwardingNetwork<Scalar>(make_blas_network<Scalar>(settings)) {}
  StepResult train_step(const Batch<Scalar>& batch, const UpdateStep& update) override {
    LapClock clock;
    const StepResult result = this->real().train_step(batch, update);
    const double more = kSlowdown * clock.lap();
    Batch<Scalar> sample = batch;
    sample.size = sample.counted = 1;
    sample.features = batch.features.first(batch.features.size() / static_cast<std::size_t>(batch.size));
    sample.labels = batch.labels.first(1);
    for (double spent = 0; spent < more; spent += clock.lap()) this->real().evaluate(sample);
    return result;
  }
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
  Backend peer = *find_backend(table, "numpy");
  peer.name = "numpy_copy";
  table.push_back(peer);
  return table;
}

GroupResult run(const std::vector<std::string>& overrides) {
  static const std::vector<Backend> table = table_with_copies();
  const Experiment experiment = experiment_from(
      "[experiment]\nname = self-check\n"
      "[dataset]\nkind = blobs\nfeatures = 256\nclasses = 10\nsamples = 4000\n"
      "[model]\nkind = mlp\nlayers = 256,256,10\n"
      "[training]\nsteps = 1200\nbatch_size = 64\nlearning_rate = 0.01\n"
      "[measure]\nrounds = 60\nevaluate_every = 1000 epochs\n"
      "[sweep]\nbackend = blas\n",
      overrides);
  Progress progress(stderr, Verbosity::quiet, 1);
  static PeakHistory peaks;
  return run_group(plan_experiment(experiment, table).front(), *find_backend(table, kReferenceBackend), peaks,
                   progress);
}

/// Measures `rival` against `baseline` again and again, and says how often the interval held what it should.
void sweep_against(const std::string& baseline, const std::string& rival, int sweeps) {
  int one_inside = 0, slower = 0, faster = 0, same = 0;
  for (int i = 0; i < sweeps; ++i) {
    const GroupResult result = run({"sweep.backend=" + baseline + "," + rival, "measure.baseline=" + baseline,
                                    "sweep.seed=" + std::to_string(i + 1)});
    const TrialSummary& summary = result.trials[1].summary;
    const RatioEstimate speed = {summary.speed_ratio, summary.speed_ratio_low, summary.speed_ratio_high};
    const SpeedVerdict verdict = speed_verdict(speed, summary.noise_floor, kSpeedMargin);
    one_inside += speed.low <= 1 && 1 <= speed.high ? 1 : 0;
    slower += speed.high < 1 ? 1 : 0;
    faster += speed.low > 1 ? 1 : 0;
    same += verdict == SpeedVerdict::same ? 1 : 0;
    fmt::print("{:>2}: {} {:.4f} [{:.4f}, {:.4f}], noise floor {:.4f}: {}\n", i + 1, rival, speed.ratio, speed.low,
               speed.high, summary.noise_floor, to_text(verdict));
    std::cout.flush();
  }
  fmt::print(
      "{} against {}, {} sweeps: the 95% interval holds 1 in {}, lies below in {}, above in {}; said to be the same in "
      "{}\n",
      rival, baseline, sweeps, one_inside, slower, faster, same);
}

// Blocks of a tenth of a second, as in real runs: after the wait between blocks the kernel needs some milliseconds to
// give the threads of a pool a core each.
const std::vector<std::string> kLongBlocks = {"measure.rounds=12", "training.steps=4800"};

GroupResult run_in_long_blocks(std::vector<std::string> overrides) {
  overrides.insert(overrides.end(), kLongBlocks.begin(), kLongBlocks.end());
  return run(overrides);
}

/// Median step times of one thing in two situations, a pair per repetition.
struct Situations {
  std::vector<double> here, alone;  // s
  void print(const std::string& what) const {
    const RatioEstimate ratio = paired_ratio(here, alone);
    fmt::print("{}: step time over that alone {:.3f} [{:.3f}, {:.3f}]\n", what, ratio.ratio, ratio.low, ratio.high);
  }
};

GroupResult run_alone(const std::string& backend, std::int64_t threads) {
  return run_in_long_blocks({"sweep.backend=" + backend, "sweep.threads=" + std::to_string(threads)});
}

/// Each trial beside the others against the same trial alone, by turns, as this machine changes from minute to minute.
void compare_with_alone(int repetitions) {
  std::map<std::string, Situations> trials;
  std::vector<double> floors;
  for (int i = 0; i < repetitions; ++i) {
    const GroupResult together =
        run_in_long_blocks({"sweep.backend=blas,tbb", "sweep.threads=1,2", "measure.baseline=blas-t1"});
    floors.push_back(together.trials.front().summary.noise_floor);
    for (const TrialRecord& record : together.trials) {
      Situations& situations = trials[record.id];
      situations.here.push_back(record.summary.step_time_median);
      situations.alone.push_back(run_alone(record.backend, record.threads).trials.front().summary.step_time_median);
    }
  }
  for (const auto& [id, situations] : trials) situations.print(id + " beside the three others");
  fmt::print("noise floor of these runs, median: {:.3f}\n", median(floors));
}

/// blas with 2 threads in the block after tbb's with 2, and tbb after blas, each against the same alone.
void compare_neighbours(int repetitions) {
  Situations blas_after_tbb, tbb_after_blas;
  for (int i = 0; i < repetitions; ++i) {
    const GroupRecord rounds =
        run_in_long_blocks({"sweep.backend=blas,tbb", "sweep.threads=2", "measure.twin=false"}).rounds;
    std::vector<double> blas, tbb;  // of the blocks that came second
    for (std::size_t r = 0; r < rounds.peak_gflops.size(); ++r) {
      if (rounds.position[2 * r] == 1) blas.push_back(rounds.step_time[2 * r]);
      if (rounds.position[2 * r + 1] == 1) tbb.push_back(rounds.step_time[2 * r + 1]);
    }
    blas_after_tbb.here.push_back(median(blas));
    tbb_after_blas.here.push_back(median(tbb));
    blas_after_tbb.alone.push_back(run_alone("blas", 2).trials.front().summary.step_time_median);
    tbb_after_blas.alone.push_back(run_alone("tbb", 2).trials.front().summary.step_time_median);
  }
  blas_after_tbb.print("blas-t2 right after tbb-t2");
  tbb_after_blas.print("tbb-t2 right after blas-t2");
}

/// blas and tbb with 2 threads right after `before` had its block with 2, against the same alone.
void compare_with(const std::string& before, int repetitions) {
  std::map<std::string, Situations> backends;
  for (int i = 0; i < repetitions; ++i) {
    for (const std::string backend : {"blas", "tbb"}) {
      const GroupRecord rounds =
          run_in_long_blocks({"sweep.backend=" + backend + "," + before, "sweep.threads=2", "measure.twin=false"})
              .rounds;
      std::vector<double> times;  // of the blocks that came second
      for (std::size_t r = 0; r < rounds.peak_gflops.size(); ++r) {
        if (rounds.position[2 * r] == 1) times.push_back(rounds.step_time[2 * r]);
      }
      backends[backend].here.push_back(median(times));
      backends[backend].alone.push_back(run_alone(backend, 2).trials.front().summary.step_time_median);
    }
  }
  for (const auto& [backend, situations] : backends) situations.print(backend + "-t2 right after " + before + "-t2");
}

}  // namespace

int check(int argc, char** argv) {
  namespace po = boost::program_options;
  po::options_description options("options");
  int sweeps = 40, repetitions = 8;
  std::string what;
  options.add_options()("help", "this text")("sweeps", po::value(&sweeps),
                                             "aa, ab, aa-peer: how many short sweeps; default 40")(
      "repetitions", po::value(&repetitions),
      "alone, neighbours, onednn-before, peer-before: default 8, the least for an interval")(
      "what", po::value(&what)->required(),
      "aa, ab, aa-peer, alone, neighbours, onednn-before, peer-before; may stand without --what");
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
    sweep_against("blas", "copy", sweeps);
  } else if (what == "ab") {
    sweep_against("blas", "slowed", sweeps);
  } else if (what == "aa-peer") {
    sweep_against("numpy", "numpy_copy", sweeps);
  } else if (what == "alone") {
    compare_with_alone(repetitions);
  } else if (what == "neighbours") {
    compare_neighbours(repetitions);
  } else if (what == "onednn-before") {
    compare_with("onednn", repetitions);  // whose threads are another OpenMP's than OpenBLAS's
  } else if (what == "peer-before") {
    compare_with("numpy", repetitions);
  } else {
    throw po::error("WHAT: found \"" + what +
                    "\", allowed: aa, ab, aa-peer, alone, neighbours, onednn-before, peer-before");
  }
  return 0;
}

}  // namespace stepbench::testing

int main(int argc, char** argv) {
  return stepbench::testing::run_by_hand("stepbench_self_check", argc, argv, stepbench::testing::check);
}
