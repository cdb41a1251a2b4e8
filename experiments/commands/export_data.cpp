// `stepbench export-data`
#include <fmt/format.h>

#include <filesystem>

#include "core/data/hdf5_export.hpp"
#include "core/error.hpp"
#include "core/results/result_file.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/plan/plan.hpp"
#include "experiments/terminal/exit_code.hpp"
#include "experiments/terminal/standard_streams.hpp"

namespace stepbench {
namespace {

int run_export_data(const ParsedCommandLine& arguments) {
  const Experiment experiment = load_config(arguments);
  const std::filesystem::path output = arguments.last("output", experiment.settings.name + "-data.h5");
  const std::filesystem::path place = output_place(output);
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

}  // namespace

Command export_data_command() {
  return {
      {"export-data CONFIG [options]",
       "Writes a config's data set, as the backends are given it, to an HDF5 file.\n"
       "For other programs: train/ and validation/, with features and labels (or targets), or with tokens and\n"
       "target_tokens. dataset.kind = hdf5 reads it back as the same data. A config that sweeps over data sets needs\n"
       "--set for the one that is wanted.",
       "CONFIG",
       true,
       {set_option(),
        {"output", 'o', "FILE.h5", "where to write; default <name>-data.h5"},
        {"overwrite", 0, "", "replace the output; default: refuse if there is one"}},
       1,
       "stepbench export-data names-transformer --output names.h5"},
      run_export_data};
}

}  // namespace stepbench
