"""A training that diverges ends with outputs that are no numbers: nothing of them is right, and no target is reached."""

import math
import re
from pathlib import Path

import h5py
import numpy
import pytest

from conftest import Program, Run, RunConfig
from inputs import TRANSFORMER, hdf5_changes, write_config
from results import summary

BACKENDS = "neuron,blas,tbb_openblas,tbb"


def mostly_class_0(folder: Path) -> Path:
    """Four of five samples are of class 0: an answer that is always 0 looks like a good one."""
    path = folder / "mostly.h5"
    rng = numpy.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for split, count in (("train", 600), ("validation", 400)):
            labels = (rng.random(count) > 0.8) * rng.integers(1, 3, count)
            file[f"{split}/features"] = (rng.normal(size=(count, 4)) + labels[:, None]).astype("float32")
            file[f"{split}/labels"] = labels
    return path


@pytest.fixture(scope="module", params=["cross_entropy", "squared_error"])
def run(request: pytest.FixtureRequest, run_config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> Run:
    data = mostly_class_0(tmp_path_factory.mktemp("data"))
    return run_config({**hdf5_changes(data), "model.loss": request.param, "training.learning_rate": 1e30,
                       "training.target": "validation_accuracy>=0.75", "sweep.backend": BACKENDS})  # fmt: skip


def test_the_trial_diverged(run: Run) -> None:
    with h5py.File(run.file) as file:
        assert set(summary(file, "status").values()) == {"diverged"}


def test_outputs_without_a_largest_are_never_right(run: Run) -> None:
    with h5py.File(run.file) as file:
        for trial, best in summary(file, "best_validation_accuracy").items():
            assert math.isnan(best), trial
            assert numpy.isnan(file[f"trials/{trial}/epochs/validation_accuracy"][-1])


def test_the_target_is_not_reached(run: Run) -> None:
    with h5py.File(run.file) as file:
        assert all(math.isnan(time) for time in summary(file, "time_to_target").values())


def test_a_transformer_that_diverges_is_not_right_either(
    run_config: RunConfig, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = tmp_path_factory.mktemp("text") / "text.txt"
    text.write_text("aaaa aaab " * 100)
    run = run_config({**TRANSFORMER, "dataset.path": text, "training.learning_rate": 1e30,
                      "training.target": "validation_accuracy>=0.1", "sweep.backend": BACKENDS})  # fmt: skip
    with h5py.File(run.file) as file:
        assert set(summary(file, "status").values()) == {"diverged"}
        assert all(math.isnan(best) for best in summary(file, "best_validation_accuracy").values())


def test_a_network_that_diverged_is_not_sampled(
    program: Program, run_config: RunConfig, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = tmp_path_factory.mktemp("text") / "text.txt"
    text.write_text("aaaa aaab " * 100)
    run = run_config({**TRANSFORMER, "dataset.path": text, "training.learning_rate": 1e30, "sweep.backend": "blas",
                      "record.parameters": "final"})  # fmt: skip
    outcome = program("sample", run.file, "--trial", "blas-t1-s1", cwd=run.file.parent)
    assert outcome.code == 2
    assert "not finite" in outcome.stderr and outcome.stderr.count("\n") == 1


def test_a_trial_that_converges_is_right_as_before(run_config: RunConfig, tmp_path: Path) -> None:
    run = run_config({**hdf5_changes(mostly_class_0(tmp_path)), "sweep.backend": BACKENDS})
    with h5py.File(run.file) as file:
        assert all(best > 0.7 for best in summary(file, "best_validation_accuracy").values())


def test_a_seed_that_diverged_is_named_below_its_row_and_not_in_its_means(run_config: RunConfig) -> None:
    # One hidden unit: of seeds 1 and 2 it dies in the first steps, and the rest of the network converges; 3 diverges.
    run = run_config({"model.layers": "4,1,3", "model.loss": "squared_error", "training.learning_rate": 0.7,
                      "training.epochs": 10, "sweep.backend": "neuron", "sweep.seed": "1,2,3"})  # fmt: skip
    with h5py.File(run.file) as file:
        assert list(summary(file, "status").values()) == ["completed", "completed", "diverged"]
        reached = numpy.array(list(summary(file, "final_train_loss").values())[:2])
    [row] = re.findall(r"^ *2 of 3  neuron .*$", run.outcome.stdout, re.MULTILINE)
    assert f" {reached.mean():.4f} ±{reached.std(ddof=1):.4f} " in row
    assert "\nneuron-t1-s3 diverged: the training loss is not finite at step " in run.outcome.stdout
