#include "experiments/terminal/grid.hpp"

#include <fmt/format.h>

namespace stepbench {

TextTable Grid::table() const {
  TextTable table;
  for (const Column& column : columns) table.add_column(column.heading, column.align);
  for (const auto& row : rows) row.empty() ? table.add_blank_line() : table.add_row(row);
  return table;
}

std::string drawn_as_text(const Grid& grid) { return fmt::format("{}\n{}", grid.title, grid.table().text()); }

std::string drawn_as_markdown(const Grid& grid) {
  std::string text = fmt::format("### {}\n\n|", grid.title), rule = "|";
  for (const Grid::Column& column : grid.columns) {
    text += fmt::format(" {} |", column.heading);
    rule += column.align == TextTable::Align::left ? " :-- |" : " --: |";
  }
  text += "\n" + rule + "\n";
  for (const auto& row : grid.rows) {
    if (row.empty()) continue;
    text += "|";
    for (std::string cell : row) {
      for (std::size_t at = 0; (at = cell.find('|', at)) != std::string::npos; at += 2) cell.insert(at, "\\");
      text += fmt::format(" {} |", cell);
    }
    text += "\n";
  }
  return text;
}

}  // namespace stepbench
