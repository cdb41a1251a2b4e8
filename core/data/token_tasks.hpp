// The kinds `modular_addition` and `copy`: small problems of known answer for transformers, made from a seed. Positions
// whose target is part of the question do not count. The sequences have a length of their own, which the model's
// context has to be.
#pragma once

#include <filesystem>

#include "core/data/dataset.hpp"

namespace stepbench {

/// Every pair a, b below `modulus` p once, as the tokens [a, b, p], where p reads "=", with the answer (a + b) mod p as
/// the last position's target. T = 3, V = p + 1. For an MLP (context 0): the one-hot rows of a and b, F = 2p, with the answer as the label,
/// K = p. Both splits are drawn at random. Throws InputError for a modulus below 2, and for another context than 3.
[[nodiscard]] Dataset generate_modular_addition(const DatasetSettings& settings, std::int64_t context,
                                                const std::filesystem::path&);

/// Sequences of L = `length` symbols out of K = `alphabet`, drawn uniformly, then a separator, then the same again to
/// be predicted: tokens [x1 .. xL, K, x1 .. x(L-1)], targets from position L on x1 .. xL. T = 2L, V = K + 1.
/// With `shortest`, sequences have from that many symbols to `length`, uniformly; separators that nobody is asked about
/// fill the rest of T. Throws InputError for settings that leave nothing to learn, and for another context than T.
[[nodiscard]] Dataset generate_copy(const DatasetSettings& settings, std::int64_t context,
                                    const std::filesystem::path&);

/// For data of tokens: throws InputError at model.kind when `context` is 0, which is an MLP's.
void require_sequences(const DatasetSettings& settings, std::int64_t context);

}  // namespace stepbench
