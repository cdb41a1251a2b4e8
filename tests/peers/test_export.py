"""`stepbench export-data` writes the very data that trials are trained on, of every kind."""

import subprocess
from pathlib import Path

import h5py
import numpy
import pytest

import peer_files
from conftest import MLP, Run
from peer import export_data

REPOSITORY = Path(__file__).resolve().parents[2]
DIGITS = REPOSITORY / "experiments" / "data" / "mnist-10k"
HEAD = "[training]\nsteps = 3\nbatch_size = 8\noptimizer = sgd\nlearning_rate = 0.01\n[sweep]\nbackend = blas\n"
TOKENS = "[model]\nkind = transformer\nd_model = 8\nheads = 2\nblocks = 1\nloss = cross_entropy\ncontext = "


def mlp(dataset: str, layers: str, loss: str = "cross_entropy") -> str:
    return f"[dataset]\n{dataset}\n[model]\nkind = mlp\nloss = {loss}\nlayers = {layers}\n{HEAD}"


def transformer(dataset: str, context: int) -> str:
    return f"[dataset]\n{dataset}\n{TOKENS}{context}\n{HEAD}"


def own_data(folder: Path, dtype: str) -> Path:
    with h5py.File(folder / "own.h5", "w") as file:
        for split, count in (("train", 30), ("validation", 10)):
            file[f"{split}/features"] = numpy.arange(count * 4, dtype=dtype).reshape(count, 4) / 100
            file[f"{split}/targets"] = file[f"{split}/features"][:, :3]
    return folder / "own.h5"


def same_digest(file: Path, folder: Path) -> bool:
    [reference] = peer_files.read_references(file, None)
    data = peer_files.read_data(export_data(reference, folder))
    return peer_files.digest_of(data) == reference.attributes["dataset_digest"]


@pytest.mark.parametrize(
    "config",
    [
        mlp(f"kind = mnist\npath = {DIGITS}\ntrain_samples = 50\nvalidation_samples = 20", "784,4,10"),
        mlp("kind = spirals\nsamples = 60", "2,4,3"),
        mlp("kind = blobs\nsamples = 60", "2,4,2"),
        transformer(f"kind = text\npath = {Path(__file__)}\nvocabulary = bytes", 16),
        transformer(f"kind = names\npath = {REPOSITORY / 'experiments' / 'data' / 'names.txt'}", 16),
        transformer("kind = modular_addition\nmodulus = 7", 3),
        transformer("kind = copy\nalphabet = 3\nlength = 4\nsamples = 40", 8),
    ],
    ids=["mnist", "spirals", "blobs", "text", "names", "modular_addition", "copy"],
)
def test_exported_data_have_the_trials_digest(run_config: Run, tmp_path: Path, config: str) -> None:
    assert same_digest(run_config(config), tmp_path)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_own_hdf5_data_have_the_trials_digest(run_config: Run, tmp_path: Path, dtype: str) -> None:
    config = mlp(f"kind = hdf5\npath = {own_data(tmp_path, dtype)}", "4,4,3", "squared_error")
    assert same_digest(run_config(config), tmp_path)


def test_a_sweep_over_data_sets_is_refused(stepbench: Path, tmp_path: Path) -> None:
    (tmp_path / "small.cfg").write_text(MLP.replace("samples = 200\n", "") + "dataset.samples = 100,200\n")
    command = [stepbench, "export-data", "small.cfg"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "several data sets" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["small.cfg"]


def test_exported_features_are_a_data_set_of_kind_hdf5(stepbench: Path, run_config: Run, tmp_path: Path) -> None:
    [reference] = peer_files.read_references(run_config(mlp("kind = spirals\nsamples = 60", "2,4,3")), None)
    exported = export_data(reference, tmp_path)
    config = mlp(f"kind = hdf5\npath = {exported}", "2,4,3")
    [again] = peer_files.read_references(run_config(config), None)
    assert again.attributes["dataset_digest"] == reference.attributes["dataset_digest"]
