"""Runs stepbench and the peers' scripts on small experiments. The program's path is in the environment variable
STEPBENCH."""

import functools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts" / "peers"
sys.path.insert(0, str(SCRIPTS))

RECORD = "[record]\nparameters = all\norder = true\n"
MLP = """[dataset]
kind = blobs
features = 6
classes = 4
samples = 200
[model]
kind = mlp
layers = 6,16,12,4
loss = cross_entropy
[training]
steps = 100
batch_size = 32
learning_rate = 0.01
weight_decay = 0.01
[measure]
rounds = 2
[sweep]
backend = blas
training.optimizer = sgd
training.precision = float64
"""

Run = Callable[..., Path]


@pytest.fixture(scope="session")
def stepbench() -> Path:
    program = Path(os.environ.get("STEPBENCH", "")).resolve()
    if not program.is_file():
        pytest.fail("set STEPBENCH to the program's path")
    return program


@pytest.fixture(scope="session")
def run_config(stepbench: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """run_config(config text, "key=value"...): the result file, with parameters and order recorded. Runs once."""

    @functools.cache
    def run(config: str, *overrides: str) -> Path:
        folder = tmp_path_factory.mktemp("run")
        (folder / "small.cfg").write_text(config + RECORD)
        options = [word for override in overrides for word in ("--set", override)]
        command = [stepbench, "run", "small.cfg", "-q", "-o", "out.h5", *options]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done
        return folder / "out.h5"

    return run


@pytest.fixture
def run_peer(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """run_peer("pytorch", *arguments): what the script does, in a folder of its own."""

    def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, SCRIPTS / f"{name}.py", *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240)

    return run
