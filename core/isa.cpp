#include "core/isa.hpp"

#include <cstdlib>

#include "core/error.hpp"

namespace stepbench {
namespace {

constexpr const char* kVariable = "STEPBENCH_ISA";

std::string names(bool (*include)(Isa)) {
  std::string text;
  for (const Isa isa : kIsas) {
    if (include(isa)) text += (text.empty() ? "" : ", ") + std::string(to_text(isa));
  }
  return text;
}

}  // namespace

std::string_view to_text(Isa isa) {
  switch (isa) {
    case Isa::avx512bf16:
      return "avx512bf16";
    case Isa::avx512:
      return "avx512";
    case Isa::avx2:
      return "avx2";
    case Isa::portable:
      break;
  }
  return "portable";
}

bool has_isa(Isa isa) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  if (isa == Isa::avx2) return avx2;
  if (isa == Isa::avx512bf16) return has_isa(Isa::avx512) && __builtin_cpu_supports("avx512bf16") != 0;
  if (isa == Isa::avx512) {
    return avx2 && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512cd") != 0 &&
           __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
           __builtin_cpu_supports("avx512vl") != 0;
  }
#endif
  return isa == Isa::portable;
}

Isa choose_isa(std::string_view wanted, bool (*has)(Isa)) {
  if (wanted.empty()) {
    Isa widest = Isa::portable;
    for (const Isa isa : kIsas) {
      if (has(isa)) widest = isa;
    }
    return widest;
  }
  for (const Isa isa : kIsas) {
    if (to_text(isa) != wanted) continue;
    if (has(isa)) return isa;
    throw InputError(std::string(kVariable) + ": found \"" + std::string(wanted) +
                     "\", which this CPU does not have, allowed: " + names(has));
  }
  throw InputError(std::string(kVariable) + ": found \"" + std::string(wanted) + "\", allowed: " + names(has));
}

Isa chosen_isa() {
  static const Isa chosen = [] {
    const char* wanted = std::getenv(kVariable);
    return choose_isa(wanted == nullptr ? "" : wanted, has_isa);
  }();
  return chosen;
}

}  // namespace stepbench
