// Which of the instruction sets that this program has kernels for it computes with: the widest that the CPU has, or the
// one that STEPBENCH_ISA names. The same for the life of the process.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace stepbench {

/// portable: 128-bit vectors, which every x86-64 has (SSE2) and every compiler knows elsewhere. avx2: with FMA.
/// avx512: F, CD, BW, DQ and VL. avx512bf16: that, with vdpbf16ps for what is in bfloat16. Each has what those before
/// it have.
enum class Isa { portable, avx2, avx512, avx512bf16 };
inline constexpr std::array kIsas = {Isa::portable, Isa::avx2, Isa::avx512, Isa::avx512bf16};

[[nodiscard]] std::string_view to_text(Isa isa);

/// Whether this CPU can run it, and the program has it.
[[nodiscard]] bool has_isa(Isa isa);

/// What kernels are to use. Throws InputError where STEPBENCH_ISA names none, or one that has_isa does not.
[[nodiscard]] Isa chosen_isa();

/// The rule, apart from the process so that it can be tested: `wanted` is STEPBENCH_ISA's text, empty for unset.
[[nodiscard]] Isa choose_isa(std::string_view wanted, bool (*has)(Isa));

/// The one of three builds of the same functions that is to be used (cmake/StepbenchIsa.cmake makes them); those that
/// have something of avx512bf16 ask for it themselves.
template <typename Table>
[[nodiscard]] const Table& choose_table(const Table& portable, const Table* avx2, const Table* avx512) {
  switch (chosen_isa()) {
    case Isa::avx512bf16:
    case Isa::avx512:
      return *avx512;
    case Isa::avx2:
      return *avx2;
    case Isa::portable:
      break;
  }
  return portable;
}

}  // namespace stepbench

/// choose_table for the tables that were declared as kPortableNAME, kAvx2NAME and kAvx512NAME.
#if defined(__x86_64__)
#define STEPBENCH_CHOOSE_TABLE(name) ::stepbench::choose_table(kPortable##name, &kAvx2##name, &kAvx512##name)
#else
#define STEPBENCH_CHOOSE_TABLE(name) (kPortable##name)
#endif
