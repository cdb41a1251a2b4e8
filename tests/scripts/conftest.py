"""Result files for the scripts: of the real program on a network of 67 parameters, and copies with planted changes."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPTS = REPOSITORY / "scripts"
sys.path[:0] = [str(SCRIPTS), str(REPOSITORY / "tests" / "program")]

from inputs import Changes, write_config  # noqa: E402

_LONGEST_RUN = 240  # s; far above any run of these tests
_TRAILER_BYTES = 32

# Two batch sizes, two seeds, a backend that cannot run with two threads, and rounds enough for intervals.
_SWEPT: Changes = {
    "training.batch_size": None,
    "training.target": "validation_accuracy>=0.5",
    "sweep.training.batch_size": "16,32",
    "sweep.threads": "1,2",
    "sweep.seed": "1,2",
    "measure.rounds": 8,
    "record.parameters": "all",
    "record.order": "true",
}
Change = Callable[[h5py.File], None]
Modify = Callable[[Path, Change], Path]


@pytest.fixture(scope="session")
def program() -> Path:
    binary = Path(os.environ.get("STEPBENCH", "")).resolve()
    if not binary.is_file():
        pytest.fail("set STEPBENCH to the program's path")
    return binary


@pytest.fixture(scope="session")
def run(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Changes], Path]:
    """run(changes): the result file of the small config, changed."""

    def run_changed(changes: Changes) -> Path:
        folder = tmp_path_factory.mktemp("run")
        config = write_config(folder, changes)
        command = [program, "run", config.name, "-q", "-o", "out.h5"]
        subprocess.run(command, cwd=folder, check=True, timeout=_LONGEST_RUN, capture_output=True)
        return folder / "out.h5"

    return run_changed


@pytest.fixture(scope="session")
def plain(run: Callable[[Changes], Path]) -> Path:
    """One seed, one thread, three backends, 8 rounds."""
    return run({"measure.rounds": 8})


@pytest.fixture(scope="session")
def swept(run: Callable[[Changes], Path]) -> Path:
    return run(_SWEPT)


@pytest.fixture
def modified(tmp_path: Path) -> Iterator[Modify]:
    """modified(file, change): a copy whose HDF5 is changed, with a trailer that fits again."""
    xxhash = pytest.importorskip("xxhash", reason="python3-xxhash, which seals the changed copies, is not installed")

    def modify(path: Path, change: Change) -> Path:
        copy = tmp_path / "changed.h5"
        copy.write_bytes(path.read_bytes()[:-_TRAILER_BYTES])
        with h5py.File(copy, "r+") as file:
            change(file)
        image = copy.read_bytes()
        trailer = b"\x89SBENCH\n" + len(image).to_bytes(8, "little") + xxhash.xxh3_128(image).digest()
        copy.write_bytes(image + trailer)
        return copy

    yield modify


def script(name: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs a script as its own program, with this Python; a warning is an error."""
    command = [sys.executable, "-W", "error", str(SCRIPTS / name), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, encoding="utf-8", timeout=_LONGEST_RUN)
