#!/usr/bin/env python3
"""Prints two settings of a sweep as the rows and columns of a Markdown table: median and range over all else.

    scripts/sweep_table.py results/update-order.h5 --rows training.learning_rate --columns training.update_order
        --value best_validation_accuracy
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import stepbench_script

stepbench_script.require("h5py", "numpy", "pandas")

import pandas  # noqa: E402

import stepbench_results  # noqa: E402
from stepbench_results import Results, ResultsError  # noqa: E402


def cells(results: Results, rows: str, columns: str, value: str) -> pandas.DataFrame:
    """A row per trial that has both settings, of which one may have no use for another's value: these and the value."""
    summary = results.summary
    if value not in summary.columns:
        raise ResultsError(f"--value: /summary has no column {value}; it has {', '.join(summary.columns)}")
    attributes = {trial: results.trial(trial).attrs for trial in results.trials}
    for key in (rows, columns):
        if not any(key in of_trial for of_trial in attributes.values()):
            raise ResultsError(f"{results.path}: no trial has a setting {key}")
    parts = [(of_trial[rows], of_trial[columns], summary.loc[trial, value])
             for trial, of_trial in attributes.items() if rows in of_trial and columns in of_trial]  # fmt: skip
    if not parts:
        raise ResultsError(f"{results.path}: no trial has both {rows} and {columns}")
    return pandas.DataFrame(parts, columns=["row", "column", "value"]).dropna()


def markdown(table: pandas.DataFrame, rows: str, digits: int) -> str:
    """`median (least to most)` per cell; rows and columns in the order in which they first appear."""
    columns = list(dict.fromkeys(table["column"]))
    lines = [f"| {rows.split('.')[-1].replace('_', ' ')} | " + " | ".join(map(str, columns)) + " |",
             "|---" * (len(columns) + 1) + "|"]  # fmt: skip
    for row in dict.fromkeys(table["row"]):
        texts = []
        for column in columns:
            values = table[(table["row"] == row) & (table["column"] == column)]["value"]
            if values.empty:
                texts.append("-")
            elif len(values) == 1:
                texts.append(f"{values.iloc[0]:.{digits}f}")
            else:
                texts.append(f"{values.median():.{digits}f} ({values.min():.{digits}f} to {values.max():.{digits}f})")
        lines.append(f"| {row} | " + " | ".join(texts) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, metavar="FILE.h5")
    parser.add_argument("--rows", required=True, metavar="KEY",
                        help="a setting by its full key, or backend, threads, seed")  # fmt: skip
    parser.add_argument("--columns", required=True, metavar="KEY")
    parser.add_argument("--value", required=True, metavar="COLUMN", help="a column of /summary")
    parser.add_argument("--digits", type=int, default=3, help="after the decimal point; default 3")
    options = parser.parse_args(arguments)
    results = stepbench_results.open(options.file)
    table = cells(results, options.rows, options.columns, options.value)
    stepbench_script.show(markdown(table, options.rows, options.digits) + "\n")


if __name__ == "__main__":
    stepbench_script.run(main)
