"""An installation works from any folder, also after it was moved, with nothing of the repository in reach.

The build folder is in STEPBENCH_BUILD, cmake in CMAKE. Not here: whether what is computed is right.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests" / "layout"))

from links import files, links, wrong_links  # noqa: E402

LONGEST = 120  # s
_CHANGES = ("training.epochs=1", "dataset.train_samples=256", "dataset.validation_samples=64", "measure.rounds=1",
            "sweep.backend=tbb", "sweep.threads=1")  # fmt: skip
SMALL = [word for change in _CHANGES for word in ("--set", change)]


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Installed to one folder and moved to another."""
    build = os.environ.get("STEPBENCH_BUILD", "")
    if not Path(build, "CMakeCache.txt").is_file():
        pytest.fail("set STEPBENCH_BUILD to a build folder")
    folder = tmp_path_factory.mktemp("install")
    command = [os.environ.get("CMAKE", "cmake"), "--install", build, "--prefix", str(folder / "first")]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=LONGEST)
    assert done.returncode == 0, done.stderr
    return shutil.move(folder / "first", folder / "moved")


def stepbench(prefix: Path, *arguments: object, cwd: Path) -> str:
    command = [str(prefix / "bin" / "stepbench"), *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, encoding="utf-8", timeout=LONGEST)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_script(prefix: Path, name: str, *arguments: object, cwd: Path) -> str:
    command = [sys.executable, str(prefix / "share" / "stepbench" / "scripts" / name), *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, encoding="utf-8", timeout=LONGEST)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_shipped_experiment_is_listed(prefix: Path, tmp_path: Path) -> None:
    listed = stepbench(prefix, "list", "experiments", cwd=tmp_path)
    names = {line.split()[0] for line in listed.splitlines()}
    assert {config.stem for config in (REPOSITORY / "experiments").glob("*.cfg")} <= names
    assert f"configs: {prefix}/share/stepbench/experiments" in listed


def test_a_folder_of_ones_own_that_is_called_experiments_hides_nothing(prefix: Path, tmp_path: Path) -> None:
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "mine.cfg").write_text("# Mine?\n")
    names = {line.split()[0] for line in stepbench(prefix, "list", "experiments", cwd=tmp_path).splitlines()}
    assert {"mine", "quick"} <= names


@pytest.mark.parametrize("name", ["quick", "names-transformer", "moby-dick-transformer", "modular-addition"])
def test_a_shipped_experiment_finds_its_data(prefix: Path, tmp_path: Path, name: str) -> None:
    assert "tbb-t2-s1" in stepbench(prefix, "run", name, "--dry-run", cwd=tmp_path)


def test_a_folder_with_the_name_of_an_experiment_is_not_taken_for_it(prefix: Path, tmp_path: Path) -> None:
    (tmp_path / "quick").mkdir()
    assert "tbb-t2-s1" in stepbench(prefix, "run", "quick", "--dry-run", cwd=tmp_path)


@pytest.fixture(scope="module")
def result(prefix: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a small run, started through a link to the program."""
    folder = tmp_path_factory.mktemp("run")
    link = folder / "bin" / "stepbench"
    link.parent.mkdir()
    link.symlink_to(prefix / "bin" / "stepbench")
    stepbench(folder, "run", "quick", "-o", "out.h5", *SMALL, cwd=folder)
    return folder / "out.h5"


def test_a_run_works_through_a_link_to_the_program(result: Path) -> None:
    with h5py.File(result) as file:
        assert list(file["summary/status"].asstr()) == ["completed"]


@pytest.mark.parametrize("script", ["report.py", "plot.py", "export.py"])
def test_the_scripts_are_installed_with_what_they_import(prefix: Path, tmp_path: Path, script: str) -> None:
    assert "usage:" in run_script(prefix, script, "--help", cwd=tmp_path)


def test_an_installed_script_reports_a_run(prefix: Path, result: Path, tmp_path: Path) -> None:
    run_script(prefix, "report.py", result, "-o", "report.html", cwd=tmp_path)
    assert "tbb" in (tmp_path / "report.html").read_text()


def test_an_installed_peer_is_in_the_rounds(prefix: Path, tmp_path: Path) -> None:
    shipped = prefix / "share" / "stepbench" / "scripts" / "peers" / "numpy_vectorised.py"
    text = shipped.read_text()
    assert text.count("serve(Mlp,") == 1
    shipped.write_text(text.replace("serve(Mlp,", 'serve(Mlp, library="the installed one",'))
    said = stepbench(prefix, "run", "quick", "-o", "out.h5", *SMALL, "--set", "sweep.backend=tbb,numpy", cwd=tmp_path)
    assert "numpy: the installed one" in said


def test_only_what_a_user_needs_is_installed(prefix: Path) -> None:
    installed = [str(path.relative_to(prefix)) for path in prefix.rglob("*") if path.is_file()]
    wanted = ("bin/stepbench", "share/stepbench/", "share/doc/", "share/bash-completion/completions/stepbench")
    assert [path for path in installed if not path.startswith(wanted)] == []
    assert [path for path in installed if path.endswith((".cpp", ".hpp", ".pyc", "CMakeLists.txt"))] == []


def test_the_licences_of_the_program_and_of_the_data_are_installed(prefix: Path) -> None:
    assert (prefix / "share" / "doc" / "stepbench" / "LICENSE").is_file()
    assert (prefix / "share" / "stepbench" / "experiments" / "data" / "README.md").is_file()


def test_the_installed_pages_link_to_installed_pages(prefix: Path) -> None:
    pages = prefix / "share" / "doc" / "stepbench"
    found = files(pages, "*.md")
    assert {"README.md", "CHANGELOG.md", "experiments/README.md", "results/README.md"} <= {str(page) for page in found}
    assert sum(len(links((pages / page).read_text())) for page in found) > 25
    assert [wrong for page in found for wrong in wrong_links(pages, page)] == []


def test_the_installed_completion_is_the_programs_own(prefix: Path, tmp_path: Path) -> None:
    installed = prefix / "share" / "bash-completion" / "completions" / "stepbench"
    assert installed.read_text() == stepbench(prefix, "completion", "bash", cwd=tmp_path)
