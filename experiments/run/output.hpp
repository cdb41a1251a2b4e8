// The files of a run: FILE.trials/, a folder with a file per finished trial and the checkpoint of the group under way,
// and FILE.h5, the collection made from the trials. What of a run that stopped half-way can be used again is decided in
// resume.hpp.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/results/trial_record.hpp"

namespace stepbench {

/// What to do where there is an output, or trials of a run that did not finish.
enum class IfPresent { refuse, resume, overwrite };

/// Without its extension, the file in that folder of what the process of this number, from 0, of `run --repeat` found:
/// `process-1`. Beside it stand its own trials, while it runs.
[[nodiscard]] std::string process_part(std::size_t process);

/// FILE.trials/ of FILE.h5, whether it is there or not.
[[nodiscard]] std::filesystem::path trials_folder(const std::filesystem::path& file);

/// The trial files in such a folder, by name. Throws OutputError.
[[nodiscard]] std::vector<std::filesystem::path> trial_files_in(const std::filesystem::path& folder);

/// The lock on a folder that every run on one output takes. Removes the folder on its way out when nothing is in it.
class FolderLock {
 public:
  /// Throws OutputError when another run holds it. Where folders cannot be locked it is a file in the folder, and where
  /// files cannot, none: see problem().
  explicit FolderLock(std::filesystem::path folder);
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock();

  [[nodiscard]] int descriptor() const { return descriptor_; }

  /// Why there is no lock, for a warning; empty when there is.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  std::filesystem::path folder_, file_;  // file_: the one that is locked in place of the folder
  std::string problem_;
  int descriptor_ = -1;
};

/// Holds the output of a run from before its first step: the folder of trial files exists and is locked (a second run
/// on the same output is refused). Where FILE.h5 is a link, the result goes where it leads, and the folder stands
/// there. An old FILE.h5 stands until the new one is whole. A mark in the folder remembers, over an abrupt end, that
/// the FILE.h5 beside it is an old one to be replaced; without the mark FILE.h5 is the whole result, and trial files
/// are copies.
class RunOutput {
 public:
  /// Throws OutputError: a missing folder (but `results`, which is made), one that cannot be written to, an output that
  /// is no ordinary file, an output or unfinished trials that exist where that is refused, another run at work.
  /// `overwrite` discards the trial files and the checkpoint of an earlier run.
  RunOutput(const std::filesystem::path& file, IfPresent if_present);

  /// Why a second run on the same output would not be noticed; empty when it would be.
  [[nodiscard]] const std::string& lock_problem() const { return lock_.problem(); }

  /// Whether FILE.h5 holds the whole result already (with `resume` only).
  [[nodiscard]] bool is_complete() const;

  /// The trial files that there are, by name.
  [[nodiscard]] std::vector<std::filesystem::path> trial_files() const;
  [[nodiscard]] const std::filesystem::path& trials_folder() const { return trials_; }
  [[nodiscard]] std::filesystem::path trial_path(const std::string& id) const;

  /// `single` holds one trial, published under its id. With `resume` it takes the place of an older one.
  void publish_trial(const ResultFile& single) const;

  /// The checkpoints that there are, by name: of the groups that a run had under way.
  [[nodiscard]] std::vector<std::filesystem::path> checkpoint_files() const;
  /// In place of the group's last one.
  void publish_checkpoint(std::span<const std::byte> image, const std::string& group) const;
  /// Of a group that is finished; it is no harm where that fails.
  void remove_checkpoint(const std::string& group) const;

  /// Builds the collection from the trial files in the order of `ids`, under what `run` says of the experiment, judges
  /// what it expects where all trials are there, publishes it, and removes the trial files unless they are to be kept.
  [[nodiscard]] ResultFile publish_collection(const ResultFile& run, std::span<const std::string> ids,
                                              bool keep_trial_files) const;

  /// Publishes what is no collection of trial files here, but whole: joined from other files.
  void publish_whole(const ResultFile& whole) const;

  /// Removes files that the collection holds too.
  void remove_trial_files(std::span<const std::string> ids) const;

 private:
  [[nodiscard]] std::filesystem::path checkpoint_path(const std::string& group) const;
  [[nodiscard]] bool is_to_be_replaced() const;
  void refuse_what_is_there() const;
  void discard_trials() const;

  std::filesystem::path file_, trials_, mark_;
  IfPresent if_present_;
  FolderLock lock_;
};

}  // namespace stepbench
