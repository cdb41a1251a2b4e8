// What a plan says: for each comparison of a config, how many rounds and how long. Not here: the pilot behind it.
#pragma once

#include <optional>
#include <string>

#include "experiments/detect/pilot.hpp"

namespace stepbench::detect {

struct Question {
  double difference = 0.02;           // a share
  double power = kUsualPower;         // of finding it
  std::optional<double> within = {};  // s, for the whole config
};

/// The plan's table with how to read it. Rounds are of all seeds together, as `show` pools them.
[[nodiscard]] std::string plan_text(const std::string& experiment, const Pilot& pilot, const Question& question);

}  // namespace stepbench::detect
