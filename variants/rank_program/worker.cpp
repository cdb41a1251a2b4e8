#include "variants/rank_program/worker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "core/data/dataset.hpp"
#include "core/data/gather.hpp"
#include "core/error.hpp"
#include "core/lap_clock.hpp"
#include "core/models/parameters.hpp"
#include "variants/rank_program/rank_network.hpp"
#include "variants/rank_program/shared_numbers.hpp"
#include "variants/ranks/rank_request.hpp"
#include "variants/registry.hpp"

namespace stepbench {
namespace {

using nlohmann::json;

constexpr const char* kEnd = "end";  // an order among ranks alone

/// What a rank is asked once its network is made.
class Trainer {
 public:
  Trainer() = default;
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;
  virtual ~Trainer() = default;
  /// Rank 0's answer.
  virtual json carry_out(const json& order) = 0;
  /// That the gradients are exchanged in.
  [[nodiscard]] virtual std::size_t gradient_parts() const = 0;
};

/// What `make` said, in our terms.
struct Made {
  RankRequest request;
  TrialSettings trial;
  std::int64_t max_batch;
  std::int64_t outputs;
};

NetworkSettings network_settings_of(const World& world, const Made& made, std::int64_t threads) {
  NetworkSettings settings{.model = made.trial.model,
                           .training = made.trial.training,
                           .max_batch = made.max_batch,
                           .threads = threads,
                           .own = made.request.own};
  // Ranks that share this machine have its CPUs one after the other; those of other machines are not known here.
  const std::size_t first = static_cast<std::size_t>(threads * world.rank());
  const std::vector<int>& cpus = made.request.cpus;
  if (world.on_one_host() && cpus.size() >= first + static_cast<std::size_t>(threads)) {
    settings.cpus.assign(cpus.begin() + static_cast<std::ptrdiff_t>(first),
                         cpus.begin() + static_cast<std::ptrdiff_t>(first + static_cast<std::size_t>(threads)));
  }
  return settings;
}

template <typename Scalar>
class TypedTrainer final : public Trainer {
 public:
  TypedTrainer(const World& world, const Made& made, std::int64_t threads, std::unique_ptr<SharedNumbers> arrays)
      : world_(world),
        made_(made),
        arrays_(std::move(arrays)),
        size_(parameter_layout(made.trial.model).size),
        ranks_(world, make(world, made, threads), size_, rows_per_sample(made.trial.model), made.request) {}

  [[nodiscard]] std::size_t gradient_parts() const override { return ranks_.gradient_parts(); }

  json carry_out(const json& order) override {
    const auto what = order.at("do").get<std::string>();
    if (what == "write") return write();
    if (what == "read") return read();
    if (what == "gradients") return gradients(order.at("samples").get<std::int64_t>());
    if (what == "update") return update(update_of(order));
    if (what == "step") return step(order.at("samples").get<std::int64_t>(), update_of(order));
    if (what == "evaluate") return evaluate(order.at("samples").get<std::int64_t>());
    if (what == "data") return data(order.at("arrays"));
    if (what == "train") return train(order.at("steps").get<std::size_t>(), order.at("number").get<std::int64_t>());
    throw Error(fmt::format("ranks were asked to \"{}\"", what));
  }

 private:
  static std::unique_ptr<Network<Scalar>> make(const World& world, const Made& made, std::int64_t threads) {
    return find_backend(backends(), made.request.backend)
        ->template make<Scalar>(network_settings_of(world, made, threads));
  }
  static std::int64_t rows_per_sample(const ModelSettings& model) {
    return model.kind == ModelKind::transformer ? model.context : 1;
  }
  static UpdateStep update_of(const json& order) {
    return {.learning_rate = order.at("learning_rate").get<double>(), .number = order.at("number").get<std::int64_t>()};
  }
  static json ok() { return {{"ok", true}}; }

  [[nodiscard]] bool is_first() const { return world_.rank() == 0; }
  [[nodiscard]] Network<Scalar>& network() { return ranks_.network(); }
  [[nodiscard]] std::size_t parameters() const { return static_cast<std::size_t>(size_); }

  json write() {
    arrays_->broadcast<Scalar>("parameters", parameters());
    network().write(Content::parameters, arrays_->of<Scalar>("parameters"));
    return ok();
  }
  json read() {
    if (is_first()) network().read(Content::parameters, arrays_->of<Scalar>("parameters"));
    return ok();
  }

  /// The batch that the program has written, in every rank.
  Batch<Scalar> batch(std::int64_t samples) {
    Batch<Scalar> batch;
    batch.size = batch.counted = samples;
    const auto part = [&]<typename T>(const char* name) {
      const std::size_t count = static_cast<std::size_t>(samples) * (arrays_->of<T>(name).size() / extent_of(name));
      arrays_->broadcast<T>(name, count);
      return std::span<const T>(arrays_->of<T>(name).first(count));
    };
    if (made_.trial.model.kind == ModelKind::transformer) {
      batch.tokens = part.template operator()<std::int32_t>("batch.tokens");
      batch.target_tokens = part.template operator()<std::int32_t>("batch.target_tokens");
      batch.counted = std::ssize(batch.target_tokens) - std::ranges::count(batch.target_tokens, kNotCounted);
    } else {
      batch.features = part.template operator()<Scalar>("batch.features");
      batch.labels = part.template operator()<std::int32_t>("batch.labels");
      if (made_.trial.model.loss == Loss::squared_error) {
        batch.targets = part.template operator()<Scalar>("batch.targets");
      }
    }
    return batch;
  }
  [[nodiscard]] std::size_t extent_of(const char* name) const {
    return static_cast<std::size_t>(arrays_->extent(name, 0));
  }

  /// Some samples of a batch that lies in memory.
  static Batch<Scalar> cut(const Batch<Scalar>& whole, std::int64_t begin, std::int64_t end) {
    Batch<Scalar> some = whole;
    some.size = end - begin;
    const auto part = [&](auto all) {
      const auto width = all.size() / static_cast<std::size_t>(whole.size);
      return all.subspan(static_cast<std::size_t>(begin) * width, static_cast<std::size_t>(end - begin) * width);
    };
    some.features = part(whole.features);
    some.labels = part(whole.labels);
    some.targets = part(whole.targets);
    some.tokens = part(whole.tokens);
    some.target_tokens = part(whole.target_tokens);
    return some;
  }

  json gradients(std::int64_t samples) {
    const Batch<Scalar> all = batch(samples);
    const auto claim = network().claim_threads();
    const StepResult result =
        ranks_.compute_gradients(samples, [&](std::int64_t begin, std::int64_t end) { return cut(all, begin, end); });
    if (is_first()) {
      network().read(Content::gradients, arrays_->of<Scalar>("gradients"));
      arrays_->of<double>("losses")[0] = result.loss;
    }
    return ok();
  }
  json update(const UpdateStep& update) {
    const auto claim = network().claim_threads();
    network().apply_update(update);
    return ok();
  }
  json step(std::int64_t samples, const UpdateStep& update) {
    const Batch<Scalar> all = batch(samples);
    const auto claim = network().claim_threads();
    const StepResult result = ranks_.train_step(
        samples, [&](std::int64_t begin, std::int64_t end) { return cut(all, begin, end); }, update);
    if (is_first()) arrays_->of<double>("losses")[0] = result.loss;
    return ok();
  }
  /// By rank 0: all have the same network.
  json evaluate(std::int64_t samples) {
    const Batch<Scalar> all = batch(samples);
    json answer = ok();
    if (is_first()) {
      const auto claim = network().claim_threads();
      const Evaluation evaluation = network().evaluate(all);
      arrays_->of<double>("losses")[0] = evaluation.loss;
      answer["correct"] = evaluation.correct;
    }
    return answer;
  }

  json data(const json& arrays) {
    const SharedNumbers shared(world_, arrays);
    Dataset& dataset = dataset_.emplace();
    const auto take = [&]<typename T>(const char* name, std::vector<T>& to) {
      if (!shared.has(name)) return;
      shared.broadcast<T>(name, shared.of<T>(name).size());
      to.assign(shared.of<T>(name).begin(), shared.of<T>(name).end());
      dataset.train.samples = shared.extent(name, 0);
    };
    const std::string features = shared.has("train.features") ? shared.type("train.features") : "";
    if (features == "uint8") take("train.features", dataset.train.features.emplace<std::vector<std::uint8_t>>());
    if (features == "float32") take("train.features", dataset.train.features.emplace<std::vector<float>>());
    if (features == "float64") take("train.features", dataset.train.features.emplace<std::vector<double>>());
    take("train.labels", dataset.train.labels);
    take("train.targets", dataset.train.targets);
    take("train.tokens", dataset.train.tokens);
    take("train.target_tokens", dataset.train.target_tokens);
    const bool tokens = made_.trial.model.kind == ModelKind::transformer;
    dataset.features = shared.extent(tokens ? "train.tokens" : "train.features", 1);
    dataset.context = tokens ? dataset.features : 0;
    dataset.outputs = made_.outputs;
    gatherer_ = std::make_unique<BatchGatherer<Scalar>>(dataset, made_.max_batch,
                                                        made_.trial.model.loss == Loss::squared_error);
    return ok();
  }

  json train(std::size_t steps, std::int64_t number) {
    const std::span<std::int64_t> sizes = arrays_->of<std::int64_t>("sizes");
    arrays_->broadcast<std::int64_t>("sizes", steps);
    arrays_->broadcast<double>("rates", steps);
    std::int64_t rows = 0;
    for (const std::int64_t size : sizes.first(steps)) rows += size;
    arrays_->broadcast<std::int64_t>("rows", static_cast<std::size_t>(rows));
    std::span<const std::int64_t> order = arrays_->of<std::int64_t>("rows").first(static_cast<std::size_t>(rows));
    const auto claim = network().claim_threads();
    world_.barrier();  // all are awake
    std::size_t done = 0;
    for (bool go_on = true; go_on && done < steps; ++done) {
      const auto size = static_cast<std::size_t>(sizes[done]);
      go_on = train_step(order.first(size),
                         {arrays_->of<double>("rates")[done], number + static_cast<std::int64_t>(done)}, done);
      order = order.subspan(size);
    }
    if (made_.request.independent) tell_mean_times(done);
    json answer = ok();
    answer["steps"] = done;
    return answer;
  }

  /// Step `i` of a block; false: it is the last.
  bool train_step(std::span<const std::int64_t> rows, const UpdateStep& update, std::size_t i) {
    LapClock clock;
    const std::int64_t counted = counted_of(dataset_->train, rows);
    const auto some = [&](std::int64_t begin, std::int64_t end) {
      const auto mine = rows.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
      Batch<Scalar> batch = network().fetches_features() ? gatherer_->begin_gather(dataset_->train, mine)
                                                         : gatherer_->gather(dataset_->train, mine);
      batch.counted = counted;
      return batch;
    };
    const StepResult result = ranks_.train_step(std::ssize(rows), some, update);
    arrays_->of<double>("times")[i] = clock.lap();
    double stop = 0;
    if (is_first()) {
      arrays_->of<double>("losses")[i] = result.loss;
      std::ranges::copy(result.phases.seconds,
                        arrays_->of<double>("phases").begin() + static_cast<std::ptrdiff_t>(i * kPhaseNames.size()));
      stop = __atomic_load_n(arrays_->of<std::int64_t>("stop").data(), __ATOMIC_ACQUIRE) != 0 ? 1 : 0;
    }
    // Ranks of their own do not wait for each other, and so train the block to its end.
    if (!made_.request.independent) world_.broadcast(std::span(&stop, 1));
    return (stop == 0 || made_.request.independent) && std::isfinite(result.loss);
  }

  /// A step's time is the mean over the ranks, which each took theirs: they end together, more or less.
  void tell_mean_times(std::size_t steps) {
    const std::span<double> times = arrays_->of<double>("times").first(steps);
    const std::vector<double> all =
        world_.gather(times, std::vector<int>(static_cast<std::size_t>(world_.size()), static_cast<int>(steps)));
    if (!is_first()) return;
    for (std::size_t i = 0; i < steps; ++i) {
      double sum = 0;
      for (std::size_t rank = 0; rank < static_cast<std::size_t>(world_.size()); ++rank) sum += all[rank * steps + i];
      times[i] = sum / world_.size();
    }
  }

  const World& world_;
  Made made_;
  std::unique_ptr<SharedNumbers> arrays_;
  std::int64_t size_;  // parameters
  RankNetwork<Scalar> ranks_;
  std::optional<Dataset> dataset_;
  std::unique_ptr<BatchGatherer<Scalar>> gatherer_;
};

/// Empty where all ranks can make the network; then `trainer` is made.
std::string make_trainer(const World& world, const json& order, std::unique_ptr<Trainer>& trainer) {
  std::string problem;
  try {
    Made made;
    made.request = rank_request_from(order.at("more"));
    made.outputs = order.at("outputs").get<std::int64_t>();
    made.trial = trial_settings_from(order.at("settings"), made.outputs);
    auto arrays = std::make_unique<SharedNumbers>(world, order.at("arrays"));
    made.max_batch =
        arrays->extent(made.trial.model.kind == ModelKind::transformer ? "batch.tokens" : "batch.features", 0);
    const auto threads = order.at("threads").get<std::int64_t>();
    if (order.at("precision") == "float32") {
      trainer = std::make_unique<TypedTrainer<float>>(world, made, threads, std::move(arrays));
    } else {
      trainer = std::make_unique<TypedTrainer<double>>(world, made, threads, std::move(arrays));
    }
  } catch (const std::exception& error) {
    problem = reason_of(error);
  }
  return world.agree_on_problem(problem);
}

json make(const World& world, const json& order, std::unique_ptr<Trainer>& trainer) {
  const std::string problem = make_trainer(world, order, trainer);
  const std::vector<pid_t> processes = world.processes_of_first_host();
  if (!problem.empty()) return {{"error", problem}};
  json answer = {{"ok", true}, {"library", world.library()}, {"processes", processes}};
  if (const std::optional<World::Link> link = world.measure_link()) {
    answer["link"] = {{"latency", link->latency}, {"bandwidth", link->bandwidth}, {"parts", trainer->gradient_parts()}};
  }
  return answer;
}

void say(const json& message) { std::cout << message.dump() << std::endl; }

}  // namespace

int serve_rank(const World& world) {
  const bool first = world.rank() == 0;
  const char* wanted = std::getenv(kRanksVariable);
  if (wanted != nullptr && std::to_string(world.size()) != wanted) {
    if (first) {
      say({{"error",
            fmt::format("{} processes know of each other, not {}: is the launcher of the MPI that stepbench was "
                        "built with ({})?",
                        world.size(), wanted, world.library())}});
    }
    return 1;
  }
  if (first) say({{"stepbench_peer", 1}});
  std::unique_ptr<Trainer> trainer;
  for (std::string line;;) {
    if (first) {
      if (!std::getline(std::cin, line)) line = kEnd;
      world.send_order(line);
    } else {
      line = world.receive_order();
    }
    if (line == kEnd) return 0;
    try {
      const json order = json::parse(line);
      const json answer = order.at("do") == "make" ? make(world, order, trainer) : trainer->carry_out(order);
      if (first) say(answer);
    } catch (const std::exception& error) {  // the others may be in the midst of it, and wait
      world.abort(reason_of(error));
    }
  }
}

}  // namespace stepbench
