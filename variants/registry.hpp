// The table of backends. A new backend is one folder and one row in registry.cpp; it then appears in `stepbench list`,
// in configs, in the conformance tests and in results with no other edit.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/settings.hpp"
#include "variants/backend.hpp"

namespace stepbench {

[[nodiscard]] std::span<const Backend> backends();

/// Without those whose networks live in processes of their own.
[[nodiscard]] std::vector<Backend> backends_in_process();

/// nullptr when `table` has no such backend.
[[nodiscard]] const Backend* find_backend(std::span<const Backend> table, std::string_view name);

/// As of the settings of the trial's network.
[[nodiscard]] std::string unsupported_reason(const Backend& backend, const TrialSettings& trial);

/// What the trial's backend is told when it makes a network; `max_batch` in samples.
[[nodiscard]] NetworkSettings network_settings(const TrialSettings& trial, std::int64_t max_batch);

/// The facts of all backends' libraries, each name once.
[[nodiscard]] std::vector<LibraryFact> backend_libraries();

/// The backend that all others are held against, in float64.
inline constexpr std::string_view kReferenceBackend = "neuron";

}  // namespace stepbench
