// `stepbench doctor`
#include "experiments/doctor/doctor.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "core/error.hpp"
#include "core/text/text.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/doctor/judge.hpp"
#include "experiments/terminal/exit_code.hpp"
#include "experiments/terminal/standard_streams.hpp"
#include "experiments/terminal/terminal.hpp"

namespace stepbench {
namespace {

bool colour_wanted() {
  const char* no_colour = std::getenv("NO_COLOR");
  return can_redraw(STDOUT_FILENO) && (no_colour == nullptr || *no_colour == '\0');
}

int run_doctor(const ParsedCommandLine& arguments) {
  const std::string format = arguments.last("format", "text");
  if (format != "text" && format != "json") {
    throw InputError(fmt::format("--format: found \"{}\", allowed: text, json", printable(format)));
  }
  if (isatty(STDERR_FILENO) != 0) write_remark("stepbench: measuring for about 5 seconds ...\n");
  const std::vector<doctor::Finding> findings = doctor::judge(doctor::measure_machine());
  const std::size_t columns = output_columns();
  write_output(format == "json" ? doctor::as_json(findings) : doctor::as_text(findings, colour_wanted(), columns));
  return kExitOk;
}

}  // namespace

Command doctor_command() {
  return {
      {"doctor [options]",
       "Says what this machine can do, and what would spoil a measurement here.\n"
       "Each check says what it sees; a note or a warning also what that means and what to do. Takes about 5 seconds\n"
       "(longer on a busy machine). The exit code is 0 whatever it finds.",
       "",
       false,
       {{"format", 0, "text|json", "default: text"}},
       1,
       "stepbench doctor"},
      run_doctor};
}

}  // namespace stepbench
