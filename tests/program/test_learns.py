"""The program learns real digits to the accuracy that it claims, and shows what the update order does to learning."""

from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from conftest import Program
from inputs import DIGITS, REPOSITORY, write_config
from results import summary

BACKENDS = ("neuron", "blas", "tbb")
DIGIT_CLASSIFIER = {
    **DIGITS,
    "dataset.train_samples": 8000,
    "dataset.validation_samples": 2000,
    "model.layers": "784,256,128,10",
    "training.epochs": 10,
    "training.batch_size": 128,
    "training.optimizer": "adam",
    "training.learning_rate": 0.001,
}


@pytest.fixture(scope="module")
def accuracies(program: Program, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("learns")
    done = program("run", write_config(folder, DIGIT_CLASSIFIER), "-o", folder / "out.h5", cwd=REPOSITORY)
    assert done.code == 0, done
    with h5py.File(folder / "out.h5") as file:
        return summary(file, "best_validation_accuracy")


@pytest.mark.parametrize("backend", BACKENDS)
def test_digits_are_learned_within_ten_epochs(
    accuracies: dict[str, object], backend: str, record_property: Callable[[str, object], None]
) -> None:
    accuracy = accuracies[f"{backend}-t1-s1"]
    record_property("best_validation_accuracy", accuracy)
    assert accuracy >= 0.95


@pytest.mark.parametrize(("order", "lowest", "highest"), [("simultaneous", 0.8, 1.0), ("layerwise", 0.0, 0.2)])
def test_large_steps_break_layerwise_updates_only(
    program: Program, tmp_path: Path, order: str, lowest: float, highest: float
) -> None:
    overrides = [f"training.update_order={order}", "training.learning_rate=0.1", "measure.rounds=1"]
    options = [word for override in overrides for word in ("--set", override)]
    output = tmp_path / "out.h5"
    done = program("run", "experiments/update-order.cfg", *options, "-o", output, cwd=REPOSITORY)
    assert done.code == 0, done
    with h5py.File(output) as file:
        (accuracy,) = summary(file, "best_validation_accuracy").values()
        (trial,) = file["trials"].values()
        final = trial["epochs/validation_accuracy"][-1]
    assert lowest <= final <= accuracy <= highest
