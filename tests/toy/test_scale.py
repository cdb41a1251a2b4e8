"""`stepbench scale` on a backend whose tasks are known (tests/support/traced_network.hpp): what is said of it can be told by hand.

The program that has it is in STEPBENCH_WITH_TOY. On so many cores, up to 8, its step is a fork (1 s), as many parts (8 s
together) and a join (1 s); handing out takes 0.25 s a task and 0.5 s a step.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

CONFIG = """
[dataset]
kind = blobs
features = 4
classes = 3
samples = 400
[model]
kind = mlp
layers = 4,8,3
[training]
epochs = 2
learning_rate = 0.1
[measure]
rounds = 8
[sweep]
backend = neuron,traced
threads = 1,2
"""
REPORT = Path(__file__).resolve().parents[2] / "scripts" / "report.py"
LONGEST = 120  # s


def step(cores: int, parts: int) -> float:
    """Seconds of the step on as many cores as it is cut for, or more."""
    return 0.5 + 3 * 0.25 + 1 + 8 / parts + 1


def stepbench(*arguments: object, cwd: Path) -> str:
    command = [os.environ["STEPBENCH_WITH_TOY"], *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, encoding="utf-8", timeout=LONGEST)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scale")
    (folder / "small.cfg").write_text(CONFIG)
    return folder


@pytest.fixture(scope="module")
def found(folder: Path) -> dict:
    return json.loads(stepbench("scale", "small.cfg", "--cores", "2,4,8,1024", "--format", "json", "-q", cwd=folder))


@pytest.fixture(scope="module")
def traced(found: dict) -> dict:
    return next(trial for trial in found["trials"] if trial["backend"] == "traced")


def test_it_is_one_arm_whatever_its_threads(found: dict) -> None:
    assert [trial["id"] for trial in found["trials"]] == ["neuron-s1", "traced-s1"]


def test_work_span_and_parallelism_are_those_of_the_finest_cut(traced: dict) -> None:
    assert (traced["cut_for"], traced["tasks"]) == (1024, 10)
    assert (traced["work"], traced["span"]) == (10, 3)
    assert traced["parallelism"] == pytest.approx(10 / 3)
    assert traced["one_core_step"] == pytest.approx(10, rel=1e-4)  # and what gathering the batch takes


def test_the_predicted_speed_is_what_can_be_told_by_hand(traced: dict) -> None:
    expected = {str(cores): 10 / step(cores, min(cores, 8)) for cores in (2, 4, 8, 1024)}
    if (os.cpu_count() or 1) < 2:
        pytest.skip("what handing out costs is asked of two threads")
    assert traced["predicted"] == pytest.approx(expected, rel=1e-4)
    assert traced["hand_out"] == {"task": 0.25, "step": 0.5}


def test_the_bound_is_said(traced: dict) -> None:
    bound = traced["bound"]["2"]
    assert (bound["kind"], bound["name"], bound["tasks"], bound["seconds"]) == ("chain", "part", 2, 6)
    assert bound["text"] == "part, 2 tasks"


def test_cores_that_the_machine_has_are_measured_and_the_others_marked(found: dict, traced: dict) -> None:
    here = found["machine"]["cores"]
    assert traced["beyond_this_machine"] == {str(cores): cores > here for cores in (2, 4, 8, 1024)}
    measured = [cores for cores in (2, 4, 8) if cores <= here]
    assert list(traced["measured"]) == list(map(str, measured))
    for cores in map(str, measured):
        low, high = traced["measured_interval"][cores]
        assert 0 < low <= traced["measured"][cores] <= high
        assert traced["off_by"][cores] == pytest.approx(traced["predicted"][cores] / traced["measured"][cores] - 1)


def test_one_without_tasks_gets_a_reason(found: dict) -> None:
    neuron = found["trials"][0]
    assert neuron["no_prediction"] == "runs on one thread"
    assert neuron["predicted"] == {} and neuron["measured"] == {}


def test_the_table_says_the_same_within_80_columns(folder: Path) -> None:
    text = stepbench("scale", "small.cfg", "--cores", "2,1024", "-q", cwd=folder)
    tables = text[: text.index("*: more cores")]
    assert "neuron-s1: no prediction: neuron runs on one thread" in tables
    assert "traced-s1: work 10 s, span 3 s, parallelism 3.3 (cut for 1024 cores)" in tables
    row = next(line for line in tables.splitlines() if line.startswith("1024*"))
    assert row.split() == ["1024*", "10", f"{10 / step(1024, 8):.2f}x", "-", "-", "fork,", "1", "task"]
    assert max(map(len, tables.splitlines())) <= 80


def test_a_run_keeps_it_and_the_report_draws_it_beyond_what_was_measured(folder: Path) -> None:
    stepbench("run", "small.cfg", "-q", "-o", "out.h5", cwd=folder)
    with h5py.File(folder / "out.h5") as file:
        assert "scaling" not in file["trials/neuron-t1-s1"]
        for trial in ("traced-t1-s1", "traced-t2-s1"):
            scaling = file[f"trials/{trial}/scaling"]
            assert (scaling.attrs["work"], scaling.attrs["span"]) == (10, 3)
            assert list(scaling["cores"]) == [2, 4, 8, 16, 32, 64, 128]
            assert scaling["predicted_speedup"].dims[0][0].name == scaling["cores"].name
    done = subprocess.run([sys.executable, REPORT, "out.h5", "-o", "report.html"], cwd=folder, capture_output=True,
                          encoding="utf-8", timeout=LONGEST)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "traced, predicted" in (folder / "report.html").read_text()
