#!/usr/bin/env python3
"""Draws one of the report's charts for a paper.

    scripts/plot.py results/quick.h5 --chart speed -o speed.pdf
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import stepbench_script

stepbench_script.require("h5py", "numpy", "pandas", "scipy", "matplotlib")

import stepbench_results  # noqa: E402
from stepbench_report.chart import Absent  # noqa: E402
from stepbench_report.charts import CHARTS, make_chart  # noqa: E402
from stepbench_report.collection import Collection  # noqa: E402
from stepbench_report.drawing import WIDE, draw  # noqa: E402
from stepbench_results import ResultsError  # noqa: E402

_DPI = 200  # of PNG


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE.h5", help="result files of stepbench")
    parser.add_argument("--chart", required=True, choices=CHARTS, help="which chart of the report")
    parser.add_argument("--width", type=float, default=WIDE, metavar="INCHES", help=f"of the picture (default {WIDE})")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="PICTURE", help="a .png, .svg or .pdf file")
    options = parser.parse_args(arguments)
    if not 2 <= options.width <= 40:
        parser.error(f"--width: {options.width:g} is not between 2 and 40 inches")
    stepbench_script.check_picture(parser, options.output)
    chart = make_chart(options.chart, Collection([stepbench_results.open(path) for path in options.files]))
    if isinstance(chart, Absent):
        raise ResultsError(f"{options.files[0]}: there is no chart `{options.chart}`: {chart.reason}")
    stepbench_script.write_picture(options.output, draw(chart, options.width), dpi=_DPI)


if __name__ == "__main__":
    stepbench_script.run(main)
