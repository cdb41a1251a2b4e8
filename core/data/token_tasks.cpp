#include "core/data/token_tasks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/data/random_split.hpp"
#include "core/error.hpp"
#include "core/random.hpp"

namespace stepbench {
namespace {

constexpr std::int64_t kLargestModulus = 4096;               // about 17 million pairs
constexpr std::int64_t kLargestOneHotModulus = 512;          // 268 million pixels
constexpr std::int64_t kMostTokens = std::int64_t{1} << 31;  // of a data set: beyond it, a typing error
constexpr std::int64_t kLargestAlphabet = std::int64_t{1} << 20;
constexpr std::uint64_t kSampleStream = 0, kLengthStream = 2;  // index of Purpose::generated_data

void require_range(const char* key, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high) {
    throw SettingError(fmt::format("dataset.{}", key),
                       fmt::format("found \"{}\", allowed: an integer from {} to {}", value, low, high));
  }
}

void require_context(const DatasetSettings& settings, std::int64_t context, std::int64_t needed) {
  require_sequences(settings, context);
  if (context != needed) {
    throw SettingError("model.context", fmt::format("found \"{}\", but the sequences of {} have {} tokens, allowed: {}",
                                                    context, settings.kind, needed, needed));
  }
}

/// Of `samples` sequences; fill(sample, tokens, targets) writes one, all targets being kNotCounted before.
template <typename Fill>
Dataset make_dataset(const DatasetSettings& settings, std::int64_t samples, std::int64_t context, Fill fill) {
  const RandomSplit parts = split_at_random(samples, settings);
  Dataset dataset;
  dataset.features = dataset.context = context;
  const auto take = [&](std::span<const std::int64_t> part, Split& split) {
    const auto width = static_cast<std::size_t>(context);
    split.samples = static_cast<std::int64_t>(part.size());
    split.tokens.assign(part.size() * width, 0);
    split.target_tokens.assign(part.size() * width, kNotCounted);
    for (std::size_t i = 0; i < part.size(); ++i) {
      fill(part[i], std::span(split.tokens).subspan(i * width, width),
           std::span(split.target_tokens).subspan(i * width, width));
    }
  };
  take(parts.train(), dataset.train);
  take(parts.validation(), dataset.validation);
  return dataset;
}

/// Letters while there are enough of them, else numbers from 0.
std::string symbol_text(std::int64_t symbol, std::int64_t alphabet) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  if (alphabet > static_cast<std::int64_t>(kLetters.size())) return std::to_string(symbol);
  return std::string(1, kLetters[static_cast<std::size_t>(symbol)]);
}

/// For an MLP.
Dataset one_hot_addition(const DatasetSettings& settings) {
  const std::int64_t modulus = settings.modulus;
  require_range("modulus", modulus, 2, kLargestOneHotModulus);
  const RandomSplit parts = split_at_random(modulus * modulus, settings);
  Dataset dataset;
  dataset.features = 2 * modulus;
  dataset.outputs = modulus;
  const auto take = [&](std::span<const std::int64_t> pairs, Split& split) {
    split.samples = std::ssize(pairs);
    std::vector<std::uint8_t> pixels(pairs.size() * static_cast<std::size_t>(dataset.features));
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const std::int64_t a = pairs[i] / modulus, b = pairs[i] % modulus;
      const std::span row = std::span(pixels).subspan(i * static_cast<std::size_t>(dataset.features));
      row[static_cast<std::size_t>(a)] = row[static_cast<std::size_t>(modulus + b)] = kWhite;
      split.labels.push_back(static_cast<std::int32_t>((a + b) % modulus));
    }
    split.features = std::move(pixels);
  };
  take(parts.train(), dataset.train);
  take(parts.validation(), dataset.validation);
  return dataset;
}

}  // namespace

void require_sequences(const DatasetSettings& settings, std::int64_t context) {
  if (context < 1) {
    throw SettingError(
        "model.kind",
        fmt::format("found \"mlp\", but dataset.kind = {} has tokens and no features, allowed: transformer",
                    settings.kind));
  }
}

Dataset generate_modular_addition(const DatasetSettings& settings, std::int64_t context, const std::filesystem::path&) {
  if (context == 0) return one_hot_addition(settings);
  constexpr std::int64_t kContext = 3;
  const std::int64_t modulus = settings.modulus;
  require_range("modulus", modulus, 2, kLargestModulus);
  require_context(settings, context, kContext);
  const auto fill = [modulus](std::int64_t pair, std::span<std::int32_t> tokens, std::span<std::int32_t> targets) {
    const std::int64_t a = pair / modulus, b = pair % modulus;
    tokens[0] = static_cast<std::int32_t>(a);
    tokens[1] = static_cast<std::int32_t>(b);
    tokens[2] = static_cast<std::int32_t>(modulus);
    targets[2] = static_cast<std::int32_t>((a + b) % modulus);
  };
  Dataset dataset = make_dataset(settings, modulus * modulus, kContext, fill);
  dataset.outputs = modulus + 1;
  for (std::int64_t number = 0; number < modulus; ++number) dataset.vocabulary.push_back(std::to_string(number));
  dataset.vocabulary.emplace_back("=");
  return dataset;
}

Dataset generate_copy(const DatasetSettings& settings, std::int64_t context, const std::filesystem::path&) {
  const std::int64_t alphabet = settings.alphabet, length = settings.length;
  require_range("alphabet", alphabet, 2, kLargestAlphabet);
  require_range("length", length, 1, kMostTokens / 4);
  const std::int64_t shortest = settings.shortest.value_or(length);
  require_range("shortest", shortest, 1, length);
  require_range("samples", settings.samples, 2, kMostTokens / (2 * length));
  require_context(settings, context, 2 * length);
  std::vector<std::int32_t> symbols(static_cast<std::size_t>(settings.samples * length));
  RandomStream stream(settings.seed, Purpose::generated_data, kSampleStream);
  for (std::int32_t& symbol : symbols) {
    symbol = static_cast<std::int32_t>(stream.below(static_cast<std::uint64_t>(alphabet)));
  }
  RandomStream length_stream(settings.seed, Purpose::generated_data, kLengthStream);
  std::vector<std::int64_t> lengths(static_cast<std::size_t>(settings.samples), length);
  if (shortest < length) {
    const auto choices = static_cast<std::uint64_t>(length - shortest + 1);
    for (std::int64_t& own : lengths) own = shortest + static_cast<std::int64_t>(length_stream.below(choices));
  }
  const auto fill = [&](std::int64_t sample, std::span<std::int32_t> tokens, std::span<std::int32_t> targets) {
    const std::int64_t own = lengths[static_cast<std::size_t>(sample)];
    const auto sequence =
        std::span(symbols).subspan(static_cast<std::size_t>(sample * length), static_cast<std::size_t>(own));
    std::ranges::fill(tokens, static_cast<std::int32_t>(alphabet));
    std::copy(sequence.begin(), sequence.end(), tokens.begin());
    std::copy(sequence.begin(), sequence.end() - 1, tokens.begin() + own + 1);
    std::copy(sequence.begin(), sequence.end(), targets.begin() + own);
  };
  Dataset dataset = make_dataset(settings, settings.samples, 2 * length, fill);
  dataset.outputs = alphabet + 1;
  for (std::int64_t i = 0; i < alphabet; ++i) dataset.vocabulary.push_back(symbol_text(i, alphabet));
  dataset.vocabulary.emplace_back("|");
  return dataset;
}

}  // namespace stepbench
