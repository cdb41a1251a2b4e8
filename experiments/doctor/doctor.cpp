#include "experiments/doctor/doctor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "experiments/terminal/text_table.hpp"

namespace stepbench::doctor {
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

/// `text` from column `indent` on, in all its lines, of which the first has been begun.
std::string hanging(const std::string& text, std::size_t indent, std::size_t columns) {
  return fmt::format("{}\n", fmt::join(wrapped_lines(text, columns - indent), "\n" + std::string(indent, ' ')));
}

std::size_t count(const std::vector<Finding>& findings, Verdict verdict) {
  return static_cast<std::size_t>(std::ranges::count(findings, verdict, &Finding::verdict));
}

std::string counted(std::size_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

}  // namespace

std::string as_text(const std::vector<Finding>& findings, bool colour, std::size_t columns) {
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
                        hanging(finding.sees, kTextColumn, columns));
    const std::string margin(kCheckColumn + 2, ' ');
    if (!finding.means.empty()) text += margin + hanging(finding.means, margin.size(), columns);
    if (!finding.advice.empty()) {
      text += margin + "-> " + hanging(finding.advice, margin.size() + 3, columns);
    }
  }
  const std::size_t warnings = count(findings, Verdict::warning), notes = count(findings, Verdict::note);
  text += fmt::format("\n{}, {}.", counted(warnings, "warning"), counted(notes, "note"));
  text += warnings == 0 ? " Nothing here would spoil a measurement.\n" : " Lines with -> say what can be done.\n";
  return text;
}

std::string as_json(const std::vector<Finding>& findings) {
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

}  // namespace stepbench::doctor
