// Which instruction set is chosen.
#include <catch2/catch.hpp>

#include "core/error.hpp"
#include "core/isa.hpp"

namespace stepbench::testing {
namespace {

bool all(Isa) { return true; }
bool no_avx512(Isa isa) { return isa < Isa::avx512; }
bool none(Isa isa) { return isa == Isa::portable; }

}  // namespace

TEST_CASE("the widest instruction set that the CPU has is chosen") {
  CHECK(choose_isa("", all) == Isa::avx512bf16);
  CHECK(choose_isa("", no_avx512) == Isa::avx2);
  CHECK(choose_isa("", none) == Isa::portable);
}

TEST_CASE("a narrower one is taken when it is named") {
  for (const Isa isa : kIsas) CHECK(choose_isa(to_text(isa), all) == isa);
}

TEST_CASE("one that there is not, or that the CPU lacks, is refused with those it has") {
  CHECK_THROWS_WITH(choose_isa("sse9", all),
                    "STEPBENCH_ISA: found \"sse9\", allowed: portable, avx2, avx512, avx512bf16");
  CHECK_THROWS_WITH(choose_isa("avx512", no_avx512),
                    "STEPBENCH_ISA: found \"avx512\", which this CPU does not have, allowed: portable, avx2");
}

TEST_CASE("what is in use is an instruction set that the CPU has") { CHECK(has_isa(chosen_isa())); }

}  // namespace stepbench::testing
