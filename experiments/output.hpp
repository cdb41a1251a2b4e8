// The files of a run: FILE.trials/, a folder with a file per finished trial, and FILE.h5, the collection made from
// them.
#pragma once

#include <filesystem>
#include <span>

#include "core/results/trial_record.hpp"

namespace stepbench {

/// Holds the output of a run from before its first step: the folder of trial files exists and is locked (a second run
/// on the same output is refused), nothing that was there is touched before the new collection is whole.
class RunOutput {
 public:
  /// Throws OutputError: a missing folder (of the default `results`, which is made), one that cannot be written to, an
  /// output or unfinished trials that exist without `overwrite`, another run at work.
  RunOutput(std::filesystem::path file, bool overwrite);
  RunOutput(const RunOutput&) = delete;
  RunOutput& operator=(const RunOutput&) = delete;
  ~RunOutput();

  /// `single` holds one trial, published under its id.
  void publish_trial(const ResultFile& single);

  /// Builds the collection from the trial files in the order of `ids`, publishes it, and removes the trial files unless
  /// they are to be kept.
  ResultFile publish_collection(std::span<const std::string> ids, bool keep_trial_files);

 private:
  [[nodiscard]] std::filesystem::path trial_path(const std::string& id) const;

  std::filesystem::path file_, trials_;
  bool overwrite_;
  int lock_ = -1;
};

}  // namespace stepbench
