// `stepbench completion`
#include "experiments/terminal/completion.hpp"

#include <fmt/format.h>

#include "core/error.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/plan/data_folders.hpp"
#include "experiments/terminal/exit_code.hpp"
#include "experiments/terminal/standard_streams.hpp"

namespace stepbench {
namespace {

int run_completion(const ParsedCommandLine& arguments) {
  if (arguments.positional == "experiments") {
    for (const std::filesystem::path& config : shipped_configs()) write_output(config.stem().string() + "\n");
    return kExitOk;
  }
  if (arguments.positional != "bash") {
    throw InputError(fmt::format("completion: found \"{}\", allowed: bash, experiments", arguments.positional));
  }
  std::vector<CommandLine> lines;
  for (const Command& command : commands()) {
    if (!command.hidden) lines.push_back(command.line);
  }
  write_output(bash_completion(lines, describe_keys(key_table())));
  return kExitOk;
}

}  // namespace

Command completion_command() {
  return {{"completion bash|experiments",
           "For shells: prints the completion script for bash, or the names of the shipped experiments.",
           "WHAT",
           true,
           {},
           1,
           "source <(stepbench completion bash)"},
          run_completion,
          /*hidden=*/true};
}

}  // namespace stepbench
