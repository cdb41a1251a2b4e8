// Every backend's threads are held on the CPUs that its network is told, the calling one on the first, and are free
// again when another network wants them to be.
#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>
#include <vector>

#include "core/affinity.hpp"
#include "core/data/dataset.hpp"
#include "tests/variants/each_backend.hpp"

namespace stepbench::testing {
namespace {

using Cpus = std::vector<int>;

constexpr int kNoSuchCpu = 4000;
constexpr std::int64_t kBatch = 128, kWidth = 256;

/// A network that has work for two threads.
class Training {
 public:
  Training(const Backend& backend, std::int64_t threads, Cpus cpus)
      : network_(backend.make<float>(settings(threads, std::move(cpus)))) {
    network_->write(Content::parameters, std::vector<float>(2 * (kWidth * kWidth + kWidth), 0.01F));
  }
  std::unique_ptr<ThreadClaim> claim() { return network_->claim_threads(); }
  /// In the way that is timed: where a network trains blocks, only there its threads work side by side.
  double step() {
    if (BlockTrainer* trainer = network_->block_trainer()) {
      const std::vector<BlockStep> steps(8, {kBatch, {.learning_rate = 0.001, .number = 1}});
      return trainer->train_block(split_, rows_, steps, nullptr).back().result.loss;
    }
    return network_
        ->train_step({.size = kBatch, .counted = kBatch, .features = values_, .labels = {}, .targets = values_},
                     {.learning_rate = 0.001, .number = 1})
        .loss;
  }

 private:
  static NetworkSettings settings(std::int64_t threads, Cpus cpus) {
    NetworkSettings settings;
    settings.model.layers = {kWidth, kWidth, kWidth};
    settings.model.loss = Loss::squared_error;
    settings.max_batch = kBatch;
    settings.threads = threads;
    settings.cpus = std::move(cpus);
    return settings;
  }
  std::unique_ptr<Network<float>> network_;
  std::vector<float> values_ = std::vector<float>(kBatch * kWidth, 0.5F);
  Split split_{.samples = kBatch,
               .features = values_,
               .labels = {},
               .targets = std::vector<double>(values_.begin(), values_.end()),
               .tokens = {},
               .target_tokens = {}};
  std::vector<std::int64_t> rows_ = std::vector<std::int64_t>(8 * kBatch);
};

/// Nanoseconds that each thread of this process has run.
std::map<pid_t, double> run_times() {
  std::map<pid_t, double> times;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream stat(task.path() / "schedstat");
    double nanoseconds = 0;
    if (stat >> nanoseconds) times[std::stoi(task.path().filename())] = nanoseconds;
  }
  return times;
}

/// Waits until the workers of what trained last have stopped spinning, some seconds at most. A look is long enough for
/// one that has lost its core to others on the machine to be back on it.
void wait_until_idle() {
  constexpr std::chrono::milliseconds kLook(25);
  for (int look = 0; look < 100; ++look) {
    const std::clock_t before = std::clock();
    std::this_thread::sleep_for(kLook);
    if (static_cast<double>(std::clock() - before) < 0.1 * 0.025 * CLOCKS_PER_SEC) return;
  }
}

/// Trains until `threads` threads have each done much of the work; the CPUs that they may run on.
std::vector<Cpus> cpus_of_workers(Training& training, std::size_t threads) {
  constexpr std::chrono::seconds kLongest(20);  // on a machine that does much else besides
  constexpr double kShare = 50e6;               // ns; OpenBLAS's workers spin for half of it when they are done
  wait_until_idle();
  const std::map<pid_t, double> before = run_times();
  for (const auto begin = std::chrono::steady_clock::now(); std::chrono::steady_clock::now() - begin < kLongest;) {
    training.step();
    std::vector<Cpus> cpus;
    for (const auto& [thread, time] : run_times()) {
      if (time - (before.contains(thread) ? before.at(thread) : 0) > kShare) cpus.push_back(cpus_of_thread(thread));
    }
    if (cpus.size() >= threads) return cpus;
  }
  return {};
}

/// The last ones first: what would be chosen by chance is rather the other way round.
Cpus last_cpus(std::int64_t count) {
  const Cpus& all = cpus_of_process();
  return {all.rbegin(), all.rbegin() + std::min<std::ptrdiff_t>(count, std::ssize(all))};
}

}  // namespace

TEST_CASE("threads are held where the network is told, and free for one that is told nothing") {
  const Cpus everywhere = cpus_of_thread();
  for_each_backend([&](const Backend& backend, std::int64_t threads) {
    const Cpus cpus = last_cpus(threads);
    if (std::ssize(cpus) < threads) {
      WARN("not checked: this machine has too few CPUs");
      return;
    }
    Training pinned(backend, threads, cpus), free(backend, threads, {});
    for (int round = 0; round < 2; ++round) {
      {
        const auto claim = pinned.claim();
        CHECK(cpus_of_thread() == Cpus{cpus.front()});
        std::vector<Cpus> seen = cpus_of_workers(pinned, cpus.size());
        std::ranges::sort(seen);
        std::vector<Cpus> expected;
        for (const int cpu : cpus) expected.push_back({cpu});
        std::ranges::sort(expected);
        CHECK(seen == expected);
        CHECK(claim->pin_problem().empty());
      }
      CHECK(cpus_of_thread() == everywhere);
      const auto claim = free.claim();
      CHECK(cpus_of_thread() == everywhere);
      CHECK(cpus_of_workers(free, cpus.size()) == std::vector<Cpus>(cpus.size(), everywhere));
    }
  });
}

TEST_CASE("a CPU that is gone is a problem that is told, and training goes on") {
  const Cpus everywhere = cpus_of_thread();
  for_each_backend([&](const Backend& backend, std::int64_t threads) {
    Cpus cpus = last_cpus(threads);
    cpus.resize(static_cast<std::size_t>(threads));
    cpus.back() = kNoSuchCpu;
    Training training(backend, threads, cpus), other(backend, threads, {});
    {
      const auto claim = training.claim();
      CHECK(cpus_of_workers(training, cpus.size()).size() == cpus.size());
      CHECK(claim->pin_problem() == "cannot run on CPU 4000: Invalid argument");
    }
    CHECK(cpus_of_thread() == everywhere);
    const auto claim = other.claim();
    CHECK(other.step() > 0);
  });
}

}  // namespace stepbench::testing
