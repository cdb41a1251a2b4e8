#include "experiments/terminal/text_table.hpp"

#include <algorithm>
#include <numeric>
#include <sstream>

namespace stepbench {
namespace {

constexpr std::size_t kGap = 2;

std::size_t longest_word(const std::string& text) {
  std::istringstream words(text);
  std::size_t longest = 0;
  for (std::string word; words >> word;) longest = std::max(longest, width_of(word));
  return longest;
}

}  // namespace

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

std::vector<std::string> wrapped_lines(std::string_view text, std::size_t columns) {
  if (width_of(text) <= columns) return {std::string(text)};
  std::vector<std::string> lines;
  std::istringstream words{std::string(text)};
  for (std::string word; words >> word;) {
    if (lines.empty() || width_of(lines.back()) + 1 + width_of(word) > columns) {
      lines.push_back(word);
    } else {
      lines.back() += " " + word;
    }
  }
  if (lines.empty()) lines.emplace_back();
  return lines;
}

void TextTable::add_column(std::string heading, Align align) {
  headings_.push_back(std::move(heading));
  alignments_.push_back(align);
}

void TextTable::add_row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

void TextTable::add_blank_line() { rows_.emplace_back(); }

std::vector<std::size_t> TextTable::widths(std::size_t columns) const {
  std::vector<std::size_t> widths, least;
  for (const std::string& heading : headings_) {
    widths.push_back(width_of(heading));
    least.push_back(width_of(heading));
  }
  for (const auto& row : rows_) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      widths[c] = std::max(widths[c], width_of(row[c]));
      least[c] = std::max(least[c], alignments_[c] == Align::left ? longest_word(row[c]) : width_of(row[c]));
    }
  }
  std::size_t all = std::accumulate(widths.begin(), widths.end(), kGap * (widths.size() - 1));
  for (; all > columns; --all) {
    std::size_t widest = widths.size();
    for (std::size_t c = 0; c < widths.size(); ++c) {
      if (widths[c] > least[c] && (widest == widths.size() || widths[c] >= widths[widest])) widest = c;
    }
    if (widest == widths.size()) break;  // no narrower than its words
    --widths[widest];
  }
  return widths;
}

std::string TextTable::text(std::size_t columns) const {
  const std::vector<std::size_t> widths = this->widths(columns);
  std::string text;
  const auto add_row = [&](const std::vector<std::string>& cells) {
    std::vector<std::vector<std::string>> lines_of;
    std::size_t lines = 1;
    for (std::size_t c = 0; c < cells.size(); ++c) {
      lines_of.push_back(wrapped_lines(cells[c], widths[c]));
      lines = std::max(lines, lines_of.back().size());
    }
    for (std::size_t l = 0; l < lines; ++l) {
      std::string line;
      for (std::size_t c = 0; c < cells.size(); ++c) {
        const std::string part = l < lines_of[c].size() ? lines_of[c][l] : "";
        const std::string padding(widths[c] - std::min(widths[c], width_of(part)), ' ');
        if (c > 0) line += std::string(kGap, ' ');
        line += alignments_[c] == Align::left ? part + padding : padding + part;
      }
      line.erase(line.find_last_not_of(' ') + 1);
      text += line + "\n";
    }
  };
  add_row(headings_);
  for (const auto& row : rows_) add_row(row);
  return text;
}

}  // namespace stepbench
