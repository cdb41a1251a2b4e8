// Text from a trained transformer's stored parameters.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/random.hpp"
#include "core/results/trial_record.hpp"
#include "experiments/terminal/options.hpp"

namespace stepbench::sample {

struct SampleOptions {
  std::optional<std::string> trial = {};   // absent: the first completed transformer with stored parameters
  std::optional<std::string> prompt = {};  // absent: a newline, else the first token
  double temperature = 0.8;                // 0: always the likeliest token
  std::optional<std::int64_t> top_k = {};  // absent: all tokens
  std::int64_t tokens = 300;
  std::uint64_t seed = 1;
};

/// Throws InputError naming the option.
[[nodiscard]] SampleOptions sample_options(const ParsedCommandLine& arguments);

/// The index of the next token: the largest logit at temperature 0 (the first of equals), else the first index at which
/// the cumulative softmax of logits / temperature, in vocabulary order, exceeds a uniform number of `stream`. With
/// `top_k`, among the k largest logits only, of equal ones the first.
[[nodiscard]] std::int32_t pick_token(std::span<const double> logits, const SampleOptions& options,
                                      RandomStream& stream);

/// Gives `emit` the prompt, where there is one, and then a token's text at a time. Throws InputError, before anything
/// is emitted, for a trial that cannot be sampled and a prompt that the vocabulary cannot spell.
void sample(const ResultFile& file, const std::filesystem::path& name, const SampleOptions& options,
            const std::function<void(std::string_view)>& emit);

}  // namespace stepbench::sample
