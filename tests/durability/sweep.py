"""A small sweep, run by the real program under disturbance, and the checks that hold at every moment of it.

Knows the program's files from the documentation of the format only. Does not choose moments or faults: campaigns.py.
"""

import os
import re
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import h5py

SEEDS = (1, 2, 3)
BACKENDS = ("neuron", "blas")
_LONGEST_RUN = 300  # s; far above any run, also on a busy machine: a hang is a failure
_CONFIG = """
[experiment]
name = small
[dataset]
kind = blobs
features = 4
classes = 3
samples = 120
[model]
kind = mlp
layers = 4,8,3
[training]
steps = {steps}
batch_size = 16
learning_rate = 0.1
optimizer = {optimizer}
[measure]
rounds = {rounds}
[sweep]
backend = {backends}
seed = {seeds}
"""

Results = dict[str, tuple[str, tuple[float, ...]]]  # trial id -> digest of its parameters, losses


class Broken(Exception):
    """A promise that was not kept; the message says which and how."""


def answer_signals() -> None:
    """For the child: a shell starts its background jobs, and so all that they start, with SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))


@dataclass(frozen=True)
class Ended:
    code: int  # negative: minus the signal
    stdout: str
    stderr: str
    seconds_after_signal: float = 0.0

    def complaints(self) -> list[str]:
        """The lines on stderr that are neither progress nor warnings."""
        lines = [line for line in self.stderr.splitlines() if line.startswith("stepbench: ")]
        usual = ("stepbench: warning: ", "stepbench: OpenBLAS took", "stepbench: stopping after", r"stepbench: \d+ of ",
                 r"stepbench: \S+ goes on: ")  # fmt: skip
        return [line for line in lines if not re.match("|".join(usual), line)]


@dataclass
class Sweep:
    """One sweep in a folder of its own, run as often as it takes."""

    program: Path
    folder: Path
    seeds: tuple[int, ...] = SEEDS
    backends: tuple[str, ...] = BACKENDS
    steps: int = 24
    rounds: int = 2
    optimizer: str = "sgd"
    announced: set[str] = field(default_factory=set)  # trials that the program said are finished

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "small.cfg").write_text(
            _CONFIG.format(
                steps=self.steps,
                rounds=self.rounds,
                optimizer=self.optimizer,
                backends=",".join(self.backends),
                seeds=",".join(map(str, self.seeds)),
            )
        )

    @property
    def output(self) -> Path:
        return self.folder / "out.h5"

    @property
    def trials(self) -> Path:
        return self.folder / "out.trials"

    @property
    def ids(self) -> list[str]:
        return [f"{backend}-t1-s{seed}" for seed in self.seeds for backend in self.backends]

    def run(
        self,
        *options: str,
        environment: Mapping[str, str] = {},
        send: tuple[int, float] | None = None,
        preexec: Callable[[], object] = answer_signals,
    ) -> Ended:
        """Runs the sweep to its end, or sends it a signal after so many seconds."""
        command = [str(self.program), "run", "small.cfg", "-v", "--output", str(self.output), *options]
        with subprocess.Popen(
            command, cwd=self.folder, env=os.environ | dict(environment), encoding="utf-8",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=preexec,
        ) as child:  # fmt: skip
            sent = time.monotonic()
            try:
                stdout, stderr = child.communicate(timeout=send[1] if send else _LONGEST_RUN)
            except subprocess.TimeoutExpired:
                if send:
                    child.send_signal(send[0])
                    sent = time.monotonic()
                late = end_of(child)
                stdout, stderr = late.stdout, late.stderr
            ended = Ended(child.returncode, stdout, stderr, time.monotonic() - sent if send else 0.0)
        self.announced |= set(re.findall(r"^(\S+): (?:completed|diverged)$", stderr, re.MULTILINE))
        return ended

    def is_to_be_replaced(self) -> bool:
        """Whether the output is an older run's, by the mark that --overwrite leaves until the new one is whole."""
        return (self.trials / ".replaces-old-file").exists()

    def finished(self) -> set[str]:
        """The trials that the files hold as finished; checks every file that has a final name."""
        found: set[str] = set()
        whole = [self.output] if self.output.exists() and not self.is_to_be_replaced() else []
        for path in [*sorted(self.trials.glob("[!.]*.h5")), *whole]:
            found |= {trial for trial, status in _statuses(path).items() if status == "completed"}
        return found

    def check(self) -> None:
        """What must hold at any moment: every file is whole, and nothing that was finished is gone."""
        lost = self.announced - self.finished()
        if lost:
            raise Broken(f"finished and lost: {sorted(lost)}")

    def check_complete(self, reference: Results) -> None:
        """What must hold at the end: all trials, once, with the bits of an undisturbed run, and nothing left over."""
        left = sorted(path.name for path in self.folder.iterdir())
        if left != ["out.h5", "small.cfg"]:
            raise Broken(f"left over: {left}")
        found = results(self.output)
        if list(found) != self.ids:
            raise Broken(f"trials {list(found)} instead of {self.ids}")
        if found != reference:
            others = [trial for trial in found if found[trial] != reference[trial]]
            raise Broken(f"other bits than an undisturbed run: {others}")


def start(sweep: Sweep, *options: str, environment: Mapping[str, str] = {}) -> "subprocess.Popen[str]":
    """The sweep under way."""
    command = [str(sweep.program), "run", "small.cfg", "-v", "-o", str(sweep.output), *options]
    return subprocess.Popen(
        command, cwd=sweep.folder, env=os.environ | dict(environment), encoding="utf-8", stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, preexec_fn=answer_signals,
    )  # fmt: skip


def start_and_wait_for(sweep: Sweep, words: str, *options: str) -> "subprocess.Popen[str]":
    """The sweep under way, once its stderr says so."""
    child = start(sweep, *options)
    assert child.stderr is not None
    for line in child.stderr:
        if words in line:
            return child
    raise AssertionError(f"it ended without saying {words!r}")


def end_of(child: "subprocess.Popen[str]") -> Ended:
    try:
        stdout, stderr = child.communicate(timeout=_LONGEST_RUN)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        raise Broken(f"still running after {_LONGEST_RUN} s") from None
    return Ended(child.returncode, stdout, stderr)


def results(path: Path) -> Results:
    """By trial, in the order of /summary; every trial must stand there and in its group once."""
    _check_trailer(path)
    with h5py.File(path) as file:
        ids = list(file["summary/id"].asstr())
        if len(set(ids)) != len(ids) or sorted(ids) != sorted(file["trials"]):
            raise Broken(f"{path.name}: /summary has {ids}, /trials {sorted(file['trials'])}")
        members = [trial for group in file["groups"].values() for trial in group["rounds/trial"].asstr()[:]]
        if len(set(members)) != len(members):
            raise Broken(f"{path.name}: a trial stands in a group twice: {members}")
        return {
            trial: (
                str(file[f"trials/{trial}"].attrs["parameter_digest"]),
                tuple(float(loss) for loss in file[f"trials/{trial}/steps/train_loss"][:]),
            )
            for trial in ids
        }


def _statuses(path: Path) -> dict[str, str]:
    _check_trailer(path)
    with h5py.File(path) as file:
        return {trial: str(group.attrs["status"]) for trial, group in file["trials"].items()}


def _check_trailer(path: Path) -> None:
    """Magic and length; the checksum is checked by the program when it resumes, which warns."""
    content = path.read_bytes()
    if content[-32:-24] != b"\x89SBENCH\n" or struct.unpack("<Q", content[-24:-16])[0] != len(content) - 32:
        raise Broken(f"{path.name} is not whole")


def died_of(ended: Ended, *signals: int) -> None:
    """Fails when the program died of any other signal than these: it crashed."""
    if ended.code < 0 and -ended.code not in signals:
        raise Broken(f"crashed: {signal.Signals(-ended.code).name}\n{ended.stderr}")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def refused(sweep: Sweep, *options: str, code: int = 2, **how: object) -> str:
    """The one line of a refusal that left everything as it was."""
    before = contents(sweep.folder)
    ended = sweep.run(*options, **how)  # type: ignore[arg-type]
    assert (ended.code, ended.stdout, len(ended.complaints())) == (code, "", 1), ended
    assert contents(sweep.folder) == before
    return ended.complaints()[0]
