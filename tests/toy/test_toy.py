"""A backend added as variants/README.md says is a backend like any other: listed, checked, trained, shown, reported.

The program that has it is in STEPBENCH_WITH_TOY. Not here: the toy's arithmetic, which is the gate's business.
"""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy
import pytest

REPORT = Path(__file__).resolve().parents[2] / "scripts" / "report.py"
LONGEST = 120  # s
MLP = """
[dataset]
kind = blobs
features = 4
classes = 3
samples = 400
[model]
kind = mlp
layers = 4,8,3
loss = {loss}
[training]
epochs = 2
learning_rate = 0.1
precision = {precision}
[measure]
rounds = 2
[sweep]
backend = neuron,toy
"""
TRANSFORMER = """
[dataset]
kind = copy
alphabet = 4
length = 3
samples = 64
[model]
kind = transformer
d_model = 8
heads = 2
blocks = 1
context = 6
init = gpt2
[training]
steps = 4
learning_rate = 0.01
[measure]
rounds = 1
[sweep]
backend = neuron,toy
"""


def stepbench(*arguments: object, cwd: Path) -> str:
    command = [os.environ["STEPBENCH_WITH_TOY"], *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, encoding="utf-8", timeout=LONGEST)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def run(folder: Path, config: str) -> Path:
    (folder / "small.cfg").write_text(config)
    stepbench("run", "small.cfg", "-o", "out.h5", cwd=folder)
    return folder / "out.h5"


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("run"), MLP.format(loss="cross_entropy", precision="float32"))


def test_it_is_listed(tmp_path: Path) -> None:
    assert "a test's backend in plain loops" in stepbench("list", "backends", cwd=tmp_path)


def test_one_whose_library_is_missing_is_listed_with_what_to_install(tmp_path: Path) -> None:
    line = next(line for line in stepbench("list", "backends", cwd=tmp_path).splitlines() if line.startswith("gone"))
    assert "absent: install libgone-dev" in line


def test_one_whose_library_is_missing_is_unsupported_in_a_sweep(tmp_path: Path) -> None:
    config = MLP.format(loss="cross_entropy", precision="float32").replace("neuron,toy", "neuron,gone")
    with h5py.File(run(tmp_path, config)) as file:
        assert list(file["summary/status"].asstr()) == ["completed", "unsupported"]
    assert "absent from this build: install libgone-dev and build again" in stepbench("show", "out.h5", cwd=tmp_path)


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_the_gate_takes_it_and_lets_it_pass(tmp_path: Path, loss: str, precision: str) -> None:
    (tmp_path / "small.cfg").write_text(MLP.format(loss=loss, precision=precision))
    report = stepbench("check", "small.cfg", cwd=tmp_path)
    assert any(line.startswith("toy-t1-s1") and "passed" in line for line in report.splitlines()), report


def test_its_trial_is_in_the_file_beside_the_reference(result: Path) -> None:
    with h5py.File(result) as file:
        assert list(file["summary/id"].asstr()) == ["neuron-t1-s1", "toy-t1-s1"]
        assert list(file["summary/status"].asstr()) == ["completed", "completed"]
        neuron, toy = (file[f"trials/{trial}/steps/train_loss"][:] for trial in ("neuron-t1-s1", "toy-t1-s1"))
        numpy.testing.assert_allclose(toy, neuron, rtol=1e-3)
        assert (file["trials/toy-t1-s1/steps/wall_time"][:] > 0).all()


def test_it_is_in_the_table(result: Path) -> None:
    lines = stepbench("show", result.name, cwd=result.parent).splitlines()
    assert [line for line in lines if line.split()[:2] == ["toy", "1"]], lines


def test_what_it_cannot_do_is_unsupported_and_no_error(tmp_path: Path) -> None:
    with h5py.File(run(tmp_path, TRANSFORMER)) as file:
        assert list(file["summary/status"].asstr()) == ["completed", "unsupported"]
    assert "toy trains MLPs only" in stepbench("show", "out.h5", cwd=tmp_path)


def test_it_is_in_the_report(result: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    done = subprocess.run([sys.executable, REPORT, result, "-o", page], capture_output=True, encoding="utf-8", timeout=LONGEST)
    assert done.returncode == 0, done.stderr
    assert "toy" in page.read_text()
