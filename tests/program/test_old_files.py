"""Result files of schema version 1, from before groups had environments, open in everything that reads results."""

import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from conftest import Program, RunConfig
from inputs import REPOSITORY

OLD = REPOSITORY / "tests" / "golden" / "schema-1.h5"
SCRIPTS = REPOSITORY / "scripts"
SAME = {"training.epochs": 3, "measure.rounds": 8, "record.parameters": "final", "sweep.backend": "neuron,blas",
        "sweep.threads": "1,2"}  # fmt: skip


def script(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, SCRIPTS / name, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_it_is_an_old_file() -> None:
    with h5py.File(OLD) as file:
        assert file.attrs["schema_version"] == 1 and "environment" not in file["groups/s1"]


def test_show_prints_its_table_and_its_machine(program: Program, tmp_path: Path) -> None:
    outcome = program("show", OLD, cwd=tmp_path)
    assert (outcome.code, outcome.stderr) == (0, "")
    assert "on AMD EPYC, 2 cores" in outcome.stdout and "neuron-t2-s1 unsupported" in outcome.stdout


def test_compare_takes_it_alone(program: Program, tmp_path: Path) -> None:
    outcome = program("compare", OLD, cwd=tmp_path)
    assert outcome.code == 0 and "blas-t2" in outcome.stdout


def test_compare_with_a_new_file_says_what_it_does_not_tell(
    program: Program, run_config: RunConfig, tmp_path: Path
) -> None:
    new = run_config(SAME)
    outcome = program("compare", new.file, OLD, cwd=tmp_path)
    assert outcome.code == 0, outcome.stderr
    with h5py.File(new.file) as file:
        version = file["environment"].attrs["libc_version"]
    assert f"note: libc_version: {version}; baseline: not recorded" in outcome.stdout


def test_training_starts_from_its_parameters(program: Program, run_config: RunConfig) -> None:
    run = run_config({**SAME, "model.init": f"file:{OLD}#blas-t1-s1", "training.epochs": 1, "measure.rounds": 1})
    with h5py.File(OLD) as old, h5py.File(run.file) as new:
        before = old["trials/blas-t1-s1/steps/train_loss"][0]
        assert new["trials/blas-t1-s1/steps/train_loss"][0] < before


def test_resume_refuses_it_as_the_file_of_another_program(program: Program, tmp_path: Path) -> None:
    config = tmp_path / "old.cfg"
    with h5py.File(OLD) as file:
        config.write_text(file.attrs["config_text"])
    shutil.copy(OLD, tmp_path / "out.h5")
    outcome = program("run", config, "-o", "out.h5", "--resume", cwd=tmp_path)
    assert outcome.code == 2 and "the program was" in outcome.stderr, outcome
    assert (tmp_path / "out.h5").read_bytes() == OLD.read_bytes()


@pytest.mark.parametrize("arguments", [
    ("report.py", OLD, "-o", "page.html"),
    ("plot.py", OLD, "--chart", "speed", "-o", "speed.svg"),
    ("export.py", OLD, "--table", "environment", "--format", "csv", "-o", "environment.csv"),
    ("export.py", OLD, "--table", "rounds", "--format", "csv", "-o", "rounds.csv"),
])  # fmt: skip
def test_the_scripts_take_it(arguments: tuple[object, ...], tmp_path: Path) -> None:
    *others, output = arguments
    done = script(*others, tmp_path / str(output))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / str(output)).stat().st_size > 0
