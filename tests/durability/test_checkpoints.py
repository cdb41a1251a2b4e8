"""Groups that are stopped between two rounds: what each signal leaves, what --resume makes of it, and what it refuses."""

import os
import shutil
import signal
import time
from pathlib import Path

import campaigns
import h5py
import pytest
from campaigns import EACH_ROUND, Bench
from sweep import Ended, Sweep, contents, end_of, refused, results, start_and_wait_for

LONG = {"seeds": (1,), "steps": 120_000, "rounds": 60, "optimizer": "adamw"}
TRIALS = ["neuron-t1-s1", "blas-t1-s1"]


def stopped(sweep: Sweep, number: signal.Signals, *options: str) -> Ended:
    """Ended by a signal after a round."""
    child = start_and_wait_for(sweep, "checkpoint: ", *EACH_ROUND, *options)
    child.send_signal(number)
    return end_of(child)


@pytest.fixture(scope="module")
def halfway(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sweep that SIGTERM stopped, made once."""
    sweep = Sweep(Path(os.environ["STEPBENCH"]).resolve(), tmp_path_factory.mktemp("halfway") / "sweep", **LONG)
    assert stopped(sweep, signal.SIGTERM).code == 130
    return sweep.folder


@pytest.fixture
def half(bench: Bench, halfway: Path) -> Sweep:
    shutil.copytree(halfway, bench.folder / "half")
    return Sweep(bench.program, bench.folder / "half", **LONG)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1], ids=lambda number: number.name)
def test_signal_stops_after_the_round_with_a_checkpoint(bench: Bench, number: signal.Signals) -> None:
    sweep = bench.sweep("sweep", **LONG)
    ended = stopped(sweep, number)
    assert ended.code == 130 and len(ended.complaints()) == 1, ended
    assert "stopping after this round" in ended.stderr
    assert "blocks of s1 are kept in its checkpoint; the same command with --resume goes on" in ended.complaints()[0]
    with h5py.File(sweep.trials / "s1.checkpoint") as file:
        assert file["state"].attrs["blocks"] % 3 == 0  # two trials and the twin
        assert list(file["trials"]) == [*TRIALS, "neuron-t1-s1~twin"]
    with h5py.File(sweep.trials / "blas-t1-s1.h5") as file:
        assert file["trials/blas-t1-s1"].attrs["status"] == "interrupted"


def test_a_run_that_is_stopped_at_several_rounds_ends_with_the_bits_of_one_run(bench: Bench) -> None:
    reference, _ = bench.reference(**LONG)
    sweep = bench.sweep("sweep", **LONG)
    for _ in range(3):
        ended = stopped(sweep, signal.SIGTERM, "--resume")
        assert ended.code == 130, ended
    assert sweep.run("--resume").code == 0
    sweep.check_complete(reference)
    with h5py.File(sweep.output) as file:
        rounds = file["groups/s1/rounds"]
        segments = rounds["segment"][:]
        assert (segments == segments[:, :1]).all()  # a round is of one segment
        numbers = segments[:, 0].tolist()
        assert numbers == sorted(numbers) and set(numbers) == {0, 1, 2, 3}
        assert len(file["groups/s1/earlier_environments"]) == 3
        assert (rounds["block_time"][:] > 0).all()


def test_what_is_stopped_in_its_last_round_comes_to_its_end(bench: Bench) -> None:
    sweep = bench.sweep("sweep", seeds=(1, 2), steps=300_000, rounds=1)
    child = start_and_wait_for(sweep, "blas-t1-s1: passed the gate")
    time.sleep(1)
    child.send_signal(signal.SIGTERM)
    ended = end_of(child)
    assert ended.code == 130 and "2 of 4 trials are finished and kept" in ended.complaints()[0], ended
    assert sorted(path.name for path in sweep.trials.iterdir()) == ["blas-t1-s1.h5", "neuron-t1-s1.h5"]


def test_ctrl_c_while_a_round_comes_to_its_end_stops_after_the_step(bench: Bench) -> None:
    sweep = bench.sweep("sweep", seeds=(1,), steps=20_000_000, rounds=1)
    child = start_and_wait_for(sweep, "blas-t1-s1: passed the gate")
    time.sleep(1)
    child.send_signal(signal.SIGTERM)
    assert child.stderr is not None
    for line in child.stderr:
        if "stopping after this round" in line:
            break
    child.send_signal(signal.SIGINT)
    ended = end_of(child)
    assert ended.code == 130 and "no trial is finished yet; the same" in ended.complaints()[0], ended
    assert not list(sweep.trials.glob("*.checkpoint"))


def test_resume_says_where_it_goes_on_and_a_finished_group_has_no_checkpoint(half: Sweep) -> None:
    ended = half.run("--resume")
    assert ended.code == 0 and "s1 goes on: " in ended.stderr, ended
    assert sorted(path.name for path in half.folder.iterdir()) == ["out.h5", "small.cfg"]


def test_a_checkpoint_is_unfinished_work(half: Sweep) -> None:
    for path in half.trials.glob("*.h5"):
        path.unlink()
    assert "--resume" in refused(half, code=1)


def test_overwrite_discards_checkpoints(half: Sweep) -> None:
    ended = half.run("--overwrite", "--set", "training.steps=24")
    assert ended.code == 0 and "goes on: " not in ended.stderr, ended
    assert sorted(path.name for path in half.folder.iterdir()) == ["out.h5", "small.cfg"]


def test_a_checkpoint_of_other_settings_is_refused(half: Sweep) -> None:
    for path in half.trials.glob("*.h5"):
        path.unlink()
    line = refused(half, "--resume", "--set", "training.learning_rate=0.2")
    assert "s1.checkpoint: " in line and "training.learning_rate was 0.1, now 0.2" in line


def test_a_checkpoint_of_other_trials_is_refused(half: Sweep) -> None:
    for path in half.trials.glob("*.h5"):
        path.unlink()
    assert "s1.checkpoint: has no trial tbb-t1-s1" in refused(half, "--resume", "--set", "sweep.backend=neuron,blas,tbb")
    assert "has a trial blas-t1-s1" in refused(half, "--resume", "--set", "sweep.backend=neuron")
    assert "is of s1, which" in refused(half, "--resume", "--set", "sweep.seed=2")


def test_a_checkpoint_of_another_build_is_refused(bench: Bench, half: Sweep) -> None:
    for path in half.trials.glob("*.h5"):
        path.unlink()
    changed = bench.folder / "stepbench"
    shutil.copy(bench.program, changed)
    with changed.open("ab") as file:
        file.write(b"\0")
    half.program = changed
    assert "another build of" in refused(half, "--resume")


def test_how_often_checkpoints_are_written_can_change(half: Sweep) -> None:
    ended = half.run("--resume", "--set", "record.checkpoint_every=never")
    assert ended.code == 0 and "s1 goes on: " in ended.stderr, ended


def test_a_damaged_checkpoint_is_told_and_its_group_starts_anew(bench: Bench, half: Sweep) -> None:
    damaged = half.trials / "s1.checkpoint"
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    ended = half.run("--resume")
    assert ended.code == 0 and "s1.checkpoint: is damaged" in ended.stderr and "goes on: " not in ended.stderr, ended
    assert sorted(path.name for path in half.folder.iterdir()) == ["out.h5", "small.cfg"]


def test_the_checkpoint_of_a_finished_group_is_removed(bench: Bench, half: Sweep) -> None:
    """As after a kill between the last trial's file and the checkpoint's end."""
    checkpoint = (half.trials / "s1.checkpoint").read_bytes()
    assert half.run("--resume", "--set", "record.keep_trial_files=true").code == 0
    half.output.unlink()
    (half.trials / "s1.checkpoint").write_bytes(checkpoint)
    before = {path: path.read_bytes() for path in half.trials.glob("*.h5")}
    ended = half.run("--resume", "--set", "record.keep_trial_files=true")
    assert ended.code == 0 and "2 of 2 trials are finished" in ended.stderr and "goes on: " not in ended.stderr, ended
    assert contents(half.trials) == {str(path): content for path, content in sorted(before.items())}


def test_a_checkpoint_that_cannot_be_written_ends_nothing(bench: Bench) -> None:
    settings = {"seeds": (1,), "rounds": 4}
    reference, _ = bench.reference(**settings)
    sweep = bench.sweep("sweep", **settings)
    ended = sweep.run(*EACH_ROUND, environment=bench.faults(sweep, "write", 1, 28, good=False))
    assert ended.code == 0 and "no checkpoint of s1: " in ended.stderr and "No space left" in ended.stderr, ended
    sweep.check_complete(reference)


def test_kill_during_checkpoints_loses_nothing(bench: Bench) -> None:
    tally = campaigns.kill_during_checkpoints(bench, 12, seed=1)
    tally.assert_kept(at_least=12)
    assert tally.notes["from_a_checkpoint"] >= 3, tally
