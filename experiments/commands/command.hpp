// What a command is. Each has a file in this folder that makes its row; the table of them is in commands.cpp.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/config/experiment.hpp"
#include "core/results/trial_record.hpp"
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
[[nodiscard]] Command collect_command();
[[nodiscard]] Command compare_command();
[[nodiscard]] Command completion_command();
[[nodiscard]] Command doctor_command();
[[nodiscard]] Command export_data_command();
[[nodiscard]] Command list_command();
[[nodiscard]] Command plan_command();
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
/// `--output`, which must end in .h5; default results/`name`.h5. Throws InputError.
[[nodiscard]] std::filesystem::path results_output(const ParsedCommandLine& arguments, const std::string& name);
/// Prints the table of results that stand in `output`, and says where. The exit code tells of trials that failed, and
/// of gates. Throws OutputError.
[[nodiscard]] int show_results(const ResultFile& results, const std::filesystem::path& output);
/// Of a plan that is printed, or data that are exported; a run says them through its progress.
void print_warnings(const std::vector<std::string>& warnings);

}  // namespace stepbench
