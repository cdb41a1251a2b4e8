"""What the process is called in `ps` and `top`, though the program executes itself anew."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

from conftest import Program
from inputs import DIGITS, write_config

LONG = {**DIGITS, "dataset.train_samples": 8000, "training.epochs": 500, "sweep.backend": "neuron"}
# Executes a program by the descriptor of its file, when the file has no name any more.
UNNAMED = "import os, sys; f = os.open(sys.argv[1], os.O_RDONLY); os.unlink(sys.argv[1]); os.execve(f, sys.argv[1:], os.environ)"


def name_of(command: list[str], folder: Path) -> tuple[str, str]:
    """Of a run under way: the process's name, and its first argument."""
    write_config(folder, LONG)
    with subprocess.Popen([*command, "run", "small.cfg", "-q", "-o", "out.h5"], cwd=folder) as child:
        give_up = time.monotonic() + 30
        while not (folder / "out.trials").exists():
            assert time.monotonic() < give_up and child.poll() is None
            time.sleep(0.01)
        proc = Path(f"/proc/{child.pid}")
        names = proc.joinpath("comm").read_text().strip(), proc.joinpath("cmdline").read_text().split("\0")[0]
        child.kill()
    return names


def test_process_has_the_name_of_its_program(program: Program, tmp_path: Path) -> None:
    copy = tmp_path / "my-stepbench"
    shutil.copy(program.binary, copy)
    assert name_of([str(copy)], tmp_path) == ("my-stepbench", str(copy))


def test_process_whose_program_was_removed_has_its_name(program: Program, tmp_path: Path) -> None:
    copy = tmp_path / "my-stepbench"
    shutil.copy(program.binary, copy)
    assert name_of([sys.executable, "-c", UNNAMED, str(copy)], tmp_path) == ("my-stepbench", str(copy))
    assert not copy.exists()
