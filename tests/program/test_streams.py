"""Standard output and standard error that are full, closed, or have lost their reader.

A table that does not arrive is a failure of its command; a message that nobody hears ends nothing.
"""

import os
import pty
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import LONGEST_RUN, Program, Run, RunConfig
from inputs import TRANSFORMER, write_config
from refusal import assert_mentions

FULL = "/dev/full"


def ended(program: Program, arguments: tuple[object, ...], cwd: Path, **streams: object) -> "subprocess.CompletedProcess[str]":
    """The program with its streams as given; a stream that is not is a pipe."""
    command = [str(program.binary), *map(str, arguments)]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    return subprocess.run(command, cwd=cwd, encoding="utf-8", timeout=LONGEST_RUN, **streams)  # type: ignore[call-overload]


def closed(stream: int) -> Callable[[], None]:
    """For the child: the stream is not open at all, as with `2>&-`."""
    return lambda: os.close(stream)


def pipe_without_reader() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def hung_up_terminal() -> int:
    """What a shell's programs have left when its window or its ssh is closed."""
    master, slave = pty.openpty()
    os.close(master)
    return slave


@pytest.fixture(scope="module")
def trained(run_config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A transformer, which every command that reads results can do something with."""
    text = tmp_path_factory.mktemp("text") / "text.txt"
    text.write_text("the cat sat on the mat\n" * 30)
    return run_config(TRANSFORMER | {"dataset.path": text, "record.parameters": "final", "sweep.backend": "blas,tbb"})


PRINTING = {
    "version": ("--version",),
    "help": ("--help",),
    "command's help": ("run", "--help"),
    "list": ("list",),
    "list keys": ("list", "keys"),
    "completion": ("completion", "bash"),
    "check": ("check", "small.cfg"),
    "dry run": ("run", "small.cfg", "--dry-run"),
    "show": ("show", "out.h5"),
    "compare": ("compare", "out.h5"),
    "compare as csv": ("compare", "out.h5", "--format", "csv"),
    "sample": ("sample", "out.h5", "--tokens", "5"),
    "export-data": ("export-data", "small.cfg", "--overwrite"),
    "doctor": ("doctor",),
    "race": ("race", "PROGRAM", "PROGRAM", "small.cfg", "--set", "training.steps=8", "-q"),
}


@pytest.mark.parametrize("stdout", ["full", "closed"])
@pytest.mark.parametrize("command", PRINTING.values(), ids=PRINTING)
def test_output_that_does_not_arrive_is_a_failure(program: Program, trained: Run, command: tuple[str, ...], stdout: str) -> None:
    arguments = tuple(program.binary if word == "PROGRAM" else word for word in command)
    with open(FULL, "w") as full:
        streams = {"stdout": full} if stdout == "full" else {"stdout": None, "preexec_fn": closed(1)}
        done = ended(program, arguments, trained.file.parent, **streams)
    assert done.returncode == 1, done
    reason = "No space left on device" if stdout == "full" else "Bad file descriptor"
    assert done.stderr.splitlines()[-1] == f"stepbench: the standard output cannot be written: {reason}", done


def test_run_whose_table_does_not_arrive_fails_and_says_where_the_results_are(program: Program, tmp_path: Path) -> None:
    write_config(tmp_path)
    with open(FULL, "w") as full:
        done = ended(program, ("run", "small.cfg", "-q", "-o", "out.h5"), tmp_path, stdout=full)
    assert done.returncode == 1, done
    line = done.stderr.splitlines()[-1]
    assert_mentions(line, "standard output", "No space left on device", "the results are whole: out.h5")
    assert program("show", "out.h5", cwd=tmp_path).code == 0


@pytest.mark.parametrize("command", [PRINTING["show"], PRINTING["list keys"], PRINTING["sample"]], ids=str)
def test_command_whose_reader_is_gone_ends_as_other_programs_do(program: Program, trained: Run, command: tuple[str, ...]) -> None:
    pipe = pipe_without_reader()
    done = ended(program, command, trained.file.parent, stdout=pipe)
    os.close(pipe)
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, "")


def test_run_whose_reader_is_gone_says_where_the_results_are(program: Program, tmp_path: Path) -> None:
    write_config(tmp_path)
    pipe = pipe_without_reader()
    done = ended(program, ("run", "small.cfg", "-q", "-o", "out.h5"), tmp_path, stdout=pipe)
    os.close(pipe)
    assert done.returncode == 1, done
    assert_mentions(done.stderr.splitlines()[-1], "Broken pipe", "the results are whole: out.h5")


UNHEARD: dict[str, Callable[[], int]] = {
    "full": lambda: os.open(FULL, os.O_WRONLY),
    "reader gone": pipe_without_reader,
    "terminal gone": hung_up_terminal,
}


@pytest.mark.parametrize("stderr", UNHEARD)
def test_run_that_nobody_hears_goes_on(program: Program, tmp_path: Path, stderr: str) -> None:
    write_config(tmp_path)
    stream = UNHEARD[stderr]()
    done = ended(program, ("run", "small.cfg", "-v", "-o", "out.h5"), tmp_path, stderr=stream)
    os.close(stream)
    assert done.returncode == 0 and "results: out.h5" in done.stdout, done
    assert program("show", "out.h5", cwd=tmp_path).code == 0


def test_run_without_standard_error_writes_its_warnings_into_no_file(program: Program, tmp_path: Path) -> None:
    """Warnings at all times: more rounds than the steps are enough for, and more threads than there are cores."""
    config = write_config(tmp_path, {"measure.rounds": 500, "sweep.threads": "1,300", "record.keep_trial_files": "true"})
    before = config.read_bytes()
    done = ended(program, ("run", "small.cfg", "-v", "-o", "out.h5"), tmp_path, stderr=None, preexec_fn=closed(2))
    assert done.returncode == 0, done
    assert config.read_bytes() == before
    for file in sorted(tmp_path.rglob("*.h5")):
        assert b"stepbench: " not in file.read_bytes(), file
        assert program("show", file, cwd=tmp_path).code == 0


def test_run_without_any_standard_stream_leaves_whole_results(program: Program, tmp_path: Path) -> None:
    write_config(tmp_path)
    streams = {"stdout": None, "stderr": None, "preexec_fn": lambda: os.closerange(0, 3)}
    done = ended(program, ("run", "small.cfg", "-o", "out.h5"), tmp_path, **streams)
    assert done.returncode == 1  # its table was not written
    assert program("show", "out.h5", cwd=tmp_path).code == 0


@pytest.mark.parametrize(("command", "code"), [(("show", "missing.h5"), 2), (("run", "small.cfg", "-o", "no/out.h5"), 1)])
def test_exit_code_stays_where_the_message_cannot_be_written(
    program: Program, tmp_path: Path, command: tuple[str, ...], code: int
) -> None:
    write_config(tmp_path)
    with open(FULL, "w") as full:
        assert ended(program, command, tmp_path, stderr=full).returncode == code


def test_exit_code_of_a_comparison_stays_where_its_remarks_cannot_be_written(program: Program, trained: Run) -> None:
    command = ("compare", "out.h5", "--format", "csv", "--fail-if", "slower:5%")
    heard = ended(program, command, trained.file.parent)
    assert heard.returncode in (3, 4) and "fail-if" in heard.stderr
    with open(FULL, "w") as full:
        assert ended(program, command, trained.file.parent, stderr=full).returncode == heard.returncode
