// A table with a title, before it is known how it will be drawn: for a terminal or as GitHub's Markdown here, for LaTeX
// in latex.hpp.
#pragma once

#include <string>
#include <vector>

#include "experiments/terminal/text_table.hpp"

namespace stepbench {

struct Grid {
  struct Column {
    std::string heading;
    TextTable::Align align = TextTable::Align::right;
  };
  std::string title = {};
  std::vector<Column> columns = {};
  std::vector<std::vector<std::string>> rows = {};  // a cell per column; a row of none is a gap between groups of rows

  [[nodiscard]] TextTable table() const;
};

[[nodiscard]] std::string drawn_as_text(const Grid& grid);
[[nodiscard]] std::string drawn_as_markdown(const Grid& grid);

}  // namespace stepbench
