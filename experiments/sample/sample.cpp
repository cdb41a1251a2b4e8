#include "experiments/sample/sample.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/config/experiment.hpp"
#include "core/error.hpp"
#include "core/results/lookup.hpp"
#include "core/results/result_file.hpp"
#include "core/text/number.hpp"
#include "core/text/text.hpp"
#include "experiments/sample/stored_transformer.hpp"
#include "experiments/sample/transformer.hpp"
#include "experiments/sample/vocabulary.hpp"

namespace stepbench::sample {
namespace {

/// Of at least `least`; else an InputError that says what is `allowed`.
template <typename Number>
Number number_of(const ParsedCommandLine& arguments, const std::string& option, Number least, const char* allowed) {
  const std::string text = arguments.last(option, "");
  const std::optional<Number> value = parse_number<Number>(text);
  if (!value || !(*value >= least) || !std::isfinite(static_cast<double>(*value))) {
    throw InputError(fmt::format("--{}: found \"{}\", allowed: {}", option, printable(text), allowed));
  }
  return *value;
}

/// The ids of the trials that can be sampled, for messages.
std::string choices(const ResultFile& file) {
  std::vector<std::string> ids;
  for (const TrialRecord& trial : file.trials) {
    if (unsuitable_reason(trial).empty()) ids.push_back(trial.id);
  }
  return ids.empty() ? "none of this file" : fmt::format("{}", fmt::join(ids, ", "));
}

const TrialRecord& chosen_trial(const ResultFile& file, const std::string& name, const SampleOptions& options) {
  if (options.trial) {
    if (const TrialRecord* found = find_trial(file, *options.trial)) return *found;
    throw InputError(
        fmt::format("{}: --trial: found \"{}\", allowed: {}", name, printable(*options.trial), choices(file)));
  }
  // Of several reasons, the first of a trial that is a transformer tells most.
  std::string reason = "it has no trials";
  bool of_transformer = false;
  for (const TrialRecord& trial : file.trials) {
    const std::string unsuitable = unsuitable_reason(trial);
    if (unsuitable.empty() && trial.status == Status::completed) return trial;
    if (of_transformer || (!is_transformer(trial) && &trial != &file.trials.front())) continue;
    of_transformer = is_transformer(trial);
    reason = fmt::format(
        "{} {}", trial.id,
        unsuitable.empty() ? "is " + to_text(trial.status) + "; --trial takes it all the same" : unsuitable);
  }
  throw InputError(fmt::format("{}: no completed trial to sample: {}", name, reason));
}

std::vector<std::int32_t> encode_prompt(const Vocabulary& vocabulary, const std::string& prompt) {
  std::vector<std::int32_t> tokens;
  try {
    tokens = vocabulary.encode(prompt);
  } catch (const InputError& error) {
    throw InputError(fmt::format("--prompt: found \"{}\": {}", printable(prompt), error.what()));
  }
  if (tokens.empty()) throw InputError("--prompt: found nothing, allowed: at least one character of the vocabulary");
  return tokens;
}

}  // namespace

SampleOptions sample_options(const ParsedCommandLine& arguments) {
  SampleOptions options;
  if (arguments.has("trial")) options.trial = arguments.last("trial", "");
  if (arguments.has("prompt")) options.prompt = arguments.last("prompt", "");
  if (arguments.has("temperature")) {
    options.temperature = number_of(arguments, "temperature", 0.0, "a number, 0 or more");
  }
  constexpr const char* kCount = "a whole number, 1 or more";
  if (arguments.has("top-k")) options.top_k = number_of<std::int64_t>(arguments, "top-k", 1, kCount);
  if (arguments.has("tokens")) options.tokens = number_of<std::int64_t>(arguments, "tokens", 1, kCount);
  if (arguments.has("seed")) {
    options.seed = number_of<std::uint64_t>(arguments, "seed", 0, "a whole number, 0 or more");
  }
  return options;
}

std::int32_t pick_token(std::span<const double> logits, const SampleOptions& options, RandomStream& stream) {
  if (!std::ranges::all_of(logits, [](double logit) { return std::isfinite(logit); })) {
    throw InputError("the stored network has outputs that are not finite: its training diverged");
  }
  const auto largest = std::max_element(logits.begin(), logits.end());
  if (options.temperature == 0) return static_cast<std::int32_t>(largest - logits.begin());
  std::vector<double> weights(logits.size());
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = std::exp((logits[i] - *largest) / options.temperature);
  if (options.top_k && *options.top_k < std::ssize(logits)) {
    std::vector<std::size_t> order(logits.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [logits](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
    for (auto i = static_cast<std::size_t>(*options.top_k); i < order.size(); ++i) weights[order[i]] = 0;
  }
  const double threshold = stream.uniform() * std::accumulate(weights.begin(), weights.end(), 0.0);
  double cumulative = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    cumulative += weights[i];
    if (threshold < cumulative) return static_cast<std::int32_t>(i);
  }
  return static_cast<std::int32_t>(largest - logits.begin());  // not reached: the threshold is below the sum
}

void sample(const ResultFile& file, const std::filesystem::path& name, const SampleOptions& options,
            const std::function<void(std::string_view)>& emit) {
  const TrialRecord& trial = chosen_trial(file, name.string(), options);
  StoredTransformer stored = [&] {
    try {
      return stored_transformer(trial);
    } catch (const InputError& error) {
      throw InputError(
          fmt::format("{}: trial {} {}; can be sampled: {}", name.string(), trial.id, error.what(), choices(file)));
    }
  }();
  const Vocabulary vocabulary(std::move(stored.vocabulary));
  const std::vector<std::int32_t> prompt =
      options.prompt ? encode_prompt(vocabulary, *options.prompt) : std::vector{vocabulary.start()};

  TransformerSampler transformer(stored.model, std::move(stored.parameters));
  // A newline that nobody asked for is no text.
  bool begun = false;
  const auto emit_token = [&](std::int32_t token) {
    if (begun) emit(vocabulary.separator());
    emit(vocabulary.text(token));
    begun = true;
  };
  if (options.prompt || vocabulary.text(prompt.front()) != "\n") std::ranges::for_each(prompt, emit_token);
  std::span<const double> logits;
  for (const std::int32_t token : prompt) logits = transformer.read(token);
  RandomStream stream(options.seed, Purpose::sampling);
  for (std::int64_t i = 0; i < options.tokens; ++i) {
    const std::int32_t token = pick_token(logits, options, stream);
    emit_token(token);
    if (i + 1 < options.tokens) logits = transformer.read(token);
  }
}

}  // namespace stepbench::sample
