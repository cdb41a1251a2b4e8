#!/usr/bin/env python3
"""Draws what trials learned, against steps or against a setting: a line for each value of others, with its range over seeds.

    scripts/plot_learning.py results/grokking-rounding.h5 --value validation_accuracy --by model.loss,model.softmax -o a.svg
    scripts/plot_learning.py results/accumulation.h5 --value validation_loss --against training.micro_batch
        --by training.divisor -o b.svg
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import stepbench_script

stepbench_script.require("h5py", "numpy", "pandas", "matplotlib")

import pandas  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.ticker import FuncFormatter, NullFormatter  # noqa: E402

import stepbench_results  # noqa: E402
from stepbench_results import Results, ResultsError  # noqa: E402

_VALUES = {"train_loss": "training loss", "validation_loss": "validation loss",
           "validation_accuracy": "validation accuracy", "gradient_noise_scale": "noise scale"}  # fmt: skip
_MARKERS, _DASHES = "os^Dv", ("-", "--", ":", "-.")


def _text(value: stepbench_results.Scalar) -> str:
    """As a config has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def points(results: Results, value: str, against: str | None, by: Sequence[str]) -> pandas.DataFrame:
    """A row per trial and evaluation (of its last one alone, against a setting): line, x, y."""
    known: set[str] = set()
    rows = []
    for name in results.trials:
        trial = results.trial(name)
        settings = trial.settings | {key: trial.attrs[key] for key in ("backend", "threads", "seed")}
        known |= settings.keys()
        epochs = trial.epochs
        if epochs.empty or (against is not None and against not in settings):
            continue
        if epochs["step"].isna().any():
            raise ResultsError(f"{results.path}: has no epochs/step: it is from before stepbench wrote it")
        line = ", ".join(f"{key.split('.')[-1]} {_text(settings[key])}" for key in by if key in settings)
        square = epochs["gradient_square"]  # where it is not above 0, noise hides the gradient: no number
        epochs = epochs.assign(gradient_noise_scale=epochs["gradient_variance"] / square.where(square > 0))
        evaluations = epochs if against is None else epochs.tail(1)
        x = evaluations["step"] if against is None else [settings[against]]
        rows.append(pandas.DataFrame({"line": line, "x": x, "y": evaluations[value].to_numpy()}))
    for key in [*by, *([against] if against else [])]:
        if key not in known:
            raise ResultsError(f"{results.path}: no trial has a setting {key}")
    if not rows:
        raise ResultsError(f"{results.path}: no trial was evaluated")
    table = pandas.concat(rows, ignore_index=True)
    if table["y"].isna().all():
        asked = " (--set record.gradient_noise=true)" if value == "gradient_noise_scale" else ""
        raise ResultsError(f"{results.path}: no evaluation has a {_VALUES[value]}{asked}")
    return table


def draw(table: pandas.DataFrame, value: str, against: str | None, log: bool) -> Figure:
    """Means over what has the same line and x, and the least and the largest of it as a band."""
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axes = figure.subplots()
    order = list(dict.fromkeys(table["x"]))
    numeric = pandas.api.types.is_numeric_dtype(table["x"])
    places = {x: x if numeric else i for i, x in enumerate(order)}
    for i, (line, rows) in enumerate(table.groupby("line", sort=False)):
        grouped = rows.groupby("x", sort=numeric)["y"]
        xs = [places[x] for x in grouped.groups]
        mean, low, high = (getattr(grouped, statistic)().to_numpy() for statistic in ("mean", "min", "max"))
        axes.plot(xs, mean, marker=_MARKERS[i % len(_MARKERS)], linestyle=_DASHES[i % len(_DASHES)], markersize=4,
                  label=line or "all")  # fmt: skip
        axes.fill_between(xs, low, high, alpha=0.2, linewidth=0)
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    if against is not None and numeric and min(order) > 0 and max(order) >= 8 * min(order):
        axes.set_xscale("log", base=2)
        axes.xaxis.set_minor_formatter(NullFormatter())
    if against is not None:
        axes.set_xticks([places[x] for x in order], [str(x) for x in order])
    axes.set(xlabel="steps" if against is None else against.split(".")[-1].replace("_", " "), ylabel=_VALUES[value])
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize="small")
    return figure


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, metavar="FILE.h5")
    parser.add_argument("--value", required=True, choices=_VALUES, help="of each evaluation; --against: of the last one")
    parser.add_argument("--against", metavar="KEY", help="a setting by its full key, or backend, threads; default: steps")
    parser.add_argument("--by", default="", metavar="KEY,KEY", help="settings that make lines; all else, as seeds, a range")
    parser.add_argument("--log", action="store_true", help="a logarithmic scale of the value")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="PICTURE", help="a .png, .svg or .pdf file")
    options = parser.parse_args(arguments)
    stepbench_script.check_picture(parser, options.output)
    by = [key for key in options.by.split(",") if key]
    table = points(stepbench_results.open(options.file), options.value, options.against, by)
    stepbench_script.write_picture(options.output, draw(table, options.value, options.against, options.log))


if __name__ == "__main__":
    stepbench_script.run(main)
