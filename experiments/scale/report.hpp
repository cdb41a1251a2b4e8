// What `stepbench scale` prints: a table for each arm, or JSON for programs.
#pragma once

#include <span>
#include <string>

#include "experiments/scale/scale.hpp"

namespace stepbench::scale {

/// What the arms were taken from, and on.
struct Subject {
  std::string experiment, cpu;
  std::int64_t cores = 1;       // of the machine
  std::size_t groups = 1;       // of the config that were looked at
  std::size_t other_seeds = 0;  // groups that were not
};
[[nodiscard]] Subject describe_subject(const std::string& experiment, const Selection& selection);

[[nodiscard]] std::string as_text(const Subject& subject, std::span<const ArmScaling> arms, std::size_t columns);

/// {"experiment", "machine": {"cpu", "cores"}, "trials": [...]}; times in seconds, speed-ups over one core. What is
/// given for each number of cores is an object with that number as key. NaN is null.
[[nodiscard]] std::string as_json(const Subject& subject, std::span<const ArmScaling> arms);

/// 5 where a gate failed, 1 where anything else did.
[[nodiscard]] int exit_code(std::span<const ArmScaling> arms);

}  // namespace stepbench::scale
