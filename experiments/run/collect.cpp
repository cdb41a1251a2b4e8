#include "experiments/run/collect.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "core/results/merge.hpp"
#include "core/results/result_file.hpp"
#include "core/results/shards.hpp"
#include "experiments/expect/judge_results.hpp"
#include "experiments/run/output.hpp"

namespace stepbench {
namespace {

namespace fs = std::filesystem;

/// Ids of the groups of which every trial is finished, all measured in the same rounds.
std::set<std::string> finished_groups(const std::vector<ResultFile>& singles, const ShardRecord& sweep) {
  std::map<std::string, std::string> measurements;  // of its group, by trial
  for (const ResultFile& single : singles) {
    const TrialRecord& trial = single.trials.front();
    if (trial.status != Status::interrupted) measurements[trial.id] = single.groups.front().measurement;
  }
  std::map<std::string, std::set<std::string>> of_group;  // empty text: a trial that is not finished
  for (std::size_t i = 0; i < sweep.trials.size(); ++i) {
    const auto found = measurements.find(sweep.trials[i]);
    of_group[sweep.groups[i]].insert(found == measurements.end() ? "" : found->second);
  }
  std::set<std::string> finished;
  for (const auto& [group, names] : of_group) {
    if (names.size() == 1 && !names.begin()->empty()) finished.insert(group);
  }
  return finished;
}

/// What a run that did not come to its end has left.
ShardPart read_trial_files(const std::string& name, const std::vector<fs::path>& files) {
  std::vector<ResultFile> singles;
  for (const fs::path& file : files) {
    const ResultFile& single = singles.emplace_back(read_result_file(file));
    if (single.trials.size() != 1 || single.groups.size() != 1) {
      throw InputError(file.string() + ": is not the file of one trial");
    }
  }
  ShardPart part{.name = name, .file = singles.front()};
  part.file.trials.clear();
  part.file.groups.clear();
  const std::set<std::string> finished = finished_groups(singles, part.file.shard);
  std::vector<ResultFile> kept;
  for (ResultFile& single : singles) {
    const std::string& group = single.trials.front().group;
    if (finished.contains(group)) {
      kept.push_back(std::move(single));
    } else if (std::ranges::find(part.unfinished, group) == part.unfinished.end()) {
      part.unfinished.push_back(group);
    }
  }
  if (!kept.empty()) part.file = merge_results(std::move(kept));
  return part;
}

ShardPart read_shard(const fs::path& file) {
  const fs::path folder = trials_folder(file);
  if (!fs::exists(file) && fs::exists(folder)) {
    const std::vector<fs::path> trials = trial_files_in(folder);
    if (!trials.empty()) return read_trial_files(file.string(), trials);
    throw InputError(file.string() + ": its run has not finished any trial yet; --resume goes on with one that ended");
  }
  return {.name = file.string(), .file = read_result_file(file)};
}

}  // namespace

ResultFile collect_shards(std::span<const fs::path> files) {
  std::vector<ShardPart> parts;
  for (const fs::path& file : files) parts.push_back(read_shard(file));
  ResultFile whole = join_shards(std::move(parts));
  judge_expectations(whole);
  return whole;
}

}  // namespace stepbench
