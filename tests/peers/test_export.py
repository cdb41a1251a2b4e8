"""`stepbench export-data` writes the very data that trials are trained on, of every kind."""

import subprocess
from collections.abc import Callable
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


# By kind: the data set's section, and the rest of a config. Of the digits some have no sample in the cut.
DATASETS = {
    "mnist": (f"kind = mnist\npath = {DIGITS}\ntrain_samples = 5\nvalidation_samples = 3", mlp, "784,4,10"),
    "spirals": ("kind = spirals\nsamples = 60", mlp, "2,4,3"),
    "blobs": ("kind = blobs\nsamples = 60", mlp, "2,4,2"),
    "text": (f"kind = text\npath = {Path(__file__)}\nvocabulary = bytes", transformer, 16),
    "names": (f"kind = names\npath = {REPOSITORY / 'experiments' / 'data' / 'names.txt'}", transformer, 16),
    "modular_addition": ("kind = modular_addition\nmodulus = 7", transformer, 3),
    "copy": ("kind = copy\nalphabet = 3\nlength = 4\nsamples = 40", transformer, 8),
}


def same_digest(file: Path, folder: Path) -> bool:
    [reference] = peer_files.read_references(file, None)
    data = peer_files.read_data(export_data(reference, folder))
    return peer_files.digest_of(data) == reference.attributes["dataset_digest"]


@pytest.mark.parametrize("kind", DATASETS)
def test_exported_data_have_the_trials_digest(run_config: Run, tmp_path: Path, kind: str) -> None:
    dataset, config, size = DATASETS[kind]
    assert same_digest(run_config(config(dataset, size)), tmp_path)


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


def assert_trains_alike(run_config: Run, folder: Path, dataset: str, config: Callable[[str], str]) -> None:
    """A trial on the data and one on what was exported of them: same digest, vocabulary and losses."""
    original = run_config(config(dataset))
    [reference] = peer_files.read_references(original, None)
    exported = export_data(reference, folder)
    [again] = peer_files.read_references(run_config(config(f"kind = hdf5\npath = {exported}")), None)
    for name in ("dataset_digest", "parameter_digest", "vocabulary"):
        assert again.attributes.get(name) == reference.attributes.get(name)
    assert again.losses.tolist() == reference.losses.tolist()


@pytest.mark.parametrize("kind", DATASETS)
def test_exported_data_train_as_the_original_does(run_config: Run, tmp_path: Path, kind: str) -> None:
    dataset, config, size = DATASETS[kind]
    assert_trains_alike(run_config, tmp_path, dataset, lambda section: config(section, size))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_exported_targets_train_as_the_original_does(run_config: Run, tmp_path: Path, dtype: str) -> None:
    dataset = f"kind = hdf5\npath = {own_data(tmp_path, dtype)}"
    assert_trains_alike(run_config, tmp_path, dataset, lambda section: mlp(section, "4,4,3", "squared_error"))


def refusal(stepbench: Path, config: str, folder: Path) -> str:
    """What the program says of the config, its one line without what stands before the key."""
    (folder / "small.cfg").write_text(config)
    done = subprocess.run([stepbench, "check", "small.cfg"], cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done
    return done.stderr.split(": ", 2)[2].rstrip()


def test_exported_sequences_fit_one_context_only(stepbench: Path, run_config: Run, tmp_path: Path) -> None:
    dataset, config, size = DATASETS["copy"]
    [reference] = peer_files.read_references(run_config(config(dataset, size)), None)
    exported = f"kind = hdf5\npath = {export_data(reference, tmp_path)}"
    assert refusal(stepbench, transformer(exported, 4), tmp_path).startswith('model.context: found "4", but the seq')
    assert refusal(stepbench, transformer(exported, 4), tmp_path).endswith("have 8 tokens, allowed: 8")
    assert refusal(stepbench, mlp(exported, "8,4,4"), tmp_path).startswith('model.kind: found "mlp", but dataset.kind')
