// The matrix form with direct products, cut for the cores: what `tbb`, `openmp` and `threads` train, each with an
// executor of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/config/backend_setting.hpp"
#include "core/network.hpp"
#include "variants/matrix/executor.hpp"

namespace stepbench {

/// An element of a direct product has the same bits in every cut, so that the cut may follow the threads.
template <typename Scalar>
[[nodiscard]] std::unique_ptr<Network<Scalar>> make_direct_network(const NetworkSettings& settings,
                                                                   std::unique_ptr<Executor> executor);

/// As make_sharing_networks of variants/matrix/network.hpp.
template <typename Scalar>
[[nodiscard]] std::vector<std::unique_ptr<Network<Scalar>>> make_sharing_direct_networks(
    const NetworkSettings& settings, std::int64_t count);

/// The settings of its own that a backend with such networks has: `shard_rows`.
[[nodiscard]] std::vector<BackendSetting> direct_network_settings();

/// The row for it, and its value.
[[nodiscard]] BackendSetting shard_rows_setting(std::string otherwise);
[[nodiscard]] std::optional<std::int64_t> shard_rows_of(const NetworkSettings& settings);

}  // namespace stepbench
