#include "experiments/output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "core/results/merge.hpp"
#include "core/results/result_file.hpp"

namespace stepbench {
namespace {

namespace fs = std::filesystem;

/// Takes the lock on `folder`, or throws. The folder may be removed by a run that ends between open and lock.
int lock_folder(const fs::path& folder) {
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) throw OutputError(fmt::format("cannot open {}: {}", folder.string(), std::strerror(errno)));
  struct stat opened {
  }, named{};
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0 || fstat(descriptor, &opened) != 0 ||
      stat(folder.c_str(), &named) != 0 || opened.st_ino != named.st_ino) {
    close(descriptor);
    throw OutputError(
        fmt::format("another run is writing to {}; wait for it, or choose another --output", folder.string()));
  }
  return descriptor;
}

}  // namespace

RunOutput::RunOutput(fs::path file, bool overwrite) : file_(std::move(file)), trials_(file_), overwrite_(overwrite) {
  trials_.replace_extension(".trials");
  const fs::path folder = file_.has_parent_path() ? file_.parent_path() : fs::path(".");
  std::error_code failed;
  if (folder == "results" && !fs::exists(folder)) fs::create_directory(folder, failed);
  if (!fs::is_directory(folder)) {
    const char* problem = fs::exists(folder, failed) ? "is not a folder" : "is a folder that does not exist";
    throw OutputError(fmt::format("{}: {} {}", file_.string(), folder.string(), problem));
  }
  if (!overwrite_ && fs::exists(file_)) {
    throw OutputError(fmt::format("{} exists; give --overwrite to replace it, or another --output", file_.string()));
  }
  const bool made = fs::create_directory(trials_, failed);
  if (failed || !fs::is_directory(trials_)) {
    throw OutputError(fmt::format("cannot make the folder {}: {}", trials_.string(), failed.message()));
  }
  lock_ = lock_folder(trials_);
  if (made || fs::is_empty(trials_)) return;
  if (!overwrite_) {
    close(std::exchange(lock_, -1));
    throw OutputError(fmt::format(
        "{} holds trials of a run that did not finish; give --overwrite to discard them, or another --output",
        trials_.string()));
  }
  for (const auto& entry : fs::directory_iterator(trials_)) fs::remove_all(entry.path());
}

RunOutput::~RunOutput() {
  if (lock_ < 0) return;
  std::error_code ignored;
  if (fs::is_empty(trials_, ignored)) fs::remove(trials_, ignored);
  close(lock_);
}

fs::path RunOutput::trial_path(const std::string& id) const { return trials_ / (id + ".h5"); }

void RunOutput::publish_trial(const ResultFile& single) {
  publish(to_image(single), trial_path(single.trials.front().id), IfExists::refuse);
}

ResultFile RunOutput::publish_collection(std::span<const std::string> ids, bool keep_trial_files) {
  std::vector<ResultFile> parts;
  for (const std::string& id : ids) parts.push_back(read_result_file(trial_path(id)));
  ResultFile collection = merge_results(std::move(parts));
  publish(to_image(collection), file_, overwrite_ ? IfExists::replace : IfExists::refuse);
  if (!keep_trial_files) {
    std::error_code ignored;  // what stays behind is a copy
    for (const std::string& id : ids) fs::remove(trial_path(id), ignored);
  }
  return collection;
}

}  // namespace stepbench
