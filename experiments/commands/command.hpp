// What a command is. Each has a file in this folder that makes its row; the table of them is in commands.cpp.
#pragma once

#include <string>
#include <vector>

#include "core/config/experiment.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/terminal/options.hpp"

namespace stepbench {

struct Command {
  CommandLine line;
  /// Prints tables by write_output (standard_streams.hpp), returns an ExitCode; throws InputError, OutputError.
  int (*run)(const ParsedCommandLine&);
  bool hidden = false;  // no command for people
};

[[nodiscard]] const std::vector<Command>& commands();

[[nodiscard]] Command check_command();
[[nodiscard]] Command compare_command();
[[nodiscard]] Command completion_command();
[[nodiscard]] Command doctor_command();
[[nodiscard]] Command export_data_command();
[[nodiscard]] Command list_command();
[[nodiscard]] Command race_command();
[[nodiscard]] Command race_worker_command();
[[nodiscard]] Command run_command();
[[nodiscard]] Command sample_command();
[[nodiscard]] Command scale_command();
[[nodiscard]] Command show_command();

// What several commands do alike.

/// `--set KEY=VALUE`
[[nodiscard]] Option set_option();
/// The experiment that the positional argument names, with what `--set` says.
[[nodiscard]] Experiment load_config(const ParsedCommandLine& arguments);
/// Of a plan that is printed, or data that are exported; a run says them through its progress.
void print_warnings(const std::vector<std::string>& warnings);

}  // namespace stepbench
