"""Two runs on one output: the second is refused and the first goes on undisturbed."""

import time
from pathlib import Path

import h5py
import pytest

from conftest import Program, without_warnings
from inputs import DIGITS, write_config
from refusal import assert_mentions
from results import summary

# Long enough to be still under way when a second program has started and been refused.
LONG = {**DIGITS, "dataset.train_samples": 8000, "model.layers": "784,64,10", "sweep.backend": "neuron,blas"}
LONGEST_START = 30  # s


def wait_for(folder: Path) -> None:
    give_up = time.monotonic() + LONGEST_START
    while not folder.exists():
        assert time.monotonic() < give_up, f"{folder} does not appear"
        time.sleep(0.005)
    time.sleep(0.05)  # the folder's lock follows at once


@pytest.mark.parametrize("options", [[], ["--overwrite"]], ids=["plain", "overwrite"])
def test_second_run_is_refused(program: Program, tmp_path: Path, options: list[str]) -> None:
    config = write_config(tmp_path, LONG)
    with program.start("run", config.name, "-o", "out.h5", "-q", cwd=tmp_path) as first:
        wait_for(tmp_path / "out.trials")
        seconds_options = ["--set", "sweep.backend=blas", "--set", "dataset.train_samples=100"]
        second = program("run", config.name, "-o", "out.h5", *seconds_options, *options, cwd=tmp_path)
        assert first.poll() is None, "the first run was over before the second began"
        stdout, stderr = first.communicate()
    assert (second.code, second.stdout, second.stderr.count("\n")) == (1, "", 1)
    assert_mentions(second.stderr, "stepbench: another run is writing to ", "out.trials", "--output")
    assert first.returncode == 0 and without_warnings(stderr) == "" and "results: out.h5" in stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.h5", "small.cfg"]
    with h5py.File(tmp_path / "out.h5") as file:
        assert summary(file, "status") == {"neuron-t1-s1": "completed", "blas-t1-s1": "completed"}
        assert file.attrs["config_text"] == config.read_text()
