// What `stepbench doctor` makes of its measurements. Pure: no clock, no file, no environment.
#include "experiments/doctor/judge.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "core/affinity.hpp"
#include "experiments/machine/cores.hpp"

namespace stepbench::doctor {
namespace {

using enum Verdict;
using enum Section;
using Findings = std::vector<Finding>;

constexpr double kGigabyte = 1 << 30;
// Below this, the larger shipped experiments (10.8 million parameters, Adam's moments, activations) may not fit.
constexpr double kComfortableMemory = 2 * kGigabyte;
// Laps of the phase clocks in a step: one each for forward, loss, reduce, update and the whole, and three per layer
// when layers are updated one by one; a network of four layers.
constexpr int kLapsPerStep = 16;
constexpr double kShortStep = 1e-3, kClockShare = 0.005;

void judge_cpu(const Measurements& m, Findings& out) {
  const std::string model = m.cpu.model.empty() ? "model unknown" : m.cpu.model;
  if (m.vectors == "SSE2") {
    out.push_back({machine, note, "processor", model + ", without AVX2",
                   "Its peak is low; so will be all GFLOP/s, while ratios between backends hold for CPUs of its kind.",
                   ""});
  } else {
    out.push_back({machine, ok, "processor", model + (m.vectors.empty() ? "" : ", " + m.vectors), "", ""});
  }
  if (m.cpu.hypervisor || !m.container.empty()) {
    std::string sees = m.cpu.hypervisor ? "a virtual machine" : "";
    if (m.cpu.hypervisor && !m.product.empty()) sees += " (" + m.product + ")";
    if (!m.container.empty()) sees += (sees.empty() ? "in a container (" : ", in a container (") + m.container + ")";
    out.push_back({machine, note, "virtual", sees,
                   m.cpu.hypervisor
                       ? "Others may use the same hardware, and how fast it is may change at any time. "
                         "Ratios of one run, whose trials take turns, can be trusted; times of two runs can not."
                       : "Others may use the same cores; limits of the container may stop the program.",
                   ""});
  }
}

void judge_cores(const Measurements& m, Findings& out) {
  const auto cores = static_cast<int>(m.cores.size());
  const std::string sees = cores == m.online_cores
                               ? fmt::format("{}, all of the machine's", cores)
                               : fmt::format("{} of {}: {}", cores, m.online_cores, listed(m.cores));
  if (m.cpu_quota && *m.cpu_quota < cores - 0.01) {
    out.push_back({machine, warning, "cores",
                   fmt::format("{}, but time for {:.3g} (a control group's quota)", sees, *m.cpu_quota),
                   "Threads that together use more are all stopped for tens of milliseconds, again and again.",
                   *m.cpu_quota >= 1
                       ? fmt::format("Use at most {:.0f} threads (--set sweep.threads=...), or lift the quota "
                                     "(docker run --cpus, systemd CPUQuota).",
                                     std::floor(*m.cpu_quota))
                       : "Lift the quota (docker run --cpus, systemd CPUQuota)."});
  } else {
    out.push_back({machine, ok, "cores", sees, "", ""});
  }
  if (!m.siblings.empty()) {
    std::vector<std::string> groups;
    for (const std::vector<int>& group : m.siblings) groups.push_back(listed(group));
    if (groups.size() > 4) {
      groups.resize(4);
      groups.emplace_back("...");
    }
    std::vector<int> one_each;
    for (const int core : m.cores) {
      const auto shares = [core](const std::vector<int>& group) {
        return std::ranges::find(group, core) != group.end() && group.front() != core;
      };
      if (std::ranges::none_of(m.siblings, shares)) one_each.push_back(core);
    }
    out.push_back(
        {machine, note, "hyper-threads",
         fmt::format("{} logical cores are {} physical ones ({})", cores, physical_cores(m), fmt::join(groups, "; ")),
         "Two threads on one physical core share its arithmetic: the second adds little.",
         fmt::format("Use at most {} threads; where measure.pin = auto does not hold each on a core of its own: "
                     "taskset -c {} stepbench run ...",
                     physical_cores(m), listed(one_each))});
  }
}

void judge_places(const Measurements& m, Findings& out) {
  const int threads = physical_cores(m);
  if (!m.places.cpus.empty()) {
    out.push_back(
        {machine, ok, "pinning",
         fmt::format("{} would be held on CPUs {} (measure.pin = auto)",
                     threads == 1 ? "1 thread" : fmt::format("{} threads", threads), listed_cpus(m.places.cpus)),
         "", ""});
  } else if (threads > 1 && !m.places.why_not.empty()) {
    out.push_back({machine, note, "pinning", "threads are not held on cores: " + m.places.why_not,
                   "The system may move them in a block, or put two on one core.",
                   "--set measure.pin=compact holds them all the same, as far as it can be."});
  }
}

void judge_memory(const Measurements& m, Findings& out) {
  if (m.memory.total != 0) {
    const auto available = static_cast<double>(m.memory.available);
    const std::string sees = fmt::format("{:.1f} GB of {:.1f} GB free", available / kGigabyte,
                                         static_cast<double>(m.memory.total) / kGigabyte);
    if (available < kComfortableMemory) {
      out.push_back({machine, warning, "memory", sees,
                     "A run that does not fit is killed, or swaps and measures the disk.",
                     "Close what is large; `stepbench check CONFIG` says what an experiment needs."});
    } else {
      out.push_back({machine, ok, "memory", sees, "", ""});
    }
  }
  const std::string& pages = m.transparent_huge_pages;
  if (pages == "never") {
    out.push_back({machine, warning, "huge pages", "transparent huge pages are off",
                   "Matrix products lose a few percent to page tables.",
                   "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled"});
  } else if (!pages.empty()) {
    out.push_back({machine, ok, "huge pages", "transparent huge pages: " + pages, "", ""});
  }
}

/// Those that cannot be read for one reason together.
void judge_counters(const Measurements& m, Findings& out) {
  if (m.uncounted.empty()) {
    out.push_back({machine, ok, "counters", "cycles, instructions, cache misses, operations and energy", "", ""});
  }
  for (auto first = m.uncounted.begin(); first != m.uncounted.end();) {
    const auto end = std::find_if(first, m.uncounted.end(),
                                  [&](const BlockCounters::Absence& other) { return other.why != first->why; });
    std::vector<std::string> names;
    for (auto each = first; each != end; ++each) names.push_back(each->name);
    out.push_back({machine, note, "counters", fmt::format("no {}: {}", fmt::join(names, ", "), first->why),
                   "These columns of results are NaN; nothing else depends on them.", first->advice});
    first = end;
  }
}

void judge_frequency(const Measurements& m, Findings& out) {
  const std::string governor =
      m.frequency.governor.empty() ? "governor not visible" : "governor " + m.frequency.governor;
  const std::string turbo = !m.frequency.turbo ? "" : *m.frequency.turbo ? ", turbo on" : ", turbo off";
  if (!m.frequency.governor.empty() && m.frequency.governor != "performance") {
    out.push_back({machine, note, "clock frequency", governor + turbo,
                   "The clock rises only when there is work, so short blocks may be measured at a low one.",
                   "sudo cpupower frequency-set -g performance"});
  } else if (m.frequency.turbo.value_or(false)) {
    out.push_back(
        {machine, note, "clock frequency", governor + turbo,
         "How fast a core is depends on how many are busy and how hot they are; trials that take turns share that.",
         "For absolute figures that repeat, turn turbo off in the firmware or in /sys/devices/system/cpu."});
  } else {
    const bool hosts = m.frequency.governor.empty() && m.cpu.hypervisor;
    out.push_back({machine, ok, "clock frequency", governor + turbo + (hosts ? " (the host decides)" : ""), "", ""});
  }
}

void judge_build(const Measurements& m, Findings& out) {
  const auto has = [&m](const char* flag) { return m.compile_flags.find(flag) != std::string::npos; };
  if (has("-fsanitize")) {
    out.push_back({program, warning, "build", m.compiler + ", with sanitizers",
                   "Good for finding mistakes; every figure is several times too slow, and not evenly so.",
                   "cmake --preset release && cmake --build --preset release"});
  } else if (!has("-O2") && !has("-O3")) {
    out.push_back({program, warning, "build",
                   m.compiler + ", not optimised: " + (m.compile_flags.empty() ? "no flags" : m.compile_flags),
                   "The backends' own loops are many times too slow, OpenBLAS's are not: ratios mean nothing.",
                   "Configure with -DCMAKE_BUILD_TYPE=Release."});
  } else {
    out.push_back({program, ok, "build", m.compiler + ", optimised", "", ""});
  }
}

/// An instruction set below the CPU's is asked for, or the user would not know why all is slower.
void judge_isa(const Measurements& m, Findings& out) {
  const Isa widest = m.vectors == "AVX-512" ? Isa::avx512 : m.vectors == "AVX2" ? Isa::avx2 : Isa::portable;
  if (m.isa >= widest) return;
  out.push_back({program, note, "kernels", fmt::format("for {}, since STEPBENCH_ISA asks for it", to_text(m.isa)),
                 fmt::format("This CPU has {}: speeds and peak are those of a lesser one.", m.vectors),
                 "unset STEPBENCH_ISA"});
}

void judge_blas(const Measurements& m, Findings& out) {
  const std::string kernels = fmt::format("OpenBLAS {} with {} kernels", m.blas.version, m.blas.core);
  const std::string better = better_blas_core(m.isa, m.blas.core);
  const auto variable = m.blas_environment.find("OPENBLAS_CORETYPE");
  const bool users = variable != m.blas_environment.end() && !m.blas.forced;
  if (!better.empty() && users) {
    out.push_back({program, warning, "BLAS kernels",
                   fmt::format("{}, since OPENBLAS_CORETYPE={} asks for it", kernels, variable->second),
                   fmt::format("This CPU can run the {} kernels, which use its widest vectors.", better),
                   "unset OPENBLAS_CORETYPE: stepbench then picks the right ones."});
  } else if (!better.empty()) {
    out.push_back({program, warning, "BLAS kernels", kernels,
                   "OpenBLAS does not know this CPU and runs kernels made for a much older one.",
                   fmt::format("export OPENBLAS_CORETYPE={}", better)});
  } else if (m.blas.forced) {
    out.push_back({program, note, "BLAS kernels", kernels + ", chosen by stepbench",
                   "OpenBLAS took this CPU for an older one. Other programs that use it (numpy, PyTorch) still do.",
                   fmt::format("Before you compare with them: export OPENBLAS_CORETYPE={}", m.blas.core)});
  } else {
    out.push_back({program, ok, "BLAS kernels", kernels + (users ? ", as OPENBLAS_CORETYPE asks" : ""), "", ""});
  }
}

void judge_threads(const Measurements& m, Findings& out) {
  const auto cores = static_cast<int>(m.cores.size());
  const int product = m.blas_threads * m.tbb_threads;
  const std::string sees =
      fmt::format("{} of TBB x {} of OpenBLAS in each, on {}", m.tbb_threads, m.blas_threads, cores_text(cores));
  const auto variable = m.blas_environment.find("OMP_NUM_THREADS");
  if (product > cores || m.threads_at_start > 1) {
    out.push_back({program, warning, "threads", fmt::format("{}; {} running before any work", sees, m.threads_at_start),
                   "More threads than cores wait for each other, and threads that were started too early lack the "
                   "floating-point mode of the others.",
                   "export OPENBLAS_NUM_THREADS=1 (stepbench gives `blas` its threads itself)."});
  } else if (variable != m.blas_environment.end() && variable->second != "1") {
    out.push_back(
        {program, note, "threads", sees,
         fmt::format("OMP_NUM_THREADS={} has no effect here: `blas` gets as many threads as its trial has, `tbb` one "
                     "BLAS thread in each task. numpy and PyTorch do follow it.",
                     variable->second),
         ""});
  } else {
    out.push_back({program, ok, "threads", sees, "", ""});
  }
}

void judge_modes(const Measurements& m, Findings& out) {
  if (m.denormals_flushed) {
    out.push_back({program, ok, "denormals", "flushed to zero in every thread", "", ""});
  } else {
    out.push_back({program, warning, "denormals", "not flushed to zero",
                   "Steps of a network with vanishing values may take a hundred times as long, on some backends.",
                   "This CPU or build lacks the mode; watch for steps that slow down during training."});
  }
  const double share = kLapsPerStep * m.clock_lap / kShortStep;
  const std::string source = m.clock_source.empty() ? "" : m.clock_source + ", ";
  const std::string sees =
      fmt::format("{} readings of {:.0f} ns: {} of a step of 1 ms ({}ticks of {:.0f} ns)", kLapsPerStep,
                  1e9 * m.clock_lap, percent(share), source, 1e9 * m.clock_resolution);
  if (!(share < kClockShare)) {
    out.push_back({program, warning, "phase clocks", sees, "Measuring the phases slows down short steps.",
                   "Choose a faster clock where the kernel has one: cat "
                   "/sys/devices/system/clocksource/clocksource0/available_clocksource"});
  } else {
    out.push_back({program, ok, "phase clocks", sees, "", ""});
  }
}

}  // namespace

std::string percent(double share) {
  return fmt::format("{:.{}f}%", 100 * share, share < 0.00995 ? 2 : share < 0.0995 ? 1 : 0);
}

std::string listed(const std::vector<int>& numbers) { return fmt::format("{}", fmt::join(numbers, ",")); }

std::string cores_text(int count) { return fmt::format("{} core{}", count, count == 1 ? "" : "s"); }

int core_count(const Measurements& measurements) {
  return usable_cores(static_cast<int>(measurements.cores.size()), measurements.cpu_quota);
}

int physical_cores(const Measurements& measurements) {
  auto count = static_cast<int>(measurements.cores.size());
  for (const std::vector<int>& group : measurements.siblings) count -= static_cast<int>(group.size()) - 1;
  return std::min(count, core_count(measurements));
}

std::vector<Finding> judge(const Measurements& measurements) {
  Findings findings;
  for (const auto check : {judge_cpu, judge_cores, judge_places, judge_memory, judge_counters, judge_frequency,
                           judge_build, judge_isa, judge_blas, judge_threads, judge_modes}) {
    check(measurements, findings);
  }
  judge_figures(measurements, findings);
  return findings;
}

}  // namespace stepbench::doctor
