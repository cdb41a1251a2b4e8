"""What the scripts share as programs: a Python that has the packages, one line instead of a traceback, exit codes.

Only the standard library is imported here, so that a Python without the packages gets this far.
"""

import argparse
import contextlib
import errno
import importlib.util
import io
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEBIAN_PYTHON = "/usr/bin/python3"  # has Debian's packages; `python3` on the PATH may be another
_PICTURES = (".png", ".svg", ".pdf")
_SWITCHED = "STEPBENCH_PYTHON_SWITCHED"
_LEAST_ROOM = 400 << 20  # bytes of address space: Python, the packages, and OpenBLAS's buffer
# Of an error that names no file: writing to stdout is all that scripts do without a name.
_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


class OutputError(Exception):
    """What cannot be written; exit code 1."""


def require(*packages: str) -> None:
    """Goes on in Debian's Python where this one lacks a package and that one does not; says what is missing, else."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's, whose workers map memory while it is imported
    room, _ = resource.getrlimit(resource.RLIMIT_AS)
    if room != resource.RLIM_INFINITY and room < _LEAST_ROOM:  # OpenBLAS waits for ever for memory that it cannot map
        sys.exit(said(f"{_LEAST_ROOM >> 20} MB of memory are needed, {room >> 20} MB are allowed: see `ulimit -v`", 1))
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if not missing:
        return
    if _SWITCHED not in os.environ and os.path.realpath(sys.executable) != os.path.realpath(DEBIAN_PYTHON):
        probe = [DEBIAN_PYTHON, "-c", f"import {', '.join(packages)}"]
        try:
            usable = subprocess.run(probe, capture_output=True, check=False).returncode == 0
        except OSError:
            usable = False
        if usable:
            os.environ[_SWITCHED] = "1"
            os.execv(DEBIAN_PYTHON, [DEBIAN_PYTHON, *sys.argv])
    names = " ".join(f"python3-{package}" for package in missing)
    sys.exit(said(f"this Python ({sys.executable}) has no {', '.join(missing)}; Debian: apt install {names}", 2))


def run(main: Callable[[Sequence[str]], int | None]) -> NoReturn:
    """Exits with 2 on an input that is not usable, 1 on an output that cannot be written, each with one line."""
    from stepbench_results import ResultsError

    def guarded() -> int:
        try:
            return main(sys.argv[1:]) or 0
        except ResultsError as error:
            return said(str(error), 2)

    leave(guarded)


def leave(main: Callable[[], int | None]) -> NoReturn:
    """Exits with what `main` returns, or with 1 and a line when a file or what it printed could not be written."""
    try:
        try:
            code = main() or 0
        except SystemExit as end:  # argparse's, after --help or a bad option
            code = end.code or 0
            if not isinstance(code, int):
                remark(str(code))
                code = 1
        show("")  # what others have printed
    except OutputError as error:
        code = said(str(error), 1)
    except BrokenPipeError:  # `| head` has seen enough: end as other programs do
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)
        code = 128 + signal.SIGPIPE  # it is blocked
    except OSError as error:
        unnamed = error.errno in _WRITING and "the standard output cannot be written"
        code = said(": ".join(str(part) for part in (error.filename or unnamed, error.strerror or error) if part), 1)
    except KeyboardInterrupt:
        code = 130
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # the interpreter would try once more, and exit with 120
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(code)


def show(text: str) -> None:
    """To stdout, at once: leave() says it where that fails."""
    print(text, end="", flush=True)


def check_output(path: Path) -> None:
    """Raises OutputError for what write_output() could not write: to be asked before the work, not after it."""
    place = place_of(path)
    if place.exists() and not place.is_file():
        raise OutputError(f"{path}: is {'a folder' if place.is_dir() else 'no ordinary file'}, and no place for one")
    if not place.parent.is_dir():
        raise OutputError(f"{path}: cannot be written: {place.parent} is no folder")
    if not os.access(place.parent, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: cannot be written: its folder is not writable")


def write_output(path: Path, content: str | bytes) -> None:
    """Whole or not at all, under its name; where that is a link, where the link points to."""
    place = place_of(path)
    temporary = place.with_name(f".{place.name}.tmp-{os.getpid()}")
    try:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        temporary.replace(place)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from None


def check_picture(parser: argparse.ArgumentParser, path: Path) -> None:
    """As check_output(), and ends with the parser's error where the name is that of no picture."""
    if path.suffix.lower() not in _PICTURES:
        parser.error(f"--output: {path}: its name must end in {', '.join(_PICTURES)}")
    check_output(path)


def write_picture(path: Path, figure: "Figure", **options: object) -> None:
    """In the format that the name says; `options` are matplotlib's."""
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix[1:].lower(), **options)
    write_output(path, picture.getvalue())
    show(f"picture: {path}\n")


def place_of(path: Path) -> Path:
    """The path behind all links, whether there is something or not."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # of links that lead to each other
        raise OutputError(f"{path}: is a link that leads nowhere") from None


def warn(message: str) -> None:
    remark(f"{Path(sys.argv[0]).name}: warning: {message}")


def said(message: str, code: int) -> int:
    """The exit code, after a line about why."""
    remark(f"{Path(sys.argv[0]).name}: {message}")
    return code


def remark(line: str) -> None:
    """To stderr, if it can be: that nobody hears it ends no script."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def _open_closed_streams() -> None:
    """A standard stream that is closed becomes one that cannot be used, so that no data file gets its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:  # open() takes the lowest free number; the wrong way round, as it must not look usable
            os.open(os.devnull, os.O_RDONLY if number else os.O_WRONLY)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115


_open_closed_streams()
