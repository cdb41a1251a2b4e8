"""What a user hands to the program: configs, MNIST folders, HDF5 data sets, small and valid until a test breaks it.

Knows no expected message and no result.
"""

import gzip
import struct
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy

REPOSITORY = Path(__file__).resolve().parents[2]
MNIST_10K = REPOSITORY / "experiments" / "data" / "mnist-10k"

# Section -> key -> value; of [sweep], a key's name may have a dot.
Config = dict[str, dict[str, str]]
# Full key -> value; None removes the key.
Changes = Mapping[str, object]

_BLOBS: Config = {
    "experiment": {"name": "small"},
    "dataset": {"kind": "blobs", "features": "4", "classes": "3", "samples": "400"},
    "model": {"kind": "mlp", "layers": "4,8,3", "output": "linear", "loss": "cross_entropy", "init": "he"},
    "training": {"epochs": "3", "batch_size": "32", "optimizer": "sgd", "learning_rate": "0.1"},
    "measure": {"rounds": "2"},
    "sweep": {"backend": "neuron,blas,tbb"},
}
# Turns the blobs into the first digits of the repository's data.
DIGITS: Changes = {
    "dataset.kind": "mnist",
    "dataset.features": None,
    "dataset.classes": None,
    "dataset.samples": None,
    "dataset.path": MNIST_10K,
    "dataset.train_samples": 500,
    "dataset.validation_samples": 200,
    "model.layers": "784,16,10",
}
# Turns the blobs' MLP into a transformer on a text, whose path is to be added.
TRANSFORMER: dict[str, object] = {
    "dataset.features": None,
    "dataset.classes": None,
    "dataset.samples": None,
    "dataset.kind": "text",
    "model.layers": None,
    "model.output": None,
    "model.kind": "transformer",
    "model.init": "gpt2",
    "model.d_model": 16,
    "model.heads": 2,
    "model.blocks": 1,
    "model.context": 8,
    "training.epochs": None,
    "training.steps": 60,
    "training.batch_size": 8,
}


def config_text(changes: Changes = {}) -> str:
    """The small config with some keys changed, added or removed; a section for each, in their order."""
    config = {section: dict(keys) for section, keys in _BLOBS.items()}
    for full_key, value in changes.items():
        section, key = full_key.rsplit(".", 1) if full_key.startswith("backend.") else full_key.split(".", 1)
        keys = config.setdefault(section, {})
        if value is None:
            del keys[key]
        else:
            keys[key] = str(value)
    lines: list[str] = []
    for section, keys in config.items():
        lines += [f"[{section}]", *(f"{key} = {value}" for key, value in keys.items())]
    return "\n".join(lines) + "\n"


def write_config(folder: Path, changes: Changes = {}) -> Path:
    path = folder / "small.cfg"
    path.write_text(config_text(changes))
    return path


def line_of(config: Path, full_key: str) -> int:
    """The line, from 1, of a key or, without a dot in `full_key`, of a section's header."""
    section = ""
    for number, line in enumerate(config.read_text().splitlines(), start=1):
        if line.startswith("["):
            section = line.strip("[]")
            if section == full_key:
                return number
        elif f"{section}.{line.split('=')[0].strip()}" == full_key:
            return number
    raise KeyError(full_key)


def images_idx(count: int, rows: int = 3, columns: int = 2, magic: int = 0x803) -> bytes:
    pixels = bytes(i * 37 % 256 for i in range(count * rows * columns))
    return struct.pack(">IIII", magic, count, rows, columns) + pixels


def labels_idx(count: int, magic: int = 0x801) -> bytes:
    return struct.pack(">II", magic, count) + bytes(i % 10 for i in range(count))


def write_mnist(folder: Path, broken: Mapping[str, bytes] = {}) -> Path:
    """MNIST's four files, gzipped, with 3 x 2 pixels; `broken` takes the place of whole files, by name."""
    data = folder / "digits"
    data.mkdir()
    files: dict[str, bytes] = {}
    for stem, count in (("train", 40), ("t10k", 20)):
        files[f"{stem}-images-idx3-ubyte.gz"] = gzip.compress(images_idx(count))
        files[f"{stem}-labels-idx1-ubyte.gz"] = gzip.compress(labels_idx(count))
    for name, content in (files | dict(broken)).items():
        (data / name).write_bytes(content)
    return data


def mnist_changes(data: Path) -> Changes:
    """The config's changes for what write_mnist wrote."""
    uncut = {"dataset.train_samples": "40", "dataset.validation_samples": "20"}
    return {**DIGITS, **uncut, "dataset.path": data, "model.layers": "6,8,10"}


def write_hdf5(folder: Path, targets: bool = False) -> Path:
    """A data set with 4 features and 3 classes or, with `targets`, 3 outputs."""
    path = folder / "data.h5"
    with h5py.File(path, "w") as file:
        for split, count in (("train", 60), ("validation", 20)):
            features = numpy.arange(count * 4, dtype="f4").reshape(count, 4) / (count * 4)
            file[f"{split}/features"] = features
            if targets:
                file[f"{split}/targets"] = features[:, :3]
            else:
                file[f"{split}/labels"] = numpy.arange(count) % 3
    return path


def hdf5_changes(data: Path) -> Changes:
    """The config's changes for what write_hdf5 wrote."""
    generated = {"dataset.features": None, "dataset.classes": None, "dataset.samples": None}
    return {"dataset.kind": "hdf5", "dataset.path": data, **generated}
