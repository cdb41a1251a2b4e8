// Doctor's findings about the machine and the program, on planted measurements: one fault each on a quiet machine.
#include <catch2/catch.hpp>

#include "tests/machine/quiet_machine.hpp"

namespace stepbench::testing {

using Catch::Matchers::Contains;

TEST_CASE("doctor finds nothing on a quiet machine") { CHECK(complaints(quiet_machine()) == Names{}); }

TEST_CASE("doctor has something to say for every warning and note") {
  doctor::Measurements m = quiet_machine();
  m.others_busy = 3;
  m.blas.core = "Prescott";
  m.denormals_flushed = false;
  m.frequency.governor = "powersave";
  for (const doctor::Finding& finding : doctor::judge(m)) {
    INFO(finding.check);
    CHECK((finding.verdict == doctor::Verdict::ok || !finding.means.empty()));
    CHECK((finding.verdict != doctor::Verdict::warning || !finding.advice.empty()));
  }
}

TEST_CASE("doctor notes a CPU without AVX2") {
  doctor::Measurements m = quiet_machine();
  m.isa = Isa::portable;
  m.vectors = "SSE2";
  CHECK(finding_of(m, "processor").verdict == doctor::Verdict::note);
}

TEST_CASE("doctor notes an instruction set below the CPU's") {
  doctor::Measurements m = quiet_machine();
  m.isa = Isa::avx2;
  m.blas.core = "Haswell";
  CHECK(complaints(m) == Names{"kernels"});
  CHECK_THAT(finding_of(m, "kernels").sees, Contains("avx2"));
}

TEST_CASE("doctor notes virtual machines and containers") {
  doctor::Measurements m = quiet_machine();
  m.cpu.hypervisor = true;
  m.product = "QEMU Standard PC";
  CHECK(complaints(m) == Names{"virtual"});
  CHECK_THAT(finding_of(m, "virtual").sees, Contains("QEMU"));
  m.cpu.hypervisor = false;
  m.container = "Docker";
  CHECK(finding_of(m, "virtual").sees == "in a container (Docker)");
}

TEST_CASE("doctor warns of a quota below the cores") {
  doctor::Measurements m = quiet_machine();
  m.cpu_quota = 2.5;
  CHECK(complaints(m) == Names{"cores"});
  CHECK(finding_of(m, "cores").verdict == doctor::Verdict::warning);
  CHECK_THAT(finding_of(m, "cores").advice, Contains("at most 2 threads"));
  m.cpu_quota = 0.5;
  CHECK_THAT(finding_of(m, "cores").advice, !Contains("0 threads"));
  m.cpu_quota = 4;
  CHECK(finding_of(m, "cores").verdict == doctor::Verdict::ok);
}

TEST_CASE("doctor names the cores that hyper-threads should leave alone") {
  doctor::Measurements m = quiet_machine();
  m.siblings = {{0, 2}, {1, 3}};
  CHECK(finding_of(m, "hyper-threads").verdict == doctor::Verdict::note);
  CHECK_THAT(finding_of(m, "hyper-threads").sees, Contains("4 logical cores are 2 physical"));
  CHECK_THAT(finding_of(m, "hyper-threads").advice, Contains("taskset -c 0,1 "));
}

TEST_CASE("where threads would be held is said, and why they would not") {
  doctor::Measurements m = quiet_machine();
  m.places.cpus = {1, 2, 3, 0};
  CHECK(finding_of(m, "pinning").verdict == doctor::Verdict::ok);
  CHECK_THAT(finding_of(m, "pinning").sees, Contains("held on CPUs 1-3,0"));
  m.places = {{}, "a control group leaves time for 2 of the 4 CPUs"};
  CHECK(finding_of(m, "pinning").verdict == doctor::Verdict::note);
  CHECK_THAT(finding_of(m, "pinning").sees, Contains("leaves time for 2 of the 4"));
}

TEST_CASE("doctor warns of little memory") {
  doctor::Measurements m = quiet_machine();
  m.memory.available = std::uint64_t{1} << 30U;
  CHECK(complaints(m) == Names{"memory"});
  CHECK(finding_of(m, "memory").verdict == doctor::Verdict::warning);
}

TEST_CASE(
    "doctor names the counters that cannot be read, why, and what would change it, those of one reason together") {
  doctor::Measurements m = quiet_machine();
  CHECK(finding_of(m, "counters").verdict == doctor::Verdict::ok);
  m.uncounted = {{"cycles", "a virtual machine", "pmu=on"},
                 {"instructions", "a virtual machine", "pmu=on"},
                 {"energy", "only root may", "chmod"}};
  CHECK(complaints(m) == Names{"counters", "counters"});
  CHECK_THAT(finding_of(m, "counters").sees, Contains("no cycles, instructions: a virtual machine"));
  CHECK(finding_of(m, "counters").advice == "pmu=on");
  CHECK(finding_of(m, "counters").verdict == doctor::Verdict::note);
}

TEST_CASE("doctor warns of huge pages that are off") {
  doctor::Measurements m = quiet_machine();
  m.transparent_huge_pages = "never";
  CHECK(complaints(m) == Names{"huge pages"});
  CHECK(finding_of(m, "huge pages").verdict == doctor::Verdict::warning);
}

TEST_CASE("doctor notes a governor that saves power, and turbo") {
  doctor::Measurements m = quiet_machine();
  m.frequency.governor = "schedutil";
  CHECK_THAT(finding_of(m, "clock frequency").advice, Contains("performance"));
  CHECK(finding_of(m, "clock frequency").verdict == doctor::Verdict::note);
  m.frequency = {"performance", true};
  CHECK(finding_of(m, "clock frequency").verdict == doctor::Verdict::note);
  m.frequency = {"", std::nullopt};
  CHECK(finding_of(m, "clock frequency").verdict == doctor::Verdict::ok);
}

TEST_CASE("doctor warns of builds whose figures mean nothing") {
  doctor::Measurements m = quiet_machine();
  m.compile_flags = "-g";
  CHECK(finding_of(m, "build").verdict == doctor::Verdict::warning);
  CHECK_THAT(finding_of(m, "build").sees, Contains("not optimised"));
  m.compile_flags = "-O2 -g -fsanitize=address,undefined";
  CHECK(finding_of(m, "build").verdict == doctor::Verdict::warning);
  CHECK_THAT(finding_of(m, "build").sees, Contains("sanitizers"));
}

TEST_CASE("doctor tells who chose the wrong BLAS kernels") {
  doctor::Measurements m = quiet_machine();
  m.blas.core = "Prescott";
  CHECK(complaints(m) == Names{"BLAS kernels"});
  CHECK(finding_of(m, "BLAS kernels").verdict == doctor::Verdict::warning);
  CHECK_THAT(finding_of(m, "BLAS kernels").advice, Contains("export OPENBLAS_CORETYPE=SkylakeX"));
  m.blas.core = "Haswell";
  m.blas_environment["OPENBLAS_CORETYPE"] = "Haswell";
  CHECK(finding_of(m, "BLAS kernels").verdict == doctor::Verdict::warning);
  CHECK_THAT(finding_of(m, "BLAS kernels").advice, Contains("unset OPENBLAS_CORETYPE"));
}

TEST_CASE("doctor accepts right BLAS kernels whoever chose them, and notes that others need to be told") {
  doctor::Measurements m = quiet_machine();
  m.blas_environment["OPENBLAS_CORETYPE"] = "SkylakeX";
  CHECK(finding_of(m, "BLAS kernels").verdict == doctor::Verdict::ok);
  m.blas.forced = true;
  CHECK(finding_of(m, "BLAS kernels").verdict == doctor::Verdict::note);
  CHECK_THAT(finding_of(m, "BLAS kernels").advice, Contains("export OPENBLAS_CORETYPE=SkylakeX"));
}

TEST_CASE("doctor warns when BLAS threads times TBB threads exceed the cores") {
  doctor::Measurements m = quiet_machine();
  m.blas_threads = 2;
  CHECK(complaints(m) == Names{"threads"});
  CHECK(finding_of(m, "threads").verdict == doctor::Verdict::warning);
}

TEST_CASE("doctor warns of threads that run before any work") {
  doctor::Measurements m = quiet_machine();
  m.threads_at_start = 4;
  CHECK(finding_of(m, "threads").verdict == doctor::Verdict::warning);
}

TEST_CASE("doctor notes that OMP_NUM_THREADS has no effect here") {
  doctor::Measurements m = quiet_machine();
  m.blas_environment["OMP_NUM_THREADS"] = "8";
  CHECK(complaints(m) == Names{"threads"});
  CHECK_THAT(finding_of(m, "threads").means, Contains("OMP_NUM_THREADS=8 has no effect"));
}

TEST_CASE("doctor warns of denormals") {
  doctor::Measurements m = quiet_machine();
  m.denormals_flushed = false;
  CHECK(complaints(m) == Names{"denormals"});
  CHECK(finding_of(m, "denormals").verdict == doctor::Verdict::warning);
}

TEST_CASE("doctor warns of clocks that cost half a percent of a short step") {
  doctor::Measurements m = quiet_machine();
  m.clock_lap = 200e-9;
  CHECK(finding_of(m, "phase clocks").verdict == doctor::Verdict::ok);
  m.clock_lap = 1e-6;
  CHECK(complaints(m) == Names{"phase clocks"});
  CHECK(finding_of(m, "phase clocks").verdict == doctor::Verdict::warning);
}

}  // namespace stepbench::testing
