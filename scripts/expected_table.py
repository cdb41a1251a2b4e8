#!/usr/bin/env python3
"""Prints what experiments expected and what came of it as one Markdown table, from what result files store.

    scripts/expected_table.py results/original.h5 results/update-order.h5

A row for each expectation: what was published, what was found, the verdict. Judges nothing: `stepbench run` has, and
`stepbench show FILE.h5 --expect CONFIG` does it for a file from before.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import stepbench_script

stepbench_script.require("h5py", "numpy", "pandas", "scipy")

import stepbench_results  # noqa: E402
from stepbench_report.expected import found_text  # noqa: E402
from stepbench_results import Results, ResultsError  # noqa: E402


def rows(results: Results) -> list[list[str]]:
    if results.expectations.empty:
        raise ResultsError(f"{results.path}: has no expectations: its config has no [expect], or it is from before them")
    return [[results.experiment, f"`{row['claim']}`", row["tolerance"] or "–", row["published"] or "–", found_text(row),
             row["verdict"]] for _, row in results.expectations.iterrows()]  # fmt: skip


def markdown(table: list[list[str]]) -> str:
    lines = [["experiment", "expected", "tolerance", "published", "found", "verdict"], ["---"] * 6, *table]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE.h5")
    options = parser.parse_args(arguments)
    stepbench_script.show(markdown([row for path in options.files for row in rows(stepbench_results.open(path))]))


if __name__ == "__main__":
    stepbench_script.run(main)
