"""`stepbench compare` as a user runs it, on files with planted speeds."""

import csv
import json
from pathlib import Path

import pytest

from conftest import compare, run


@pytest.mark.parametrize("file, code", [("base.h5", 0), ("slow.h5", 3), ("few.h5", 4), ("floor.h5", 4)])
def test_exit_codes(folder: Path, file: str, code: int) -> None:
    result = compare(folder, file, "--fail-if", "slower:5%")
    assert result.returncode == code, result.stdout + result.stderr


def test_files_that_share_some_trials_are_inconclusive(folder: Path) -> None:
    result = compare(folder, "base.h5", "few.h5", "--fail-if", "learns-worse")
    assert result.returncode == 4 and "blas-t1-s2 is not in the baseline file" in result.stdout


def test_json_is_read_by_others(folder: Path) -> None:
    data = json.loads(compare(folder, "few.h5", "--format", "json").stdout)
    assert data["speed"][0]["speed_ratio_low"] is None


def test_csv_is_read_by_others(folder: Path) -> None:
    rows = list(csv.DictReader(compare(folder, "slow.h5", "--format", "csv").stdout.splitlines()))
    together = [row for row in rows if row["quantity"] == "speed_ratio" and row["seed"] == "all"]
    assert [(row["verdict"], row["margin"]) for row in together] == [("slower", "0.05")]
    assert together[0]["because"] == "outside interval and noise floor"


def test_the_margin_of_speeds_moves_the_verdicts_of_compare_and_show(folder: Path) -> None:
    for margin, verdict, mark in (("5%", "same: real, but inside the margin", " ="), ("1%", "faster", "]  ")):
        said = compare(folder, "inside.h5", "--brief", "--speed-margin", margin).stdout
        assert f"  {verdict}\n" in said and f"within {margin}" in said
        shown = run("show", folder / "inside.h5", "--speed-margin", margin).stdout
        [line] = [line for line in shown.splitlines() if " tbb " in line]
        assert mark in line and f"within {margin}" in shown


@pytest.mark.parametrize("text", ["5", "-5%", "x%", "%", "nan%"])
@pytest.mark.parametrize("command", [["show", "x.h5"], ["compare", "x.h5"], ["race", "old", "new", "quick"]])
def test_a_margin_of_speeds_is_a_percentage(command: list[str], text: str) -> None:
    result = run(*command, f"--speed-margin={text}")
    assert result.returncode == 2 and result.stderr.count("\n") == 1
    assert f'--speed-margin: found "{text}", allowed: a percentage' in result.stderr


def test_a_baseline_beside_two_files_is_a_usage_error(folder: Path) -> None:
    result = compare(folder, "base.h5", "slow.h5", "--baseline", "tbb")
    assert result.returncode == 2 and result.stderr.count("\n") == 1
