#include "tests/results/sample_files.hpp"

#include <cmath>

namespace stepbench::testing {
namespace {

StepSeries steps_of(std::int64_t count) {
  StepSeries steps;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto x = static_cast<double>(i);
    steps.train_loss.push_back(2.3 / (1 + 0.01 * x) + 0.1 * std::sin(x));
    steps.wall_time.push_back(1e-3 + 1e-7 * static_cast<double>(i * 7919 % 1009));
    PhaseTimes times;
    for (std::size_t p = 0; p < times.seconds.size(); ++p) times.seconds[p] = 1e-4 * (static_cast<double>(p) + x);
    steps.phase_time.push_back(times);
    steps.round.push_back(i / 4);
  }
  return steps;
}

TrialRecord rich_trial(const std::string& backend, std::int64_t threads) {
  TrialRecord trial;
  trial.id = backend + "-t" + std::to_string(threads) + "-s1";
  trial.group = "s1";
  trial.backend = backend;
  trial.ranks = 2;
  trial.threads = threads;
  trial.seed = 0xfedcba9876543210u;
  trial.settings = {{"dataset.path", std::string("données/mnist-10k")},
                    {"dataset.shuffle", true},
                    {"experiment.description", std::string()},
                    {"model.layers", std::vector<std::int64_t>{784, 128, 10}},
                    {"model.loss", std::string("cross_entropy")},
                    {"training.batch_size", std::int64_t{32}},
                    {"training.learning_rate", 0.1},
                    {"training.precision", std::string("float32")},
                    {"record.order", false}};
  trial.message = "größer als erwartet";
  trial.parameter_digest = "00112233445566778899aabbccddeeff";
  trial.dataset_digest = "ffeeddccbbaa99887766554433221100";
  trial.vocabulary = "[\"\\n\", \"é\"]";
  trial.same_bits_for_any_threads = true;
  trial.is_baseline = threads == 1;
  trial.parameters = 101770;
  trial.batch_size = 32;
  trial.flops_per_step = 1.5e7;
  trial.cpus = "0-3,8";
  trial.threads_observed = threads;
  trial.network_bytes = 1 << 20;
  trial.steps = steps_of(300);  // some series above what is stored compactly
  trial.epochs = {.epoch = {1, 2, 2.5},
                  .train_loss = {2.0, 1.5, kNotANumber},
                  .validation_loss = {2.1, 1.6, 1.4},
                  .validation_accuracy = {0.3, kNotANumber, 0.5},
                  .train_time = {0.1, 0.2, 0.25},
                  .step = {120, 240, 300},
                  .gradient_square = {0.5, -1e-3, kNotANumber},
                  .gradient_variance = {20, 30, kNotANumber}};
  trial.checks = {{"layers.0.weight", 1e-12, 2e-12, 1.0, 3e-12}, {"layers.0.bias", 0, 0, kNotANumber, kNotANumber}};
  trial.study = {.workers = {1, 2, 64},
                 .samples = {32, 64, 2048},
                 .step_time = {0.5, 0.25, 0.01},
                 .sample_time = 1e-3,
                 .fixed_time = 2e-5,
                 .overlap = 0.25};
  trial.library = "Open MPI 4.1";
  trial.setting = "one thread";
  trial.settings_tried = "one thread, two threads";
  trial.link_latency = 1.5e-6;
  trial.link_bandwidth = 9e9;
  trial.gradient_parts = 6;
  trial.scaling = {.cores = {2, 16}, .predicted_speedup = {1.9, 6.5}, .work = 1e-3, .span = 1e-4};
  trial.limits = {.phases = {{"forward", 2e6, 3e5, 1e-4, 4e-5, 2e-5, 1e-5, 5e-5, Limit::overhead},
                             {"step", 4e6, 9e5, 2e-4, 8e-5, kNotANumber, 1e-5, 5e-5, Limit::unknown}},
                  .peak_gflops = 50,
                  .bandwidth = 15.5,
                  .touched_bytes = 1.25e6,
                  .level = "L2",
                  .busy_share = 0.9,
                  .busy_cores = 0.95};
  trial.memory = {.model = {1e6, 1e6, 2e6, 3e5, kNotANumber}, .resident_peak = 4.5e6};
  trial.initial_parameters = {{"layers.0.weight", {2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6}},
                              {"layers.0.bias", {2}, std::vector<float>{0, -0.5f}}};
  trial.final_parameters = {{"layers.0.weight", {2, 3}, std::vector<double>{0.1, 0.2, 0.3, 0.4, 0.5, kNotANumber}},
                            {"layers.0.bias", {2}, std::vector<double>{1e-300, -2}}};
  trial.order = {2, 0, 1, 3, 1, 3, 0, 2};
  trial.order_epochs = 2;
  trial.summary = {.step_time_median = 1e-3,
                   .step_time_mad = 1e-5,
                   .step_time_iqr = 2e-5,
                   .samples_per_second = 32000,
                   .tokens_per_second = 1024000,
                   .gflops = 15,
                   .percent_of_peak = 12.5,
                   .final_train_loss = 1.5,
                   .best_validation_loss = 1.4,
                   .best_validation_accuracy = 0.5,
                   .gradient_noise_scale = 48.5,
                   .time_to_target = kNotANumber,
                   .speed_ratio = 1.25 * static_cast<double>(threads),
                   .speed_ratio_low = 1.2,
                   .speed_ratio_high = 1.3,
                   .noise_floor = 0.02,
                   .disturbed_rounds = 2};
  return trial;
}

}  // namespace

ResultFile minimal_file() {
  ResultFile file;
  file.experiment = "minimal";
  file.trials.emplace_back().id = "neuron-t1-s1";
  return file;
}

ResultFile file_with_steps(std::int64_t steps) {
  ResultFile file = minimal_file();
  file.trials[0].steps = steps_of(steps);
  return file;
}

ResultFile rich_file() {
  ResultFile file;
  file.experiment = "mnist-mlp";
  file.description = "ReLU — über alle Schichten";
  file.config_text = "[experiment]\nname = mnist-mlp\n# π ≈ 3.14\n";
  file.created = "2025-01-02T03:04:05Z";
  file.stepbench_version = "0.1.0";
  file.git_commit = "0123456789abcdef0123456789abcdef01234567";
  file.git_dirty = true;
  file.status = Status::diverged;
  file.shard = {.index = 2,
                .count = 3,
                .trials = {"blas-t1-s1", "blas-t1-s2", "größer"},
                .groups = {"s1", "s2", "s3"},
                .datasets = {"ffee", "", "0011"}};
  KeyValues environment = {{"cpu_model", std::string("Some CPU @ 3 GHz")},
                           {"cores", std::int64_t{2}},
                           {"blas_core_forced", true},
                           {"peak_gflops_all", 151.5},
                           {"governor", std::string()},
                           {"sgemm_gflops", kNotANumber}};
  for (int i = 0; i < 12; ++i) environment.emplace_back("extra_" + std::to_string(i), std::int64_t{i});
  file.environments = {environment, {{"cpu_model", std::string("Another CPU")}}};
  file.trials = {rich_trial("blas", 1), rich_trial("tbb", 2)};
  ExpectationRecord learns, open;
  learns.name = "learns";
  learns.claim = "best_validation_accuracy >= 0.95";
  learns.published = "Größer 2022, Fig. 1: 1.00";
  learns.tolerance = "0.02";
  learns.verdict = ExpectationVerdict::not_reproduced;
  learns.value = 0.9;
  learns.low = 0.89;
  learns.high = 0.91;
  learns.runs = 5;
  learns.cells = 4;
  learns.cell = "backend = tbb";
  learns.why = "1 of 5 runs diverged";
  open.name = "open";
  open.claim = "final_train_loss <= 1";
  file.expectations = {learns, open};
  TrialRecord diverged = rich_trial("neuron", 1);
  diverged.status = Status::diverged;
  diverged.diverged_at_step = 0;
  diverged.steps.train_loss.back() = kNotANumber;
  diverged.order.clear();
  diverged.order_epochs = 0;
  file.trials.push_back(diverged);
  TrialRecord unsupported;
  unsupported.id = "neuron-t2-s1";
  unsupported.status = Status::unsupported;
  unsupported.message = "neuron runs on one thread";
  unsupported.settings = {{"model.loss", std::string("cross_entropy")}};
  file.trials.push_back(unsupported);
  TrialRecord failed = unsupported;
  failed.id = "tbb-t1-s1";
  failed.status = Status::failed;
  failed.cause = FailureCause::gate;
  failed.message = "gate: the loss differs";
  file.trials.push_back(failed);
  GroupRecord group{.id = "s1",
                    .earlier_environments = {1},
                    .plan = {.pilot_rounds = 1,
                             .pilot_steps = 10,
                             .planned = 1,
                             .room = 4,
                             .seeds = 2,
                             .steps_needed = 170,
                             .needed = std::numeric_limits<double>::infinity(),
                             .detect = 0.02,
                             .power = 0.9,
                             .noise = 0.013,
                             .alike = 0.25},
                    .measurement = "2025-01-02T03:04:05Z-0123456789abcdef",
                    .trials = {"blas-t1-s1", "blas-t1-s1~twin", "tbb-t2-s1"},
                    .step_time = {1.0, 1.1, 0.5, 1.2, kNotANumber, 0.6},
                    .pilot_step_time = {1.5, 1.4, 0.7, kNotANumber, kNotANumber, kNotANumber},
                    .position = {2, 0, 1, 0, 1, 2},
                    .block_time = {10, 11, 5, 12, 13, 6},
                    .cpu_time = {9, 10, 4, 11, 12, 5},
                    .steal_time = {0, 0.5, 0, 0, 0, 0.25},
                    .run_delay = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6},
                    .involuntary_switches = {1, 2, 3, 4, 5, 6},
                    .sentinel_time = {0.001, 0.002, 0.001, 0.001, 0.001, 0.0015},
                    .disturbed = {0, kStolenTime | kSlowSentinel, 0, 0, 0, kStolenTime},
                    .cycles = {1e9, 1e9, 5e8, 1e9, kNotANumber, 6e8},
                    .instructions = {2e9, 2e9, 1e9, 2e9, 2e9, 1.5e9},
                    .cache_misses = std::vector<double>(6, kNotANumber),
                    .fp_operations = {1e10, 1e10, 1e10, 1e10, 1e10, 1e10},
                    .energy = {30, 31, 15, 32, 30, 16},
                    .segment = {0, 0, 0, 1, 1, 1},
                    .process = {0, 1},
                    .peak_gflops = {150, kNotANumber},
                    .gemm_gflops = {140, 141},
                    .peak_gflops_after = 149,
                    .gemm_gflops_after = 139};
  file.groups = {group, GroupRecord{.id = "s2", .environment = 1, .trials = {"blas-t1-s2"}},
                 GroupRecord{.id = "s3", .environment = 1}, GroupRecord{.id = "s4"}};
  return file;
}

ResultFile single_trial_file(const std::string& trial, double step_time, std::int64_t position) {
  ResultFile file = minimal_file();
  file.trials[0].id = trial;
  file.trials[0].group = "s1";
  file.groups = {GroupRecord{.id = "s1",
                             .trials = {trial},
                             .step_time = {step_time, 2 * step_time},
                             .position = {position, 1 - position},
                             .peak_gflops = {100, 101}}};
  return file;
}

}  // namespace stepbench::testing
