// What bounds a phase of a training step: its operations and bytes held against what the cores and the memory can do
// (Williams, Waterman and Patterson, "Roofline", 2009), and, where it is far below both, what else took its time. Pure:
// measures nothing. What a step computes and moves is core/models/step_work.hpp's.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stepbench {

/// What took the largest part of a phase's time. The names are what the files say.
enum class Limit {
  unknown,      // something that the verdict rests on was not measured
  compute,      // the multiply-adds, at the cores' peak
  memory,       // the bytes, at the bandwidth of the level that holds what a step touches
  parallelism,  // cores without work: too little of it can be done side by side
  overhead,     // all else: other arithmetic, small products, calls, waiting
};
[[nodiscard]] std::string_view to_text(Limit limit);  // "", "compute", "memory", "parallel work", "overhead"
/// The inverse; nothing for other text.
[[nodiscard]] std::optional<Limit> limit_from_text(std::string_view text);

/// What the trial's cores can do.
struct Roof {
  double peak = std::numeric_limits<double>::quiet_NaN();       // FLOP/s
  double bandwidth = std::numeric_limits<double>::quiet_NaN();  // B/s
};

/// What a phase did, and how long it took.
struct PhaseMeasured {
  double flops = 0;  // of matrix products
  double bytes = 0;  // read and written
  double seconds = std::numeric_limits<double>::quiet_NaN();
  /// Cores that had work, of those that the trial's threads could have at once: from above 0 to 1.
  double busy_share = std::numeric_limits<double>::quiet_NaN();
};

/// A phase's verdict with the numbers that it rests on. NaN where something was not measured.
struct PhaseLimit {
  std::string phase;
  double flops = 0, bytes = 0;
  double seconds = std::numeric_limits<double>::quiet_NaN();
  double compute_time = std::numeric_limits<double>::quiet_NaN();  // s: the operations at the peak
  double memory_time = std::numeric_limits<double>::quiet_NaN();   // s: the bytes at the bandwidth
  double idle_time = std::numeric_limits<double>::quiet_NaN();     // s: of cores without work, over the cores
  double other_time = std::numeric_limits<double>::quiet_NaN();    // s: what is left
  Limit limit = Limit::unknown;

  [[nodiscard]] double intensity() const { return flops / bytes; }  // FLOP/B
  [[nodiscard]] double roof_time() const { return compute_time > memory_time ? compute_time : memory_time; }
  /// FLOP/s at the roof: min(peak, intensity * bandwidth).
  [[nodiscard]] double attainable() const { return flops / roof_time(); }
  /// Of the time, the roof's share; above 1 where the peak, or the bandwidth, was disturbed while it was measured, or
  /// less moved than the model counts.
  [[nodiscard]] double share_of_roof() const { return roof_time() / seconds; }
};

/// The verdict is the largest of three shares of the phase's time: the roof's (compute or memory, whichever needs
/// longer), that of idle threads, and the rest. Of equal ones the first.
[[nodiscard]] PhaseLimit judge_phase(std::string phase, const PhaseMeasured& measured, const Roof& roof);

/// What bounded a trial's steps.
struct LimitRecord {
  std::vector<PhaseLimit> phases;                                   // in order, `step`, the whole, last; or empty
  double peak_gflops = std::numeric_limits<double>::quiet_NaN();    // GFLOP/s, of the trial's cores
  double bandwidth = std::numeric_limits<double>::quiet_NaN();      // GB/s (1e9 B), of the same
  double touched_bytes = std::numeric_limits<double>::quiet_NaN();  // B: what a step reads or writes, each once
  std::string level;                                                // that holds them: `L2`, `L3`, `memory`
  double busy_share = std::numeric_limits<double>::quiet_NaN();     // of the threads' time in a step, with work
  /// The same of the cores that they could have at once: what the phases' idle time comes from. Where there are fewer
  /// of them than threads, a thread without work takes no core from another.
  double busy_cores = std::numeric_limits<double>::quiet_NaN();
  /// The row of that name; null where there is none.
  [[nodiscard]] const PhaseLimit* find(std::string_view phase) const;
};

/// The name of the row that stands for the whole step.
inline constexpr std::string_view kWholeStep = "step";
/// The name of the row of backward and update, where the backend does both in one.
inline constexpr std::string_view kBackwardAndUpdate = "backward+update";

}  // namespace stepbench
