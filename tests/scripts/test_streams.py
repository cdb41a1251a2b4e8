"""What the scripts do when their output cannot be written, when nobody hears them, and when their file has no place."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import SCRIPTS

_LONGEST_RUN = 240  # s
_SWEPT = ("--rows", "training.batch_size", "--columns", "backend", "--value", "samples_per_second")
PRINTING: dict[str, tuple[str, ...]] = {
    "report": ("report.py", "FILE", "-o", "page.html"),
    "plot": ("plot.py", "FILE", "--chart", "speed", "-o", "picture.svg"),
    "export": ("export.py", "FILE"),
    "sweep_table": ("sweep_table.py", "FILE", *_SWEPT),
    "help": ("report.py", "--help"),
    "fuzz's help": ("fuzz", "--help"),
    "update-readme's help": ("update-readme", "--help"),
}
WRITING = {name: PRINTING[name] for name in ("report", "plot")} | {"export": ("export.py", "FILE", "-o", "table.csv")}


def ended(command: tuple[str, ...], file: Path, cwd: Path, **streams: object) -> "subprocess.CompletedProcess[str]":
    """The script with its streams as given; a stream that is not is a pipe. Output waits in a buffer, as it does for users."""
    words = [sys.executable, str(SCRIPTS / command[0]), *(str(file) if word == "FILE" else word for word in command[1:])]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    return subprocess.run(
        words, cwd=cwd, env=environment, encoding="utf-8", timeout=_LONGEST_RUN, **streams  # type: ignore[call-overload]
    )


def closed(stream: int) -> Callable[[], None]:
    return lambda: os.close(stream)


@pytest.mark.parametrize("command", PRINTING.values(), ids=PRINTING)
def test_output_on_a_full_disk_is_a_failure_in_one_line(plain: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        done = ended(command, plain, tmp_path, stdout=full)
    said = f"{command[0]}: the standard output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, said)


@pytest.mark.parametrize("command", PRINTING.values(), ids=PRINTING)
def test_output_that_is_closed_is_a_failure_in_one_line(plain: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    done = ended(command, plain, tmp_path, stdout=None, preexec_fn=closed(1))
    said = f"{command[0]}: the standard output cannot be written: Bad file descriptor\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_script_whose_reader_is_gone_ends_as_other_programs_do(plain: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = ended(PRINTING["export"], plain, tmp_path, stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, "")


@pytest.mark.parametrize("stderr", ["full", "closed"])
@pytest.mark.parametrize(("command", "code"), [(PRINTING["export"], 0), (("export.py", "missing.h5"), 2)], ids=["0", "2"])
def test_exit_code_stays_where_messages_cannot_be_written(
    plain: Path, tmp_path: Path, command: tuple[str, ...], code: int, stderr: str
) -> None:
    with open("/dev/full", "w") as full:
        streams = {"stderr": full} if stderr == "full" else {"stderr": None, "preexec_fn": closed(2)}
        done = ended(command, plain, tmp_path, **streams)
    assert done.returncode == code and ("missing" not in done.stdout), done


def no_place(path: Path, kind: str) -> None:
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "link to a device":
        path.symlink_to("/dev/null")
    else:
        path.symlink_to("no/such/folder")


@pytest.mark.parametrize("kind", ["folder", "fifo", "link to a device", "link into a missing folder"])
@pytest.mark.parametrize("command", WRITING.values(), ids=WRITING)
def test_output_that_is_no_place_for_a_file_is_refused(
    plain: Path, tmp_path: Path, command: tuple[str, ...], kind: str
) -> None:
    no_place(tmp_path / command[-1], kind)
    done = ended(command, plain, tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done
    assert done.stderr.startswith(f"{command[0]}: {command[-1]}: ")
    assert [path.name for path in tmp_path.iterdir()] == [command[-1]]


@pytest.mark.parametrize("command", WRITING.values(), ids=WRITING)
def test_output_goes_where_a_link_leads(plain: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / command[-1]).symlink_to("there")
    for _ in range(2):  # there is none, then there is one
        assert ended(command, plain, tmp_path).returncode == 0
        assert (tmp_path / command[-1]).is_symlink() and (tmp_path / "there").stat().st_size > 0


def test_too_little_memory_is_said_before_a_library_waits_for_it(plain: Path, tmp_path: Path) -> None:
    line = f"ulimit -v 300000; exec {sys.executable} {SCRIPTS / 'export.py'} {plain}"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=_LONGEST_RUN)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "export.py: 400 MB of memory are needed, 292 MB are allowed: see `ulimit -v`\n"
