// What a backend is: the row that its folder gives to the table in registry.cpp.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/config/backend_setting.hpp"
#include "core/error.hpp"
#include "core/network.hpp"
#include "core/settings.hpp"
#include "core/value.hpp"
#include "variants/accumulation.hpp"

namespace stepbench {

/// A network was asked for that its backend cannot have; the message says why.
class UnsupportedError : public Error {
 public:
  using Error::Error;
};

/// What is known of a library as it runs: an attribute of /environment. Where it makes bits, `--resume` wants it equal.
struct LibraryFact {
  std::string name;  // of the attribute: `openblas_version`
  std::string what;  // in a sentence: `OpenBLAS`
  Value value;
  bool makes_bits = true;
};

/// Which instruction set our own kernels use (core/isa.hpp): one of the facts of each backend that has any.
[[nodiscard]] LibraryFact kernel_fact();

inline constexpr std::int64_t kAnyThreads = 1024;

struct Backend {
  std::string_view name;
  std::string_view summary;        // one line for `stepbench list backends`
  std::int64_t max_threads;        // trials with more are `unsupported`
  bool same_bits_for_any_threads;  // promised: fixed shapes give the same bits on any number of threads
  std::unique_ptr<Network<float>> (*make_float32)(const NetworkSettings&);
  std::unique_ptr<Network<double>> (*make_float64)(const NetworkSettings&);  // nullptr: float32 alone
  /// Why there can be no network of these settings, empty when there can; nullptr when there always can.
  std::string (*unsupported)(const NetworkSettings&) = nullptr;
  /// Of the libraries that it computes with; nullptr for none.
  std::vector<LibraryFact> (*libraries)() = nullptr;
  /// Why this build does not have it, with what to install: then it is listed, and nothing of it can be made. Empty:
  /// it is there.
  std::string_view absent = {};
  /// That it has for itself: `[backend.NAME]` of a config. What is set comes to it in NetworkSettings::own.
  std::vector<BackendSetting> own_settings = {};
  /// Its networks live in processes of their own (Network::own_process).
  bool own_process = false;
  /// Why this machine does not have it now, with what to do; nullptr where the build decides that. Empty: it is there.
  std::string (*missing)() = nullptr;
  /// Its products keep a second copy of each weight, in the order in which they like to read it.
  bool copies_weights = false;
  /// Each of its threads trains a network of its own, on parameters that all share.
  bool network_per_thread = false;
  /// It trains MLPs in bfloat16, by networks that make_float32 makes.
  bool bfloat16 = false;

  /// Throws UnsupportedError, for the reason that unsupported_reason gives.
  template <typename Scalar>
  [[nodiscard]] std::unique_ptr<Network<Scalar>> make(const NetworkSettings& settings) const;
};

/// Why the backend can have no network of these settings, or empty when it can. Never a fallback to something else.
/// That a network is to be of another scalar type than the settings say is told by Backend::make.
[[nodiscard]] std::string unsupported_reason(const Backend& backend, const NetworkSettings& settings);

[[nodiscard]] std::string no_float64_reason(const Backend& backend);

template <typename Scalar>
std::unique_ptr<Network<Scalar>> Backend::make(const NetworkSettings& settings) const {
  if (const std::string reason = unsupported_reason(*this, settings); !reason.empty()) throw UnsupportedError(reason);
  std::unique_ptr<Network<Scalar>> (*make_own)(const NetworkSettings&) = nullptr;
  if constexpr (std::is_same_v<Scalar, float>) {
    make_own = make_float32;
  } else {
    if (make_float64 == nullptr) throw UnsupportedError(no_float64_reason(*this));
    make_own = make_float64;
  }
  return accumulates(settings) ? make_accumulating_network<Scalar>(make_own, settings) : make_own(settings);
}

}  // namespace stepbench
