#!/usr/bin/env python3
"""Writes what result files say as one web page: verdicts, the table, charts. It needs no network.

    scripts/report.py results/quick.h5 -o report.html
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import stepbench_script

stepbench_script.require("h5py", "numpy", "pandas", "scipy", "matplotlib")

import stepbench_results  # noqa: E402
from stepbench_report.collection import Collection  # noqa: E402
from stepbench_report.margins import add_margin_options, margins_of  # noqa: E402
from stepbench_report.page import report_page, status_warning  # noqa: E402


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE.h5", help="result files of stepbench")
    parser.add_argument("-o", "--output", type=Path, metavar="PAGE.html",
                        help="where to write; default: the first file's name with .html")  # fmt: skip
    add_margin_options(parser)
    options = parser.parse_args(arguments)
    output = options.output or options.files[0].with_suffix(".html")
    stepbench_script.check_output(output)
    files = [stepbench_results.open(path) for path in options.files]
    for results in files:
        if results.status == "interrupted":
            stepbench_script.warn(status_warning(results))
    stepbench_script.write_output(output, report_page(Collection(files, margins_of(options))))
    stepbench_script.show(f"report: {output}\n")


if __name__ == "__main__":
    stepbench_script.run(main)
