#include "experiments/run/output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "core/error.hpp"
#include "core/results/merge.hpp"
#include "core/results/result_file.hpp"
#include "experiments/expect/judge_results.hpp"

namespace stepbench {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMark = ".replaces-old-file";
constexpr const char* kLockFile = ".lock";
constexpr const char* kCheckpoint = ".checkpoint";
constexpr const char* kProcess = "process-";

fs::path parent_of(const fs::path& file) { return file.has_parent_path() ? file.parent_path() : fs::path("."); }

/// Where FILE.h5 is to be. The folder of the default output is made.
fs::path place_of(const fs::path& file) {
  std::error_code failed;  // then output_place says what is wrong with the folder
  if (parent_of(file) == "results") fs::create_directory("results", failed);
  return output_place(file);
}

/// The folder of a run's trial files, made where there is none.
fs::path make_trials_folder(const fs::path& file) {
  fs::path trials = trials_folder(file);
  std::error_code failed;
  const bool made = fs::create_directory(trials, failed);
  if (failed || !fs::is_directory(trials, failed)) {
    throw OutputError(fmt::format("cannot make the folder {}: {}", trials.string(), failed.message()));
  }
  if (made) sync_folder(parent_of(file));
  return trials;
}

int open_to_lock(const fs::path& path, int flags) {
  const int descriptor = open(path.c_str(), flags | O_CLOEXEC, 0666);
  if (descriptor >= 0) return descriptor;
  throw OutputError(fmt::format("cannot open {}: {}", path.string(), std::strerror(errno)));
}

/// 0, or the errno of a lock that cannot be had.
int try_lock(int descriptor) {
  while (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

/// Whether `path` is still the name of what was opened.
bool is_named(const fs::path& path, int descriptor) {
  struct stat opened {
  }, named{};
  return fstat(descriptor, &opened) == 0 && stat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
         opened.st_ino == named.st_ino;
}

/// Publishing has two files open at a time, its own and its folder: sees to it that the process can, beside
/// `descriptor`.
void require_descriptors(const fs::path& file, int descriptor) {
  const int first = fcntl(descriptor, F_DUPFD_CLOEXEC, 0), second = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  const int error_number = errno;
  if (first >= 0) close(first);
  if (second >= 0) close(second);
  if (second >= 0) return;
  throw OutputError(fmt::format("{}: cannot write: {}, see `ulimit -n`", file.string(), std::strerror(error_number)));
}

/// An empty file that survives a power cut.
void make_mark(const fs::path& path) {
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0) throw OutputError(fmt::format("{}: cannot write: {}", path.string(), std::strerror(errno)));
  close(descriptor);
  sync_folder(parent_of(path));
}

/// By name; temporary ones are not among them.
std::vector<fs::path> files_ending(const fs::path& folder, const char* extension) {
  std::vector<fs::path> files;
  std::error_code failed;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
    const fs::path& path = entry->path();
    if (path.extension() == extension && !path.filename().string().starts_with('.')) files.push_back(path);
  }
  if (failed) throw OutputError(fmt::format("{}: cannot be read: {}", folder.string(), failed.message()));
  std::sort(files.begin(), files.end());
  return files;
}

/// What processes of `run --repeat` left that did not come to their end: the folders of their trials.
std::vector<fs::path> process_folders(const fs::path& folder) {
  std::vector<fs::path> folders;
  std::error_code failed;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
    if (entry->is_directory() && entry->path().filename().string().starts_with(kProcess)) folders.push_back(*entry);
  }
  return folders;
}

}  // namespace

std::string process_part(std::size_t process) { return fmt::format("{}{}", kProcess, process + 1); }

fs::path trials_folder(const fs::path& file) {
  fs::path trials = fs::path(file).replace_extension(".trials");
  if (trials == file) trials += ".trials";  // where a link leads to such a name
  return trials;
}

std::vector<fs::path> trial_files_in(const fs::path& folder) { return files_ending(folder, ".h5"); }

FolderLock::FolderLock(fs::path folder) : folder_(std::move(folder)) {
  fs::path locked = folder_;
  descriptor_ = open_to_lock(locked, O_RDONLY | O_DIRECTORY);
  int error_number = try_lock(descriptor_);
  if (error_number != 0 && error_number != EWOULDBLOCK) {  // NFS, for one, locks nothing that is not open for writing
    close(descriptor_);
    locked = file_ = folder_ / kLockFile;
    descriptor_ = open_to_lock(locked, O_RDWR | O_CREAT);
    error_number = try_lock(descriptor_);
  }
  // A run that ends removes both, perhaps between our opening and our locking.
  if (error_number == EWOULDBLOCK || !is_named(locked, descriptor_)) {
    close(descriptor_);
    throw OutputError(
        fmt::format("another run is writing to {}; wait for it, or choose another --output", folder_.string()));
  }
  if (error_number != 0) {
    problem_ = fmt::format("{} cannot be locked ({}): see to it that no other run writes to it", folder_.string(),
                           std::strerror(error_number));
  }
}

FolderLock::~FolderLock() {
  if (!file_.empty()) unlink(file_.c_str());
  rmdir(folder_.c_str());  // fails, as it should, where something is in it
  close(descriptor_);
}

RunOutput::RunOutput(const fs::path& file, IfPresent if_present)
    : file_(place_of(file)),
      trials_(make_trials_folder(file_)),
      mark_(trials_ / kMark),
      if_present_(if_present),
      lock_(trials_) {
  require_descriptors(file_, lock_.descriptor());
  remove_all_temporaries(trials_);
  remove_temporaries(file_);
  if (if_present_ == IfPresent::refuse) refuse_what_is_there();
  if (if_present_ == IfPresent::overwrite) {
    discard_trials();
    if (fs::exists(file_)) make_mark(mark_);
  }
  for (const fs::path& path : trial_files()) static_cast<void>(output_place(path));
  for (const fs::path& path : checkpoint_files()) static_cast<void>(output_place(path));
}

bool RunOutput::is_to_be_replaced() const { return fs::exists(mark_); }

bool RunOutput::is_complete() const {
  return if_present_ == IfPresent::resume && fs::exists(file_) && !is_to_be_replaced();
}

void RunOutput::refuse_what_is_there() const {
  const bool exists = fs::exists(file_);
  if (is_to_be_replaced() ||
      (!exists && !(trial_files().empty() && checkpoint_files().empty() && process_folders(trials_).empty()))) {
    throw OutputError(
        fmt::format("{} holds trials of a run that did not finish; `run --resume` goes on with it; give --overwrite to "
                    "discard them, or another --output",
                    trials_.string()));
  }
  if (exists) {
    throw OutputError(fmt::format("{} exists; give --overwrite to replace it, or another --output", file_.string()));
  }
}

void RunOutput::discard_trials() const {
  std::vector<fs::path> old = trial_files();
  for (fs::path& path : checkpoint_files()) old.push_back(std::move(path));
  for (fs::path& path : process_folders(trials_)) old.push_back(std::move(path));
  if (is_to_be_replaced()) old.push_back(mark_);
  for (const fs::path& path : old) {
    std::error_code failed;
    fs::remove_all(path, failed);
    if (failed) throw OutputError(fmt::format("{}: cannot remove: {}", path.string(), failed.message()));
  }
}

std::vector<fs::path> RunOutput::trial_files() const { return trial_files_in(trials_); }

std::vector<fs::path> RunOutput::checkpoint_files() const { return files_ending(trials_, kCheckpoint); }

fs::path RunOutput::trial_path(const std::string& id) const { return trials_ / (id + ".h5"); }

fs::path RunOutput::checkpoint_path(const std::string& group) const { return trials_ / (group + kCheckpoint); }

void RunOutput::publish_checkpoint(std::span<const std::byte> image, const std::string& group) const {
  publish(image, checkpoint_path(group), IfExists::replace);
}

void RunOutput::remove_checkpoint(const std::string& group) const {
  std::error_code ignored;  // a later run finds the group finished, and removes it then
  fs::remove(checkpoint_path(group), ignored);
}

void RunOutput::publish_trial(const ResultFile& single) const {
  publish(to_image(single), trial_path(single.trials.front().id),
          if_present_ == IfPresent::resume ? IfExists::replace : IfExists::refuse);
}

ResultFile RunOutput::publish_collection(const ResultFile& run, std::span<const std::string> ids,
                                         bool keep_trial_files) const {
  std::vector<ResultFile> parts;
  for (const std::string& id : ids) {
    ResultFile& part = parts.emplace_back(read_result_file(trial_path(id)));
    // Trials that are kept by --resume may come from a config that reads otherwise and says the same of them.
    part.experiment = run.experiment;
    part.description = run.description;
    part.config_text = run.config_text;
    part.shard = run.shard;
    part.expectations = run.expectations;
  }
  ResultFile collection = merge_results(std::move(parts));
  if (run.shard.is_whole()) judge_expectations(collection);
  publish_whole(collection);
  if (!keep_trial_files) remove_trial_files(ids);
  return collection;
}

void RunOutput::publish_whole(const ResultFile& whole) const {
  publish(to_image(whole), file_, is_to_be_replaced() ? IfExists::replace : IfExists::refuse);
  // With the mark, the trial files are what counts; without it, they are copies.
  std::error_code ignored;
  fs::remove(mark_, ignored);
}

void RunOutput::remove_trial_files(std::span<const std::string> ids) const {
  std::error_code ignored;  // what stays behind is a copy
  for (const std::string& id : ids) fs::remove(trial_path(id), ignored);
}

}  // namespace stepbench
