// The table of backends. A new backend is one folder and one row in registry.cpp; it then appears in `stepbench list`,
// in configs, in the conformance tests and in results with no other edit.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "core/network.hpp"
#include "core/settings.hpp"

namespace stepbench {

/// A network was asked for that its backend cannot have; the message says why.
class UnsupportedError : public Error {
 public:
  using Error::Error;
};

struct Backend {
  std::string_view name;
  std::string_view summary;        // one line for `stepbench list backends`
  std::int64_t max_threads;        // trials with more are `unsupported`
  bool same_bits_for_any_threads;  // promised: fixed shapes give the same bits on any number of threads
  std::unique_ptr<Network<float>> (*make_float32)(const NetworkSettings&);
  std::unique_ptr<Network<double>> (*make_float64)(const NetworkSettings&);
  /// Why there can be no network of these settings, empty when there can; nullptr when there always can.
  std::string (*unsupported)(const NetworkSettings&) = nullptr;

  /// Throws UnsupportedError.
  template <typename Scalar>
  [[nodiscard]] std::unique_ptr<Network<Scalar>> make(const NetworkSettings& settings) const {
    if (unsupported != nullptr) {
      if (const std::string reason = unsupported(settings); !reason.empty()) throw UnsupportedError(reason);
    }
    if constexpr (std::is_same_v<Scalar, float>) {
      return make_float32(settings);
    } else {
      return make_float64(settings);
    }
  }
};

[[nodiscard]] std::span<const Backend> backends();

/// nullptr when `table` has no such backend.
[[nodiscard]] const Backend* find_backend(std::span<const Backend> table, std::string_view name);

/// Why the backend cannot run the trial, or empty when it can. Never a fallback to something else.
[[nodiscard]] std::string unsupported_reason(const Backend& backend, const TrialSettings& trial);

/// The backend that all others are held against, in float64.
inline constexpr std::string_view kReferenceBackend = "neuron";

}  // namespace stepbench
