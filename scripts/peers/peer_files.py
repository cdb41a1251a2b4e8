"""Files of the peers: the result file they start from, the data they train on, the result file they leave.

What they leave is the given file with the peers' trials added, so that everything that reads result files shows them
beside the backends. They stand in their group, but not in its rounds: what was not measured in turns is not paired.

results/README.md describes the schema; stepbench_results reads it. Left out: knowing what a trial means; nothing here
trains or times.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

sys.path.append(str(Path(__file__).resolve().parents[1]))
import stepbench_script  # noqa: E402


def refuse(message: str, code: int = 2) -> NoReturn:
    sys.exit(stepbench_script.said(message, code))


stepbench_script.require("h5py", "numpy", "xxhash")

import h5py  # noqa: E402
import numpy as np  # noqa: E402
import xxhash  # noqa: E402

import stepbench_results  # noqa: E402
from stepbench_results import ResultsError, Trial  # noqa: E402

PHASES = ("forward", "loss", "backward", "reduce", "update")
WORST_FIRST = ("failed", "interrupted", "diverged", "completed")
SPLITS = ("train", "validation")


class InputProblem(ResultsError):
    """One line about an input that the user can act on; exit code 2."""


class OutputProblem(stepbench_script.OutputError):
    """The same of an output; exit code 1."""


def changeable(image: bytes) -> h5py.File:
    """An HDF5 file in memory that can be changed; image_of() gives its bytes."""
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fapl_core(1 << 20, False)
    access.set_file_image(image)
    return h5py.File(h5py.h5f.open(f"image-{id(image)}".encode(), h5py.h5f.ACC_RDWR, fapl=access))


def image_of(file: h5py.File) -> bytes:
    file.flush()
    return file.id.get_file_image()


def refuse_existing(path: Path) -> None:
    if path.exists():
        raise OutputProblem(f"{path}: exists already and is left as it is (--overwrite replaces it)")


def publish(image: bytes, path: Path, overwrite: bool) -> None:
    """Whole or not at all, and never over an existing file unless told so; through links, as stepbench_script does."""
    place, temporary = stepbench_script.place_of(path), None
    try:
        with tempfile.NamedTemporaryFile(dir=place.parent, prefix=f".{place.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(stepbench_results.sealed(image))
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        if not overwrite and _linked(temporary, place):
            return
        if not overwrite:
            refuse_existing(path)
        temporary.replace(place)
    except FileExistsError:
        refuse_existing(path)
        raise
    except OSError as error:
        raise OutputProblem(f"{path}: cannot write: {error.strerror}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _linked(temporary: Path, place: Path) -> bool:
    """Gives the file its name unless that is taken; False where the file system has no hard links."""
    try:
        os.link(temporary, place)
    except OSError as error:
        if error.errno in (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP):
            return False
        raise
    return True


@dataclass
class Reference:
    """A trial of the given file whose training the peers repeat. E epochs, N samples of the training split."""

    id: str
    group: str
    attributes: dict[str, object]  # of the trial; settings are those whose names have a dot
    initial: dict[str, np.ndarray]  # by canonical name, in canonical order
    order: np.ndarray | None  # (E, N) indices; None: as they stand
    losses: np.ndarray  # of each step

    @property
    def settings(self) -> dict[str, object]:
        return {key: value for key, value in self.attributes.items() if "." in key}

    @property
    def scalar(self) -> type:
        return np.float64 if self.attributes["training.precision"] == "float64" else np.float32


def read_reference(trial: Trial) -> Reference:
    order = trial.order if trial.settings["dataset.shuffle"] else None
    return Reference(trial.id, trial.group, trial.attrs, trial.parameters("initial"), order, trial.losses)


def read_references(path: Path, trial_id: str | None) -> list[Reference]:
    """The first completed trial of each group that a backend of stepbench trained, or the one of the id."""
    with stepbench_results.open(path) as results:
        trials = {
            trial.id: trial
            for trial in map(results.trial, results.trials)
            if trial.attrs["status"] == "completed" and not trial.attrs.get("unpaired", False)
        }
        if trial_id is not None:
            if trial_id not in trials:
                raise InputProblem(f'{path}: --trial: found "{trial_id}", allowed: {", ".join(trials) or "none"}')
            return [read_reference(trials[trial_id])]
        if not trials:
            raise InputProblem(f"{path}: has no completed trial")
        groups: dict[str, Trial] = {}
        for trial in trials.values():
            groups.setdefault(trial.group, trial)
        return [read_reference(trial) for trial in groups.values()]


@dataclass
class Data:
    """What `stepbench export-data` writes. Of each split, by name: features (N, F), uint8 ones stand for value / 255,
    and labels (N) or targets (N, K); or tokens and target_tokens (N, T)."""

    outputs: int
    context: int
    vocabulary: list[str]
    train: dict[str, np.ndarray]
    validation: dict[str, np.ndarray]


def read_data(path: Path) -> Data:
    with stepbench_results.open_sealed(path, "data file") as file:
        if any(split not in file for split in SPLITS) or "digest" not in file.attrs:
            raise InputProblem(f"{path}: is no file of `stepbench export-data`")
        train, validation = ({name: item[()] for name, item in file[split].items()} for split in SPLITS)
        vocabulary = json.loads(file.attrs.get("vocabulary", "[]"))
        return Data(int(file.attrs["outputs"]), int(file.attrs["context"]), vocabulary, train, validation)


def digest_of(data: Data) -> str:
    """As stepbench digests a data set that it has loaded (core/data/dataset.cpp): the proof that it is the same."""
    digest = xxhash.xxh3_128()
    kinds = [np.dtype(kind) for kind in (np.uint8, np.float32, np.float64)]
    for split in (data.train, data.validation):
        first = split["tokens" if data.context else "features"]
        kind = 0 if data.context else kinds.index(first.dtype)
        shape = [len(first), first.shape[1], data.outputs, kind, int("labels" in split)]
        digest.update(np.array(shape, dtype="<i8").tobytes())
        for name in ("features", "labels", "targets", "tokens", "target_tokens"):
            if name in split:
                digest.update(np.ascontiguousarray(split[name]))
    if data.context:
        words = [word.encode("utf-8", "surrogateescape") for word in data.vocabulary]
        digest.update(np.array([data.context, *map(len, words)], dtype="<i8").tobytes())
        for word in words:
            digest.update(word)
    return digest.hexdigest()


@dataclass
class PeerTrial:
    """A trial to be added. `attributes` go in as they are; `summary` has values of /summary by column."""

    id: str
    attributes: dict[str, object]
    summary: dict[str, object]
    steps: dict[str, np.ndarray] = field(default_factory=dict)  # train_loss, wall_time (S); phase_time (S, 5)
    epochs: dict[str, np.ndarray] = field(default_factory=dict)  # by column of /trials/<id>/epochs
    parameters: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)  # initial, final -> by name


def typed(value: object) -> object:
    """The type that an attribute of its Python type has in the schema."""
    if isinstance(value, bool):
        return np.uint8(value)
    if isinstance(value, int):
        return np.uint64(value % 2**64).astype(np.int64)  # a seed from 2**63 on as the same bits
    return np.float64(value) if isinstance(value, float) else value


def write_dataset(group: h5py.Group, name: str, values: np.ndarray, units: str, scales: Iterable[str] = ()) -> None:
    """Text is variable-length UTF-8; numbers are chunked, shuffled, deflated and checksummed."""
    if isinstance(values[0], str):
        dataset = group.create_dataset(name, data=list(values), dtype=h5py.string_dtype())
    else:
        dataset = group.create_dataset(name, data=values, chunks=True, shuffle=True, compression=4, fletcher32=True)
    dataset.attrs["units"] = units
    for dimension, scale in enumerate(scales):
        if scale == name:
            dataset.make_scale(name)
        else:
            dataset.dims[dimension].attach_scale(group[scale])


def write_trial(trials: h5py.Group, trial: PeerTrial) -> None:
    group = trials.create_group(trial.id)
    for key, value in trial.attributes.items():
        group.attrs[key] = typed(value)
    loss_units = "nat" if trial.attributes["model.loss"] == "cross_entropy" else "1"
    if trial.steps:
        steps = group.create_group("steps")
        write_dataset(steps, "step", np.arange(len(trial.steps["wall_time"])), "1", ["step"])
        write_dataset(steps, "phase", np.array(PHASES, dtype=object), "1", ["phase"])
        write_dataset(steps, "train_loss", trial.steps["train_loss"], loss_units, ["step"])
        write_dataset(steps, "wall_time", trial.steps["wall_time"], "s", ["step"])
        write_dataset(steps, "phase_time", trial.steps["phase_time"], "s", ["step", "phase"])
        write_dataset(steps, "round", np.zeros(len(trial.steps["wall_time"]), dtype=np.int64), "1", ["step"])
    if trial.epochs:
        epochs = group.create_group("epochs")
        units = {"epoch": "1", "validation_accuracy": "1", "train_time": "s"}
        for name, values in trial.epochs.items():  # `epoch`, the scale, is the first
            write_dataset(epochs, name, values, units.get(name, loss_units), ["epoch"])
    for which, tensors in trial.parameters.items():
        group.require_group("parameters").create_group(which)
        for name, values in tensors.items():
            group["parameters"][which].create_dataset(name, data=values).attrs["units"] = "1"


def extended_summary(summary: h5py.Group, trials: list[PeerTrial]) -> dict[str, tuple[np.ndarray, str]]:
    """Columns with a row more per trial, and their units. What a trial does not say is NaN, 0 or empty text."""
    columns = {}
    for name, dataset in summary.items():
        text = h5py.check_string_dtype(dataset.dtype) is not None
        old = dataset.asstr()[()] if text else dataset[()]
        blank = "" if text else np.nan if dataset.dtype.kind == "f" else 0
        new = [typed(trial.summary.get(name, blank)) for trial in trials]
        columns[name] = (np.concatenate([old, np.array(new, dtype=object if text else dataset.dtype)]),
                         dataset.attrs["units"])  # fmt: skip
    columns["trial"] = (np.arange(len(columns["id"][0])), "1")
    return columns


def with_trials(image: bytes, trials: list[PeerTrial]) -> bytes:
    """The image of a result file with trials added to it."""
    h5py.get_config().track_order = True
    with changeable(image) as file:
        columns = extended_summary(file["summary"], trials)
        del file["summary"]
        summary = file.create_group("summary")
        for name in sorted(columns, key=lambda column: column != "trial"):  # the scale first, the others as they were
            write_dataset(summary, name, *columns[name], scales=["trial"])
        for trial in trials:
            if trial.id in file["trials"]:
                raise InputProblem(f"the file has a trial {trial.id} already")
            write_trial(file["trials"], trial)
        statuses = {file.attrs["status"], *(trial.attributes["status"] for trial in trials)}
        file.attrs.modify("status", next(status for status in WORST_FIRST if status in statuses))
        return image_of(file)


def without_parameters(image: bytes) -> bytes:
    """The image without parameters and orders, which are most of it and are needed only to run peers."""
    if shutil.which("h5repack") is None:
        raise InputProblem("--slim needs h5repack (Debian: apt install hdf5-tools)")
    with tempfile.TemporaryDirectory() as folder, changeable(image) as file:
        for trial in file["trials"].values():
            for name in ("parameters", "order"):
                if name in trial:
                    del trial[name]
        whole, small = Path(folder, "whole.h5"), Path(folder, "small.h5")
        whole.write_bytes(image_of(file))
        subprocess.run(["h5repack", whole, small], check=True)  # the space of what was deleted is given back only so
        return small.read_bytes()
