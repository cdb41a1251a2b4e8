"""`fastest-batch` refuses trainings whose learning rate follows the batch size by another rule than its own.

Not here: whether the whole of it is reproduced, which its reference run says.
"""

from pathlib import Path

from conftest import Program
from inputs import MNIST_10K, REPOSITORY

CONFIG = REPOSITORY / "experiments" / "fastest-batch.cfg"
CUT = (f"dataset.path={MNIST_10K}", "sweep.threads=1", "measure.rounds=1")


def verdict(program: Program, folder: Path, expectation: str, *changes: str) -> str:
    """Of a cut run in which the others have no trials."""
    options = [word for change in (*CUT, *changes) for word in ("--set", change)]
    said = program("run", CONFIG, "-q", "-o", "out.h5", "--overwrite", *options, cwd=folder).stdout
    (line,) = (line for line in said.splitlines() if line.startswith(f"{expectation} "))
    return "not reproduced" if "not reproduced" in line else "cannot tell" if "cannot tell" in line else "reproduced"


def test_steps_of_small_batches_do_not_halve_at_one_rate_for_all(program: Program, tmp_path: Path) -> None:
    assert verdict(program, tmp_path, "halves", "sweep.training.batch_size=8,16") != "not reproduced"
    one_rate = ("training.noise_scale=0", "training.learning_rate=0.1")
    assert verdict(program, tmp_path, "halves", "sweep.training.batch_size=8,16", *one_rate) == "not reproduced"


def test_large_batches_gain_more_where_rates_grow_in_proportion(program: Program, tmp_path: Path) -> None:
    """0.2 for 512 samples and 0.4 for 1,024, whose steps halve."""
    linear = ("training.noise_scale=1000000", "training.learning_rate=400", "training.steps=500")
    assert verdict(program, tmp_path, "little_gain", "sweep.training.batch_size=512,1024", *linear) == "not reproduced"
