"""`stepbench compare` of three files or more as a user runs it, and the report, which says the same of them."""

import csv
import io
import json
import math
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "scripts"))

import stepbench_results  # noqa: E402
from conftest import compare  # noqa: E402
from stepbench_report.collection import Collection  # noqa: E402
from stepbench_report.history import changes_of, history_of  # noqa: E402
from stepbench_report.history_chart import change_sentences  # noqa: E402
from stepbench_report.speed_verdict import speed_verdict  # noqa: E402

HISTORIES = [
    ("base", "inside", "slow", "fast"),
    ("floor", "floor-fast", "fast"),
    ("few", "base", "slow"),
    ("no-twin", "inside-twin-too", "wide"),
    ("unpaired", "fast", "base"),
    ("base", "inside", "faster"),
]


@pytest.mark.parametrize("names", HISTORIES, ids="-".join)
def test_the_report_and_compare_find_the_same_changes(folder: Path, names: tuple[str, ...]) -> None:
    paths = [f"{name}.h5" for name in names]
    said = json.loads(compare(folder, *paths, "--format", "json").stdout)
    trials = Collection([stepbench_results.open(folder / path) for path in paths])
    [line], [series] = history_of(trials), said["series"]
    assert [(point.file, pytest.approx(point.speed.speed.value, rel=1e-9)) for point in line.points] == [
        (point["file"], point["speed_ratio"]) for point in series["files"]
    ]
    changes = changes_of(line, trials.margins.speed)
    assert len(changes) == len(series["changes"]) == len(names) - 1
    for own, other in zip(changes, series["changes"], strict=True):
        speed, floor = own.evidence.speed, own.evidence.floor
        for value, name in ((speed.value, "change"), (speed.low, "change_low"), (speed.high, "change_high"),
                            (floor, "noise_floor")):  # fmt: skip
            assert value == pytest.approx(math.nan if other[name] is None else other[name], rel=1e-9, nan_ok=True), name
        assert speed_verdict(own.evidence, trials.margins.speed).value == other["verdict"]
        assert own.is_change_point is other["change_point"]
    assert len(change_sentences(trials)) == len(said["change_points"])


def test_small_steps_of_one_direction_are_told_together(folder: Path) -> None:
    paths = ["base.h5", "inside.h5", "faster.h5"]
    [said] = json.loads(compare(folder, *paths, "--format", "json").stdout)["change_points"]
    [own] = change_sentences(Collection([stepbench_results.open(folder / path) for path in paths]))
    assert "little by little between base.h5" in said and own.startswith("Little by little, tbb (1 thread) is 1.06x")


def test_the_last_file_is_held_against_the_one_before_it(folder: Path) -> None:
    for paths, code in ((("slow.h5", "base.h5", "fast.h5"), 0), (("fast.h5", "base.h5", "slow.h5"), 3),
                        (("fast.h5", "base.h5", "few.h5"), 4)):  # fmt: skip
        result = compare(folder, *paths, "--fail-if", "slower:5%")
        assert result.returncode == code, result
        assert "fail-if slower:5%: " in result.stdout
    for paths, code in ((("slow.h5", "base.h5", "fast.h5"), 0), (("base.h5", "learns-inside.h5", "learns-worse.h5"), 3)):
        assert compare(folder, *paths, "--fail-if", "learns-worse").returncode == code, paths


def test_csv_has_a_line_for_each_trial_and_file(folder: Path) -> None:
    result = compare(folder, "base.h5", "slow.h5", "fast.h5", "--format", "csv", "--fail-if", "slower:5%")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [(row["file"], row["verdict"], row["change_point"]) for row in rows] == [
        ("base.h5", "", ""), ("slow.h5", "slower", "yes"), ("fast.h5", "faster", "yes")
    ]  # fmt: skip
    assert "fail-if slower:5%: no" in result.stderr


def test_markdown_has_the_change_points(folder: Path) -> None:
    said = compare(folder, "base.h5", "slow.h5", "fast.h5", "--format", "md").stdout
    assert "### Change points\n\n- tbb-t1: slower by " in said and "| tbb-t1 | 2 | 0.800x |" in said


@pytest.mark.parametrize(("arguments", "line"), [
    (("base.h5", "slow.h5", "kinds.h5"), "kinds.h5: not the same experiment: trial blas-t1-s1 has dataset.kind blobs"),
    (("base.h5", "slow.h5", "base.h5"), "base.h5: is given twice"),
    (("base.h5", "slow.h5", "missing.h5"), "missing.h5"),
    (("base.h5", "slow.h5", "fast.h5", "--baseline", "neuron"), 'base.h5: --baseline: found "neuron"'),
    (("base.h5", "slow.h5", "fast.h5", "--brief"), "--brief"),
])  # fmt: skip
def test_what_cannot_be_compared_is_one_line(folder: Path, arguments: tuple[str, ...], line: str) -> None:
    result = compare(folder, *arguments)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1), result
    assert line in result.stderr
