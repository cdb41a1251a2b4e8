#include "experiments/run/repeat.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "core/error.hpp"
#include "core/process/attended_program.hpp"
#include "core/results/result_file.hpp"
#include "experiments/expect/judge_results.hpp"
#include "experiments/run/join_processes.hpp"
#include "experiments/run/output.hpp"
#include "experiments/run/resume.hpp"
#include "experiments/terminal/exit_code.hpp"
#include "experiments/terminal/interrupt.hpp"
#include "variants/openblas/runtime.hpp"

namespace stepbench {
namespace {

namespace fs = std::filesystem;

ResultFile whole_already(const RunRequest& request, std::size_t processes, Progress& progress) {
  ResultFile whole = read_complete(request.output, request.groups, request.shard);
  const std::size_t count = process_count(whole);
  if (count != processes) {
    throw InputError(
        fmt::format("{}: is of {} process{}, now --repeat {}; give --overwrite to run everything anew, or "
                    "another --output",
                    request.output.string(), count, count == 1 ? "" : "es", processes));
  }
  progress.say(fmt::format("{} holds all {} processes: nothing to do", request.output.string(), count));
  return whole;
}

/// Runs one process to its end.
void run_process(const RunRequest& request, const Repeat& repeat, const RunOutput& output, std::size_t process) {
  const fs::path part = output.trial_path(process_part(process));
  std::vector<std::string> arguments = {"run"};
  arguments.insert(arguments.end(), repeat.arguments.begin(), repeat.arguments.end());
  arguments.insert(arguments.end(), {"--output", part.string()});
  if (request.if_present == IfPresent::resume) arguments.emplace_back("--resume");
  const AttendedEnd end = run_attended(arguments, environment_as_started());
  const std::string standing =
      fmt::format("{} of {} processes are finished and kept in {}; the same command with --resume{} goes on",
                  process + (fs::exists(part) ? 1 : 0), repeat.processes, output.trials_folder().string(),
                  request.if_present == IfPresent::overwrite ? " in place of --overwrite" : "");
  if (end.exit_code == kExitInterrupted || end.signalled) throw Interrupted("interrupted: " + standing);
  const bool ran = end.exit_code == kExitOk || end.exit_code == kExitFailure || end.exit_code == kExitGateFailed;
  if (ran && fs::exists(part)) return;
  throw OutputError(fmt::format("process {} ended with exit code {}; {}", process + 1, end.exit_code, standing));
}

}  // namespace

ResultFile run_repeatedly(const RunRequest& request, const Repeat& repeat, Progress& progress) {
  const RunOutput output(request.output, request.if_present);
  if (!output.lock_problem().empty()) progress.warn(output.lock_problem());
  if (output.is_complete()) return whole_already(request, repeat.processes, progress);
  std::vector<ResultFile> parts;
  std::vector<std::string> names;
  for (std::size_t process = 0; process < repeat.processes; ++process) {
    progress.say(fmt::format("process {} of {}", process + 1, repeat.processes));
    run_process(request, repeat, output, process);
    names.push_back(process_part(process));
    parts.push_back(read_result_file(output.trial_path(names.back())));
  }
  const std::vector<std::string> differing = trials_with_other_bits(parts);
  if (!differing.empty()) {
    progress.warn(fmt::format("other parameters in another process: {}: their results do not repeat",
                              fmt::join(differing, ", ")));
  }
  ResultFile whole = join_processes(std::move(parts));
  judge_expectations(whole);  // by the rounds of all
  output.publish_whole(whole);
  output.remove_trial_files(names);
  return whole;
}

}  // namespace stepbench
