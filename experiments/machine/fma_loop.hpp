// The loop behind the FMA peak, once per vector width. Each width is compiled in a file of its own with its own
// options (CMakeLists.txt): for that instruction set, with multiplication and addition contracted, and optimised and
// without sanitizers whatever the build, so that every build is held against the same limit. Which one fits is
// chosen by fma_peak.cpp, as core/isa.hpp says. tests/machine disassembles the objects: registers only, one FMA per
// chain.
//
// Nothing from the library is included here: an inline function compiled for AVX-512 in one of those files could
// replace the same function in all others when the program is linked.
#pragma once

namespace stepbench {

/// `run` does one multiply-add per lane of every chain, `iterations` times, and returns a number that depends on all.
/// The chains start near `start`, which the compiler must not know: it would compute in advance what it can.
struct FmaLoop {
  double (*run)(long iterations, double start);
  double operations;  // floating-point operations of one iteration; an FMA counts 2
};

/// Of bfloat16: two multiply-adds per lane.
[[nodiscard]] FmaLoop fma_loop_avx512bf16();
[[nodiscard]] FmaLoop fma_loop_avx512(bool single_precision);
[[nodiscard]] FmaLoop fma_loop_avx2(bool single_precision);
/// 128-bit vectors, which every compiler knows how to multiply and add.
[[nodiscard]] FmaLoop fma_loop_portable(bool single_precision);

}  // namespace stepbench
