"""`run --repeat N`: processes of their own whose rounds are pooled, in one file; and what becomes of one that is stopped."""

import math
import shutil
import signal
import subprocess
import time
from pathlib import Path

import h5py
import numpy
import pytest

from conftest import Program, Run, RunConfig
from inputs import write_config
from results import digests

ROUNDS, PROCESSES = 4, 3
T_OF_TWO_DEGREES = 4.302652729911275  # 97.5 % quantile of Student's t
CHANGES = {"measure.rounds": ROUNDS, "sweep.backend": "blas,tbb", "sweep.threads": "1"}
# Long enough to be stopped in its second process.
LONG = CHANGES | {"training.epochs": None, "training.steps": 60000, "measure.evaluate_every": "60000 steps"}


@pytest.fixture(scope="module")
def run(run_config: RunConfig) -> Run:
    return run_config(CHANGES, "--repeat", PROCESSES)


def rounds_of(file: h5py.File) -> h5py.Group:
    (group,) = file["groups"].values()
    return group["rounds"]


def test_a_file_has_the_rounds_of_all_processes_and_nothing_is_left_beside_it(run: Run) -> None:
    with h5py.File(run.file) as file:
        rounds = rounds_of(file)
        assert rounds["process"][:].tolist() == [process for process in range(PROCESSES) for _ in range(ROUNDS)]
        assert rounds["step_time"].shape[0] == PROCESSES * ROUNDS
        assert numpy.isfinite(rounds["step_time"][:]).all()
        assert rounds["segment"][:, 0].tolist() == rounds["process"][:].tolist()
        (group,) = file["groups"].values()
        assert len(group["earlier_environments"]) == PROCESSES - 1
        assert file.attrs["status"] == "completed"
    assert sorted(path.name for path in run.file.parent.iterdir()) == ["out.h5", run.config.name]


def test_the_interval_is_that_of_the_processes_means(run: Run) -> None:
    with h5py.File(run.file) as file:
        rounds, summary = rounds_of(file), file["summary"]
        times = dict(zip(rounds["trial"].asstr()[:], rounds["step_time"][:].T, strict=True))
        baseline, rival = summary["id"].asstr()[:]
        logs = numpy.log(times[baseline] / times[rival]).reshape(PROCESSES, ROUNDS).mean(axis=1)
        half = T_OF_TWO_DEGREES * logs.std(ddof=1) / math.sqrt(PROCESSES)
        expected = [math.exp(logs.mean() + part) for part in (0, -half, half)]
        assert [summary[f"speed_ratio{end}"][1] for end in ("", "_low", "_high")] == pytest.approx(expected, rel=1e-8)
    assert f"{PROCESSES} processes: ratios vary by ±" in run.outcome.stdout


def test_every_process_trains_to_the_bits_of_a_single_run(run: Run, run_config: RunConfig) -> None:
    single = run_config(CHANGES).file
    assert digests(run.file) == digests(single)
    with h5py.File(single) as file:
        assert "process" not in rounds_of(file)
    assert "other parameters in another process" not in run.outcome.stderr


def started_up_to_the_second(program: Program, folder: Path, config: Path) -> subprocess.Popen[str]:
    child = program.start("run", config.name, "-o", "out.h5", "--repeat", PROCESSES, cwd=folder)
    while not (folder / "out.trials" / "process-2.trials").exists():
        assert child.poll() is None, child.communicate()
        time.sleep(0.02)
    return child


def stopped_in_the_second(program: Program, folder: Path, config: Path, number: signal.Signals) -> None:
    """Passes the signal to the program alone, as `kill` does."""
    child = started_up_to_the_second(program, folder, config)
    child.send_signal(number)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130, said
    assert "1 of 3 processes are finished and kept in out.trials; the same command with --resume goes on" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_stopped_run_goes_on_with_the_process_that_was_under_way(
    program: Program, tmp_path: Path, number: signal.Signals
) -> None:
    config = write_config(tmp_path, LONG)
    stopped_in_the_second(program, tmp_path, config, number)
    first = tmp_path / "out.trials" / "process-1.h5"
    with h5py.File(first) as file:
        times = rounds_of(file)["step_time"][:].tolist()
    refused = program("run", config.name, "-o", "out.h5", "--repeat", PROCESSES, cwd=tmp_path)
    assert refused.code == 1 and "did not finish; `run --resume` goes on with it" in refused.stderr
    done = program("run", config.name, "-o", "out.h5", "--repeat", PROCESSES, "--resume", cwd=tmp_path)
    assert done.code == 0, done
    with h5py.File(tmp_path / "out.h5") as file:
        rounds = rounds_of(file)
        assert rounds["step_time"][:ROUNDS].tolist() == times  # the first process was not run again
        assert rounds["process"][:].tolist() == [process for process in range(PROCESSES) for _ in range(ROUNDS)]
    assert not (tmp_path / "out.trials").exists()
    again = program("run", config.name, "-o", "out.h5", "--repeat", PROCESSES, "--resume", cwd=tmp_path)
    assert again.code == 0 and "holds all 3 processes: nothing to do" in again.stderr
    other = program("run", config.name, "-o", "out.h5", "--repeat", 2, "--resume", cwd=tmp_path)
    assert other.code == 2 and "is of 3 processes, now --repeat 2" in other.stderr


def test_a_hang_up_that_the_program_was_started_to_ignore_stops_nothing(program: Program, tmp_path: Path) -> None:
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a child's, too
    try:
        child = started_up_to_the_second(program, tmp_path, write_config(tmp_path, LONG))
    finally:
        signal.signal(signal.SIGHUP, before)
    child.send_signal(signal.SIGHUP)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 0, said
    with h5py.File(tmp_path / "out.h5") as file:
        assert len(rounds_of(file)["process"]) == PROCESSES * ROUNDS


def test_every_process_is_of_the_build_that_was_started(program: Program, tmp_path: Path) -> None:
    """As where somebody builds anew meanwhile."""
    copy = tmp_path / "my-stepbench"
    shutil.copy(program.binary, copy)
    child = started_up_to_the_second(Program(copy), tmp_path, write_config(tmp_path, LONG))
    copy.unlink()
    shutil.copy("/bin/false", copy)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 0, said
    with h5py.File(tmp_path / "out.h5") as file:
        assert len(rounds_of(file)["process"]) == PROCESSES * ROUNDS
        (group,) = file["groups"].values()
        environments = [group["environment"], *group["earlier_environments"].values()]
        assert len(environments) == PROCESSES
        assert len({environment.attrs["binary_digest"] for environment in environments}) == 1


def test_overwrite_discards_what_stopped_processes_left(program: Program, tmp_path: Path) -> None:
    stopped_in_the_second(program, tmp_path, write_config(tmp_path, LONG), signal.SIGTERM)
    config = write_config(tmp_path, CHANGES)
    done = program("run", config.name, "-o", "out.h5", "--overwrite", cwd=tmp_path)
    assert done.code == 0, done
    assert not (tmp_path / "out.trials").exists()


@pytest.mark.parametrize("count", ["0", "1", "101", "two", "3x"])
def test_a_number_of_processes_that_pools_nothing_is_refused(program: Program, tmp_path: Path, count: str) -> None:
    config = write_config(tmp_path, CHANGES)
    refused = program("run", config.name, "--repeat", count, cwd=tmp_path)
    assert refused.code == 2
    assert refused.stderr == f'stepbench: run: --repeat: found "{count}", allowed: an integer from 2 to 100\n'


def test_repeating_and_sharding_are_not_done_at_once(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, CHANGES)
    refused = program("run", config.name, "--repeat", 2, "--shard", "1/2", cwd=tmp_path)
    assert refused.code == 2 and "give one of them" in refused.stderr


def test_processes_do_not_plan_rounds_each_by_itself(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, CHANGES | {"measure.rounds": "auto", "training.epochs": None, "training.steps": 400})
    refused = program("run", config.name, "--repeat", 2, "--dry-run", cwd=tmp_path)
    assert refused.code == 2 and refused.stderr.count("\n") == 1
    assert "run: --repeat: blas-t1-s1: measure.rounds = auto would plan other rounds in each process" in refused.stderr


def test_a_trial_that_diverges_in_its_processes_is_a_result(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, CHANGES | {"training.learning_rate": "1e30"})
    diverged = program("run", config.name, "-o", "out.h5", "--repeat", 2, cwd=tmp_path)
    assert diverged.code == 0, diverged
    with h5py.File(tmp_path / "out.h5") as file:
        assert file.attrs["status"] == "diverged"
