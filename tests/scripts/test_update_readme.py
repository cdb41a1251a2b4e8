"""`update-readme` finds every page with a table, in a repository and in a tree without git, and says which is out of step.

Not here: whether the tables of this repository are in step, which the ctest entry `scripts: README` asks.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SCRIPTS

OLD = "# Page\n\n<!-- from: echo new -->\n```\nold\n```\n<!-- end -->\n\nold\n"
NEW = "# Page\n\n<!-- from: echo new -->\n```\nnew\n```\n<!-- end -->\n\nold\n"


@pytest.fixture(params=["with git", "without git"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the script among five pages: out of step at the top, below and under another name, in step, and of a build."""
    (tmp_path / "scripts").mkdir()
    for name in ("update-readme", "stepbench_script.py"):
        shutil.copy(SCRIPTS / name, tmp_path / "scripts")
    for folder, text in {".": OLD, "a/b": OLD, "c": NEW, "build": OLD}.items():
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "README.md").write_text(text)
    (tmp_path / "a" / "page.md").write_text(OLD)
    if request.param == "with git":
        git = shutil.which("git") or pytest.skip("there is no git")
        for command in (["init", "-q"], ["add", "README.md", "a", "c"]):
            subprocess.run([git, *command], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def update(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(tree / "scripts" / "update-readme"), *arguments]
    return subprocess.run(command, cwd=tree.parent, capture_output=True, text=True, timeout=60)


def test_check_names_the_files_that_are_out_of_step_and_changes_none(tree: Path) -> None:
    done = update(tree, "--check")
    assert done.returncode == 1
    assert "update-readme: README.md, a/b/README.md, a/page.md are out of step" in done.stderr
    assert "--- a/b/README.md" in done.stdout and "c/README.md" not in done.stdout
    assert (tree / "README.md").read_text() == (tree / "a" / "b" / "README.md").read_text() == OLD
    assert (tree / "a" / "page.md").read_text() == OLD


def test_every_table_is_written_and_then_in_step(tree: Path) -> None:
    assert update(tree).returncode == 0
    assert (tree / "README.md").read_text() == (tree / "a" / "b" / "README.md").read_text() == NEW
    assert (tree / "a" / "page.md").read_text() == NEW
    assert (tree / "build" / "README.md").read_text() == OLD
    done = update(tree, "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_block_waits_for_its_reference_run_only_where_it_says_so(tree: Path) -> None:
    waiting = "<!-- from: cat results/reference/new.txt -->\nNot measured yet.\n<!-- end -->\n"
    assert update(tree).returncode == 0
    (tree / "README.md").write_text(waiting)
    assert update(tree, "--check").returncode == update(tree).returncode == 0
    assert (tree / "README.md").read_text() == waiting
    (tree / "results" / "reference").mkdir(parents=True)
    (tree / "results" / "reference" / "new.txt").write_text("| measured |\n")
    assert update(tree, "--check").returncode == 1
    assert update(tree).returncode == 0 and "| measured |" in (tree / "README.md").read_text()
    (tree / "results" / "reference" / "new.txt").unlink()  # what was measured once is not to be lost
    done = update(tree, "--check")
    assert done.returncode == 1 and "results/reference/new.txt" in done.stderr


def test_a_block_that_is_spoken_of_within_a_line_is_none(tree: Path) -> None:
    text = "A table stands between `<!-- from: echo no -->` and `<!-- end -->`.\n\n" + NEW
    (tree / "README.md").write_text(text)
    assert update(tree).returncode == 0 and (tree / "README.md").read_text() == text
