#include "experiments/plan/shard.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <map>
#include <optional>
#include <string_view>

#include "core/error.hpp"
#include "core/text/number.hpp"

namespace stepbench {
namespace {

/// A whole number of digits alone.
std::optional<std::int64_t> parse_count(std::string_view text) {
  return text.starts_with('-') ? std::nullopt : parse_number<std::int64_t>(text);
}

std::int64_t array_variable(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) {
    throw InputError(
        fmt::format("--shard auto: {} is not set: this is no task of a Slurm array; give I/N, as in "
                    "--shard 1/4",
                    name));
  }
  const std::optional<std::int64_t> value = parse_count(text);
  if (!value) throw InputError(fmt::format("--shard auto: found {}=\"{}\", allowed: a whole number", name, text));
  return *value;
}

Shard shard_of_array_task() {
  const std::int64_t task = array_variable("SLURM_ARRAY_TASK_ID");
  const std::int64_t count = array_variable("SLURM_ARRAY_TASK_COUNT");
  const std::int64_t first = array_variable("SLURM_ARRAY_TASK_MIN");
  const Shard shard{task - first + 1, count};
  if (shard.index >= 1 && shard.index <= count) return shard;
  throw InputError(
      fmt::format("--shard auto: task {} is none of {} that begin with {} and follow each other; give the "
                  "array as --array=1-4, or I/N in place of auto",
                  task, count, first));
}

}  // namespace

Shard parse_shard(const std::string& text) {
  if (text == "auto") return shard_of_array_task();
  const std::size_t slash = text.find('/');
  const std::optional<std::int64_t> index = parse_count(std::string_view(text).substr(0, slash));
  const std::optional<std::int64_t> count =
      slash == std::string::npos ? std::nullopt : parse_count(std::string_view(text).substr(slash + 1));
  if (index && count && *index >= 1 && *index <= *count) return {*index, *count};
  throw InputError(fmt::format("--shard: found \"{}\", allowed: I/N with I from 1 to N, or auto", text));
}

std::vector<PlannedGroup> groups_of_shard(std::span<const PlannedGroup> plan, Shard shard) {
  std::vector<PlannedGroup> groups;
  for (std::size_t g = 0; g < plan.size(); ++g) {
    if (static_cast<std::int64_t>(g) % shard.count == shard.index - 1) groups.push_back(plan[g]);
  }
  return groups;
}

ShardRecord describe_shard(const Experiment& experiment, std::span<const PlannedGroup> plan, Shard shard) {
  std::map<std::string, std::string> digests;  // by trial
  for (const PlannedGroup& group : plan) {
    for (const PlannedTrial& trial : group.trials) digests.emplace(trial.settings->id, trial.dataset->digest);
  }
  ShardRecord record{.index = shard.index, .count = shard.count};
  for (const TrialSettings& trial : experiment.trials) {
    record.trials.push_back(trial.id);
    record.groups.push_back(trial.group);
    record.datasets.push_back(digests.at(trial.id));
  }
  return record;
}

}  // namespace stepbench
