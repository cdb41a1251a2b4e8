// `stepbench sample`
#include "experiments/sample/sample.hpp"

#include "core/results/result_file.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/terminal/exit_code.hpp"
#include "experiments/terminal/standard_streams.hpp"

namespace stepbench {
namespace {

int run_sample(const ParsedCommandLine& arguments) {
  const sample::SampleOptions options = sample::sample_options(arguments);
  bool ends_line = false;
  const auto print = [&ends_line](std::string_view text) {
    if (text.empty()) return;
    ends_line = text.back() == '\n';
    write_output(text);
  };
  sample::sample(read_result_file(arguments.positional), arguments.positional, options, print);
  if (!ends_line) print("\n");
  return kExitOk;
}

}  // namespace

Command sample_command() {
  return {{"sample FILE.h5 [options]",
           "Prints text that a trained transformer generates.\n"
           "Needs a trial that was run with record.parameters = final (or all), as moby-dick-transformer's are.",
           "FILE.h5",
           true,
           {{"trial", 0, "ID", "default: the first completed transformer with stored parameters"},
            {"prompt", 0, "TEXT", "what the text begins with; default: a new line"},
            {"temperature", 0, "T", "0 takes the likeliest token; default 0.8"},
            {"top-k", 0, "K", "choose among the K likeliest tokens only; default: all"},
            {"tokens", 0, "N", "how many to generate; default 300"},
            {"seed", 0, "S", "the same seed gives the same text; default 1"}},
           1,
           "stepbench sample results/moby-dick-transformer.h5 --prompt \"The whale\" --tokens 500"},
          run_sample};
}

}  // namespace stepbench
