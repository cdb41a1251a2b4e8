// A group's state as it lies on disk: a result file (results/README.md) of what the group has done so far, the
// baseline's twin among its trials, and `/state`, what the networks need to go on. When one is written is rounds.hpp;
// whether it can stand for what would be run now, resume.hpp.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

#include "core/results/trial_record.hpp"
#include "experiments/measure/group_state.hpp"

namespace stepbench {

struct Checkpoint {
  ResultFile run;  // what it says of program and environments; no trials, no groups
  GroupState state;
};

/// `run`: as Checkpoint has it; the environments of state.rounds are places in it.
[[nodiscard]] std::vector<std::byte> checkpoint_image(const ResultFile& run, const GroupState& state);
/// The inverse. Throws InputError when the image is no checkpoint; `name` is for messages.
[[nodiscard]] Checkpoint checkpoint_from_image(std::span<const std::byte> image, const std::filesystem::path& name);

/// Makes `rounds`, which go on from `before` in the first environment of `run`, name those of the segments before;
/// `run` gets them where it has them not.
void name_earlier_environments(const Checkpoint& before, ResultFile& run, GroupRecord& rounds);

}  // namespace stepbench
