"""Groups that went on from a checkpoint: what the scripts make of their segments."""

from pathlib import Path

import h5py
import numpy
import pytest

import stepbench_results
from conftest import Modify
from stepbench_report.chart import Chart, Styles
from stepbench_report.collection import Collection
from stepbench_report.speed_charts import first_rounds_after_restart, noise

ROUNDS, RESTART = 8, 3  # before this round


@pytest.fixture(scope="session")
def measured(run) -> Path:  # noqa: ANN001
    return run({"measure.rounds": ROUNDS, "sweep.backend": "blas,tbb"})


def restarted(file: h5py.File) -> None:
    """After the restart everything takes four times as long."""
    rounds = file["groups/s1/rounds"]
    rounds["segment"][RESTART:] = 1
    rounds["step_time"][...] = numpy.linspace(1, 1.1, ROUNDS)[:, None]
    rounds["step_time"][RESTART:] *= 4


def noise_of(path: Path) -> Chart:
    trials = Collection([stepbench_results.open(path)])
    chart = noise(trials, Styles(trials))
    assert isinstance(chart, Chart)
    return chart


def test_a_run_in_one_go_has_one_segment(measured: Path) -> None:
    rounds = stepbench_results.open(measured).rounds("s1")
    assert (rounds["segment"] == 0).all() and first_rounds_after_restart(rounds) == []
    assert "checkpoint" not in noise_of(measured).caption


def test_the_chart_of_noise_holds_a_round_against_its_own_segment(measured: Path, modified: Modify) -> None:
    chart = noise_of(modified(measured, restarted))
    (panel,) = chart.panels
    for series in panel.series:
        if series.label != "machine's peak / its best":
            assert max(abs(numpy.array(series.y) - 1)) < 0.1, series
    assert f"went on from a checkpoint before round {RESTART}" in chart.caption


def test_a_file_from_before_checkpoints_is_one_segment(measured: Path, modified: Modify) -> None:
    def make_old(file: h5py.File) -> None:
        del file["groups/s1/rounds/segment"]

    old = modified(measured, make_old)
    assert (stepbench_results.open(old).rounds("s1")["segment"] == 0).all()
    assert "checkpoint" not in noise_of(old).caption
