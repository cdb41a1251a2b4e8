// Memory that this process really touches (/proc/self/status), and how much of it is one trial's. The trials of a group
// live in one process: what is a trial's is by how much the process grew while only that trial was at work.
//
// Left out: processes of its own (peers, ranks); what a trial writes into memory that the process had touched before
// and was given back to the C library's heap. begin_making gives such memory back to the system first.
#pragma once

#include <filesystem>
#include <limits>
#include <utility>

namespace stepbench {

/// `/proc/self`, or a made-up folder in its place. B; NaN where the system does not tell.
class ResidentMemory {
 public:
  explicit ResidentMemory(std::filesystem::path process = "/proc/self") : process_(std::move(process)) {}
  [[nodiscard]] double now() const;   // VmRSS
  [[nodiscard]] double peak() const;  // VmHWM: since the process began, or the last reset_peak
  /// Where the kernel lets it: false, and the peak stays, where clear_refs cannot be written.
  bool reset_peak() const;

 private:
  [[nodiscard]] double field(const char* name) const;
  std::filesystem::path process_;
};

/// What one trial adds to the process while its steps are trained.
class TrialMemory {
 public:
  explicit TrialMemory(ResidentMemory process = ResidentMemory()) : process_(std::move(process)) {}

  /// Around the making of the trial's network. What is taken only meanwhile, as initial parameters, does not count.
  void begin_making();
  void end_making();
  /// Around each of its blocks. Take some tens of microseconds, outside the timed steps.
  void begin_block();
  void end_block();

  /// B: the most that it held at once; NaN before end_making, and where the system does not tell. Where the peak could
  /// not be reset: the most that was there at the end of a block.
  [[nodiscard]] double peak() const { return peak_; }

 private:
  ResidentMemory process_;
  double before_ = 0;  // of the process, at the begin
  double held_ = 0;    // by the trial
  double peak_ = std::numeric_limits<double>::quiet_NaN();
  bool was_reset_ = false;
};

}  // namespace stepbench
