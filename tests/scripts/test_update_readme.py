"""`update-readme` finds every README with a table, in a repository and in a tree without git, and says which is out of step.

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
    """A copy of the script among four pages: out of step at the top and below, in step, and of a build."""
    (tmp_path / "scripts").mkdir()
    for name in ("update-readme", "stepbench_script.py"):
        shutil.copy(SCRIPTS / name, tmp_path / "scripts")
    for folder, text in {".": OLD, "a/b": OLD, "c": NEW, "build": OLD}.items():
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "README.md").write_text(text)
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
    assert "update-readme: README.md, a/b/README.md are out of step" in done.stderr
    assert "--- a/b/README.md" in done.stdout and "c/README.md" not in done.stdout
    assert (tree / "README.md").read_text() == (tree / "a" / "b" / "README.md").read_text() == OLD


def test_every_table_is_written_and_then_in_step(tree: Path) -> None:
    assert update(tree).returncode == 0
    assert (tree / "README.md").read_text() == (tree / "a" / "b" / "README.md").read_text() == NEW
    assert (tree / "build" / "README.md").read_text() == OLD
    done = update(tree, "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
