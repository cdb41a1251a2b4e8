// What the parent of a race and its workers say to each other: lines of words, the same in every version of the program
// that speaks kProtocol. Knows no process and no clock.
//
//   worker: stepbench-race 1 0.1.0 4ab86dd     first of all, before anything can take time
//   worker: ready STEPS                        the trial's network is made, and its backend has passed the gate
//   parent: train COUNT ROUND
//   worker: block STEP_TIME LOSS...            s, median of the steps that count (`nan`: none); a loss per step
//   parent: finish
//   worker: done DIGEST                        of the final parameters
//
// A worker that cannot go on says why on its stderr and ends with the program's usual exit code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "experiments/measure/trial_run.hpp"

namespace stepbench::race {

inline constexpr std::int64_t kProtocol = 1;
inline constexpr std::string_view kFinishLine = "finish";

struct Greeting {
  std::int64_t protocol = kProtocol;
  std::string build;  // version and commit, for people; of any protocol
};

struct TrainRequest {
  std::int64_t count = 0;
  std::int64_t round = 0;
};

[[nodiscard]] std::string greeting_line(const Greeting& greeting);
[[nodiscard]] std::string ready_line(std::int64_t total_steps);
[[nodiscard]] std::string train_line(const TrainRequest& request);
[[nodiscard]] std::string block_line(const Block& block);
[[nodiscard]] std::string done_line(const std::string& digest);

/// The inverses; nothing for any other line.
[[nodiscard]] std::optional<Greeting> parse_greeting(std::string_view line);
[[nodiscard]] std::optional<std::int64_t> parse_ready(std::string_view line);
[[nodiscard]] std::optional<TrainRequest> parse_train(std::string_view line);
[[nodiscard]] std::optional<Block> parse_block(std::string_view line);
[[nodiscard]] std::optional<std::string> parse_done(std::string_view line);

/// No honest line of a block of `steps` steps is longer; the other lines are shorter than that of no steps.
[[nodiscard]] constexpr std::size_t longest_line(std::int64_t steps) {
  constexpr std::size_t kNumber = 32, kWords = 1024;  // characters of a number and its space; of all else
  return kWords + kNumber * static_cast<std::size_t>(steps);
}

}  // namespace stepbench::race
