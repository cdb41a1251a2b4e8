#include "variants/backend.hpp"

#include "core/isa.hpp"

namespace stepbench {

LibraryFact kernel_fact() { return {"kernel_isa", "the kernels' instruction set", std::string(to_text(chosen_isa()))}; }

std::string unsupported_reason(const Backend& backend, const NetworkSettings& settings) {
  if (!backend.absent.empty()) return "absent from this build: " + std::string(backend.absent);
  if (backend.missing != nullptr) {
    if (const std::string why = backend.missing(); !why.empty()) return "not on this machine: " + why;
  }
  if (settings.threads > backend.max_threads) {
    return std::string(backend.name) + " runs on at most " + std::to_string(backend.max_threads) +
           (backend.max_threads == 1 ? " thread" : " threads");
  }
  return backend.unsupported == nullptr ? "" : backend.unsupported(settings);
}

}  // namespace stepbench
