#include "experiments/commands/commands.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.hpp"
#include "core/isa.hpp"
#include "core/text/suggestion.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/machine/environment.hpp"
#include "experiments/plan/data_folders.hpp"
#include "experiments/show/results_table.hpp"
#include "experiments/terminal/exit_code.hpp"
#include "experiments/terminal/interrupt.hpp"
#include "experiments/terminal/standard_streams.hpp"

namespace stepbench {

const std::vector<Command>& commands() {
  static const std::vector<Command> table = {
      list_command(),        check_command(), run_command(),         show_command(),       compare_command(),
      collect_command(),     plan_command(),  scale_command(),       sample_command(),     doctor_command(),
      export_data_command(), race_command(),  race_worker_command(), completion_command(),
  };
  return table;
}

Option set_option() { return {"set", 0, "KEY=VALUE", "override section.key of the config; may be repeated"}; }

Experiment load_config(const ParsedCommandLine& arguments) {
  return load_experiment(find_config(arguments.positional), arguments.all("set"), key_table());
}

std::filesystem::path results_output(const ParsedCommandLine& arguments, const std::string& name) {
  std::filesystem::path output = arguments.last("output", "results/" + name + ".h5");
  if (output.extension() == ".h5") return output;
  throw InputError(fmt::format("--output: found \"{}\", allowed: a file name that ends in .h5", output.string()));
}

int show_results(const ResultFile& results, const std::filesystem::path& output) {
  try {
    write_output(fmt::format("{}\nresults: {}\n", results_table(results), output.string()));
  } catch (const OutputError& error) {
    throw OutputError(fmt::format("{}; the results are whole: {}", error.what(), output.string()));
  }
  int code = kExitOk;
  for (const TrialRecord& record : results.trials) {
    if (record.status != Status::failed) continue;
    if (record.cause == FailureCause::gate) return kExitGateFailed;
    code = kExitFailure;
  }
  return code;
}

void print_warnings(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) write_remark(fmt::format("stepbench: warning: {}\n", warning));
}

namespace {

std::string name_of(const Command& command) { return command.line.usage.substr(0, command.line.usage.find(' ')); }

std::string program_help() {
  std::string text =
      "stepbench: what the organisation of a neural network's training costs on this CPU\n\n"
      "usage: stepbench COMMAND ...\n       stepbench --help | --version\n\n";
  for (const Command& command : commands()) {
    if (command.hidden) continue;
    text +=
        fmt::format("  {:<13}{}\n", name_of(command), command.line.summary.substr(0, command.line.summary.find('\n')));
  }
  return text +
         "\nExit codes: 0 ok; 1 a trial failed, or output that cannot be written; 2 command line, config or input "
         "file;\n"
         "3 what --fail-if is about: slower, worse, not reproduced; 4 that cannot be told; 5 a backend computes "
         "something\n"
         "else than the reference; 130 interrupted.\n"
         "Tables go to stdout, progress and warnings to stderr. Completion: source <(stepbench completion bash)\n"
         "STEPBENCH_ISA=avx512bf16|avx512|avx2|portable: the kernels' instruction set, else the widest of the CPU.\n"
         "NO_COLOR: no colours.\n\n"
         "`stepbench COMMAND --help` says more. A first run: stepbench run quick\n";
}

int dispatch(const std::vector<std::string>& arguments) {
  static_cast<void>(chosen_isa());  // what is wrong with STEPBENCH_ISA is said before anything is done
  if (arguments.empty() || arguments.front() == "--help" || arguments.front() == "-h" || arguments.front() == "help") {
    write_output(program_help());
    return arguments.empty() ? kExitUsage : kExitOk;
  }
  if (arguments.front() == "--version") {
    const BuildInfo build = build_info();
    write_output(
        fmt::format("stepbench {} ({}{})\n", build.version, build.git_commit, build.git_dirty ? ", modified" : ""));
    return kExitOk;
  }
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    if (!command.hidden) names.push_back(name_of(command));
    if (name_of(command) != arguments.front()) continue;
    const ParsedCommandLine parsed = parse_command_line(command.line, {arguments.begin() + 1, arguments.end()});
    if (parsed.help) {
      write_output(help_text(command.line));
      return kExitOk;
    }
    return command.run(parsed);
  }
  const std::vector<std::string_view> views(names.begin(), names.end());
  throw InputError(fmt::format("unknown command \"{}\", allowed: {}{}", arguments.front(), fmt::join(names, ", "),
                               suggestion(arguments.front(), views)));
}

}  // namespace

int run_program(const std::vector<std::string>& arguments) {
  const auto complain = [](std::string_view message, ExitCode code) {
    write_remark(fmt::format("stepbench: {}\n", message));
    return code;
  };
  try {
    return dispatch(arguments);
  } catch (const ReaderGone&) {
    end_without_reader();
  } catch (const Interrupted& error) {
    return complain(error.what(), kExitInterrupted);
  } catch (const InputError& error) {
    return complain(error.what(), kExitUsage);
  } catch (const std::exception& error) {
    return complain(reason_of(error), kExitFailure);
  }
}

}  // namespace stepbench
