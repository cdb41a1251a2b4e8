"""A peer's losses are stepbench's, step by step, over a hundred steps: the same model, data, order and optimiser."""

import importlib
from pathlib import Path

import h5py
import numpy
import pytest

import peer_files
from conftest import MLP, Run
from peer import export_data
from peer_files import Reference
from training import Plan, train

TRANSFORMER = """[dataset]
kind = copy
alphabet = 5
length = 4
samples = 120
[model]
kind = transformer
d_model = 16
heads = 4
blocks = 2
context = 8
loss = cross_entropy
init = gpt2
[training]
steps = 100
batch_size = 16
optimizer = adamw
learning_rate = 0.001
weight_decay = 0.1
[measure]
rounds = 2
gate_samples = 2
[sweep]
backend = blas
training.precision = float64
"""
OPTIMIZERS = ("sgd", "momentum", "adam", "adamw")
ORIGINAL = ("model.loss=squared_error", "model.output=relu")
COSINE = ("training.schedule=cosine", "training.warmup_steps=10", "training.final_learning_rate=0.0001")
# float64 differs by the order of sums only, which a hundred steps amplify; float32 by 1e-7 in each operation. (At three
# times the transformer's learning rate, AdamW amplifies that to 5e-3 between stepbench's own backends too.)
TOLERANCE = {"float64": 1e-10, "float32": 1e-4}


def worst_difference(peer_name: str, reference: Reference, file: Path, folder: Path) -> float:
    """Of training losses of all steps and of the evaluations' results, relative."""
    peer = importlib.import_module(peer_name).PEER
    data = peer_files.read_data(export_data(reference, folder))
    plan = Plan(reference, data, None)
    assert peer.unsupported(reference.settings) == ""
    series = train(peer.make(reference, data, 1), plan, data)
    assert len(reference.losses) == 100
    worst = relative(series["steps/train_loss"], reference.losses)
    with h5py.File(file) as stored:
        epochs = stored[f"trials/{reference.id}/epochs"]
        for column in ("epoch", "train_loss", "validation_loss", "validation_accuracy"):
            worst = max(worst, relative(series[f"epochs/{column}"], epochs[column][()]))
    return worst


def relative(actual: numpy.ndarray, expected: numpy.ndarray) -> float:
    """NaN where both are is agreement."""
    assert actual.shape == expected.shape
    both = numpy.isnan(actual) & numpy.isnan(expected)
    return float(numpy.max(numpy.where(both, 0, numpy.abs(actual - expected) / numpy.abs(expected))))


def assert_agrees(peer: str, file: Path, folder: Path, **settings: str) -> None:
    """Of the file's trials, the one with these settings of [training]."""
    if peer == "pytorch":
        pytest.importorskip("torch", reason="PyTorch is not installed (Debian: python3-torch)")
    [reference] = [
        reference
        for reference in peer_files.read_references(file, None)
        if all(reference.settings[f"training.{key}"] == value for key, value in settings.items())
    ]
    difference = worst_difference(peer, reference, file, folder)
    assert difference <= TOLERANCE[str(reference.settings["training.precision"])], f"{difference:.2e}"


@pytest.mark.parametrize("peer", ["pytorch", "numpy_vectorised"])
@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_mlp(run_config: Run, tmp_path: Path, peer: str, precision: str, optimizer: str) -> None:
    optimizers = f"sweep.training.optimizer={','.join(OPTIMIZERS)}"
    file = run_config(MLP, optimizers, "sweep.training.precision=float32,float64")
    assert_agrees(peer, file, tmp_path, optimizer=optimizer, precision=precision)


@pytest.mark.parametrize("peer", ["pytorch", "numpy_vectorised"])
def test_squared_error_with_clipping_and_schedule(run_config: Run, tmp_path: Path, peer: str) -> None:
    file = run_config(MLP, *ORIGINAL, "training.gradient_clip=0.5", *COSINE)
    assert_agrees(peer, file, tmp_path)


@pytest.mark.parametrize("order", ["layerwise", "simultaneous"])
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_the_original_algorithm(run_config: Run, tmp_path: Path, order: str, precision: str) -> None:
    file = run_config(MLP, *ORIGINAL, "training.weight_decay=0", "sweep.training.precision=float32,float64",
                      "sweep.training.update_order=layerwise,simultaneous")  # fmt: skip
    assert_agrees("numpy_original", file, tmp_path, update_order=order, precision=precision)


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_transformer(run_config: Run, tmp_path: Path, precision: str) -> None:
    file = run_config(TRANSFORMER, "sweep.training.precision=float32,float64")
    assert_agrees("pytorch", file, tmp_path, precision=precision)


@pytest.mark.parametrize(
    "overrides",
    [
        ("training.gradient_clip=0.5", *COSINE),
        ("model.position=sinusoidal", "model.tied_embeddings=true", "model.activation=relu"),
    ],
    ids=["clipped-cosine", "sinusoidal-tied-relu"],
)
def test_other_transformers(run_config: Run, tmp_path: Path, overrides: tuple[str, ...]) -> None:
    assert_agrees("pytorch", run_config(TRANSFORMER, *overrides), tmp_path)


def test_unshuffled_data_are_visited_as_they_stand(run_config: Run, tmp_path: Path) -> None:
    file = run_config(MLP, "dataset.shuffle=false", "record.order=false")
    [reference] = peer_files.read_references(file, None)
    assert reference.order is None
    assert_agrees("numpy_vectorised", file, tmp_path)
