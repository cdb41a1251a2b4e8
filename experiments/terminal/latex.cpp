#include "experiments/terminal/latex.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/text/text.hpp"

namespace stepbench {
namespace {

/// None is the beginning of another.
constexpr std::array<std::pair<std::string_view, std::string_view>, 19> kSpelled = {{
    {"\\", "\\textbackslash{}"},
    {"{", "\\{"},
    {"}", "\\}"},
    {"$", "\\$"},
    {"&", "\\&"},
    {"#", "\\#"},
    {"%", "\\%"},
    {"_", "\\_"},
    {"^", "\\textasciicircum{}"},
    {"~", "\\textasciitilde{}"},
    {"<", "$<$"},
    {">", "$>$"},
    {"|", "$|$"},
    {"\"", "''"},
    {"±", "$\\pm$"},
    {"×", "$\\times$"},
    {"µ", "$\\mu$"},
    {"--", "-{}-"},
    {"–", "--"},
}};

void replace_tabs_and_breaks(std::string& text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20U; }, ' ');
}

}  // namespace

std::string latex_escaped(std::string_view text) {
  std::string escaped;
  while (!text.empty()) {
    const auto found = std::ranges::find_if(kSpelled, [text](const auto& of) { return text.starts_with(of.first); });
    const std::size_t length = found == kSpelled.end() ? 1 : found->first.size();
    escaped += found == kSpelled.end() ? text.substr(0, 1) : found->second;
    text.remove_prefix(length);
  }
  replace_tabs_and_breaks(escaped);
  return escaped;
}

std::string latex_comment(std::string_view text) {
  std::string comment;
  for (const std::string_view line : split(text, '\n')) {
    if (!line.empty()) comment += fmt::format("% {}\n", line);
  }
  return comment;
}

std::string drawn_as_latex(const TextTable& table, std::string_view caption, std::span<const std::string> notes) {
  std::string alignments, heading;
  for (const TextTable::Align align : table.alignments()) alignments += align == TextTable::Align::left ? 'l' : 'r';
  for (const std::string& of : table.headings()) heading += (heading.empty() ? "" : " & ") + latex_escaped(of);
  std::string text = fmt::format(
      "\\begin{{table}}[tbp]\n\\centering\n\\caption{{{}}}\n\\begin{{tabular}}{{{}}}\n\\hline\n{} \\\\\n\\hline\n",
      latex_escaped(caption), alignments, heading);
  for (const auto& row : table.rows()) {
    if (row.empty()) {
      text += "\\hline\n";
      continue;
    }
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) line += (c == 0 ? "" : " & ") + latex_escaped(row[c]);
    // An interval's bracket at the start of a line would be read as an argument of the \\ before it.
    text += (line.starts_with("[") ? "{}" : "") + line + " \\\\\n";
  }
  text += "\\hline\n\\end{tabular}\n";
  for (const std::string& note : notes) {
    const std::string_view one_line = note.ends_with('\n') ? std::string_view(note).substr(0, note.size() - 1) : note;
    if (!one_line.empty()) text += fmt::format("\\par\\smallskip{{\\footnotesize {}}}\n", latex_escaped(one_line));
  }
  return text + "\\end{table}\n";
}

}  // namespace stepbench
