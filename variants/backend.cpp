#include "variants/backend.hpp"

#include "core/isa.hpp"

namespace stepbench {

LibraryFact kernel_fact() { return {"kernel_isa", "the kernels' instruction set", std::string(to_text(chosen_isa()))}; }

std::string no_float64_reason(const Backend& backend) {
  return std::string(backend.name) + " trains in float32 alone: its library has no float64 products";
}

std::string unsupported_reason(const Backend& backend, const NetworkSettings& settings) {
  if (!backend.absent.empty()) return "absent from this build: " + std::string(backend.absent);
  if (backend.missing != nullptr) {
    if (const std::string why = backend.missing(); !why.empty()) return "not on this machine: " + why;
  }
  if (settings.threads > backend.max_threads) {
    return std::string(backend.name) + " runs on at most " + std::to_string(backend.max_threads) +
           (backend.max_threads == 1 ? " thread" : " threads");
  }
  if (settings.training.micro_batch && backend.own_process) {
    return "trains whole batches in a process of its own: training.micro_batch is not supported";
  }
  if (settings.training.precision == Precision::float64 && backend.make_float64 == nullptr) {
    return no_float64_reason(backend);
  }
  if (settings.training.precision == Precision::bfloat16) {
    if (!backend.bfloat16) return std::string(backend.name) + " does not train in bfloat16";
    if (settings.model.kind != ModelKind::mlp) return std::string(backend.name) + " trains MLPs alone in bfloat16";
    if (settings.ranks.count > 0) return "ranks do not train in bfloat16: they add up gradients of float32 or float64";
  }
  return backend.unsupported == nullptr ? "" : backend.unsupported(settings);
}

}  // namespace stepbench
