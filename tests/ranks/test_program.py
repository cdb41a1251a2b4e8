"""Ranks from the command line: in the rounds like any arm, and what becomes of a trial whose ranks do not go on."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

PROGRAM = os.environ["STEPBENCH"]
MLP = """[dataset]
kind = blobs
features = 24
classes = 3
samples = 2000
[model]
kind = mlp
layers = 24,40,3
loss = cross_entropy
output = linear
[training]
steps = 24
batch_size = 600
optimizer = momentum
learning_rate = 0.05
[measure]
rounds = 4
evaluate_every = 24 steps
[sweep]
backend = tbb
ranks = 1,2,3,4,8
threads = 1,2
"""
TRANSFORMER = """[dataset]
kind = copy
alphabet = 8
length = 12
samples = 400
[model]
kind = transformer
d_model = 24
heads = 2
blocks = 2
context = 24
[training]
steps = 12
batch_size = 60
optimizer = adamw
learning_rate = 0.003
gradient_clip = 0.5
[measure]
rounds = 3
evaluate_every = 12 steps
[sweep]
backend = tbb
ranks = 1,2,3,4,8
threads = 1,2
"""


def run(folder: Path, config: str, *sets: str) -> subprocess.CompletedProcess[str]:
    (folder / "ranks.cfg").write_text(config)
    words = [PROGRAM, "run", "ranks.cfg", "-q", "-o", "ranks.h5", *(f"--set={text}" for text in sets)]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300)


def digests(folder: Path) -> dict[str, str]:
    with h5py.File(folder / "ranks.h5") as file:
        trials = {name: trial.attrs for name, trial in file["trials"].items()}
        assert all(attributes["status"] == "completed" for attributes in trials.values())
        return {name: attributes["parameter_digest"] for name, attributes in trials.items()}


@pytest.mark.parametrize("config", [MLP, TRANSFORMER], ids=["mlp", "transformer"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_one_digest_for_any_ranks_and_threads(tmp_path: Path, config: str, precision: str) -> None:
    done = run(tmp_path, config, f"training.precision={precision}")
    assert done.returncode == 0, done.stderr
    found = digests(tmp_path)
    assert len(found) == 10 and "tbb-r3-t2-s1" in found
    assert len(set(found.values())) == 1
    assert "NO" not in done.stdout


def test_another_learning_rate_gives_another_digest(tmp_path: Path) -> None:
    done = run(tmp_path, MLP, "sweep.ranks=2", "sweep.threads=1", "sweep.training.learning_rate=0.05,0.06")
    assert done.returncode == 0, done.stderr
    assert len(set(digests(tmp_path).values())) == 2


def test_ranks_beside_what_runs_in_the_program(tmp_path: Path) -> None:
    done = run(tmp_path, MLP, "sweep.backend=blas,neuron", "sweep.ranks=0,2", "sweep.threads=1",
               "measure.baseline=blas-r2-t1", "sweep.ranks.reduction=exact,fast")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert set(digests(tmp_path)) == {
        "blas-t1-s1", "neuron-t1-s1", *(f"{backend}-r2-t1-reduction{how}-s1" for backend in ("blas", "neuron")
                                        for how in ("exact", "fast"))
    }  # fmt: skip


def ranks_of(parent: int) -> list[int]:
    """The living rank programs below a process."""
    parents: dict[int, int] = {}
    names: dict[int, str] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = status.read_text().rpartition(")")
        except OSError:
            continue
        fields = rest.split()
        if fields[0] != "Z":
            process = int(status.parent.name)
            parents[process], names[process] = int(fields[1]), name.partition("(")[2]

    def is_below(process: int) -> bool:
        return process == parent or (process in parents and is_below(parents[process]))

    return [process for process, name in names.items() if name == "stepbench-rank" and is_below(process)]


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    limit = time.monotonic() + seconds
    while not condition() and time.monotonic() < limit:
        time.sleep(0.05)
    assert condition()


def start(folder: Path, *sets: str) -> subprocess.Popen[str]:
    (folder / "ranks.cfg").write_text(MLP)
    words = [PROGRAM, "run", "ranks.cfg", "-q", "-o", "ranks.h5", "--set=training.steps=40000",
             "--set=measure.rounds=1", "--set=measure.twin=false", "--set=measure.evaluate_every=40000 steps",
             *(f"--set={text}" for text in sets)]  # fmt: skip
    return subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(("how", "says"), [(signal.SIGKILL, "has ended"), (signal.SIGSTOP, "ranks.time_limit")])
def test_a_rank_that_is_lost_fails_its_trial_alone(tmp_path: Path, how: signal.Signals, says: str) -> None:
    with start(tmp_path, "sweep.ranks=0,2", "sweep.threads=1", "ranks.time_limit=5", "training.steps=200000") as parent:
        wait_for(lambda: len(ranks_of(parent.pid)) == 2)
        wait_for(lambda: not ranks_of(parent.pid))  # the gate's
        wait_for(lambda: len(ranks_of(parent.pid)) == 2)
        ranks = ranks_of(parent.pid)
        time.sleep(2)  # into the one block that it trains
        os.kill(ranks[1], how)
        _, said = parent.communicate(timeout=60)
    assert parent.returncode == 1
    [line] = [line for line in said.splitlines() if "failed" in line]
    assert "tbb-r2-t1-s1 failed: tbb on 2 ranks" in line and says in line
    with h5py.File(tmp_path / "ranks.h5") as file:
        states = {name: trial.attrs["status"] for name, trial in file["trials"].items()}
    assert states == {"tbb-t1-s1": "completed", "tbb-r2-t1-s1": "failed"}
    wait_for(lambda: not any(map(is_running, ranks)))


def test_no_rank_outlives_a_killed_program(tmp_path: Path) -> None:
    with start(tmp_path, "sweep.ranks=3", "sweep.threads=1") as parent:
        wait_for(lambda: len(ranks_of(parent.pid)) == 3)
        ranks = ranks_of(parent.pid)
        parent.kill()
        parent.wait()
        wait_for(lambda: not any(map(is_running, ranks)))


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("ranks.launcher=mpirun -n 2", "allowed: a command with {ranks}"),
        ("ranks.launcher=nowhere {ranks}", 'there is no program "nowhere"'),
        ("ranks.reduction=sloppy", "allowed: exact, fast"),
        ("sweep.backend=numpy", "which has no ranks"),
    ],
)
def test_what_ranks_cannot_have_is_one_line(tmp_path: Path, setting: str, says: str) -> None:
    done = run(tmp_path, MLP, "sweep.ranks=2", setting)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert says in line


def test_a_setting_of_ranks_without_ranks_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path, MLP.replace("ranks = 1,2,3,4,8\n", ""), "ranks.overlap=false")
    assert done.returncode == 2
    assert "no trial uses it (it applies with sweep.ranks)" in done.stderr
