"""The chart of limits: where its points and roofs stand, and what stands in its table."""

from pathlib import Path

import h5py
import pytest

import stepbench_results
from conftest import Modify, script
from stepbench_report.chart import Absent, Chart, Styles
from stepbench_report.collection import Collection
from stepbench_report.drawing import as_svg
from stepbench_report.roofline import roofline

TRIAL = "blas-t1-s1"


def chart_of(path: Path) -> Chart | Absent:
    trials = Collection([stepbench_results.open(path)])
    return roofline(trials, Styles(trials))


def planted(file: h5py.File) -> None:
    """1 GFLOP and 100 MB in 20 ms, on a core of 100 GFLOP/s with 20 GB/s."""
    limits = file[f"trials/{TRIAL}/limits"]
    limits.attrs["peak_gflops"], limits.attrs["bandwidth"] = 100.0, 20.0
    for name, value in (("flops", 1e9), ("bytes", 1e8), ("seconds", 0.02), ("compute_time", 0.01), ("memory_time", 0.005)):
        limits[name][...] = value
    for trial in file["trials"]:
        if trial != TRIAL:
            del file[f"trials/{trial}/limits"]


def test_a_phase_stands_where_its_work_and_time_put_it_under_the_roof_of_its_cores(plain: Path, modified: Modify) -> None:
    chart = chart_of(modified(plain, planted))
    assert isinstance(chart, Chart)
    (panel,) = chart.panels
    roof, arm, ring = panel.series
    assert panel.x_log and panel.y_log
    assert set(arm.x) == {10.0} and arm.y == pytest.approx([50.0] * len(arm.y)) and not arm.line
    assert list(roof.x) == [2.5, 5.0, 20.0] and list(roof.y) == [50.0, 100.0, 100.0]  # the ridge is at 5 FLOP/B
    assert (list(ring.x), ring.ring) == ([10.0], True)
    row = chart.table.iloc[-1]
    assert (row["phase"], row["compute %"], row["memory %"], row["attainable"]) == ("step", 50.0, 25.0, 100.0)
    assert "<svg" in as_svg(chart, 7.8, "x")


def test_a_run_has_a_verdict_on_every_phase(plain: Path) -> None:
    chart = chart_of(plain)
    assert isinstance(chart, Chart)
    assert set(chart.table["limited by"]) <= {"compute", "memory", "parallel work", "overhead"}
    assert {"forward", "step"} <= set(chart.table["phase"])


def test_files_without_limits_leave_the_chart_out(plain: Path, modified: Modify) -> None:
    def without(file: h5py.File) -> None:
        for trial in file["trials"].values():
            del trial["limits"]

    chart = chart_of(modified(plain, without))
    assert isinstance(chart, Absent) and "from before" in chart.reason


def test_limits_and_memory_are_tables_to_export(plain: Path, tmp_path: Path) -> None:
    for table, column in (("limits", "limited_by"), ("memory", "resident_peak")):
        done = script("export.py", plain, "--table", table, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert column in done.stdout.splitlines()[0]
