"""The attempts to lose or spoil a result: each campaign disturbs sweeps, holds the promises against what is left, and
counts. Shared by the quick tests (test_*.py) and the long runs (run_campaign.py).
"""

import errno
import math
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sweep import BACKENDS, Broken, Ended, Results, Sweep, died_of, results

CALLS = ("open", "flock", "write", "fsync", "rename", "close", "mkdir", "remove", "rmdir")


@dataclass
class Tally:
    """What a campaign found."""

    attempts: int = 0
    broken: list[str] = field(default_factory=list)
    notes: dict[str, float] = field(default_factory=dict)
    rows: list[dict[str, object]] = field(default_factory=list)  # of a table of its own

    def attempt(self, what: str, do: Callable[[], object]) -> None:
        self.attempts += 1
        self.hold(what, do)

    def hold(self, what: str, do: Callable[[], object]) -> None:
        """As attempt(), for what is no attempt of its own: the end of a sweep that was disturbed before."""
        try:
            do()
        except (Broken, KeyError, OSError) as error:  # the latter two: a file that lacks what it must hold, or is none
            self.broken.append(f"{what}: {error}")

    def assert_kept(self, at_least: int) -> None:
        """For tests: no promise was broken, and it was tried so often."""
        assert not self.broken, "\n".join(self.broken)
        assert self.attempts >= at_least, self

    def most(self, name: str, value: float) -> None:
        self.notes[name] = max(self.notes.get(name, 0.0), value)

    def add(self, name: str, value: float = 1) -> None:
        self.notes[name] = self.notes.get(name, 0.0) + value


@dataclass(frozen=True)
class Bench:
    """The program, the shim and a folder to work in."""

    program: Path
    shim: Path
    folder: Path

    def sweep(self, name: str, **settings: object) -> Sweep:
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        return Sweep(self.program, folder, **settings)  # type: ignore[arg-type]

    def reference(self, **settings: object) -> tuple[Results, float]:
        """What an undisturbed run finds, and how long it takes."""
        sweep = self.sweep("reference", **settings)
        begin = time.monotonic()
        ended = sweep.run()
        if ended.code != 0:
            raise Broken(f"an undisturbed run ends with {ended.code}: {ended.stderr}")
        return results(sweep.output), time.monotonic() - begin

    def faults(
        self, sweep: Sweep, calls: str, at: int, action: str | int, good: bool, links: int = 0
    ) -> dict[str, str]:
        """The environment that makes fault_shim.c do so; its words are explained there."""
        (sweep.folder.parent / "calls.log").unlink(missing_ok=True)
        return {
            "LD_PRELOAD": str(self.shim),
            "FAULT_FOLDER": str(sweep.folder),  # the config is named without its folder, and so passes
            "FAULT_CALLS": calls,
            "FAULT_AT": str(at),
            "FAULT_ACTION": str(action),
            "FAULT_GOOD": str(int(good)),
            "FAULT_LINKS": str(links),
            "FAULT_LOG": str(sweep.folder.parent / "calls.log"),
        }

    def calls_logged(self) -> list[str]:
        log = self.folder / "calls.log"
        return log.read_text().split() if log.exists() else []


def _finish(sweep: Sweep, reference: Results) -> Ended:
    """Resumes an undisturbed sweep to its end, which must be that of one run in one go."""
    ended = sweep.run("--resume")
    if "damaged" in ended.stderr or "truncated" in ended.stderr:
        raise Broken(f"an unreadable file: {ended.stderr}")
    if ended.code != 0:
        raise Broken(f"--resume ends with {ended.code}: {ended.stderr}")
    sweep.check_complete(reference)
    return ended


def kill_at_random_moments(bench: Bench, count: int, seed: int) -> Tally:
    """kill -9, again and again on one sweep until it is through, then on the next. Every third sweep replaces a whole
    old output, which must stand until the new one does."""
    tally, chance = Tally(), random.Random(seed)
    reference, longest = bench.reference()
    number = 0
    while tally.attempts < count:
        number += 1
        sweep = bench.sweep("sweep")
        replaces = number % 3 == 0
        if replaces:
            shutil.copy(bench.folder / "reference" / "out.h5", sweep.output)
        options = ["--overwrite"] if replaces else ["--resume"]
        while tally.attempts < count:
            ended = sweep.run(*options, send=(signal.SIGKILL, chance.uniform(0, longest)))
            if sweep.is_to_be_replaced():  # until it has begun, --overwrite is still to be asked for
                options = ["--resume"]

            def disturb() -> None:
                died_of(ended, signal.SIGKILL)
                if ended.code > 0:
                    raise Broken(f"exit code {ended.code}: {ended.stderr}")
                if "damaged" in ended.stderr or "truncated" in ended.stderr:
                    raise Broken(f"an unreadable file: {ended.stderr}")
                if replaces and results(sweep.output) != reference:  # the old one and the new one have the same bits
                    raise Broken("the old output was spoilt")
                sweep.check()
            if ended.code == 0:
                tally.hold(f"sweep {number}", disturb)
                break
            tally.attempt(f"sweep {number}", disturb)
        tally.add("sweeps")
        tally.hold(f"sweep {number}, resumed", lambda: _finish(sweep, reference))
    return tally


def kill_at_each_call(bench: Bench, every: int = 1, links: int = 0, overwrite: bool = False) -> Tally:
    """kill -9 in place of (and in the middle of) every file system call from the first to the last."""
    tally = Tally()
    settings = {"seeds": (1,), "rounds": 1}
    reference, _ = bench.reference(**settings)
    at = 0
    while True:
        at += every
        sweep = bench.sweep("sweep", **settings)
        if overwrite:
            shutil.copy(bench.folder / "reference" / "out.h5", sweep.output)
        fault = bench.faults(sweep, "all", at, "torn", good=False, links=links)
        ended = sweep.run(*(["--overwrite"] if overwrite else []), environment=fault)
        if "fault" not in bench.calls_logged():
            if ended.code != 0:
                tally.broken.append(f"without a fault it ends with {ended.code}: {ended.stderr}")
            tally.notes["calls"] = len(bench.calls_logged())
            return tally

        def disturb() -> None:
            died_of(ended, signal.SIGKILL)
            sweep.check()
            if overwrite and results(sweep.output) != reference:
                raise Broken("the old output was spoilt")
            _finish(sweep, reference)
        tally.attempt(f"call {at}, {bench.calls_logged()[-2:]}", disturb)


EACH_ROUND = ("--set", "record.checkpoint_every=0 s")


def kill_during_checkpoints(bench: Bench, count: int, seed: int) -> Tally:
    """kill -9 at some file system call, most of them of a checkpoint after each round, again and again on one sweep until
    it is through, then on the next."""
    tally, chance = Tally(), random.Random(seed)
    settings = {"seeds": (1, 2), "steps": 48, "rounds": 8, "optimizer": "adamw"}
    reference, _ = bench.reference(**settings)
    while tally.attempts < count:
        sweep = bench.sweep("sweep", **settings)
        while tally.attempts < count:
            fault = bench.faults(sweep, "all", chance.randint(1, 60), "torn", good=False)
            ended = sweep.run("--resume", *EACH_ROUND, environment=fault)
            if "fault" not in bench.calls_logged():
                break

            def disturb() -> None:
                died_of(ended, signal.SIGKILL)
                if "damaged" in ended.stderr or "truncated" in ended.stderr:
                    raise Broken(f"an unreadable file: {ended.stderr}")
                sweep.check()
            tally.attempt(f"kill {tally.attempts + 1}, {bench.calls_logged()[-2:]}", disturb)
            tally.add("from_a_checkpoint", "goes on: " in ended.stderr)
        tally.add("sweeps")
        tally.hold("resumed", lambda: _finish(sweep, reference))
    return tally


def fail_each_call(
    bench: Bench,
    calls: tuple[str, ...] = CALLS,
    goods: tuple[bool, ...] = (False, True),
    backends: tuple[str, ...] = BACKENDS,
) -> Tally:
    """Call 1, 2, 3, ... of each kind fails, once and for good; writes are also cut short. Notes how many failures of
    each kind ended the run."""
    tally = Tally()
    settings = {"seeds": (1,), "backends": backends, "rounds": 1}
    reference, _ = bench.reference(**settings)
    for call in calls:
        actions: list[str | int] = [errno.ENOSPC if call in ("open", "write", "mkdir") else errno.EIO]
        for action in [*actions, *(["short"] if call == "write" else [])]:
            for good in goods:
                at = 0
                while at == 0 or "fault" in bench.calls_logged():
                    at += 1
                    sweep = bench.sweep("sweep", **settings)
                    ended = sweep.run(environment=bench.faults(sweep, call, at, action, good))
                    if "fault" not in bench.calls_logged():
                        break
                    what = f"{call} {at} {'from there on' if good else 'once'}, {action}"
                    tally.attempt(what, lambda: _held_against_failure(sweep, ended, reference, call, action))
                    tally.add(call, ended.code == 1)
    return tally


def _held_against_failure(sweep: Sweep, ended: Ended, reference: Results, call: str, action: str | int) -> None:
    died_of(ended)
    sweep.check()
    temporaries = [path.name for path in sweep.folder.rglob(".*.tmp-*")]
    if temporaries and call != "remove":
        raise Broken(f"left over: {temporaries}")
    if ended.code == 0:  # what failed does no harm: a descriptor of a folder that is closed, a copy that stays
        if results(sweep.output) != reference:
            raise Broken("exit code 0 without the whole result")
    elif action == "short":
        raise Broken(f"a short write ends the run: {ended.stderr}")
    elif ended.code != 1 or len(ended.complaints()) != 1:
        raise Broken(f"exit code {ended.code}, on stderr:\n{ended.stderr}")
    if ended.code == 0 and sweep.trials.exists():
        if sweep.run("--resume").code != 0:
            raise Broken("what stayed behind stands in the way")
    else:
        _finish(sweep, reference)


def fill_the_disk(bench: Bench, sizes_kb: range) -> Tally:
    """The sweep on a file system with room for so many kilobytes, smaller than it needs. Root only."""
    tally = Tally()
    settings = {"seeds": (1, 2), "rounds": 1}
    reference, _ = bench.reference(**settings)
    for size in sizes_kb:
        folder = bench.folder / "sweep"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(folder)]
        subprocess.run(mount, check=True, capture_output=True)
        try:
            sweep = Sweep(bench.program, folder, **settings)  # type: ignore[arg-type]
            ended = sweep.run()

            def disturb() -> None:
                died_of(ended)
                sweep.check()
                if ended.code == 0:
                    sweep.check_complete(reference)
                    return
                tally.add("full")
                if ended.code != 1 or len(ended.complaints()) != 1 or "No space" not in ended.stderr:
                    raise Broken(f"exit code {ended.code}, on stderr:\n{ended.stderr}")
                subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True, capture_output=True)
                _finish(sweep, reference)
            tally.attempt(f"{size} KB", disturb)
        finally:
            subprocess.run(["umount", str(folder)], check=True, capture_output=True)
    return tally


def can_mount() -> bool:
    """Whether fill_the_disk can work here: root may still lack the right inside a container."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    probe = ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return shutil.which("unshare") is not None and subprocess.run(probe, capture_output=True).returncode == 0


def interrupt_at_random_times(bench: Bench, count: int, seed: int, most_seconds: float = math.inf) -> Tally:
    """SIGINT (every fourth time SIGTERM), again and again on one sweep until it is through, then on the next. A signal
    that comes while the program still starts ends it as any program; nothing has been written then. A step here takes
    microseconds: `most_seconds` is what the program may take beyond it, on a machine that does nothing else."""
    tally, chance = Tally(), random.Random(seed)
    settings = {"steps": 3000, "rounds": 3}
    reference, longest = bench.reference(**settings)
    while tally.attempts < count:
        sweep = bench.sweep("sweep", **settings)
        while tally.attempts < count:
            number = signal.SIGTERM if tally.attempts % 4 == 3 else signal.SIGINT
            ended = sweep.run("--resume", send=(number, chance.uniform(0, longest)))

            def disturb() -> None:
                died_of(ended, number)
                sweep.check()
                if ended.code == 130 and ("--resume" not in ended.stderr or len(ended.complaints()) != 1):
                    raise Broken(f"on stderr:\n{ended.stderr}")
                if ended.code != 0 and ended.seconds_after_signal > most_seconds:
                    raise Broken(f"{ended.seconds_after_signal:.1f} s from signal to end")
                if ended.code not in (0, 130, -number):
                    raise Broken(f"exit code {ended.code}: {ended.stderr}")
            if ended.code == 0:  # it was through before the signal, or as it came
                tally.hold("completed", disturb)
                break
            tally.attempt(f"signal {tally.attempts + 1}", disturb)
            tally.add("stopped" if ended.code == 130 else "before_the_run")
            tally.most("longest_s", ended.seconds_after_signal)
        tally.hold("resumed", lambda: _finish(sweep, reference))
    return tally
