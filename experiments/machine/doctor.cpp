#include "experiments/machine/doctor.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>

#include "core/config/text.hpp"
#include "core/error.hpp"
#include "experiments/standard_streams.hpp"
#include "experiments/terminal.hpp"

namespace stepbench {
namespace {

constexpr std::size_t kLeastColumns = 50, kMostColumns = 100;
constexpr std::size_t kCheckColumn = 11, kTextColumn = 30;  // where a check's name begins, and what is said of it

struct VerdictStyle {
  std::string_view name, colour;
};
constexpr std::array<VerdictStyle, 3> kStyles = {{{"ok", "\x1b[32m"}, {"note", "\x1b[36m"}, {"warning", "\x1b[1;33m"}}};
constexpr std::array<std::string_view, 4> kSections = {"The machine", "This program", "Limits, measured (float32)",
                                                       "Noise"};

const VerdictStyle& style_of(Verdict verdict) { return kStyles[static_cast<std::size_t>(verdict)]; }

/// `text` after what already fills `column` columns, in `columns` of them; further lines begin at `indent`.
std::string wrapped(const std::string& text, std::size_t column, std::size_t indent, std::size_t columns) {
  std::string result;
  std::istringstream words(text);
  bool begun = false;
  for (std::string word; words >> word; begun = true) {
    if (begun && column + 1 + word.size() > columns) {
      result += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (begun) {
      result += " ";
      ++column;
    }
    result += word;
    column += word.size();
  }
  return result + "\n";
}

std::size_t count(const std::vector<Finding>& findings, Verdict verdict) {
  return static_cast<std::size_t>(std::ranges::count(findings, verdict, &Finding::verdict));
}

std::string counted(std::size_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

bool colour_wanted() {
  const char* no_colour = std::getenv("NO_COLOR");
  return can_redraw(STDOUT_FILENO) && (no_colour == nullptr || *no_colour == '\0');
}

}  // namespace

std::string doctor_text(const std::vector<Finding>& findings, bool colour, std::size_t columns) {
  columns = std::clamp(columns, kLeastColumns, kMostColumns);
  std::string text;
  const Finding* last = nullptr;
  for (const Finding& finding : findings) {
    if (last == nullptr || last->section != finding.section) {
      text += fmt::format("{}{}\n", last == nullptr ? "" : "\n", kSections[static_cast<std::size_t>(finding.section)]);
    }
    last = &finding;
    const VerdictStyle& style = style_of(finding.verdict);
    const std::string_view on = colour ? style.colour : "", off = colour ? "\x1b[0m" : "";
    text += fmt::format("  {}{:<9}{}{:<19}{}", on, style.name, off, finding.check,
                        wrapped(finding.sees, kTextColumn, kTextColumn, columns));
    const std::string margin(kCheckColumn + 2, ' ');
    if (!finding.means.empty()) text += margin + wrapped(finding.means, margin.size(), margin.size(), columns);
    if (!finding.advice.empty()) {
      text += margin + "-> " + wrapped(finding.advice, margin.size() + 3, margin.size() + 3, columns);
    }
  }
  const std::size_t warnings = count(findings, Verdict::warning), notes = count(findings, Verdict::note);
  text += fmt::format("\n{}, {}.", counted(warnings, "warning"), counted(notes, "note"));
  text += warnings == 0 ? " Nothing here would spoil a measurement.\n" : " Lines with -> say what can be done.\n";
  return text;
}

std::string doctor_json(const std::vector<Finding>& findings) {
  static constexpr std::array<std::string_view, 4> kNames = {"machine", "program", "limits", "noise"};
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"section", kNames[static_cast<std::size_t>(finding.section)]},
                    {"check", finding.check},
                    {"verdict", style_of(finding.verdict).name},
                    {"sees", finding.sees},
                    {"means", finding.means},
                    {"advice", finding.advice}});
  }
  // What comes from the environment or the firmware need not be UTF-8.
  return list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

CommandLine doctor_command_line() {
  return {
      "doctor [options]",
      "Says what this machine can do, and what would spoil a measurement here.\n"
      "Each check says what it sees; a note or a warning also what that means and what to do. Takes about 5 seconds\n"
      "(longer on a busy machine). The exit code is 0 whatever it finds.",
      "",
      false,
      {{"format", 0, "text|json", "default: text"}},
      1,
      "stepbench doctor"};
}

int run_doctor(const ParsedCommandLine& arguments) {
  const std::string format = arguments.last("format", "text");
  if (format != "text" && format != "json") {
    throw InputError(fmt::format("--format: found \"{}\", allowed: text, json", printable(format)));
  }
  if (isatty(STDERR_FILENO) != 0) write_remark("stepbench: measuring for about 5 seconds ...\n");
  const std::vector<Finding> findings = judge(measure_machine());
  const std::size_t columns = isatty(STDOUT_FILENO) != 0 ? terminal_columns(STDOUT_FILENO) : kMostColumns;
  write_output(format == "json" ? doctor_json(findings) : doctor_text(findings, colour_wanted(), columns));
  return 0;
}

}  // namespace stepbench
