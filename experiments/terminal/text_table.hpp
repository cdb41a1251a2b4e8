// Tables and paragraphs of plain text, as wide as they may be.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace stepbench {

inline constexpr std::size_t kAnyWidth = std::numeric_limits<std::size_t>::max();

/// Columns that a text has, one for each code point.
[[nodiscard]] std::size_t width_of(std::string_view text);

/// The words of `text` in lines of at most `columns`, where words allow; at least one line.
[[nodiscard]] std::vector<std::string> wrapped_lines(std::string_view text, std::size_t columns);

/// How a command draws its tables.
enum class TableFormat { text, latex };

/// Rows of cells under headings; columns as wide as their widest cell, two spaces apart.
class TextTable {
 public:
  enum class Align { left, right };

  void add_column(std::string heading, Align align = Align::right);
  /// One cell per column.
  void add_row(std::vector<std::string> cells);
  void add_blank_line();
  [[nodiscard]] const std::vector<std::string>& headings() const { return headings_; }
  [[nodiscard]] const std::vector<Align>& alignments() const { return alignments_; }
  /// An empty row is a blank line.
  [[nodiscard]] const std::vector<std::vector<std::string>>& rows() const { return rows_; }
  /// Where the table is wider than `columns`, the cells of left-aligned columns are broken between words, the widest
  /// first.
  [[nodiscard]] std::string text(std::size_t columns = kAnyWidth) const;

 private:
  [[nodiscard]] std::vector<std::size_t> widths(std::size_t columns) const;

  std::vector<std::string> headings_;
  std::vector<Align> alignments_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace stepbench
