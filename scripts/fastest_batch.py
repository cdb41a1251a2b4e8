#!/usr/bin/env python3
"""Predicts from a sweep of batch sizes which of them trains fastest, and prints it beside what was measured, in Markdown.

    scripts/fastest_batch.py results/fastest-batch.h5 --noise results/noise-scale.h5

Steps to training.target are taken to fall as S = a + b / B with the batch size B: a is the fewest steps, b the fewest samples,
and b / a the critical batch size, at which both are twice that (McCandlish et al., "An Empirical Model of Large-Batch
Training", 2018, eq. 2.11). For each batch size the law is fitted to the steps of all others, of all seeds, by least squares of
logarithms: what it then says of this one is a prediction, at both ends of the sweep an extrapolation. Times the median step
that was measured at this batch size, it is the predicted time to the target. Judges nothing, and draws nothing.

With --noise, the simple noise scale tr(S) / |G|^2 of the gradient on the way to the target, as runs with record.gradient_noise
measured it, stands beside the critical batch size, whose order it should tell (their section 2.2): the steps are then 1 + noise
scale / B times their fewest, which by itself, without a sweep, says at which batch size their time is least.
"""

import argparse
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import stepbench_script

stepbench_script.require("h5py", "numpy", "pandas", "scipy")

import numpy  # noqa: E402
import pandas  # noqa: E402
from scipy import optimize  # noqa: E402

import stepbench_results  # noqa: E402
from stepbench_results import Results, ResultsError  # noqa: E402

BATCH_SIZE = "training.batch_size"
# What makes another run of the same, or is no part of what is trained: tells no arms apart.
NOT_OF_ARM = (BATCH_SIZE, "model.perturb_seed", "experiment.name", "experiment.description", "record.checkpoint_every")
FOOTNOTE = (
    "\nSteps: mean ± standard deviation over seeds; fitted: S = a + b / B by all other batch sizes; predicted: that times the "
    "median step; measured: mean over seeds.\n"
)
FEWEST_BATCH_SIZES = 3  # two for the law's two numbers, and one to predict


@dataclass(frozen=True)
class Run:
    """One seed's way to the target."""

    batch_size: int
    steps: float
    step_time: float  # s, median
    time: float  # s


@dataclass(frozen=True)
class Law:
    """Steps to a target: fewest_steps + fewest_samples / batch size."""

    fewest_steps: float
    fewest_samples: float

    def steps(self, batch_size: float) -> float:
        return self.fewest_steps + self.fewest_samples / batch_size

    @property
    def critical_batch_size(self) -> float:
        return self.fewest_samples / self.fewest_steps if self.fewest_steps > 0 else math.inf


@dataclass(frozen=True)
class Row:
    """A batch size of an arm; times in s."""

    batch_size: int
    steps: Sequence[float]
    law: Law  # of the other batch sizes
    step_time: float
    measured: float
    deviation: float = 0.0  # of `measured` over seeds

    @property
    def predicted(self) -> float:
        return self.law.steps(self.batch_size) * self.step_time


def arms_of(results: Results) -> dict[str, list[Run]]:
    """The runs of each arm, by its name: backend, threads, and what else the sweep varies besides batch size and seed."""
    summary = results.summary
    trials = [trial for trial in results.trials if summary.loc[trial, "status"] != "unsupported"]
    settings = {trial: results.trial(trial).settings for trial in trials}
    keys = {key for values in settings.values() for key in values if key not in NOT_OF_ARM}
    varied = sorted(key for key in keys if len({repr(values[key]) for values in settings.values() if key in values}) > 1)
    arms: dict[str, list[Run]] = {}
    for trial in trials:
        row, values = summary.loc[trial], settings[trial]
        ranks = f"-r{row['ranks']}" if row["ranks"] > 0 else ""
        others = [f"{key.rsplit('.', 1)[1]} {values[key]}" for key in varied if key in values]
        name = ", ".join([f"{row['backend']}{ranks}-t{row['threads']}", *others])
        arms.setdefault(name, []).append(run_of(results, trial))
    if not arms:
        raise ResultsError(f"{results.path}: no trial of it was trained")
    return arms


def run_of(results: Results, trial: str) -> Run:
    row, found = results.summary.loc[trial], results.trial(trial)
    where = f"{results.path}: trial {trial}"
    target = found.settings.get("training.target")
    if target is None:
        raise ResultsError(f"{where} has no target: run it with --set 'training.target=train_loss<=0.1' or the like")
    time = row["time_to_target"]
    if not math.isfinite(time):
        raise ResultsError(f"{where} ({row['status']}) never reached {target}: train longer, or set an easier target")
    evaluations = found.epochs
    steps = evaluations["step"][evaluations["train_time"] == time]
    if steps.empty or not math.isfinite(steps.iloc[0]):
        raise ResultsError(f"{where} does not tell at which steps it was evaluated: run it again with this version")
    return Run(int(found.settings[BATCH_SIZE]), float(steps.iloc[0]), float(row["step_time_median"]), float(time))


def fit(runs: Iterable[Run]) -> Law:
    """By least squares of logarithms, neither number below 0."""
    points = list(runs)
    inverse = numpy.array([1 / run.batch_size for run in points])
    steps = numpy.array([run.steps for run in points])
    # Relative deviations, which are linear in both numbers, lead to where those of logarithms start from.
    scale = numpy.array([1.0, 1 / inverse.mean()])
    terms = numpy.stack([numpy.ones_like(inverse), inverse], axis=1) * scale
    start, _ = optimize.nnls(terms / steps[:, None], numpy.ones_like(steps))
    found = optimize.least_squares(
        lambda x: numpy.log(terms @ x / steps),
        numpy.maximum(start, 1e-9 * start.max()), bounds=([0, 0], [numpy.inf, numpy.inf]), x_scale=start.max(),
    )  # fmt: skip
    return Law(*(float(x) for x in found.x * scale))


def rows_of(runs: Sequence[Run], where: str) -> list[Row]:
    """By batch size, in increasing order."""
    batch_sizes = sorted({run.batch_size for run in runs})
    if len(batch_sizes) < FEWEST_BATCH_SIZES:
        raise ResultsError(
            f"{where}: has {len(batch_sizes)} batch size(s), at least {FEWEST_BATCH_SIZES} are needed: "
            f"sweep {BATCH_SIZE} = 16,32,64"
        )
    rows = []
    for batch_size in batch_sizes:
        own = [run for run in runs if run.batch_size == batch_size]
        rows.append(Row(batch_size, [run.steps for run in own], fit(run for run in runs if run.batch_size != batch_size),
                        float(numpy.median([run.step_time for run in own])),
                        float(numpy.mean([run.time for run in own])),
                        float(numpy.std([run.time for run in own], ddof=1)) if len(own) > 1 else 0.0))  # fmt: skip
    return rows


def table(arms: dict[str, list[Row]]) -> str:
    lines = [["arm", "batch size", "steps to target", "fitted steps", "step (ms)", "predicted (s)", "measured (s)", "off by"],
             ["---"] + ["---:"] * 7]  # fmt: skip
    for name, rows in arms.items():
        for row in rows:
            lines.append([name, str(row.batch_size), mean_and_deviation(row.steps), f"{row.law.steps(row.batch_size):.0f}",
                          f"{row.step_time * 1e3:.3g}", f"{row.predicted:.3g}", f"{row.measured:.3g}",
                          f"{round(100 * (row.predicted / row.measured - 1)) or 0:+d}%"])  # fmt: skip
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def mean_and_deviation(values: Sequence[float]) -> str:
    mean = f"{numpy.mean(values):.0f}"
    return mean if len(values) < 2 else f"{mean} ± {numpy.std(values, ddof=1):.0f}"


def verdict(name: str, law: Law, rows: Sequence[Row]) -> str:
    """Which batch size was to be fastest, which was, and what the choice by prediction costs."""
    predicted = min(rows, key=lambda row: row.predicted)
    fastest = min(rows, key=lambda row: row.measured)
    cost = predicted.measured / fastest.measured - 1
    loss = "the two are one" if predicted is fastest else f"the predicted one is {cost:.1%} slower"
    if predicted is not fastest and predicted.measured - fastest.measured <= max(predicted.deviation, fastest.deviation):
        loss += ", less than the standard deviation of one of them over seeds: which is faster is not told"
    others = [row.law.critical_batch_size for row in rows]
    return (
        f"- {name}: fastest by prediction is batch size {predicted.batch_size}, by measurement {fastest.batch_size}: "
        f"{loss}. S = {law.fewest_steps:.0f} + {law.fewest_samples:.0f} / B, so the critical batch size b / a is "
        f"{law.critical_batch_size:.0f} ({min(others):.0f} to {max(others):.0f} where one batch size is left out).\n"
    )


@dataclass(frozen=True)
class NoiseScale:
    """Of the runs of one size of batch and of micro-batch: an element per seed, in samples."""

    batch_size: int
    micro_batch: int
    at_start: Sequence[float]  # up to the first evaluation
    to_target: Sequence[float]


def noise_scales(results: Results) -> list[NoiseScale]:
    """By size of batch and of micro-batch, in the order of the file."""
    measured: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for name in results.trials:
        trial = results.trial(name)
        epochs, where = trial.epochs, f"{results.path}: trial {name}"
        if results.summary.loc[name, "status"] == "unsupported":
            continue
        if epochs["gradient_variance"].isna().all():
            raise ResultsError(f"{where} has no moments of its gradients: run it with --set record.gradient_noise=true "
                               "--set training.micro_batch=1")  # fmt: skip
        time = results.summary.loc[name, "time_to_target"]
        if not math.isfinite(time):
            raise ResultsError(f"{where} has or reached no training.target: give it that of the sweep, and train longer")
        sizes = int(trial.settings[BATCH_SIZE]), int(trial.settings["training.micro_batch"])
        before = epochs[epochs["train_time"] <= time]
        measured.setdefault(sizes, []).append((noise_scale(before.head(1)), noise_scale(before)))
    if not measured:
        raise ResultsError(f"{results.path}: no trial of it was trained")
    return [NoiseScale(*sizes, *zip(*values, strict=True)) for sizes, values in measured.items()]


def noise_scale(epochs: pandas.DataFrame) -> float:
    """The quotient of both means over all steps up to these evaluations, which follow each other from the first on."""
    steps = epochs["step"].diff().fillna(epochs["step"].iloc[0])
    square = (steps * epochs["gradient_square"]).sum()
    return float((steps * epochs["gradient_variance"]).sum() / square) if square > 0 else math.inf


def noise_table(scales: Sequence[NoiseScale]) -> str:
    lines = [["batch size", "micro-batch", "noise scale at the start", "to the target"], ["---:"] * 4]
    for scale in scales:
        lines.append([str(scale.batch_size), str(scale.micro_batch), mean_and_deviation(scale.at_start),
                      mean_and_deviation(scale.to_target)])  # fmt: skip
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def noise_verdict(name: str, law: Law, rows: Sequence[Row], scale: float) -> str:
    """What the noise scale alone says of an arm, and what following it costs."""
    told = min(rows, key=lambda row: (1 + scale / row.batch_size) * row.step_time)
    fastest = min(rows, key=lambda row: row.measured)
    cost = told.measured / fastest.measured - 1
    loss = "which it is" if told is fastest else f"which is {cost:.1%} slower than {fastest.batch_size}"
    return (
        f"- {name}: the noise scale {scale:.0f} is {scale / law.critical_batch_size:.1f} times the critical batch size; by it alone, "
        f"fastest is batch size {told.batch_size}, {loss}.\n"
    )


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, metavar="FILE.h5", help="of a sweep of training.batch_size with training.target")
    parser.add_argument("--noise", type=Path, metavar="FILE.h5", help="of runs with record.gradient_noise to the same target")
    options = parser.parse_args(arguments)
    results = stepbench_results.open(options.file)
    runs = arms_of(results)
    arms = {name: rows_of(of_arm, f"{results.path}: {name}") for name, of_arm in runs.items()}
    text = table(arms) + "\n" + "".join(verdict(name, fit(runs[name]), rows) for name, rows in arms.items())
    text += FOOTNOTE
    if options.noise is not None:
        scales = noise_scales(stepbench_results.open(options.noise))
        mean = float(numpy.mean([value for scale in scales for value in scale.to_target]))
        text += "\n" + noise_table(scales) + "\n"
        text += "".join(noise_verdict(name, fit(runs[name]), rows, mean) for name, rows in arms.items())
    stepbench_script.show(text)


if __name__ == "__main__":
    stepbench_script.run(main)
