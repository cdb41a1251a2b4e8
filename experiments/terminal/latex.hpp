// Tables as LaTeX that needs no package: a `table` with a plain `tabular`, to be put into a document by \input.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "experiments/terminal/text_table.hpp"

namespace stepbench {

/// `text` as LaTeX sets it: special characters escaped, and those of our tables that pdflatex's fonts lack spelled in
/// mathematics. UTF-8 that is none of these stays: LaTeX has read it since 2018.
[[nodiscard]] std::string latex_escaped(std::string_view text);

/// One `table` with `caption`; `notes`, a paragraph each, stand small below it. Where \toprule of booktabs is wanted,
/// it takes the place of the \hline.
[[nodiscard]] std::string drawn_as_latex(const TextTable& table, std::string_view caption,
                                         std::span<const std::string> notes = {});

/// `text`, which may have several lines, as a comment.
[[nodiscard]] std::string latex_comment(std::string_view text);

}  // namespace stepbench
