#include "experiments/commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include "core/config/experiment.hpp"
#include "core/data/dataset.hpp"
#include "core/data/hdf5_export.hpp"
#include "core/error.hpp"
#include "core/models/model_kinds.hpp"
#include "core/results/result_file.hpp"
#include "experiments/check.hpp"
#include "experiments/compare/command.hpp"
#include "experiments/completion.hpp"
#include "experiments/data_folders.hpp"
#include "experiments/exit_code.hpp"
#include "experiments/interrupt.hpp"
#include "experiments/machine/doctor.hpp"
#include "experiments/machine/environment.hpp"
#include "experiments/measure/group_run.hpp"
#include "experiments/options.hpp"
#include "experiments/plan.hpp"
#include "experiments/race/race.hpp"
#include "experiments/runner.hpp"
#include "experiments/sample.hpp"
#include "experiments/speed_margin.hpp"
#include "experiments/standard_streams.hpp"
#include "experiments/table.hpp"
#include "variants/registry.hpp"

namespace stepbench {
namespace {

namespace fs = std::filesystem;

struct Command {
  CommandLine line;
  int (*run)(const ParsedCommandLine&);
  bool hidden = false;  // no command for people
};

const Option kSetOption = {"set", 0, "KEY=VALUE", "override section.key of the config; may be repeated"};

Experiment load(const ParsedCommandLine& arguments) {
  return load_experiment(find_config(arguments.positional), arguments.all("set"), dataset_keys());
}

/// Of a plan that is printed, or data that are exported; a run says them through its progress.
void print_warnings(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) write_remark(fmt::format("stepbench: warning: {}\n", warning));
}

/// The comment lines at the top of a config, joined.
std::string question_of(const fs::path& config) {
  std::ifstream file(config);
  std::string text;
  for (std::string line; std::getline(file, line) && line.starts_with('#');) {
    if (line.size() > 2) text += (text.empty() ? "" : " ") + line.substr(2);
  }
  return text;
}

void list_backends() {
  TextTable table;
  for (const char* heading : {"backend", "threads", "what it is"}) table.add_column(heading, TextTable::Align::left);
  for (const Backend& backend : backends()) {
    const std::string threads = !backend.absent.empty() ? "-" : backend.max_threads == 1 ? "1" : "any";
    const std::string absent = backend.absent.empty() ? "" : fmt::format(" (absent: {})", backend.absent);
    table.add_row({std::string(backend.name), threads, std::string(backend.summary) + absent});
  }
  write_output(table.text());
}

void list_datasets() {
  TextTable table;
  for (const char* heading : {"dataset.kind", "what it is"}) table.add_column(heading, TextTable::Align::left);
  for (const DatasetKind& kind : dataset_kinds()) table.add_row({std::string(kind.name), std::string(kind.summary)});
  write_output(table.text());
}

void list_models() {
  TextTable table;
  for (const char* heading : {"model.kind", "what it is"}) table.add_column(heading, TextTable::Align::left);
  for (const ModelKindRow& kind : model_kinds()) table.add_row({std::string(kind.name), std::string(kind.summary)});
  write_output(table.text());
}

void list_experiments() {
  TextTable table;
  for (const char* heading : {"experiment", "what it asks"}) table.add_column(heading, TextTable::Align::left);
  std::set<fs::path> folders;
  for (const fs::path& config : shipped_configs()) {
    table.add_row({config.stem().string(), question_of(config)});
    folders.insert(config.parent_path());
  }
  write_output(table.text());
  for (const fs::path& folder : folders) write_output(fmt::format("configs: {}\n", folder.string()));
}

void list_keys() {
  TextTable table;
  for (const char* heading : {"key", "default", "allowed", "what it is"}) {
    table.add_column(heading, TextTable::Align::left);
  }
  for (const KeyDescription& key : describe_keys()) {
    std::string help = key.help;
    if (!key.applies_with.empty()) help += " (" + key.applies_with + ")";
    table.add_row({key.key, key.default_text, key.allowed, help});
  }
  write_output(table.text());
}

struct Listing {
  std::string_view name;
  void (*print)();
};
constexpr std::array kListings = {Listing{"backends", list_backends}, Listing{"datasets", list_datasets},
                                  Listing{"models", list_models}, Listing{"experiments", list_experiments},
                                  Listing{"keys", list_keys}};

std::vector<std::string_view> listing_names() {
  std::vector<std::string_view> names(kListings.size());
  std::ranges::transform(kListings, names.begin(), &Listing::name);
  return names;
}

int run_list(const ParsedCommandLine& arguments) {
  bool found = false;
  for (const Listing& listing : kListings) {
    // All but the keys, which are many, when nothing is named.
    if (arguments.positional.empty() ? listing.name == "keys" : arguments.positional != listing.name) continue;
    if (found) write_output("\n");
    listing.print();
    found = true;
  }
  if (!found) {
    const std::vector<std::string_view> names = listing_names();
    throw InputError(fmt::format("list: found \"{}\", allowed: {}{}", arguments.positional, fmt::join(names, ", "),
                                 suggestion(arguments.positional, names)));
  }
  return kExitOk;
}

int run_check(const ParsedCommandLine& arguments) {
  const Experiment experiment = load(arguments);
  const std::vector<PlannedGroup> groups = plan_experiment(experiment, backends());
  print_warnings(plan_warnings(groups));
  write_output(describe_plan(experiment, groups));
  const GateReport report = check_gates(groups);
  write_output("\n" + report.text);
  return !report.passed ? kExitGateFailed : report.failed ? kExitFailure : kExitOk;
}

int exit_code(const ResultFile& result) {
  int code = kExitOk;
  for (const TrialRecord& record : result.trials) {
    if (record.status != Status::failed) continue;
    if (record.cause == FailureCause::gate) return kExitGateFailed;
    code = kExitFailure;
  }
  return code;
}

IfPresent if_present(const ParsedCommandLine& arguments) {
  if (arguments.has("resume") && arguments.has("overwrite")) {
    throw InputError("run: --resume keeps what is finished and --overwrite discards it: give one of them");
  }
  return arguments.has("resume")      ? IfPresent::resume
         : arguments.has("overwrite") ? IfPresent::overwrite
                                      : IfPresent::refuse;
}

int run_run(const ParsedCommandLine& arguments) {
  const Experiment experiment = load(arguments);
  const std::vector<PlannedGroup> groups = plan_experiment(experiment, backends());
  if (arguments.has("dry-run")) {
    print_warnings(plan_warnings(groups));
    write_output(describe_plan(experiment, groups));
    return kExitOk;
  }
  const fs::path output = arguments.last("output", "results/" + experiment.settings.name + ".h5");
  if (output.extension() != ".h5") {
    throw InputError(fmt::format("--output: found \"{}\", allowed: a file name that ends in .h5", output.string()));
  }
  double work = 0;
  for (const PlannedGroup& group : groups) work += group_work(group);
  const Verbosity verbosity = arguments.has("quiet")     ? Verbosity::quiet
                              : arguments.has("verbose") ? Verbosity::verbose
                                                         : Verbosity::normal;
  ResultFile result;
  {
    Progress progress(stderr, verbosity, work);
    result = run_experiment({experiment, groups, output, if_present(arguments)}, progress);
  }
  try {
    write_output(fmt::format("{}\nresults: {}\n", results_table(result), output.string()));
  } catch (const OutputError& error) {
    throw OutputError(fmt::format("{}; the results are whole: {}", error.what(), output.string()));
  }
  return exit_code(result);
}

int run_show(const ParsedCommandLine& arguments) {
  const double margin = speed_margin("show", arguments);
  const ResultFile result = read_result_file(arguments.positional, ReadSeries::no);
  write_output(results_table(result, margin));
  return kExitOk;
}

int run_export_data(const ParsedCommandLine& arguments) {
  const Experiment experiment = load(arguments);
  const fs::path output = arguments.last("output", experiment.settings.name + "-data.h5");
  const fs::path place = output_place(output);
  const std::vector<PlannedGroup> groups = plan_experiment(experiment, backends());
  const PlannedTrial& first = groups.front().trials.front();
  for (const PlannedGroup& group : groups) {
    if (group.trials.front().dataset == first.dataset) continue;
    throw InputError(fmt::format("{}: its sweep uses several data sets; --set what is swept to the one you want",
                                 experiment.file.string()));
  }
  print_warnings(data_warnings(groups));
  publish(data_image(*first.dataset, first.settings->dataset.kind), place,
          arguments.has("overwrite") ? IfExists::replace : IfExists::refuse);
  write_output(fmt::format("data: {}\n", output.string()));
  return kExitOk;
}

int run_completion(const ParsedCommandLine& arguments);

const std::vector<Command>& commands() {
  static const std::vector<Command> table = {
      {{fmt::format("list [{}]", fmt::join(listing_names(), "|")),
        "Says what there is to choose from.\n"
        "Without a word: all but the keys. `list experiments` tells the question that each shipped config asks,\n"
        "`list keys` every config key with its default and what is allowed.",
        "WHAT",
        false,
        {},
        1,
        "stepbench list experiments"},
       run_list},
      {{"check CONFIG [options]",
        "Prints a config's trials and checks every backend's gradients, without training.\n"
        "Of each trial: parameters, FLOPs per step and memory. Gradients and one training step of every backend are\n"
        "held against float64 neuron. CONFIG is a path, or the name of a shipped experiment.\n"
        "Exit codes: 0 all agree, 1 one cannot compute here, 5 one computes something else.",
        "CONFIG",
        true,
        {kSetOption},
        1,
        "stepbench check quick --set training.precision=float64"},
       run_check},
      {{"run CONFIG [options]",
        "Trains every trial of a config and writes losses and timings to an HDF5 file.\n"
        "CONFIG is a path, or the name of a shipped experiment (see `stepbench list experiments`). Before a backend "
        "is\n"
        "timed its gradients are checked; one that fails gets no time, and the others go on. Ctrl-C (or SIGTERM, or a\n"
        "closed terminal) stops after the step that it is in and keeps the groups that are finished: --resume goes "
        "on.\n"
        "Exit codes: 0 done, 1 a trial failed or the output cannot be written, 2 nothing was run because of the "
        "command\n"
        "line, the config or the data, 5 a backend failed its check, 130 interrupted.",
        "CONFIG",
        true,
        {kSetOption,
         {"output", 'o', "FILE.h5", "where to write; default results/<name>.h5"},
         {"resume", 0, "", "keep the trials that an earlier run finished, run the rest"},
         {"overwrite", 0, "", "replace the output, once the new one is whole; default: refuse if there is one"},
         {"dry-run", 0, "", "print the trials and stop"},
         {"quiet", 'q', "", "no progress"},
         {"verbose", 'v', "", "say more"}},
        1,
        "stepbench run quick --set training.epochs=1 --set sweep.seed=1,2,3 --output results/seeds.h5"},
       run_run},
      {{"show FILE.h5 [options]",
        "Prints the table of a result file, as `run` printed it.",
        "FILE.h5",
        true,
        {speed_margin_option()},
        1,
        "stepbench show results/quick.h5"},
       run_show},
      {compare_command_line(), run_compare},
      {sample_command_line(), run_sample},
      {doctor_command_line(), run_doctor},
      {{"export-data CONFIG [options]",
        "Writes a config's data set, as the backends are given it, to an HDF5 file.\n"
        "For other programs: train/ and validation/, with features and labels (or targets), or with tokens and\n"
        "target_tokens. dataset.kind = hdf5 reads it back as the same data. A config that sweeps over data sets needs\n"
        "--set for the one that is wanted.",
        "CONFIG",
        true,
        {kSetOption,
         {"output", 'o', "FILE.h5", "where to write; default <name>-data.h5"},
         {"overwrite", 0, "", "replace the output; default: refuse if there is one"}},
        1,
        "stepbench export-data names-transformer --output names.h5"},
       run_export_data},
      {race_command_line(), [](const ParsedCommandLine& arguments) { return run_race(arguments, find_config); }},
      {race_worker_command_line(), run_race_worker, /*hidden=*/true},
      {completion_command_line(), run_completion, /*hidden=*/true},
  };
  return table;
}

std::string name_of(const Command& command) { return command.line.usage.substr(0, command.line.usage.find(' ')); }

int run_completion(const ParsedCommandLine& arguments) {
  if (arguments.positional == "experiments") {
    for (const fs::path& config : shipped_configs()) write_output(config.stem().string() + "\n");
    return kExitOk;
  }
  if (arguments.positional != "bash") {
    throw InputError(fmt::format("completion: found \"{}\", allowed: bash, experiments", arguments.positional));
  }
  std::vector<CommandLine> lines;
  for (const Command& command : commands()) {
    if (!command.hidden) lines.push_back(command.line);
  }
  write_output(bash_completion(lines, describe_keys()));
  return kExitOk;
}

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
         "3 slower or worse than --fail-if allows; 4 that cannot be told; 5 a backend computes something else than "
         "the\n"
         "reference; 130 interrupted.\n"
         "Tables go to stdout, progress and warnings to stderr. Completion: source <(stepbench completion bash)\n\n"
         "`stepbench COMMAND --help` says more. A first run: stepbench run quick\n";
}

int dispatch(const std::vector<std::string>& arguments) {
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
