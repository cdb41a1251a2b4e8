// Tables as LaTeX.
#include <catch2/catch.hpp>

#include "experiments/terminal/latex.hpp"

namespace stepbench::testing {

TEST_CASE("what is special in LaTeX is escaped, and what its fonts lack is spelled") {
  CHECK(latex_escaped("a_b & 5% of #1 $x$ {y}") == "a\\_b \\& 5\\% of \\#1 \\$x\\$ \\{y\\}");
  CHECK(latex_escaped("\\^~") == "\\textbackslash{}\\textasciicircum{}\\textasciitilde{}");
  CHECK(latex_escaped("a>=b | c<d") == "a$>$=b $|$ c$<$d");
  CHECK(latex_escaped("1 ±2 × 3 µs –") == "1 $\\pm$2 $\\times$ 3 $\\mu$s --");
  CHECK(latex_escaped("--all") == "-{}-all");
  CHECK(latex_escaped("é\n\tx") == "é  x");
}

TEST_CASE("a table has a rule for each gap, and a bracket at a line's start is no argument") {
  TextTable table;
  table.add_column("of", TextTable::Align::left);
  table.add_column("n");
  table.add_row({"[a", "1"});
  table.add_blank_line();
  table.add_row({"b", "2"});
  const std::vector<std::string> notes = {"how 100%\n", ""};
  CHECK(drawn_as_latex(table, "A_b", notes) ==
        "\\begin{table}[tbp]\n\\centering\n\\caption{A\\_b}\n\\begin{tabular}{lr}\n\\hline\nof & n \\\\\n\\hline\n"
        "{}[a & 1 \\\\\n\\hline\nb & 2 \\\\\n\\hline\n\\end{tabular}\n"
        "\\par\\smallskip{\\footnotesize how 100\\%}\n\\end{table}\n");
}

TEST_CASE("a comment has a percent sign before every line") { CHECK(latex_comment("a\n\nb\n") == "% a\n% b\n"); }

}  // namespace stepbench::testing
