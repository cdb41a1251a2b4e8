"""Peers from the command line: what cannot run is one line and its exit code; nothing is left when the program is killed."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

PROGRAM = os.environ["STEPBENCH"]
FAULTY = Path(__file__).parent / "faulty"
SCRIPTS = Path(__file__).resolve().parents[2] / "scripts" / "peers"
CONFIG = """[dataset]
kind = blobs
features = 4
classes = 3
samples = 200
[model]
kind = mlp
layers = 4,8,3
[training]
steps = 60
learning_rate = 0.1
[sweep]
backend = peer
"""


def run(folder: Path, *sets: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    (folder / "peer.cfg").write_text(CONFIG)
    words = [PROGRAM, "run", "peer.cfg", "-q", *(f"--set={text}" for text in sets)]
    return subprocess.run(
        words, cwd=folder, env=os.environ | (environment or {}), capture_output=True, text=True, timeout=60
    )


def refusal(done: subprocess.CompletedProcess[str], code: int) -> str:
    assert done.returncode == code
    [line] = done.stderr.splitlines()
    return line


def test_no_interpreter(tmp_path: Path) -> None:
    line = refusal(run(tmp_path, "sweep.backend=numpy", environment={"STEPBENCH_PYTHON": "/nowhere/python"}), 2)
    assert 'STEPBENCH_PYTHON: found "/nowhere/python", allowed: the path of a Python 3' in line


def test_no_library(tmp_path: Path) -> None:
    fake = tmp_path / "python"  # a Python that has nothing but itself
    fake.write_text("#!/bin/sh\nexec /usr/bin/python3 -S \"$@\"\n")
    fake.chmod(0o755)
    line = refusal(run(tmp_path, "sweep.backend=pytorch", environment={"STEPBENCH_PYTHON": str(fake)}), 2)
    assert "not on this machine" in line and "scripts/peers/install" in line


def test_missing_script(tmp_path: Path) -> None:
    line = refusal(run(tmp_path, "backend.peer.script=gone.py"), 2)
    assert "the script of the peer peer is not there; looked at gone.py" in line


@pytest.mark.parametrize("name", ["rubbish", "dies"])
def test_peer_that_fails(tmp_path: Path, name: str) -> None:
    done = run(tmp_path, f"backend.peer.script={FAULTY / name}.py", "sweep.backend=blas,peer")
    assert done.returncode == 1
    assert sum("failed" in line for line in done.stderr.splitlines()) == 1


def test_peer_that_is_slower_than_its_limit(tmp_path: Path) -> None:
    done = run(tmp_path, f"backend.peer.script={FAULTY / 'slow'}.py", "backend.peer.time_limit=1",
               "sweep.backend=blas,peer", "measure.rounds=1", "measure.evaluate_every=60 steps")  # fmt: skip
    assert done.returncode == 1
    assert "says nothing for 1 s" in done.stderr and "backend.peer.time_limit" in done.stderr


def children_of(process: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == process and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("script", [FAULTY / "hangs.py", FAULTY / "spins.py", FAULTY / "silent.py"])
def test_no_peer_outlives_a_killed_parent(tmp_path: Path, script: Path) -> None:
    (tmp_path / "peer.cfg").write_text(CONFIG)
    words = [PROGRAM, "run", "peer.cfg", "-q", f"--set=backend.peer.script={script}", "--set=training.steps=1000000"]
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as parent:
        limit = time.monotonic() + 30
        peers: list[int] = []
        while not peers and time.monotonic() < limit:
            time.sleep(0.05)
            peers = children_of(parent.pid)
        assert peers
        time.sleep(0.5)  # into its answers, or between them
        peers = children_of(parent.pid) or peers
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        while any(map(is_alive, peers)) and time.monotonic() < limit:
            time.sleep(0.05)
        assert not any(map(is_alive, peers))


def test_interrupt_ends_the_run_and_its_peers(tmp_path: Path) -> None:
    (tmp_path / "peer.cfg").write_text(CONFIG)
    words = [PROGRAM, "run", "peer.cfg", "-q", f"--set=backend.peer.script={FAULTY / 'slow'}.py",
             "--set=training.steps=1000", "--set=measure.rounds=1"]  # fmt: skip
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as parent:
        time.sleep(3)
        parent.send_signal(signal.SIGINT)
        _, said = parent.communicate(timeout=20)
    assert parent.returncode == 130, said


def test_a_group_with_a_peer_leaves_no_checkpoint_and_says_that_it_starts_anew(tmp_path: Path) -> None:
    (tmp_path / "peer.cfg").write_text(CONFIG)
    words = [PROGRAM, "run", "peer.cfg", "-v", "-o", "out.h5", f"--set=backend.peer.script={SCRIPTS / 'example.py'}",
             "--set=sweep.backend=blas,peer", "--set=training.steps=3000000", "--set=measure.rounds=1000",
             "--set=record.checkpoint_every=0 s"]  # fmt: skip
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as parent:
        assert parent.stderr is not None
        assert any("peer-t1-s1: passed the gate" in line for line in parent.stderr)
        time.sleep(2)
        parent.send_signal(signal.SIGTERM)
        _, said = parent.communicate(timeout=30)
    assert parent.returncode == 130 and "stopping after this step" in said, said
    trials = tmp_path / "out.trials"
    assert sorted(path.name for path in trials.iterdir()) == ["blas-t1-s1.h5", "peer-t1-s1.h5"]
    with subprocess.Popen([*words, "--resume"], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True) as again:  # fmt: skip
        assert again.stderr is not None
        lines: list[str] = []
        while not any("passed the gate" in line for line in lines):
            lines.append(again.stderr.readline())
            assert lines[-1], lines
        again.kill()
    assert any("s1 starts anew: peer trains in a process of its own, which hands over no moments" in line
               for line in lines), lines  # fmt: skip


def test_example_is_short_and_in_the_rounds(tmp_path: Path) -> None:
    example = SCRIPTS / "example.py"
    assert len(example.read_text().splitlines()) <= 80
    done = run(tmp_path, f"backend.peer.script={example}", "sweep.backend=blas,peer")
    assert done.returncode == 0, done.stderr
    assert "peer" in done.stdout
