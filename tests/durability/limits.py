"""What a run gives under each limit of the system: a shell's line for each, and what must come of it.

A row of the table in tests/README.md each. Left out: disks, which are the campaigns' (campaigns.py).
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from campaigns import Bench, Tally
from sweep import Broken, Sweep

_LONGEST = 120  # s; far above any of these
_USER = 54321  # root has no limit on processes and no folder that it cannot write to
RUN = "stepbench run small.cfg -o out.h5"
_THREADS = f"{RUN} --set sweep.threads=1,8"


@dataclass(frozen=True)
class Limit:
    limit: str  # as the table names it
    line: str  # of a shell, in a folder with small.cfg
    code: int
    says: str = ""  # a regular expression that a line on stderr must have; empty: no line but warnings
    user: bool = False  # not as root


LIMITS = (
    Limit("`ulimit -u 1`", f"ulimit -u 1; {_THREADS}", 1,
          "blas-t8-s1 failed: 7 more threads are needed, 0 can be had", user=True),
    Limit("`ulimit -u 5`", f"ulimit -u 5; {_THREADS}", 1,
          r"tbb_openblas-t8-s1 failed: 7 more threads are needed, \d can be had", user=True),
    Limit("`ulimit -v 150000`", f"ulimit -v 150000; {RUN}", 1,
          "blas-t1-s1 failed: 256 MB more are needed for OpenBLAS's buffers, 0 MB can be had"),
    Limit("`ulimit -v`, 4 MB above the least with which it starts", f"ulimit -v {{LEAST}}; {RUN}", 1,
          "^stepbench: (8 MB more are needed for an HDF5 file|out of memory)"),
    Limit("`ulimit -n 5`", f"ulimit -n 5; {RUN}", 1, "out.h5: cannot write: Too many open files, see `ulimit -n`"),
    Limit("`ulimit -n 7`", f"ulimit -n 7; {RUN}", 0),
    Limit("`ulimit -f 10`", f"ulimit -f 10; {RUN}", 1, r"\.h5: cannot write: File too large; no trial is finished yet"),
    Limit("`ulimit -S -t 2`", f"ulimit -S -t 2; {RUN} --set training.steps=9000000", 130, "interrupted: .*--resume goes on"),
    Limit("stderr full", f"{RUN} -v 2>/dev/full", 0),
    Limit("stderr closed", f"{RUN} -v 2>&-", 0),
    Limit("stdout full", f"{RUN} >/dev/full", 1,
          "standard output cannot be written: No space left on device; the results are whole: out.h5"),
    Limit("stdout closed", f"{RUN} >&-", 1,
          "standard output cannot be written: Bad file descriptor; the results are whole: out.h5"),
    Limit("no `HOME`, no variable at all", f"env -i {RUN}", 0),
    Limit("`TMPDIR` is missing", f"TMPDIR=/nowhere {RUN}", 0),
    Limit("the folder is read-only", f"chmod a-w .; {RUN}", 1,
          "out.h5: cannot write into its folder: Permission denied", user=True),
    Limit("`results/` is read-only", "mkdir -m 555 results; stepbench run small.cfg", 1,
          "results/small.h5: cannot write into its folder: Permission denied", user=True),
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A folder that anybody may use, with the program in it."""

    program: Path
    sweep: Sweep

    def shell(self, line: str, user: bool = False) -> "subprocess.CompletedProcess[str]":
        """Runs a line with `stepbench` in it. A limit on processes counts from what the user has already."""
        drop, uid = [], os.geteuid()
        if user and uid == 0:
            drop, uid = ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups"], _USER
        line = re.sub(r"ulimit -u (\d+)", lambda number: f"ulimit -u {int(number[1]) + threads_of(uid)}", line)
        line = re.sub(r"\bstepbench\b(?= )", str(self.program), line)
        return subprocess.run(
            [*drop, "bash", "-c", line], cwd=self.sweep.folder, capture_output=True, encoding="utf-8", timeout=_LONGEST
        )


def threads_of(user: int) -> int:
    """How many threads a user has, of which `ulimit -u` allows so many."""
    count = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:  # it has ended
            continue
        if re.search(rf"^Uid:\s+{user}\s", text, re.MULTILINE):
            count += int(re.findall(r"^Threads:\s+(\d+)", text, re.MULTILINE)[0])
    return count


@contextmanager
def place(program: Path) -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        copy = folder / "stepbench"
        shutil.copy(program, copy)
        sweep = Sweep(copy, folder / "sweep", seeds=(1,), backends=("neuron", "blas", "tbb_openblas", "tbb"), rounds=1)
        if os.geteuid() == 0:
            os.chown(sweep.folder, _USER, _USER)
        try:
            yield Place(copy, sweep)
        finally:
            sweep.folder.chmod(0o777)


def least_kilobytes(here: Place) -> int:
    """Of address space, with which the program and its libraries load."""
    starts, fails = 1 << 22, 0
    while starts - fails > 512:
        middle = (starts + fails) // 2
        if here.shell(f"ulimit -v {middle}; stepbench --version").returncode == 0:
            starts = middle
        else:
            fails = middle
    return starts


def observe(program: Path, limit: Limit) -> dict[str, object]:
    """The row of the table. Raises Broken where it is not what must come of it."""
    with place(program) as here:
        line = limit.line.replace("{LEAST}", str(least_kilobytes(here) + 4096)) if "{LEAST}" in limit.line else limit.line
        try:
            done = here.shell(line, limit.user)
        except subprocess.TimeoutExpired:
            raise Broken(f"{limit.line}: still running after {_LONGEST} s") from None
        here.sweep.check()  # what is there is whole
        stderr = done.stderr.replace(f"{here.sweep.folder}/", "")
    lines = [text for text in stderr.splitlines() if not re.match(r"stepbench: (OpenBLAS took|stopping after)|.*% ", text)]
    said = [text for text in lines if re.search(limit.says, text)] if limit.says else [
        text for text in lines if not text.startswith("stepbench: warning: ")
    ]  # fmt: skip
    if done.returncode != limit.code or bool(said) != bool(limit.says):
        raise Broken(f"{limit.line}: exit code {done.returncode}, on stderr:\n{stderr}")
    return {"limit": limit.limit, "code": done.returncode, "says": said[0] if said else ""}


def campaign(bench: Bench, _count: int, _seed: int) -> Tally:
    """All limits; their rows go into the figures."""
    tally = Tally()
    for limit in LIMITS:
        tally.attempt(limit.limit, lambda: tally.rows.append(observe(bench.program, limit)))
    return tally
