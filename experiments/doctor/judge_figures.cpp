// What `stepbench doctor` makes of what it measured. Pure, as all of its judging is.
#include <fmt/format.h>

#include <algorithm>

#include "core/statistics.hpp"
#include "experiments/doctor/judge.hpp"
#include "experiments/machine/fma_peak.hpp"

namespace stepbench::doctor {
namespace {

using enum Verdict;
using enum Section;
using Findings = std::vector<Finding>;

// A core this much slower than the fastest is another kind of core, or has a busy neighbour; less is noise.
constexpr double kSlowCoreBelow = 0.9;
// A large product reaches 80 to 95% of the FMA peak with fit kernels, and less than 30% with ones a generation too old.
constexpr double kGemmGood = 0.7, kGemmWrongBelow = 0.5;
// On all cores at once, waiting for each other costs some.
constexpr double kGemmAllGood = 0.6;
// A sample of the series this far below the median is one in which something else ran; some happen everywhere.
constexpr double kSlowSampleBelow = 0.9, kManySlowSamples = 0.05, kSomeSlowSamples = 0.01;
// Cores' worth of time. A few percent are the system's own; half a core of two is what a trial on two threads lacks.
constexpr double kOthersNoted = 0.05, kOthersTooMuch = 0.3;
constexpr double kStolenNoted = 0.002, kStolenTooMuch = 0.02, kWaitedTooMuch = 0.02;

// What is far off while others compute on the same cores says nothing about the machine.
constexpr const char* kCannotTell = "Others were busy meanwhile (see Noise), so this says nothing about the machine.";
constexpr const char* kAskAgain = "Run doctor again when the machine is quiet.";

bool is_disturbed(const Measurements& m) {
  return m.others_busy.value_or(0) >= kOthersTooMuch || m.stolen.value_or(0) >= kStolenTooMuch ||
         m.waited.value_or(0) >= kWaitedTooMuch;
}

void judge_peaks(const Measurements& m, Findings& out) {
  const int cores = core_count(m), physical = physical_cores(m);
  std::string sees = fmt::format("{:.0f} GFLOP/s on one core", m.fma_one);
  if (cores > 1) sees += fmt::format(", {:.0f} on all {} ({:.2f}x)", m.fma_all, cores, m.fma_all / m.fma_one);
  const CoreSharing sharing = core_sharing(m.fma_one, m.fma_all, cores);
  if (is_disturbed(m) && (sharing == CoreSharing::shared || sharing == CoreSharing::slowed)) {
    out.push_back({limits, note, "FMA peak", sees, kCannotTell, kAskAgain});
    return;
  }
  switch (sharing) {
    case CoreSharing::shared:
      if (physical < cores && core_sharing(m.fma_one, m.fma_all, physical) == CoreSharing::independent) {
        out.push_back(
            {limits, note, "FMA peak", sees, "As hyper-threads have it: the physical cores are independent.", ""});
      } else {
        out.push_back(
            {limits, warning, "FMA peak", sees,
             "The cores share their arithmetic: they are hyper-threads, the host runs them on one physical core, or "
             "others keep some of them busy. No backend can get faster with more threads here.",
             "Judge scaling with threads on another machine, or ask for one with whole cores."});
      }
      break;
    case CoreSharing::slowed:
      out.push_back(
          {limits, note, "FMA peak", sees,
           "Each core is slower when all compute: a lower clock, or others on the machine. Percent of peak on "
           "several threads takes that into account.",
           ""});
      break;
    case CoreSharing::independent:
      out.push_back({limits, ok, "FMA peak", sees + ": independent cores", "", ""});
      break;
    case CoreSharing::unknown:
      out.push_back({limits, ok, "FMA peak", sees, "", ""});
      break;
  }
}

void judge_each_core(const Measurements& m, Findings& out) {
  if (m.fma_of_core.size() < 2) return;
  const auto by_speed = [](const auto& a, const auto& b) { return a.second < b.second; };
  const auto [slowest, fastest] = std::ranges::minmax_element(m.fma_of_core, by_speed);
  std::vector<int> slow;
  for (const auto& [core, gflops] : m.fma_of_core) {
    if (!(gflops >= kSlowCoreBelow * fastest->second)) slow.push_back(core);
  }
  const std::string sees = fmt::format("{:.0f} to {:.0f} GFLOP/s, {} one by one", slowest->second, fastest->second,
                                       cores_text(static_cast<int>(m.fma_of_core.size())));
  if (slow.empty() || is_disturbed(m)) {
    const bool fine = slow.empty();
    out.push_back({limits, fine ? ok : note, "core by core", sees, fine ? "" : kCannotTell, fine ? "" : kAskAgain});
    return;
  }
  std::vector<int> fast;
  for (const int core : m.cores) {
    if (std::ranges::find(slow, core) == slow.end()) fast.push_back(core);
  }
  out.push_back({limits, warning, "core by core", fmt::format("{}; slower: {}", sees, listed(slow)),
                 "These are another kind of core, or something else runs on them. A time depends on where the program "
                 "happens to run.",
                 fmt::format("taskset -c {} stepbench run ...", listed(fast))});
}

void judge_gemm(const Measurements& m, Findings& out) {
  const double one = m.gemm_one / m.fma_one, all = m.gemm_all / m.fma_all;
  std::string sees = fmt::format("{:.0f} GFLOP/s on one core, {} of its peak", m.gemm_one, percent(one));
  const bool several = core_count(m) > 1;
  const bool reaches_all = m.blas.max_threads >= core_count(m);
  if (several) {
    sees += fmt::format("; {:.0f} on {}, {}", m.gemm_all,
                        reaches_all ? "all" : fmt::format("the {} that OpenBLAS can use", m.blas.max_threads),
                        percent(all));
  }
  if (one >= kGemmGood && (!several || all >= kGemmAllGood)) {
    out.push_back({limits, ok, "matrix product", sees, "", ""});
  } else if (is_disturbed(m)) {
    out.push_back({limits, note, "matrix product", sees, kCannotTell, kAskAgain});
  } else if (!(one >= kGemmWrongBelow)) {
    out.push_back({limits, warning, "matrix product", sees,
                   "Far below what the core can do: OpenBLAS runs kernels that were not made for this CPU.",
                   "See BLAS kernels; else a newer OpenBLAS may know this CPU."});
  } else {
    out.push_back({limits, note, "matrix product", sees,
                   several ? "Below the usual 80% on one core and 60% on all: a limit of these kernels on this CPU."
                           : "Below the usual 80%: a limit of these kernels on this CPU.",
                   ""});
  }
}

void judge_bandwidth(const Measurements& m, Findings& out) {
  std::string sees = fmt::format("triad: {:.1f} GB/s on one core", m.bandwidth_one);
  if (core_count(m) > 1) {
    sees += fmt::format(", {:.1f} on all ({:.2f}x)", m.bandwidth_all, m.bandwidth_all / m.bandwidth_one);
  }
  out.push_back({limits, ok, "memory bandwidth", sees, "", ""});
}

void judge_load(const Measurements& m, Findings& out) {
  if (m.others_busy) {
    std::string sees = fmt::format("others took {:.2f} of {} for a second", *m.others_busy, cores_text(core_count(m)));
    if (m.load_average) sees += fmt::format("; load average {:.2f}", *m.load_average);
    if (*m.others_busy >= kOthersTooMuch) {
      out.push_back({noise, warning, "background load", sees, "Other programs take cores away from what is measured.",
                     "Find them with `top`, and stop them or wait; rounds that they hit are flagged in the results."});
    } else if (*m.others_busy >= kOthersNoted) {
      out.push_back({noise, note, "background load", sees, "A little; it shows as slow steps here and there.", ""});
    } else {
      out.push_back({noise, ok, "background load", sees, "", ""});
    }
  }
  if (m.stolen) {
    const std::string sees = fmt::format("{} of the time that doctor was busy", percent(*m.stolen));
    if (*m.stolen >= kStolenTooMuch) {
      out.push_back({noise, warning, "stolen time", sees, "The host gave our cores to others while we needed them.",
                     "Measure at another hour or on a dedicated machine; more rounds (measure.rounds) help ratios."});
    } else {
      const bool some = *m.stolen >= kStolenNoted;
      out.push_back({noise, some ? note : ok, "stolen time", sees,
                     some ? "The host gave our cores to others now and then." : "", ""});
    }
  }
  if (m.waited) {
    const std::string sees = fmt::format("{} of a second of computing on one thread", percent(*m.waited));
    if (*m.waited >= kWaitedTooMuch) {
      out.push_back({noise, warning, "waited for a core", sees,
                     "Other programs on this system ran where we could have.",
                     "Find them with `top`, and stop them or wait; or leave one core free of threads."});
    } else {
      out.push_back({noise, ok, "waited for a core", sees, "", ""});
    }
  }
}

void judge_steadiness(const Measurements& m, Findings& out) {
  if (m.fma_series.empty()) return;
  const double middle = median(m.fma_series);
  const auto [least, most] = std::ranges::minmax(m.fma_series);
  const auto slow =
      std::ranges::count_if(m.fma_series, [middle](double x) { return !(x >= kSlowSampleBelow * middle); });
  const double share = static_cast<double>(slow) / static_cast<double>(m.fma_series.size());
  const std::string sees = fmt::format("{:.0f} least, {:.0f} median, {:.0f} most of {} x 4 ms, in GFLOP/s; {} slow",
                                       least, middle, most, m.fma_series.size(), percent(share));
  if (share >= kManySlowSamples || !(middle >= kSlowSampleBelow * most)) {
    out.push_back(
        {noise, warning, "steadiness", sees,
         "The same work takes different times: the clock changes, or others get in between. Small differences between "
         "backends will drown; ratios remain right, with wider intervals.",
         "Stop other programs where you can, or raise measure.rounds."});
  } else {
    const bool some = share >= kSomeSlowSamples;
    out.push_back({noise, some ? note : ok, "steadiness", sees,
                   some ? "Something gets in between now and then; medians do not mind." : "", ""});
  }
}

}  // namespace

void judge_figures(const Measurements& measurements, Findings& findings) {
  for (const auto check : {judge_peaks, judge_each_core, judge_gemm, judge_bandwidth, judge_load, judge_steadiness}) {
    check(measurements, findings);
  }
}

}  // namespace stepbench::doctor
