#include "variants/peers/peer_network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "core/affinity.hpp"
#include "core/config/experiment.hpp"
#include "core/config/keys.hpp"
#include "core/data/dataset.hpp"
#include "core/error.hpp"
#include "core/models/parameters.hpp"
#include "core/statistics.hpp"
#include "variants/peers/peer_process.hpp"

namespace stepbench {
namespace {

using nlohmann::json;

constexpr std::int64_t kMostSteps = 4096;    // that one request asks for
constexpr std::int64_t kMostRows = 1 << 18;  // of theirs, unless one batch is larger
constexpr double kSecondsOfTrial = 0.5;      // for each way of setting a library up
constexpr std::size_t kLeastTrialSteps = 3;  // in any case, after as many to get warm
constexpr double kClockTolerance = 1e-3;     // s: by what two processes may differ about the same time

/// `model.*` and `training.*` by their full keys, as stepbench records them.
json settings_of(const NetworkSettings& settings) {
  static const KeyTable table({}, {});
  TrialSettings trial;
  trial.model = settings.model;
  trial.training = settings.training;
  json described = json::object();
  for (const auto& [key, value] : setting_values(trial, table)) {
    if (!key.starts_with("model.") && !key.starts_with("training.")) continue;
    std::visit([&, &name = key](const auto& typed) { described[name] = typed; }, value);
  }
  return described;
}

std::int64_t outputs_of(const ModelSettings& model) {
  return model.kind == ModelKind::mlp ? model.layers.back() : model.vocabulary_size;
}

/// What of a library's settings was found to be the best, by peer and what it trains.
class Choices {
 public:
  struct Choice {
    PeerSetting setting;
    std::string tried;
  };
  [[nodiscard]] std::optional<Choice> find(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(key);
    return found == known_.end() ? std::nullopt : std::optional(found->second);
  }
  void keep(const std::string& key, Choice choice) {
    const std::lock_guard lock(mutex_);
    known_[key] = std::move(choice);
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Choice> known_;
};

Choices& choices() {
  static Choices all;
  return all;
}

template <typename T>
void copy_into(const SharedArrays& arrays, const char* name, std::span<const T> values) {
  if (!values.empty()) std::ranges::copy(values, arrays.of<T>(name).begin());
}

/// The training samples, in memory that the peer maps.
void share(const Split& split, SharedArrays& arrays) {
  const std::int64_t n = split.samples;
  const auto add = [&]<typename T>(const char* name, const std::vector<T>& values) {
    const std::int64_t columns = std::ssize(values) / n;
    const std::string_view word = name;
    if (values.empty()) return;
    arrays.add<T>(name, word == "train.labels" ? std::vector{n} : std::vector{n, columns});
  };
  std::visit([&](const auto& features) { add("train.features", features); }, split.features);
  add("train.labels", split.labels);
  add("train.targets", split.targets);
  add("train.tokens", split.tokens);
  add("train.target_tokens", split.target_tokens);
  arrays.allocate();
  std::visit([&]<typename T>(const std::vector<T>& f) { copy_into<T>(arrays, "train.features", f); }, split.features);
  copy_into<std::int32_t>(arrays, "train.labels", split.labels);
  copy_into<double>(arrays, "train.targets", split.targets);
  copy_into<std::int32_t>(arrays, "train.tokens", split.tokens);
  copy_into<std::int32_t>(arrays, "train.target_tokens", split.target_tokens);
}

template <typename Scalar>
class PeerNetwork final : public Network<Scalar>, private OwnProcess {
 public:
  PeerNetwork(PeerProgram program, const NetworkSettings& settings, std::chrono::seconds time_limit)
      : program_(std::move(program)),
        settings_(settings),
        time_limit_(time_limit),
        layout_(parameter_layout(settings.model)),
        described_(settings_of(settings)),
        key_(fmt::format("{} {} {} {} {}", program_.script, fmt::join(program_.arguments, " "), settings.max_batch,
                         settings.threads, described_.dump())) {
    const std::int64_t batch = settings.max_batch, outputs = outputs_of(settings.model);
    arrays_.add<Scalar>("parameters", {layout_.size});
    arrays_.add<Scalar>("gradients", {layout_.size});
    if (settings.model.kind == ModelKind::mlp) {
      arrays_.add<Scalar>("batch.features", {batch, settings.model.layers.front()});
      arrays_.add<std::int32_t>("batch.labels", {batch});
      arrays_.add<Scalar>("batch.targets", {batch, outputs});
    } else {
      arrays_.add<std::int32_t>("batch.tokens", {batch, settings.model.context});
      arrays_.add<std::int32_t>("batch.target_tokens", {batch, settings.model.context});
    }
    most_rows_ = std::max(kMostRows, batch);
    arrays_.add<std::int64_t>("rows", {most_rows_});
    arrays_.add<std::int64_t>("sizes", {kMostSteps});
    arrays_.add<double>("rates", {kMostSteps});
    arrays_.add<double>("losses", {kMostSteps});
    arrays_.add<double>("times", {kMostSteps});
    arrays_.add<double>("phases", {kMostSteps, std::ssize(kPhaseNames)});
    arrays_.add<std::int64_t>("stop", {1});
    arrays_.allocate();
    const std::optional<Choices::Choice> known = choices().find(key_);
    choice_ = known ? *known : Choices::Choice{describe_peer().settings.front(), ""};
    is_chosen_ = known.has_value();
    start(choice_.setting);
  }

  [[nodiscard]] std::unique_ptr<ThreadClaim> claim_threads() override {
    return std::make_unique<CallerClaim>(settings_.cpus);
  }

  void read(Content content, std::span<Scalar> values) const override {
    if (content != Content::parameters && content != Content::gradients) {
      std::ranges::fill(values, Scalar{0});
      return;
    }
    if (content == Content::parameters) peer_->ask({{"do", "read"}});
    std::ranges::copy(arrays_.of<Scalar>(content == Content::parameters ? "parameters" : "gradients"), values.begin());
  }

  void write(Content content, std::span<const Scalar> values) override {
    if (content != Content::parameters) return;
    std::ranges::copy(values, arrays_.of<Scalar>("parameters").begin());
    peer_->ask({{"do", "write"}});
  }

  Evaluation evaluate(const Batch<Scalar>& batch) override {
    put(batch);
    const json answer = ask("evaluate", {{"samples", batch.size}});
    const auto correct = answer.find("correct");
    if (correct == answer.end() || !correct->is_number_integer()) break_protocol("how many are correct");
    return {.loss = arrays_.of<double>("losses")[0], .correct = correct->get<std::int64_t>()};
  }

  StepResult compute_gradients(const Batch<Scalar>& batch) override {
    put(batch);
    ask("gradients", {{"samples", batch.size}});
    return {.loss = arrays_.of<double>("losses")[0], .phases = {}};
  }

  void apply_update(const UpdateStep& update) override {
    ask("update", {{"learning_rate", update.learning_rate}, {"number", update.number}});
  }

  StepResult train_step(const Batch<Scalar>& batch, const UpdateStep& update) override {
    put(batch);
    ask("step", {{"samples", batch.size}, {"learning_rate", update.learning_rate}, {"number", update.number}});
    return {.loss = arrays_.of<double>("losses")[0], .phases = {}};
  }

  [[nodiscard]] OwnProcess* own_process() override { return this; }

 private:
  std::vector<TimedStep> train_block(const Split& train, std::span<const std::int64_t> rows,
                                     std::span<const BlockStep> steps, bool (*stop)()) override {
    if (!data_) {
      data_.emplace();
      share(train, *data_);
    }
    if (!has_data_) ask("data", {{"arrays", to_json(*data_)}});
    has_data_ = true;
    std::vector<TimedStep> done;
    while (!steps.empty()) {
      std::size_t count = 0, taken = 0;
      while (count < steps.size() && count < std::size_t{kMostSteps}) {
        const auto samples = static_cast<std::size_t>(steps[count].samples);
        if (count > 0 && taken + samples > static_cast<std::size_t>(most_rows_)) break;
        taken += samples;
        ++count;
      }
      const std::size_t before = done.size();
      request_steps(rows.first(taken), steps.first(count), stop, done);
      if (done.size() - before < count || (stop != nullptr && stop())) break;
      rows = rows.subspan(taken);
      steps = steps.subspan(count);
    }
    return done;
  }

  void choose_setting(const Split& train, std::span<const std::int64_t> rows, std::span<const BlockStep> steps,
                      bool (*stop)()) override {
    const std::vector<PeerSetting>& settings = describe_peer().settings;
    if (is_chosen_ || (stop != nullptr && stop())) return;
    is_chosen_ = true;
    if (settings.size() < 2) return;
    const std::vector<Scalar> start_values(arrays_.of<Scalar>("parameters").begin(),
                                           arrays_.of<Scalar>("parameters").end());
    double best = std::numeric_limits<double>::infinity();
    std::unique_ptr<PeerProcess> best_peer;
    std::string best_library;
    for (const PeerSetting& setting : settings) {
      if (&setting != &settings.front()) {
        start(setting);
        write(Content::parameters, start_values);
      }
      const double time = time_of_step(train, rows, steps, stop);
      choice_.tried += fmt::format("{}{}: {:.4g} ms", choice_.tried.empty() ? "" : "; ", to_text(setting), 1e3 * time);
      if (!best_peer || time < best) {
        best = time;
        best_peer = std::move(peer_);
        best_library = library_;
        choice_.setting = setting;
      }
    }
    peer_ = std::move(best_peer);
    library_ = best_library;
    choices().keep(key_, choice_);
  }

  [[nodiscard]] std::vector<pid_t> processes() const override {
    return processes_.empty() ? std::vector{peer_->id()} : processes_;
  }
  [[nodiscard]] Description describe() const override {
    return {library_, to_text(choice_.setting), choice_.tried, link_};
  }

  [[nodiscard]] const PeerDescription& describe_peer() const { return stepbench::describe(program_); }

  void start(const PeerSetting& setting) {
    peer_.reset();  // first: two of them would be in each other's memory
    has_data_ = false;
    peer_ = std::make_unique<PeerProcess>(program_, setting, settings_.threads, settings_.cpus, time_limit_);
    json parameters = json::array();
    for (const ParameterTensor& tensor : layout_.tensors) {
      parameters.push_back({{"name", tensor.name}, {"shape", tensor.shape}});
    }
    json request = {{"settings", described_},
                    {"threads", settings_.threads},
                    {"precision", std::is_same_v<Scalar, float> ? "float32" : "float64"},
                    {"outputs", outputs_of(settings_.model)},
                    {"parameters", parameters},
                    {"arrays", to_json(arrays_)}};
    if (!program_.more.is_null()) request["more"] = program_.more;
    const json answer = ask("make", std::move(request));
    library_ = answer.value("library", "");
    if (answer.contains("link")) {
      const json& link = answer.at("link");
      link_ = {link.at("latency").get<double>(), link.at("bandwidth").get<double>(),
               link.at("parts").get<std::int64_t>()};
    }
    processes_.clear();
    for (const json& id : answer.value("processes", json::array())) processes_.push_back(id.get<pid_t>());
    peer_->stop_with_it(processes_);
  }

  json ask(const char* what, json request, const std::function<void()>& look = nullptr) const {
    request["do"] = what;
    return peer_->ask(request, look);
  }

  [[noreturn]] void break_protocol(const std::string& what) const {
    throw Error(fmt::format("{} does not say {}", program_.title(), what));
  }

  void put(const Batch<Scalar>& batch) {
    copy_into<Scalar>(arrays_, "batch.features", batch.features);
    copy_into<std::int32_t>(arrays_, "batch.labels", batch.labels);
    copy_into<Scalar>(arrays_, "batch.targets", batch.targets);
    copy_into<std::int32_t>(arrays_, "batch.tokens", batch.tokens);
    copy_into<std::int32_t>(arrays_, "batch.target_tokens", batch.target_tokens);
  }

  void request_steps(std::span<const std::int64_t> rows, std::span<const BlockStep> steps, bool (*stop)(),
                     std::vector<TimedStep>& done) {
    const std::span<double> rates = arrays_.of<double>("rates"), losses = arrays_.of<double>("losses"),
                            times = arrays_.of<double>("times"), phases = arrays_.of<double>("phases");
    const std::span<std::int64_t> sizes = arrays_.of<std::int64_t>("sizes");
    const std::span<std::int64_t> stop_flag = arrays_.of<std::int64_t>("stop");
    copy_into<std::int64_t>(arrays_, "rows", rows);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      sizes[i] = steps[i].samples;
      rates[i] = steps[i].update.learning_rate;
    }
    std::ranges::fill(times.first(steps.size()), kNone);  // what it leaves out is not what an earlier block left
    std::ranges::fill(losses.first(steps.size()), kNone);
    std::ranges::fill(phases.first(steps.size() * kPhaseNames.size()), kNone);
    stop_flag[0] = 0;
    const auto begin = std::chrono::steady_clock::now();
    const json answer = ask("train", {{"steps", steps.size()}, {"number", steps.front().update.number}}, [&] {
      if (stop != nullptr && stop()) __atomic_store_n(&stop_flag[0], std::int64_t{1}, __ATOMIC_RELEASE);
    });
    const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const std::int64_t trained = answer.value("steps", std::int64_t{-1});
    if (trained < 0 || trained > std::ssize(steps)) break_protocol("how many steps it trained");
    double total = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(trained); ++i) {
      TimedStep step{{.loss = losses[i], .phases = {}}, times[i]};
      for (std::size_t phase = 0; phase < kPhaseNames.size(); ++phase) {
        step.result.phases.seconds[phase] = phases[i * kPhaseNames.size() + phase];
      }
      if (!(times[i] > 0)) break_protocol("what its steps took");
      total += times[i];
      done.push_back(step);
    }
    if (total > wall + kClockTolerance) {
      throw Error(fmt::format("{} says that {} steps took {:.4g} s: it was gone for {:.4g} s", program_.title(),
                              trained, total, wall));
    }
    const bool ended = trained > 0 && !std::isfinite(losses[static_cast<std::size_t>(trained) - 1]);
    if (trained == 0 || (trained < std::ssize(steps) && !ended && stop_flag[0] == 0)) {
      break_protocol("why it trained fewer steps");
    }
  }

  /// s, the median of some.
  double time_of_step(const Split& train, std::span<const std::int64_t> rows, std::span<const BlockStep> steps,
                      bool (*stop)()) {
    std::vector<double> times;
    double spent = 0;
    for (bool warm = false; spent < kSecondsOfTrial || times.size() < kLeastTrialSteps; warm = true) {
      const std::vector<TimedStep> done = train_block(train, rows, steps, stop);
      if (done.size() < steps.size()) break;  // it diverged, or was stopped
      for (const TimedStep& step : done) {
        if (!warm) continue;
        times.push_back(step.wall_time);
        spent += step.wall_time;
      }
    }
    return median(times);
  }

  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  PeerProgram program_;
  NetworkSettings settings_;
  std::chrono::seconds time_limit_;
  ParameterLayout layout_;
  json described_;
  std::string key_;  // of choices()
  std::int64_t most_rows_ = 0;
  SharedArrays arrays_;
  std::optional<SharedArrays> data_;
  bool has_data_ = false;  // the process has been told of it
  Choices::Choice choice_;
  bool is_chosen_ = false;
  std::string library_;
  std::optional<RankLink> link_;
  std::vector<pid_t> processes_;  // that compute, as it says; none: it does
  std::unique_ptr<PeerProcess> peer_;
};

}  // namespace

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_peer_network(PeerProgram program, const NetworkSettings& settings,
                                                   std::chrono::seconds time_limit) {
  return std::make_unique<PeerNetwork<Scalar>>(std::move(program), settings, time_limit);
}

template std::unique_ptr<Network<float>> make_peer_network<float>(PeerProgram, const NetworkSettings&,
                                                                  std::chrono::seconds);
template std::unique_ptr<Network<double>> make_peer_network<double>(PeerProgram, const NetworkSettings&,
                                                                    std::chrono::seconds);

}  // namespace stepbench
