"""`stepbench compare` as a user runs it, on files with planted speeds."""

import csv
import json
import os
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("compare")
    subprocess.run([os.environ["WRITE_COMPARE_FILES"], str(path)], check=True)
    return path


def compare(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([os.environ["STEPBENCH"], "compare", *arguments], cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("file, code", [("base.h5", 0), ("slow.h5", 3), ("few.h5", 4)])
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
    assert [row["verdict"] for row in together] == ["slower"]


def test_a_baseline_beside_two_files_is_a_usage_error(folder: Path) -> None:
    result = compare(folder, "base.h5", "slow.h5", "--baseline", "tbb")
    assert result.returncode == 2 and result.stderr.count("\n") == 1
