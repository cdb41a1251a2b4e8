#!/usr/bin/env python3
"""Writes a table of a result file as tidy CSV or JSON: a row per observation, a column per variable.

    scripts/export.py results/quick.h5 --table steps --format csv -o steps.csv
"""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import stepbench_script

stepbench_script.require("h5py", "numpy", "pandas")

import numpy  # noqa: E402
import pandas  # noqa: E402

import stepbench_results  # noqa: E402
from stepbench_results import Results  # noqa: E402


def summary(results: Results) -> pandas.DataFrame:
    return results.summary.reset_index()


def steps(results: Results) -> pandas.DataFrame:
    return _of_every_trial(results, lambda trial: trial.steps)


def epochs(results: Results) -> pandas.DataFrame:
    return _of_every_trial(results, lambda trial: trial.epochs)


def rounds(results: Results) -> pandas.DataFrame:
    parts = []
    for group in results.groups:
        part = results.rounds(group)
        part.insert(0, "group", group)
        parts.append(part)
    return pandas.concat(parts, ignore_index=True) if parts else pandas.DataFrame()


def scaling(results: Results) -> pandas.DataFrame:
    return _of_every_trial(results, lambda trial: trial.scaling)


def limits(results: Results) -> pandas.DataFrame:
    return _of_every_trial(results, lambda trial: trial.limits)


def memory(results: Results) -> pandas.DataFrame:
    return _of_every_trial(results, lambda trial: pandas.DataFrame([trial.memory] if trial.memory else []).rename_axis("row"))


def expectations(results: Results) -> pandas.DataFrame:
    return results.expectations.reset_index()


def environment(results: Results) -> pandas.DataFrame:
    """`groups` is empty for what holds for all of them."""
    rows = [("", name, value) for name, value in results.attrs.items() if name != "config_text"]
    for facts, groups in results.environments:
        of = " ".join(groups) if len(results.environments) > 1 else ""
        rows += [(of, name, value) for name, value in facts.items()]
    groups, names, values = zip(*rows, strict=True)
    return pandas.DataFrame({"groups": groups, "name": names, "value": pandas.Series(values, dtype=object)})


def _of_every_trial(
    results: Results, table: Callable[[stepbench_results.Trial], pandas.DataFrame]
) -> pandas.DataFrame:
    parts = []
    for name in results.trials:
        trial = results.trial(name)
        part = table(trial).reset_index()
        for place, key in enumerate(("id", "backend", "threads", "seed")):
            part.insert(place, key, trial.attrs[key])
        parts.append(part)
    filled = [part for part in parts if not part.empty]
    return pandas.concat(filled, ignore_index=True) if filled else pandas.DataFrame()


TABLES = {"summary": summary, "steps": steps, "epochs": epochs, "rounds": rounds, "scaling": scaling,
          "limits": limits, "memory": memory, "expectations": expectations, "environment": environment}  # fmt: skip


def as_json(table: pandas.DataFrame) -> str:
    """An array of objects; what is not a number is null."""
    known = table.astype(object).where(table.notna(), None)
    return json.dumps(known.to_dict(orient="records"), indent=1, ensure_ascii=False, default=_plain) + "\n"


def _plain(value: object) -> object:
    """What numpy calls a number, as Python does."""
    return value.item() if isinstance(value, numpy.generic) else str(value)


def as_csv(table: pandas.DataFrame) -> str:
    """With a header; what is not a number is empty."""
    return table.to_csv(index=False)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, metavar="FILE.h5", help="a result file of stepbench")
    parser.add_argument("--table", choices=TABLES, default="summary", help="default: summary")
    parser.add_argument("--format", choices=("csv", "json"), help="default: by the name of --output, else csv")
    parser.add_argument("-o", "--output", type=Path, help="default: standard output")
    options = parser.parse_args(arguments)
    if options.output is not None:
        stepbench_script.check_output(options.output)
    results = stepbench_results.open(options.file)
    if results.status == "interrupted":
        stepbench_script.warn(f"{options.file}: of a run that was interrupted")
    by_name = options.output is not None and options.output.suffix.lower() == ".json"
    table = TABLES[options.table](results)
    if table.empty:
        raise stepbench_results.ResultsError(f"{options.file}: has no {options.table}: none were recorded")
    text = as_json(table) if (options.format or ("json" if by_name else "csv")) == "json" else as_csv(table)
    if options.output is None:
        stepbench_script.show(text)
    else:
        stepbench_script.write_output(options.output, text)


if __name__ == "__main__":
    stepbench_script.run(main)
