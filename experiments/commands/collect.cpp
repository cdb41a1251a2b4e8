// `stepbench collect`
#include "experiments/run/collect.hpp"

#include "core/error.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/expect/report.hpp"
#include "experiments/run/output.hpp"
#include "experiments/terminal/exit_code.hpp"

namespace stepbench {
namespace {

constexpr std::size_t kAnyShards = 100'000;

int run_collect(const ParsedCommandLine& arguments) {
  const bool fail_if = fails_if_not_reproduced("collect", arguments);
  std::vector<std::filesystem::path> files = {arguments.positional};
  files.insert(files.end(), arguments.more_positionals.begin(), arguments.more_positionals.end());
  const ResultFile whole = collect_shards(files);
  if (fail_if && whole.expectations.empty()) throw InputError("collect: --fail-if: the sweep's config has no [expect]");
  const std::filesystem::path file = results_output(arguments, whole.experiment);
  const RunOutput output(file, arguments.has("overwrite") ? IfPresent::overwrite : IfPresent::refuse);
  output.publish_whole(whole);
  const int code = show_results(whole, file);
  return code == kExitOk && fail_if ? exit_code(whole.expectations) : code;
}

}  // namespace

Command collect_command() {
  return {
      {"collect FILE.h5... [options]",
       "Joins the files of a sweep's shards to the file that one run of it all would have written.\n"
       "`run --shard` makes them. They must be of one config and one program, on the same data, and hold each group\n"
       "once: else what differs, or which groups are missing, doubled or unfinished, is said, and nothing is written.\n"
       "Groups keep the machine that they ran on; the shards stay as they are. Of a run that did not come to its\n"
       "FILE.h5, the groups that it finished are taken from FILE.trials/.\n"
       "Exit codes: those of a run of the whole sweep; 2 also for files that are not one sweep.",
       "FILE.h5",
       true,
       {{"output", 'o', "FILE.h5", "where to write; default results/<name>.h5"},
        fail_if_option(),
        {"overwrite", 0, "", "replace the output, once the new one is whole; default: refuse if there is one"}},
       kAnyShards,
       "stepbench collect results/quick-shard-*-of-4.h5 --output results/quick.h5"},
      run_collect};
}

}  // namespace stepbench
