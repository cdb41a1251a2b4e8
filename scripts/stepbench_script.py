"""What the scripts share as programs: a Python that has the packages, one line instead of a traceback, exit codes.

Only the standard library is imported here, so that a Python without the packages gets this far.
"""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

DEBIAN_PYTHON = "/usr/bin/python3"  # has Debian's packages; `python3` on the PATH may be another
_SWITCHED = "STEPBENCH_PYTHON_SWITCHED"


class OutputError(Exception):
    """What cannot be written; exit code 1."""


def require(*packages: str) -> None:
    """Goes on in Debian's Python where this one lacks a package and that one does not; says what is missing, else."""
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
    sys.exit(_said(f"this Python ({sys.executable}) has no {', '.join(missing)}; Debian: apt install {names}", 2))


def run(main: Callable[[Sequence[str]], int | None]) -> None:
    """Exits with 2 on an input that is not usable, 1 on an output that cannot be written, each with one line."""
    from stepbench_results import ResultsError

    try:
        code = main(sys.argv[1:]) or 0
        sys.stdout.flush()
    except ResultsError as error:
        code = _said(str(error), 2)
    except OutputError as error:
        code = _said(str(error), 1)
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


def write_output(path: Path, content: str | bytes) -> None:
    """Whole or not at all, under its name."""
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from None


def warn(message: str) -> None:
    print(f"{Path(sys.argv[0]).name}: warning: {message}", file=sys.stderr)


def _said(message: str, code: int) -> int:
    print(f"{Path(sys.argv[0]).name}: {message}", file=sys.stderr)
    return code
