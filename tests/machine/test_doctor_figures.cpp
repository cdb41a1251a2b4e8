// Doctor's findings about what it measured, on planted measurements.
#include <catch2/catch.hpp>

#include "tests/machine/quiet_machine.hpp"

namespace stepbench::testing {

using Catch::Matchers::Contains;

TEST_CASE("doctor warns of cores that share their arithmetic") {
  doctor::Measurements m = quiet_machine();
  m.fma_all = 210;
  m.gemm_all = 170;
  CHECK(complaints(m) == Names{"FMA peak"});
  CHECK(finding_of(m, "FMA peak").verdict == doctor::Verdict::warning);
  CHECK_THAT(finding_of(m, "FMA peak").means, Contains("share"));
}

TEST_CASE("doctor does not warn of hyper-threads that it knows, when their physical cores are independent") {
  doctor::Measurements m = quiet_machine();
  m.siblings = {{0, 2}, {1, 3}};
  m.fma_all = 200;
  CHECK(finding_of(m, "FMA peak").verdict == doctor::Verdict::note);
  m.fma_all = 110;
  CHECK(finding_of(m, "FMA peak").verdict == doctor::Verdict::warning);
}

TEST_CASE("doctor notes cores that are slower together") {
  doctor::Measurements m = quiet_machine();
  m.fma_all = 300;
  CHECK(finding_of(m, "FMA peak").verdict == doctor::Verdict::note);
}

TEST_CASE("doctor names cores that are slower than others, and those to use") {
  doctor::Measurements m = quiet_machine();
  m.fma_of_core = {{0, 100}, {1, 60}, {2, 95}, {3, 61}};
  CHECK(complaints(m) == Names{"core by core"});
  CHECK(finding_of(m, "core by core").verdict == doctor::Verdict::warning);
  CHECK_THAT(finding_of(m, "core by core").sees, Contains("slower: 1,3"));
  CHECK_THAT(finding_of(m, "core by core").advice, Contains("taskset -c 0,2 "));
}

TEST_CASE("doctor warns of a matrix product far below the peak, and notes one somewhat below") {
  doctor::Measurements m = quiet_machine();
  m.gemm_one = 30;
  CHECK(finding_of(m, "matrix product").verdict == doctor::Verdict::warning);
  m.gemm_one = 60;
  CHECK(finding_of(m, "matrix product").verdict == doctor::Verdict::note);
  m.gemm_one = 85;
  m.gemm_all = 120;
  CHECK(finding_of(m, "matrix product").verdict == doctor::Verdict::note);
}

TEST_CASE("doctor draws no conclusion about the machine from what others disturbed") {
  doctor::Measurements m = quiet_machine();
  m.fma_all = 210;
  m.fma_of_core[1] = 50;
  m.gemm_one = 30;
  m.waited = 0.3;
  for (const char* check : {"FMA peak", "core by core", "matrix product"}) {
    INFO(check);
    CHECK(finding_of(m, check).verdict == doctor::Verdict::note);
    CHECK_THAT(finding_of(m, check).means, Contains("Others were busy"));
  }
}

TEST_CASE("doctor shows the bandwidth and judges it not") {
  doctor::Measurements m = quiet_machine();
  m.bandwidth_all = 11;
  CHECK(finding_of(m, "memory bandwidth").verdict == doctor::Verdict::ok);
  CHECK_THAT(finding_of(m, "memory bandwidth").sees, Contains("12.0 GB/s on one core, 11.0 on all (0.92x)"));
}

TEST_CASE("doctor warns of background load, and notes a little") {
  doctor::Measurements m = quiet_machine();
  m.others_busy = 0.1;
  CHECK(complaints(m) == Names{"background load"});
  CHECK(finding_of(m, "background load").verdict == doctor::Verdict::note);
  m.others_busy = 1.5;
  CHECK(finding_of(m, "background load").verdict == doctor::Verdict::warning);
}

TEST_CASE("doctor warns of stolen time, and notes a little") {
  doctor::Measurements m = quiet_machine();
  m.stolen = 0.005;
  CHECK(finding_of(m, "stolen time").verdict == doctor::Verdict::note);
  m.stolen = 0.1;
  CHECK(complaints(m) == Names{"stolen time"});
  CHECK(finding_of(m, "stolen time").verdict == doctor::Verdict::warning);
}

TEST_CASE("doctor warns of waiting for a core") {
  doctor::Measurements m = quiet_machine();
  m.waited = 0.05;
  CHECK(complaints(m) == Names{"waited for a core"});
  CHECK(finding_of(m, "waited for a core").verdict == doctor::Verdict::warning);
}

TEST_CASE("doctor warns of an unsteady core, and notes a few slow samples") {
  doctor::Measurements m = quiet_machine();
  for (std::size_t i = 0; i < 5; ++i) m.fma_series[i] = 50;  // of 250
  CHECK(finding_of(m, "steadiness").verdict == doctor::Verdict::note);
  for (std::size_t i = 0; i < 25; ++i) m.fma_series[i] = 50;
  CHECK(finding_of(m, "steadiness").verdict == doctor::Verdict::warning);
}

TEST_CASE("doctor warns of a clock that drops during the series") {
  doctor::Measurements m = quiet_machine();
  for (std::size_t i = 0; i < 50; ++i) m.fma_series[i] = 125;  // then throttled
  CHECK(complaints(m) == Names{"steadiness"});
  CHECK(finding_of(m, "steadiness").verdict == doctor::Verdict::warning);
}

TEST_CASE("doctor leaves out what the system does not tell") {
  doctor::Measurements m = quiet_machine();
  m.others_busy = m.stolen = m.waited = std::nullopt;
  m.load_average = std::nullopt;
  m.transparent_huge_pages = m.clock_source = "";
  m.memory = {};
  m.cores = {0};
  m.tbb_threads = m.online_cores = 1;
  m.fma_of_core = {{0, 100}};
  CHECK(complaints(m) == Names{});
}

TEST_CASE("doctor warns rather than accepts when a figure is not a number") {
  doctor::Measurements m = quiet_machine();
  m.gemm_one = std::numeric_limits<double>::quiet_NaN();
  CHECK(finding_of(m, "matrix product").verdict == doctor::Verdict::warning);
}

}  // namespace stepbench::testing
