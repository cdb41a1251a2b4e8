// Which of the instruction sets that this program has kernels for it computes with: the widest that the CPU has, or the
// one that STEPBENCH_ISA names. The same for the life of the process.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace stepbench {

/// portable: 128-bit vectors, which every x86-64 has (SSE2) and every compiler knows elsewhere. avx2: with FMA.
/// avx512: F, CD, BW, DQ and VL.
enum class Isa { portable, avx2, avx512 };
inline constexpr std::array kIsas = {Isa::portable, Isa::avx2, Isa::avx512};

[[nodiscard]] std::string_view to_text(Isa isa);

/// Whether this CPU can run it, and the program has it.
[[nodiscard]] bool has_isa(Isa isa);

/// What kernels are to use. Throws InputError where STEPBENCH_ISA names none, or one that has_isa does not.
[[nodiscard]] Isa chosen_isa();

/// The rule, apart from the process so that it can be tested: `wanted` is STEPBENCH_ISA's text, empty for unset.
[[nodiscard]] Isa choose_isa(std::string_view wanted, bool (*has)(Isa));

}  // namespace stepbench
