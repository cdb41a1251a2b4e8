"""What --resume keeps, what it runs again and what it refuses, and how a run ends early."""

import fcntl
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy
import pytest
from campaigns import Bench, can_mount
from sweep import Sweep, contents, end_of, refused, results, start_and_wait_for

KEEP = ("--set", "record.keep_trial_files=true")
HALF = {"seeds": (1, 2), "rounds": 1}


@pytest.fixture(scope="module")
def ended_abruptly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of half(), made once."""
    sweep = Sweep(Path(os.environ["STEPBENCH"]).resolve(), tmp_path_factory.mktemp("ended") / "half", **HALF)
    assert sweep.run(*KEEP).code == 0
    sweep.output.unlink()
    for path in sweep.trials.glob("*s2.h5"):
        path.unlink()
    return sweep.folder


@pytest.fixture
def half(bench: Bench, ended_abruptly: Path) -> Sweep:
    """A sweep that ended abruptly: the two trials of seed 1 are finished, those of seed 2 are not."""
    shutil.copytree(ended_abruptly, bench.folder / "half")
    return Sweep(bench.program, bench.folder / "half", **HALF)


def wall_times(path: Path) -> dict[str, bytes]:
    """By trial; no two runs have the same."""
    with h5py.File(path) as file:
        return {trial: group["steps/wall_time"][:].tobytes() for trial, group in file["trials"].items()}


def test_resume_keeps_the_finished_group_and_runs_the_other(half: Sweep) -> None:
    kept = {path.stem: wall_times(path)[path.stem] for path in half.trials.glob("*.h5")}
    ended = half.run("--resume")
    assert ended.code == 0 and "2 of 4 trials are finished and kept" in ended.stderr
    after = wall_times(half.output)
    assert list(results(half.output)) == half.ids
    assert {trial: after[trial] for trial in kept} == kept


def test_resume_runs_a_group_with_a_missing_trial_again_whole(half: Sweep) -> None:
    before = wall_times(half.trials / "neuron-t1-s1.h5")["neuron-t1-s1"]
    (half.trials / "blas-t1-s1.h5").unlink()
    assert half.run("--resume").code == 0
    assert wall_times(half.output)["neuron-t1-s1"] != before


def test_resume_runs_a_group_again_whose_trials_are_of_two_runs(bench: Bench, half: Sweep) -> None:
    other = bench.sweep("other", seeds=(1, 2), rounds=1)
    assert other.run(*KEEP).code == 0
    shutil.copy(other.trials / "blas-t1-s1.h5", half.trials)
    ended = half.run("--resume")
    assert ended.code == 0 and "0 of 4 trials are finished" in ended.stderr
    half.check_complete(results(other.output))


def test_resume_says_which_file_is_damaged_and_runs_its_group_again(half: Sweep) -> None:
    damaged = half.trials / "blas-t1-s1.h5"
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    ended = half.run("--resume")
    assert ended.code == 0 and "blas-t1-s1.h5: is damaged" in ended.stderr and "its group is run again" in ended.stderr
    assert list(results(half.output)) == half.ids


def test_resume_removes_temporary_files_of_a_killed_run(half: Sweep) -> None:
    (half.trials / ".blas-t1-s2.h5.tmp-1-2").write_text("half")
    (half.folder / ".out.h5.tmp-1-2").write_text("half")
    (half.folder / ".other.h5.tmp-1-2").write_text("of another run, which may be writing it")
    assert half.run("--resume").code == 0
    assert sorted(path.name for path in half.folder.iterdir()) == [".other.h5.tmp-1-2", "out.h5", "small.cfg"]


def test_resume_of_a_complete_run_has_nothing_to_do_and_prints_the_table(bench: Bench) -> None:
    sweep = bench.sweep("sweep", seeds=(1,), rounds=1)
    first = sweep.run()
    before = contents(sweep.folder)
    again = sweep.run("--resume")
    assert again.code == 0 and "nothing to do" in again.stderr and again.stdout == first.stdout
    assert contents(sweep.folder) == before


def test_resume_without_anything_to_resume_runs_all(bench: Bench) -> None:
    sweep = bench.sweep("sweep", seeds=(1,), rounds=1)
    assert sweep.run("--resume").code == 0
    assert list(results(sweep.output)) == sweep.ids


def test_unfinished_trials_are_refused_without_resume_or_overwrite(half: Sweep) -> None:
    line = refused(half, code=1)
    assert "--resume" in line and "--overwrite" in line and "out.trials" in line


def test_resume_and_overwrite_exclude_each_other(half: Sweep) -> None:
    assert "--resume" in refused(half, "--resume", "--overwrite")


def test_resume_refuses_another_setting(half: Sweep) -> None:
    line = refused(half, "--resume", "--set", "training.learning_rate=0.2")
    assert "training.learning_rate was 0.1, now 0.2" in line and "--overwrite" in line


def test_resume_refuses_a_trial_that_the_config_does_not_have(half: Sweep) -> None:
    line = refused(half, "--resume", "--set", "sweep.seed=2,3")
    assert "blas-t1-s1, which this config does not ask for" in line and "--overwrite" in line


def test_resume_refuses_another_build_of_the_program(bench: Bench, half: Sweep) -> None:
    changed = bench.folder / "stepbench"
    shutil.copy(bench.program, changed)
    with changed.open("ab") as file:
        file.write(b"\0")
    half.program = changed
    assert "another build of" in refused(half, "--resume")


def test_each_group_has_the_machine_that_it_ran_on(bench: Bench) -> None:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        pytest.skip("a machine of one core cannot stand for two")
    sweep = bench.sweep("sweep", seeds=(1, 2), rounds=1)
    one_core = lambda: os.sched_setaffinity(0, cores[:1])  # noqa: E731
    assert sweep.run(*KEEP, "--set", "sweep.seed=1", preexec=one_core).code == 0
    sweep.output.unlink()
    resumed = sweep.run("--resume")
    assert resumed.code == 0, resumed
    with h5py.File(sweep.output) as file:
        assert file["groups/s1/environment"].attrs["cores"] == 1
        assert file["groups/s2/environment"].attrs["cores"] == len(cores)
    assert "on 2 machines, whose times are not to be compared:" in resumed.stdout


def test_resume_refuses_another_blas_core(half: Sweep) -> None:
    if "avx2" not in Path("/proc/cpuinfo").read_text():
        pytest.skip("the core that this test forces needs AVX2")
    first, second = ({"OPENBLAS_CORETYPE": core} for core in ("Haswell", "Zen"))
    shutil.rmtree(half.trials)
    assert half.run(*KEEP, "--set", "sweep.seed=1", environment=first).code == 0
    half.output.unlink()
    assert "OpenBLAS's kernels: Haswell, now Zen" in refused(half, "--resume", environment=second)


def test_resume_refuses_other_data(bench: Bench) -> None:
    sweep = bench.sweep("sweep", seeds=(1,), rounds=1)
    config = sweep.folder / "small.cfg"
    generated = "kind = blobs\nfeatures = 4\nclasses = 3\nsamples = 120\n"
    config.write_text(config.read_text().replace(generated, "kind = hdf5\npath = data.h5\n"))
    with h5py.File(sweep.folder / "data.h5", "w") as file:
        for split in ("train", "validation"):
            file[f"{split}/features"] = numpy.linspace(0, 1, 240, dtype="f4").reshape(60, 4)
            file[f"{split}/labels"] = numpy.arange(60) % 3
    assert sweep.run(*KEEP).code == 0
    sweep.output.unlink()
    with h5py.File(sweep.folder / "data.h5", "a") as file:
        file["train/features"][7, 1] = 0.25
    assert "the data have changed" in refused(sweep, "--resume")


@pytest.mark.parametrize("option", ["", "--resume", "--overwrite"])
def test_output_that_another_run_holds_is_refused(half: Sweep, option: str) -> None:
    folder = os.open(half.trials, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        assert "another run is writing to" in refused(half, *filter(None, [option]), code=1)
    finally:
        os.close(folder)


def test_read_only_folder_is_refused(bench: Bench) -> None:
    if not can_mount():
        pytest.skip("mounting a read-only file system takes root and the right to mount")
    sweep = bench.sweep("sweep", seeds=(1,))
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(sweep.folder)]
    subprocess.run(mount, check=True)
    try:
        sweep = Sweep(bench.program, sweep.folder, seeds=(1,))
        subprocess.run(["mount", "-o", "remount,ro", str(sweep.folder)], check=True)
        assert "out.h5: cannot write into its folder: Read-only file system" in refused(sweep, code=1)
    finally:
        subprocess.run(["umount", str(sweep.folder)], check=True)


def test_folder_that_vanishes_ends_the_run_in_one_line(bench: Bench) -> None:
    sweep = bench.sweep("sweep", seeds=(1, 2), steps=3000)
    child = start_and_wait_for(sweep, "blas-t1-s1: completed")
    shutil.rmtree(sweep.trials)
    ended = end_of(child)
    assert ended.code == 1 and len(ended.complaints()) == 1 and "out.trials" in ended.complaints()[0], ended


def test_interrupted_trials_are_recorded_with_what_they_did(bench: Bench) -> None:
    sweep = bench.sweep("sweep", seeds=(1,), steps=2_000_000, rounds=2)
    child = start_and_wait_for(sweep, "blas-t1-s1: passed the gate")
    time.sleep(1)
    child.send_signal(signal.SIGINT)
    ended = end_of(child)
    assert ended.code == 130 and "--resume goes on" in ended.stderr, ended
    assert not sweep.output.exists()
    for trial in sweep.ids:
        with h5py.File(sweep.trials / f"{trial}.h5") as file:
            attributes = file[f"trials/{trial}"].attrs
            assert attributes["status"] == "interrupted"
            assert "of 2000000 steps" in attributes["message"]


def test_an_interrupted_group_leaves_the_finished_trials_of_an_earlier_run(bench: Bench) -> None:
    sweep = bench.sweep("sweep", seeds=(1,), steps=150_000, rounds=2)
    assert sweep.run(*KEEP).code == 0
    sweep.output.unlink()
    (sweep.trials / "neuron-t1-s1.h5").unlink()
    finished = (sweep.trials / "blas-t1-s1.h5").read_bytes()
    for seconds in (0.3, 0.6, 1.2, 2.4):  # a signal before the first round publishes nothing
        child = start_and_wait_for(sweep, "blas-t1-s1: passed the gate", "--resume")
        time.sleep(seconds)
        child.send_signal(signal.SIGINT)
        assert end_of(child).code == 130
        assert (sweep.trials / "blas-t1-s1.h5").read_bytes() == finished
        if (sweep.trials / "neuron-t1-s1.h5").exists():
            return
    pytest.fail("no round was interrupted")


def test_second_interrupt_stops_at_once(bench: Bench) -> None:
    sweep = bench.sweep("sweep", seeds=(1,), backends=("neuron",), steps=2_000_000, rounds=1)
    long_step = ("--set", "model.layers=4,4000,4000,3", "--set", "measure.gate_samples=1")
    child = start_and_wait_for(sweep, "neuron-t1-s1: passed the gate", *long_step)
    child.send_signal(signal.SIGINT)
    assert child.stderr is not None and "second Ctrl-C" in child.stderr.readline()
    child.send_signal(signal.SIGINT)
    ended = end_of(child)
    assert ended.code == 130 and "interrupted:" not in ended.stderr


def test_signal_that_was_to_be_ignored_stays_ignored(bench: Bench) -> None:
    sweep = bench.sweep("sweep", seeds=(1,), rounds=1)
    ended = sweep.run(send=(signal.SIGINT, 0.3), preexec=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    assert ended.code == 0, ended


def test_trial_without_memory_to_build_it_fails_and_the_sweep_goes_on(bench: Bench) -> None:
    sweep = bench.sweep("sweep", seeds=(1,), backends=("neuron",), rounds=1)
    bytes_allowed = 2 << 30
    ended = sweep.run(
        "--set", "sweep.model.layers=4,40000,20000,3 | 4,8,3", "--set", "measure.gate=false",
        preexec=lambda: resource.setrlimit(resource.RLIMIT_AS, (bytes_allowed, bytes_allowed)),
    )  # fmt: skip
    # Where the machine itself has less than the 10 GB that it needs, it is refused before.
    assert ended.code == 1 and ("failed: out of memory" in ended.stderr or "GB are free" in ended.stderr), ended
    with h5py.File(sweep.output) as file:
        assert sorted(file["summary/status"].asstr()[:]) == ["completed", "failed"]


@pytest.mark.parametrize("at", [1, 2, 3])
def test_memory_that_runs_out_over_a_result_ends_in_one_line(bench: Bench, at: int) -> None:
    sweep = bench.sweep("sweep", seeds=(1,), steps=40_000, rounds=1)
    ended = sweep.run(environment=bench.faults(sweep, "realloc", at, 12, good=True))
    assert "fault" in bench.calls_logged(), "the results are too small to test with"
    assert ended.code == 1 and len(ended.complaints()) == 1 and "memory" in ended.complaints()[0], ended
    sweep.check()
