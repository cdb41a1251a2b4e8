"""`--format latex` of show and compare is LaTeX: by a strict reader, and by LaTeX itself where it is installed."""

import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import run
from latex_reader import NoLatex, plain, tables

COMMANDS = {
    "show": ("show", "batches.h5"),
    "one file": ("compare", "missed-targets.h5"),
    "two files": ("compare", "slow.h5", "base.h5", "--fail-if", "slower:5%"),
    "three files": ("compare", "base.h5", "inside.h5", "slow.h5", "--fail-if", "slower:5%"),
}
# Times of two files share no rounds, and these drift by a tenth in each: that leaves the slowdown open.
CODES = {"two files": 4, "three files": 3}


def latex(folder: Path, *arguments: str, code: int = 0) -> str:
    result = run(*arguments, "--format", "latex", folder=folder)
    assert result.returncode == code and result.stderr == "", result
    return result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_table_is_latex_with_as_many_cells_as_columns(folder: Path, name: str) -> None:
    found = tables(latex(folder, *COMMANDS[name], code=CODES.get(name, 0)))
    assert found and all(len(rows) >= 2 for rows in found)


def test_the_table_has_what_the_text_has(folder: Path) -> None:
    [rows] = tables(latex(folder, "show", "batches.h5"))
    text = run("show", "batches.h5", folder=folder).stdout
    for row in rows:
        assert all(cell in text for cell in row), row
    assert len(rows) == 5


@pytest.mark.parametrize("text", ["50%", "a_b", "x & y", "{x", "$y$", "±1", r"\textbackslash x", r"\input{x}"])
def test_the_reader_refuses_what_latex_would_misread(text: str) -> None:
    with pytest.raises((NoLatex, ValueError)):
        plain(text)


@pytest.mark.parametrize("name", COMMANDS)
def test_latex_itself_takes_it(folder: Path, tmp_path: Path, name: str) -> None:
    compiler = shutil.which("pdflatex")
    if compiler is None:
        pytest.skip("there is no pdflatex (Debian: apt install texlive-latex-base)")
    (tmp_path / "table.tex").write_text(latex(folder, *COMMANDS[name], code=CODES.get(name, 0)))
    (tmp_path / "paper.tex").write_text("\\documentclass{article}\n\\begin{document}\n\\input{table}\n\\end{document}\n")
    done = subprocess.run([compiler, "-interaction=nonstopmode", "-halt-on-error", "paper.tex"], cwd=tmp_path,
                          capture_output=True, text=True, timeout=120)  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]


def test_a_format_that_is_none_is_refused_with_those_there_are(folder: Path) -> None:
    for command, allowed in (("show", "text, latex"), ("compare", "text, md, latex, json, csv")):
        result = run(command, "base.h5", "--format", "pdf", folder=folder)
        assert result.returncode == 2 and result.stderr.count("\n") == 1
        assert f'--format: found "pdf", allowed: {allowed}' in result.stderr
