"""Reads result files for the tests, and computes again, from the raw series, what the program says of them.

Written from the documentation of the format, not from the program's code.
"""

from pathlib import Path

import h5py
import numpy
from numpy.typing import NDArray

Floats = NDArray[numpy.float64]
LOSSES = ("steps/train_loss", "epochs/train_loss", "epochs/validation_loss")


def texts(dataset: h5py.Dataset) -> list[str]:
    return list(dataset.asstr()[:])


def summary(file: h5py.File, column: str) -> dict[str, object]:
    """A column of /summary by trial id."""
    dataset = file["summary"][column]
    values = texts(dataset) if h5py.check_string_dtype(dataset.dtype) else list(dataset[:])
    return dict(zip(texts(file["summary/id"]), values, strict=True))


def trained_ids(file: h5py.File) -> list[str]:
    return [trial for trial, status in summary(file, "status").items() if status in ("completed", "diverged")]


def batch_sizes(trial: h5py.Group, samples: int) -> NDArray[numpy.int64]:
    """Samples of each step; the last batch of an epoch may be short."""
    batch = int(trial.attrs["training.batch_size"])
    epoch = [min(batch, samples - begin) for begin in range(0, samples, batch)]
    steps = len(trial["steps/train_loss"])
    return numpy.resize(numpy.array(epoch), steps)


def counted_times(trial: h5py.Group, samples: int) -> dict[int, Floats]:
    """Round -> wall times of its steps, without each round's warm-up and without short batches."""
    rounds, times = trial["steps/round"][:], trial["steps/wall_time"][:]
    full = batch_sizes(trial, samples) == trial.attrs["training.batch_size"]
    counted = {}
    for number in numpy.unique(rounds):
        steps = numpy.flatnonzero(rounds == number)[int(trial.attrs["measure.warmup_steps"]) :]
        counted[int(number)] = times[steps[full[steps]]]
    return counted


def round_medians(group: h5py.Group) -> dict[str, Floats]:
    """Trial id -> step time of each round, as stored in /groups."""
    times = group["rounds/step_time"][:]
    return {trial: times[:, m] for m, trial in enumerate(texts(group["rounds/trial"]))}


def losses(path: Path) -> dict[tuple[str, str], Floats]:
    """(trial id, series) -> values, for every trial that was trained."""
    with h5py.File(path) as file:
        return {(trial, name): file[f"trials/{trial}/{name}"][:] for trial in trained_ids(file) for name in LOSSES}


def digests(path: Path) -> dict[str, str]:
    with h5py.File(path) as file:
        return {trial: file[f"trials/{trial}"].attrs["parameter_digest"] for trial in trained_ids(file)}


def largest_relative_difference(path: Path, reference: str) -> float:
    """Of all losses of all trials, against the trial `reference`."""
    series = losses(path)
    return max(
        float(numpy.max(numpy.abs(values - series[reference, name]) / numpy.abs(series[reference, name])))
        for (_, name), values in series.items()
    )
