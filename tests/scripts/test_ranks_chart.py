"""Trials on ranks, as a run stores them, in charts, table and verdicts."""

from pathlib import Path

import h5py
import numpy
import pytest

import stepbench_results
from conftest import Modify
from stepbench_report.chart import Absent, Chart, Styles
from stepbench_report.collection import Collection
from stepbench_report.speed_charts import ranks, threads
from stepbench_report.table import same_bits
from stepbench_report.verdicts import frameworks


@pytest.fixture(scope="session")
def four_threads(run) -> Path:  # noqa: ANN001
    return run({"measure.rounds": 8, "measure.scaling": "false", "sweep.backend": "tbb", "sweep.threads": "1,2,3,4"})


def on_ranks(file: h5py.File) -> None:
    """What was on 2, 3 and 4 threads becomes 1, 2 and 4 ranks of one."""
    for place, count in enumerate((0, 1, 2, 4)):
        file["summary/ranks"][place] = count
        file["summary/threads"][place] = 1
        trial = file[f"trials/tbb-t{place + 1}-s1"].attrs
        trial["threads"] = numpy.int64(1)
        if count > 0:
            trial["ranks"] = numpy.int64(count)
            trial["library"] = "Open MPI 4.1.4"


def trials_of(path: Path) -> Collection:
    return Collection([stepbench_results.open(path)])


def test_ranks_are_an_axis_of_their_own(four_threads: Path, modified: Modify) -> None:
    trials = trials_of(modified(four_threads, on_ranks))
    chart = ranks(trials, Styles(trials))
    assert isinstance(chart, Chart)
    (panel,) = chart.panels
    measured, ideal = panel.series
    assert measured.label == "tbb, 1 thread each" and list(measured.x) == [1, 2, 4] and ideal.y == [1, 2, 4]
    assert measured.y[0] == 1 and all(low <= value <= high for low, value, high in
                                      list(zip(measured.low, measured.y, measured.high, strict=True))[1:])  # fmt: skip
    assert chart.table["efficiency (%)"].tolist() == pytest.approx(
        [100 * speed / count for speed, count in zip(measured.y, (1, 2, 4), strict=True)]
    )
    assert isinstance(threads(trials, Styles(trials)), Absent)


def test_arms_on_ranks_are_ours_and_told_apart(four_threads: Path, modified: Modify) -> None:
    trials = trials_of(modified(four_threads, on_ranks))
    assert set(trials.trials["arm"]) == {
        "tbb (1 thread)", "tbb on 1 rank (1 thread)", "tbb on 2 ranks (1 thread)", "tbb on 4 ranks (1 thread)"
    }  # fmt: skip
    assert frameworks(trials, "") == []


def test_bits_are_compared_among_ranks(four_threads: Path, modified: Modify) -> None:
    def other_bits(file: h5py.File) -> None:
        on_ranks(file)
        file["trials/tbb-t1-s1"].attrs["parameter_digest"] = "0" * 32  # of the one without ranks

    trials = trials_of(modified(four_threads, other_bits))
    said = {row["ranks"]: same_bits(trials, row) for _, row in trials.trials.iterrows()}
    assert said == {0: None, 1: True, 2: True, 4: True}
