// Runs a check for every backend of the registry, on each number of threads that a small machine has use for. A check
// that asks for a network that the backend does not support ends there, with a warning: it did not pass.
#pragma once

#include <catch2/catch.hpp>
#include <cstdint>
#include <string>

#include "variants/registry.hpp"

namespace stepbench::testing {

/// Ends the check at a network that its backend does not support, with a warning.
template <typename Check>
void unless_unsupported(const Check& check) {
  try {
    check();
  } catch (const UnsupportedError& error) {
    WARN("not checked: " << error.what());
  }
}

template <typename Check>
void for_each_backend(const Check& check) {
  for (const Backend& backend : backends_in_process()) {
    for (const std::int64_t threads : {1, 2}) {
      if (threads > backend.max_threads) continue;
      INFO("backend " << backend.name << ", " << threads << " threads");
      unless_unsupported([&] { check(backend, threads); });
    }
  }
}

}  // namespace stepbench::testing
