#!/usr/bin/env python3
"""Draws what `stepbench_verdict_curves curves` measured: how often intervals hold the truth, and differences are told.

    scripts/plot_verdict_curves.py results/reference/verdict-curves.txt -o results/reference/verdict-curves.svg
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import stepbench_script

stepbench_script.require("h5py", "numpy", "pandas", "matplotlib")

import pandas  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from stepbench_results import ResultsError  # noqa: E402

_COLUMNS = ["planted_percent", "rounds", "runs", "covered", "told"]
_PROMISED = {"covered": 0.95, "told": 0.05}
_TITLES = {"covered": "runs whose interval holds the planted ratio", "told": "runs that tell a difference"}


def read_curves(path: Path) -> pandas.DataFrame:
    """A row per planted difference and number of rounds. Throws ResultsError."""
    try:
        table = pandas.read_csv(path, sep=r"\s+")
    except OSError as error:
        raise ResultsError(f"{path}: {error.strerror}") from None
    except (ValueError, pandas.errors.ParserError) as error:
        raise ResultsError(f"{path}: no table of stepbench_verdict_curves: {error}") from None
    if list(table.columns) != _COLUMNS or table.empty or not all(kind.kind == "i" for kind in table.dtypes):
        raise ResultsError(f"{path}: found other columns, expected whole numbers under {' '.join(_COLUMNS)}")
    return table


def draw(table: pandas.DataFrame) -> Figure:
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    for axes, (column, promised) in zip(figure.subplots(1, 2), _PROMISED.items(), strict=True):
        for percent, rows in table.groupby("planted_percent"):
            axes.plot(rows["rounds"], rows[column] / rows["runs"], marker="o", label=f"{percent}%")
        axes.axhline(promised, color="black", linewidth=0.8, linestyle=":")
        axes.set(title=_TITLES[column], xlabel="rounds", ylim=(-0.03, 1.03))
    axes.legend(title="planted", fontsize="small")
    return figure


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("curves", type=Path, metavar="CURVES.txt", help="what stepbench_verdict_curves printed")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="PICTURE", help="a .png, .svg or .pdf file")
    options = parser.parse_args(arguments)
    stepbench_script.check_picture(parser, options.output)
    stepbench_script.write_picture(options.output, draw(read_curves(options.curves)))


if __name__ == "__main__":
    stepbench_script.run(main)
