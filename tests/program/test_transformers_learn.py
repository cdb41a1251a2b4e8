"""The transformers of the repository's configs learn what they claim to: to spell names, and to add."""

from pathlib import Path

import h5py

from conftest import Program
from inputs import REPOSITORY
from results import summary


def trained(program: Program, folder: Path, config: str, column: str) -> float:
    """The only trial's value in a column of /summary, of `config` on `tbb` with two threads."""
    output = folder / "out.h5"
    overrides = ["sweep.backend=tbb", "sweep.threads=2", "measure.rounds=1"]
    options = [word for override in overrides for word in ("--set", override)]
    done = program("run", f"experiments/{config}", *options, "-o", output, cwd=REPOSITORY)
    assert done.code == 0, done
    with h5py.File(output) as file:
        (value,) = summary(file, column).values()
    return float(value)


def test_names_are_spelled_within_ten_epochs(program: Program, tmp_path: Path) -> None:
    # nats per character; PyTorch comes to 2.21
    assert trained(program, tmp_path, "names-transformer.cfg", "best_validation_loss") <= 2.25


def test_addition_is_understood_beyond_the_pairs_that_were_seen(program: Program, tmp_path: Path) -> None:
    assert trained(program, tmp_path, "modular-addition.cfg", "best_validation_accuracy") >= 0.95
