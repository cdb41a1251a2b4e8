"""Charts of what was learned: loss against steps, and loss and accuracy against training time."""

import math

import numpy
import pandas

from stepbench_report.chart import (Absent, Chart, Panel, Reference, Series, Styles, bin_centres, bin_maxima,
                                    bin_means, drawn_conditions, headed, left_out_note)  # fmt: skip
from stepbench_report.collection import Collection
from stepbench_report.target import target_of
from stepbench_statistics import relative_difference


def losses(trials: Collection, condition: str, arm: str) -> dict[int, numpy.ndarray]:
    """Training loss of every step, by seed; nothing for a trial without recorded steps."""
    series = {}
    for _, row in trials.rows(condition, arm).iterrows():
        values = trials.trial(row).steps["train_loss"].to_numpy(float)
        if len(values) > 0:
            series[int(row["seed"])] = values
    return series


def loss_unit(trials: Collection) -> str:
    kinds = {str(trials.trial(row).settings.get("model.loss")) for _, row in trials.timed.iterrows()}
    return "loss (nat)" if kinds == {"cross_entropy"} else "loss"


def _shortened(curves: list[numpy.ndarray]) -> numpy.ndarray:
    """(curves, steps), as long as the shortest."""
    shortest = min(map(len, curves))
    return numpy.stack([curve[:shortest] for curve in curves])


def loss(trials: Collection, styles: Styles) -> Chart | Absent:
    title = "Loss against steps: do they learn the same?"
    panels, tables = [], []
    for condition in drawn_conditions(trials):
        reference = trials.baseline(condition)
        curves = {arm: losses(trials, condition, arm) for arm in trials.arms(condition)}
        curves = {arm: by_seed for arm, by_seed in curves.items() if by_seed}
        if not curves:
            continue
        own: list[Series] = []
        apart: list[Series] = []
        columns: dict[str, numpy.ndarray] = {}
        for arm, by_seed in curves.items():
            stacked = _shortened([bin_means(curve) for curve in by_seed.values()])
            steps = bin_centres(len(next(iter(by_seed.values()))))[: stacked.shape[1]]
            mean = stacked.mean(axis=0)
            several = len(by_seed) > 1
            own.append(Series(arm, styles[arm], steps.tolist(), mean.tolist(),
                              stacked.min(axis=0).tolist() if several else None,
                              stacked.max(axis=0).tolist() if several else None))  # fmt: skip
            columns.setdefault("step", steps)
            columns[arm] = mean
            shared = set(by_seed) & set(curves.get(reference, {})) if arm != reference else set()
            if not shared:
                continue
            pairs = [_shortened([by_seed[seed], curves[reference][seed]]) for seed in sorted(shared)]
            worst = _shortened([bin_maxima(relative_difference(pair[0], pair[1])) for pair in pairs]).max(axis=0)
            apart.append(Series(arm, styles[arm], steps[: len(worst)].tolist(), worst.tolist()))
            columns[f"{arm}: largest relative difference"] = worst
        panels.append(Panel(headed(condition, "training loss"), "step", loss_unit(trials), own, nested=True))
        if apart:
            tolerance = trials.margins.loss_tolerance
            limit = Reference(f"up to {tolerance:g} they go together", tolerance)
            text = headed(condition, f"difference from {reference}")
            panels.append(Panel(text, "step", "relative difference", _above_zero(apart), y_log=True, nested=True,
                                references=[limit]))  # fmt: skip
        tables.append(pandas.DataFrame({name: pandas.Series(values) for name, values in columns.items()}))
        if condition:
            tables[-1].insert(0, "setting", condition)
    if not panels:
        return Absent("loss", title, "no steps were recorded (record.steps = false)")
    caption = (
        "First the training loss, mean of a bin of steps where there are many; bands span the seeds. Then how far each "
        "loss is from the baseline's at the same step and seed, at worst in the bin: rounding starts near 1e-7 in "
        "float32 and grows as training amplifies it. Equal to the bit is drawn on the lower edge."
    )
    return Chart("loss", title, caption + left_out_note(trials), panels, pandas.concat(tables, ignore_index=True))


def _above_zero(series: list[Series]) -> list[Series]:
    """Zeros, which a logarithmic axis has not, on a power of ten below everything else."""
    positive = [value for one in series for value in one.y if value > 0 and math.isfinite(value)]
    floor = 10.0 ** math.floor(math.log10(min(positive)) - 0.01) if positive else 1e-16
    return [Series(one.label, one.style, one.x, [max(value, floor) for value in one.y]) for one in series]


def time(trials: Collection, styles: Styles) -> Chart | Absent:
    title = "Who gets there first?"
    names = {"train_loss": "training loss", "validation_loss": "validation loss",
             "validation_accuracy": "validation accuracy"}  # fmt: skip
    panels, tables = [], []
    for condition in drawn_conditions(trials):
        target = target_of(trials, condition)
        for column, name in names.items():
            series: list[Series] = []
            for arm in trials.arms(condition):
                row = trials.row(condition, arm)
                x, y = _against_time(trials, row, column)
                if len(x) == 0:
                    continue
                series.append(Series(arm, styles[arm], x.tolist(), y.tolist(), marked=column != "train_loss"))
                columns = {"setting": condition, "trial": arm, "what": name, "training time (s)": x, "value": y}
                tables.append(pandas.DataFrame(columns))
            if not series:
                continue
            references = [Reference(f"target {target[1]:g}", target[1])] if target and target[0] == column else []
            unit = "fraction" if column == "validation_accuracy" else loss_unit(trials)
            panels.append(Panel(headed(condition, name), "training time (s)", unit, series, x_log=True,
                                references=references))  # fmt: skip
    if not panels:
        return Absent("time", title, "no steps and no evaluations were recorded")
    caption = (
        "Against seconds spent in training steps alone (evaluation is left out), on a logarithmic axis, of the first "
        "seed: the curve furthest left gets there first. A dot is an evaluation."
    )
    table = pandas.concat(tables, ignore_index=True)
    per_condition = len(panels) // max(1, len(drawn_conditions(trials)))
    return Chart("time", title, caption + left_out_note(trials), panels, table, 3 if per_condition >= 3 else 2)


def _against_time(trials: Collection, row: pandas.Series, column: str) -> tuple[numpy.ndarray, numpy.ndarray]:
    trial = trials.trial(row)
    if column == "train_loss" and not trial.steps.empty:
        elapsed = trial.steps["wall_time"].to_numpy(float).cumsum()
        return bin_means(elapsed), bin_means(trial.steps["train_loss"].to_numpy(float))
    known = trial.epochs[trial.epochs[column].notna()]
    return known["train_time"].to_numpy(float), known[column].to_numpy(float)
