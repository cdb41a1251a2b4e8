// The whole method of measuring and judging speed on planted differences, on this machine as it is: how often intervals
// hold the truth and how often a difference is found, by its size and by rounds; whether plans keep their promise; and
// what sweeps of many comparisons tell where there is nothing to tell. Run by hand; scripts/plot-verdict-curves draws
// the curves. Not here: what one backend does to another's blocks (self_check.cpp), and simulated noise (tests/base).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "core/detection.hpp"
#include "core/lap_clock.hpp"
#include "core/results/lookup.hpp"
#include "experiments/measure/group_run.hpp"
#include "experiments/terminal/standard_streams.hpp"
#include "tests/experiments/by_hand.hpp"
#include "tests/experiments/small_experiment.hpp"
#include "tests/support/forwarding_network.hpp"
#include "variants/blas/blas.hpp"

namespace stepbench::testing {
namespace {

constexpr std::array kPlanted = {0, 1, 2, 3, 5, 10};  // percent
constexpr std::array kRounds = {8, 12, 20, 30, 60};   // the first so many of a run's
constexpr int kCopies = 60;                           // comparisons of a sweep
constexpr int kStepsOfBlock = 20;
constexpr int kPlannedFor = 3;                 // percent
constexpr std::int64_t kMostRoundsHere = 400;  // of a planned run, to end in minutes

/// blas, and then a busy wait for so much of the time since the step before: a difference of a known size, and no
/// other. What lies between two steps of a block, as gathering the batch, belongs to a step; what lies between blocks
/// does not, and the first steps of a block do not count.
template <int kPercent, typename Scalar>
class DelayedNetwork final : public ForwardingNetwork<Scalar> {
 public:
  explicit DelayedNetwork(const NetworkSettings& settings)
      : ForwardingNetwork<Scalar>(make_blas_network<Scalar>(settings)) {}
  StepResult train_step(const Batch<Scalar>& batch, const UpdateStep& update) override {
    const double before = clock_.lap();
    const StepResult result = this->real().train_step(batch, update);
    const double own = clock_.lap();
    const double more = kPercent / 100.0 * (own + (before < own ? before : 0));
    for (double spent = 0; spent < more;) spent += clock_.lap();
    return result;
  }

 private:
  LapClock clock_;
};

template <int kPercent, typename Scalar>
std::unique_ptr<Network<Scalar>> make_delayed(const NetworkSettings& settings) {
  return std::make_unique<DelayedNetwork<kPercent, Scalar>>(settings);
}

std::string planted_name(int percent) { return fmt::format("planted{}", percent); }
std::string copy_name(int index) { return fmt::format("copy{}", index); }

/// For a backend, whose name is a view.
std::string_view kept(const std::string& name) {
  static std::set<std::string> names;
  return *names.insert(name).first;
}

template <int kPercent>
void add_planted(std::vector<Backend>& table) {
  table.push_back(
      {kept(planted_name(kPercent)), "", 64, false, make_delayed<kPercent, float>, make_delayed<kPercent, double>});
}

std::vector<Backend> table_of_planted() {
  std::vector<Backend> table(backends().begin(), backends().end());
  add_planted<0>(table), add_planted<1>(table), add_planted<2>(table);
  add_planted<3>(table), add_planted<5>(table), add_planted<10>(table);
  const Backend blas = *find_backend(table, "blas");
  for (int i = 0; i < kCopies; ++i) table.push_back(blas), table.back().name = kept(copy_name(i));
  return table;
}

/// A run of the baseline `planted0`, its twin and these rivals.
GroupRecord run(const std::vector<std::string>& rivals, std::int64_t rounds, int seed) {
  static const std::vector<Backend> table = table_of_planted();
  static PeakHistory peaks;
  std::string backends = "planted0";
  for (const std::string& rival : rivals) backends += "," + rival;
  const Experiment experiment = experiment_from(
      "[experiment]\nname = verdict-curves\n"
      "[dataset]\nkind = blobs\nfeatures = 256\nclasses = 10\nsamples = 4000\n"
      "[model]\nkind = mlp\nlayers = 256,256,10\n"
      "[training]\nbatch_size = 64\nlearning_rate = 0.01\n"
      "[measure]\nbaseline = planted0\ngate_samples = 1\nevaluate_every = 1000 epochs\n",
      {"sweep.backend=" + backends, fmt::format("sweep.seed={}", seed), fmt::format("measure.rounds={}", rounds),
       fmt::format("training.steps={}", rounds * kStepsOfBlock)});
  Progress progress(stderr, Verbosity::quiet, 1);
  return run_group(plan_experiment(experiment, table).front(), *find_backend(table, kReferenceBackend), peaks, progress)
      .rounds;
}

struct Times {
  std::vector<double> baseline, twin, rival;
  /// Of the first so many rounds.
  [[nodiscard]] SpeedEvidence evidence(std::size_t rounds) const {
    const auto first = [rounds](const std::vector<double>& times) { return std::span(times).first(rounds); };
    return {paired_ratio(first(baseline), first(rival)), noise_floor(first(baseline), first(twin))};
  }
};

Times times_of(const GroupRecord& rounds, const std::string& rival) {
  const auto of = [&rounds](const std::string& backend) {
    for (const std::string& trial : rounds.trials) {
      if (trial.starts_with(backend + "-")) return column_of(rounds, rounds.step_time, trial);
    }
    throw std::runtime_error(backend + " was not measured");
  };
  const std::string& baseline = rounds.trials.front();
  return {column_of(rounds, rounds.step_time, baseline), column_of(rounds, rounds.step_time, twin_id(baseline)),
          of(rival)};
}

/// Whether it is told to be slower or faster, however little.
bool tells(const SpeedEvidence& evidence) {
  const SpeedVerdict verdict = speed_verdict(evidence, 0);
  return verdict == SpeedVerdict::slower || verdict == SpeedVerdict::faster;
}

void say(const std::string& line) { write_remark(line + "\n"); }

/// Of each planted difference and number of rounds, in how many of the runs the interval held it, and it was told.
void curves(int runs) {
  struct Count {
    int covered = 0, told = 0;
  };
  std::array<std::array<Count, kRounds.size()>, kPlanted.size()> counts{};
  std::vector<std::string> rivals;
  for (const int percent : kPlanted) rivals.push_back(percent == 0 ? copy_name(0) : planted_name(percent));
  for (int i = 0; i < runs; ++i) {
    const GroupRecord rounds = run(rivals, kRounds.back(), i + 1);
    for (std::size_t p = 0; p < kPlanted.size(); ++p) {
      const Times times = times_of(rounds, rivals[p]);
      const double truth = 1 / (1 + kPlanted[p] / 100.0);
      for (std::size_t r = 0; r < kRounds.size(); ++r) {
        const SpeedEvidence evidence = times.evidence(static_cast<std::size_t>(kRounds[r]));
        counts[p][r].covered += evidence.speed.low <= truth && truth <= evidence.speed.high ? 1 : 0;
        counts[p][r].told += tells(evidence) ? 1 : 0;
      }
    }
    say(fmt::format("run {} of {}", i + 1, runs));
  }
  std::string table = "planted_percent rounds runs covered told\n";
  for (std::size_t p = 0; p < kPlanted.size(); ++p) {
    for (std::size_t r = 0; r < kRounds.size(); ++r) {
      table += fmt::format("{:>15} {:>6} {:>4} {:>7} {:>4}\n", kPlanted[p], kRounds[r], runs, counts[p][r].covered,
                           counts[p][r].told);
    }
  }
  write_output(table);
}

/// Plans for 3% at power 0.9 from a pilot and runs it, with 3% planted and with nothing.
void plans(int runs) {
  for (const std::string& rival : {planted_name(kPlannedFor), copy_name(0)}) {
    int found = 0, too_many = 0;
    std::vector<double> planned;
    for (int i = 0; i < runs; ++i) {
      const Times pilot = times_of(run({rival}, 12, i + 1), rival);
      const RoundNoise noise = round_noise(pilot.baseline, pilot.rival, pilot.twin);
      const std::int64_t rounds = rounds_to_detect(noise, kPlannedFor / 100.0, 1, kUsualPower);
      const bool can_run = rounds > 0 && rounds <= kMostRoundsHere;
      planned.push_back(static_cast<double>(rounds));
      too_many += can_run ? 0 : 1;
      if (!can_run) {
        say(fmt::format("{} {}: planned {} rounds, which is not run", rival, i + 1, rounds));
        continue;
      }
      const SpeedEvidence evidence =
          times_of(run({rival}, rounds, i + 1 + runs), rival).evidence(static_cast<std::size_t>(rounds));
      found += tells(evidence) ? 1 : 0;
      say(fmt::format("{} {}: {} rounds: {:.4f} [{:.4f}, {:.4f}], noise floor {:.4f}: {}", rival, i + 1, rounds,
                      evidence.speed.ratio, evidence.speed.low, evidence.speed.high, evidence.noise_floor,
                      tells(evidence) ? "found" : "not found"));
    }
    write_output(
        fmt::format("{}: {} runs planned for {}% at power {}, {:.0f} rounds in the median: {} found a "
                    "difference, {} would have taken more than {} rounds\n",
                    rival, runs, kPlannedFor, kUsualPower, median(planned), found, too_many, kMostRoundsHere));
  }
}

/// Sweeps of 60 comparisons of the same with itself.
void sweeps(int runs) {
  std::vector<std::string> rivals;
  for (int i = 0; i < kCopies; ++i) rivals.push_back(copy_name(i));
  int with_false = 0, with_false_unheld = 0;
  for (int i = 0; i < runs; ++i) {
    constexpr std::size_t kRoundsOfSweep = 12;
    const GroupRecord rounds = run(rivals, kRoundsOfSweep, i + 1);
    std::vector<SpeedEvidence> table;
    for (const std::string& rival : rivals) table.push_back(times_of(rounds, rival).evidence(kRoundsOfSweep));
    const auto unheld = std::ranges::count_if(table, tells);
    std::vector<SpeedEvidence*> rows;
    for (SpeedEvidence& row : table) rows.push_back(&row);
    hold_false_discoveries(rows);
    const auto held = std::ranges::count_if(table, tells);
    with_false += held > 0 ? 1 : 0;
    with_false_unheld += unheld > 0 ? 1 : 0;
    say(fmt::format("sweep {} of {}: {} told, {} without the false discovery rate", i + 1, runs, held, unheld));
  }
  write_output(
      fmt::format("{} sweeps of {} comparisons without a difference: {} told one, {} without holding the false "
                  "discovery rate\n",
                  runs, kCopies, with_false, with_false_unheld));
}

}  // namespace

int check(int argc, char** argv) {
  namespace po = boost::program_options;
  po::options_description options("options");
  int runs = 0;
  std::string what;
  options.add_options()("help", "this text")("runs", po::value(&runs), "how many; default 40, of sweeps 20")(
      "what", po::value(&what)->required(), "curves, plans, sweeps; may stand without --what");
  po::positional_options_description positional;
  positional.add("what", 1);
  po::variables_map values;
  po::store(po::command_line_parser(argc, argv).options(options).positional(positional).run(), values);
  if (values.contains("help")) {
    write_output(
        fmt::format("stepbench_verdict_curves WHAT: verdicts on planted differences in speed\n"
                    "  --runs N  how many; default 40, of sweeps 20\n"
                    "WHAT: curves, plans, sweeps\n"));
    return 0;
  }
  po::notify(values);
  if (!values.contains("runs")) runs = what == "sweeps" ? 20 : 40;
  if (runs < 1) throw po::error(fmt::format("--runs: found {}, allowed: 1 and more", runs));
  if (what == "curves") {
    curves(runs);
  } else if (what == "plans") {
    plans(runs);
  } else if (what == "sweeps") {
    sweeps(runs);
  } else {
    throw po::error("WHAT: found \"" + what + "\", allowed: curves, plans, sweeps");
  }
  return 0;
}

}  // namespace stepbench::testing

int main(int argc, char** argv) {
  return stepbench::testing::run_by_hand("stepbench_verdict_curves", argc, argv, stepbench::testing::check);
}
