#include "core/results/shards.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "core/error.hpp"
#include "core/results/environments.hpp"
#include "core/results/lookup.hpp"
#include "core/results/merge.hpp"

namespace stepbench {
namespace {

/// `s1, s2, s3, s4 and 12 more`: one line is to be read.
std::string listed(const std::vector<std::string>& words) {
  constexpr std::size_t kMost = 4;
  std::string text;
  for (std::size_t i = 0; i < std::min(kMost, words.size()); ++i) text += (i == 0 ? "" : ", ") + words[i];
  if (words.size() > kMost) text += " and " + std::to_string(words.size() - kMost) + " more";
  return text;
}

std::string joined(const std::vector<std::string>& phrases) {
  std::string text;
  for (const std::string& phrase : phrases) text += (text.empty() ? "" : "; ") + phrase;
  return text;
}

/// The first line that differs; both are of one experiment, or its name is that line.
std::string config_difference(const std::string& one, const std::string& other) {
  std::istringstream ones(one), others(other);
  for (int line = 1;; ++line) {
    std::string of_one, of_other;
    const bool has_one = static_cast<bool>(std::getline(ones, of_one));
    const bool has_other = static_cast<bool>(std::getline(others, of_other));
    if (!has_one && !has_other) return "";
    if (has_one && has_other && of_one == of_other) continue;
    const auto quoted = [](bool has, const std::string& text) { return has ? "`" + text + "`" : "nothing"; };
    return "line " + std::to_string(line) + " of its config is " + quoted(has_other, of_other) + ", not " +
           quoted(has_one, of_one);
  }
}

std::string program_text(const ResultFile& file) {
  return file.stepbench_version + " (" + file.git_commit + (file.git_dirty ? ", modified)" : ")");
}

/// The executables that ran a file's groups; of one file they are equal, --resume sees to that.
std::string executable_of(const ResultFile& file) { return text_of(file.environments.front(), "binary_digest"); }

std::string program_difference(const ResultFile& one, const ResultFile& other) {
  const std::string was = program_text(one), is = program_text(other);
  if (was != is) return "it is of stepbench " + is + ", not " + was;
  return executable_of(one) == executable_of(other) ? "" : "it is of another build of stepbench " + is;
}

void require_one_sweep(const std::vector<ShardPart>& parts) {
  for (const ShardPart& part : parts) {
    if (part.file.shard.is_whole()) {
      throw InputError(part.name + ": is of a whole sweep; shards of one are what `run --shard I/N` makes");
    }
  }
  const ShardPart& first = parts.front();
  for (const ShardPart& part : parts) {
    std::vector<std::string> differences = {config_difference(first.file.config_text, part.file.config_text),
                                            program_difference(first.file, part.file),
                                            sweep_difference(first.file.shard, part.file.shard)};
    std::erase(differences, "");
    if (differences.empty()) continue;
    throw InputError(part.name + ": is of another sweep than " + first.name + ": " + joined(differences));
  }
}

/// Group id -> its trials, and the groups in the sweep's order.
struct Groups {
  std::map<std::string, std::vector<std::string>> trials;
  std::vector<std::string> order;

  explicit Groups(const ShardRecord& sweep) {
    for (std::size_t i = 0; i < sweep.trials.size(); ++i) {
      std::vector<std::string>& members = trials[sweep.groups[i]];
      if (members.empty()) order.push_back(sweep.groups[i]);
      members.push_back(sweep.trials[i]);
    }
  }
};

bool holds_finished(const ResultFile& file, const std::vector<std::string>& trials) {
  return std::ranges::all_of(trials, [&file](const std::string& id) {
    const TrialRecord* trial = find_trial(file, id);
    return trial != nullptr && trial->status != Status::interrupted;
  });
}

void require_each_group_once(const std::vector<ShardPart>& parts, const Groups& groups) {
  std::vector<std::string> missing, doubled, unfinished;
  const auto shards = static_cast<std::size_t>(parts.front().file.shard.count);
  for (std::size_t g = 0; g < groups.order.size(); ++g) {
    const std::string& id = groups.order[g];
    const std::vector<std::string>& trials = groups.trials.at(id);
    std::vector<std::string> finished, begun;
    for (const ShardPart& part : parts) {
      if (holds_finished(part.file, trials)) {
        finished.push_back(part.name);
      } else if (std::ranges::find(part.unfinished, id) != part.unfinished.end() ||
                 std::ranges::any_of(part.file.trials, [&id](const TrialRecord& t) { return t.group == id; })) {
        begun.push_back(part.name);
      }
    }
    if (finished.size() > 1) doubled.push_back(id + " (" + listed(finished) + ")");
    if (finished.empty() && !begun.empty()) unfinished.push_back(id + " (" + listed(begun) + ")");
    if (finished.empty() && begun.empty()) {
      missing.push_back(id + " (shard " + std::to_string(g % shards + 1) + "/" + std::to_string(shards) + ")");
    }
  }
  std::vector<std::string> problems;
  if (!missing.empty()) problems.push_back("missing: " + listed(missing));
  if (!doubled.empty()) problems.push_back("doubled: " + listed(doubled));
  if (!unfinished.empty()) problems.push_back("unfinished, run it again with --resume: " + listed(unfinished));
  if (!problems.empty()) throw InputError("these files are not each group of the sweep once: " + joined(problems));
}

/// The place of each word; those that are not there come last.
auto by_place(const std::vector<std::string>& words, auto id_of) {
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < words.size(); ++i) places.emplace(words[i], i);
  return [places = std::move(places), id_of, last = words.size()](const auto& record) {
    const auto found = places.find(id_of(record));
    return found == places.end() ? last : found->second;
  };
}

}  // namespace

std::string sweep_difference(const ShardRecord& one, const ShardRecord& other) {
  if (one.trials != other.trials || one.groups != other.groups) {
    const std::set<std::string> ones(one.trials.begin(), one.trials.end());
    const std::set<std::string> others(other.trials.begin(), other.trials.end());
    std::vector<std::string> added, removed;
    std::ranges::set_difference(others, ones, std::back_inserter(added));
    std::ranges::set_difference(ones, others, std::back_inserter(removed));
    return !added.empty()     ? "it has trials " + listed(added)
           : !removed.empty() ? "it has no trials " + listed(removed)
                              : "it has the trials in another order";
  }
  std::vector<std::string> data;
  for (std::size_t i = 0; i < one.trials.size(); ++i) {
    const std::string& group = one.groups[i];
    if (one.datasets[i] == other.datasets[i] || std::ranges::find(data, group) != data.end()) continue;
    data.push_back(group);
  }
  return data.empty() ? "" : "the data of " + listed(data) + " are other ones";
}

ResultFile join_shards(std::vector<ShardPart> parts) {
  if (parts.empty()) throw InputError("there are no shards to put together");
  require_one_sweep(parts);
  const ShardRecord sweep = parts.front().file.shard;
  const Groups groups(sweep);
  require_each_group_once(parts, groups);
  // Whatever the order of the files, the joined one is the same.
  std::ranges::stable_sort(parts, {}, [](const ShardPart& part) { return part.file.shard.index; });
  std::vector<ResultFile> files;
  for (ShardPart& part : parts) files.push_back(std::move(part.file));
  ResultFile whole = merge_results(std::move(files));
  whole.shard = {};
  std::ranges::stable_sort(whole.trials, {}, by_place(sweep.trials, [](const TrialRecord& t) { return t.id; }));
  std::ranges::stable_sort(whole.groups, {}, by_place(groups.order, [](const GroupRecord& g) { return g.id; }));
  return whole;
}

}  // namespace stepbench
