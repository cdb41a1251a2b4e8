"""The line that tells of progress, on a terminal of the test's own."""

import fcntl
import os
import pty
import re
import struct
import termios
import threading
from pathlib import Path

import pytest

from conftest import Program
from inputs import write_config

# Long enough to be drawn some times, and with a status that does not fit into a narrow terminal.
CHANGES = {
    "training.epochs": 3000,
    "sweep.backend": "neuron,blas",
    "training.learning_rate": None,
    "sweep.training.learning_rate": "0.0123456789012345,0.0234567890123456",
}


def seen_on_terminal(program: Program, folder: Path, columns: int, **environment: str | None) -> str:
    """All that a run writes to a terminal of so many columns."""
    config = write_config(folder, CHANGES)
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    kept = {"TERM": "xterm", **environment}
    variables = {name: value for name, value in {**os.environ, **kept}.items() if value is not None}
    seen: list[bytes] = []

    def read() -> None:
        while True:
            try:
                text = os.read(master, 65536)
            except OSError:  # the last one has closed it
                return
            seen.append(text)

    reader = threading.Thread(target=read)
    reader.start()
    with program.start_on(slave, "run", config.name, "-o", "out.h5", cwd=folder, environment=variables) as child:
        os.close(slave)
        stdout, _ = child.communicate(timeout=120)
    reader.join()
    os.close(master)
    assert child.returncode == 0, (stdout, seen)
    return b"".join(seen).decode()


def drawn_lines(text: str) -> list[str]:
    return [line for line in re.split(r"\r\x1b\[K|\r\n", text) if line.startswith("[")]


@pytest.mark.parametrize("columns", [30, 60, 80])
def test_redrawn_line_is_narrower_than_the_terminal(program: Program, tmp_path: Path, columns: int) -> None:
    lines = drawn_lines(seen_on_terminal(program, tmp_path, columns))
    assert len(lines) >= 3
    assert max(map(len, lines)) == columns - 1  # the whole width is used, and never filled


def test_line_is_as_long_as_it_is_on_a_wide_terminal(program: Program, tmp_path: Path) -> None:
    assert any(re.search(r"round \d of 2$", line) for line in drawn_lines(seen_on_terminal(program, tmp_path, 200)))


@pytest.mark.parametrize("term", ["dumb", "", None], ids=["dumb", "empty", "unset"])
def test_terminal_that_cannot_redraw_gets_plain_lines(program: Program, tmp_path: Path, term: str | None) -> None:
    text = seen_on_terminal(program, tmp_path, 60, TERM=term)
    assert "\x1b" not in text and "\r" not in text.replace("\r\n", "\n"), text
