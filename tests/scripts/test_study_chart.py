"""The chart of a study of scaling, as a run stores it."""

from pathlib import Path

import pytest

import stepbench_results
from stepbench_report.chart import DASHED, Absent, Chart, Styles
from stepbench_report.collection import Collection
from stepbench_report.learned import learned
from stepbench_report.study_chart import study
from stepbench_report.table import same_bits


def trials_of(path: Path) -> Collection:
    return Collection([stepbench_results.open(path)])


@pytest.fixture(scope="module")
def strong(run) -> Path:  # noqa: ANN001
    return run({"measure.rounds": 8, "scaling.kind": "strong", "scaling.predict": 8, "sweep.backend": "tbb",
                "sweep.threads": "1,2"})  # fmt: skip


@pytest.fixture(scope="module")
def weak(run) -> Path:  # noqa: ANN001
    return run({"measure.rounds": 8, "scaling.kind": "weak", "scaling.predict": 4, "sweep.backend": "tbb",
                "sweep.threads": "1,2", "training.epochs": None, "training.steps": 32})  # fmt: skip


def chart_of(path: Path) -> Chart:
    trials = trials_of(path)
    chart = study(trials, Styles(trials))
    assert isinstance(chart, Chart)
    return chart


def test_measured_marks_the_model_and_the_ideal(strong: Path) -> None:
    (panel,) = chart_of(strong).panels
    measured, model, ideal = panel.series
    assert measured.x == [1, 2] and measured.y[0] == 1 and not measured.line
    assert model.x == ideal.x == [1, 2, 4, 8] and ideal.y == [1, 2, 4, 8]
    assert model.style.dash == ideal.style.dash == DASHED
    stored = trials_of(strong).trial(trials_of(strong).timed.iloc[1]).study
    assert model.y[3] / model.y[0] == pytest.approx(stored["step_time"].loc[1] / stored["step_time"].loc[8])


def test_predictions_are_named_so(strong: Path) -> None:
    table = chart_of(strong).table
    assert table["ranks or threads"].tolist() == ["1", "2", "4 (predicted)", "8 (predicted)"]
    assert table["step (ms)"].isna().tolist() == [False, False, True, True]
    assert table["efficiency (%)"].iloc[0] == 100


def test_speeds_of_weak_scaling_are_of_samples(weak: Path) -> None:
    trials = trials_of(weak)
    (first, second) = (row for _, row in trials.timed.iterrows())
    assert second["batch_size"] == 2 * first["batch_size"]
    assert trials.conditions == [""]  # the batch is no condition
    speed = chart_of(weak).table["speed-up"].iloc[1]
    assert speed == pytest.approx(second["samples_per_second"] / first["samples_per_second"])


def test_what_weak_scaling_learned_is_not_compared(weak: Path) -> None:
    trials = trials_of(weak)
    arms = trials.arms("")
    assert learned(trials, "", arms[1], arms[0]).because == "no losses to compare"
    assert [same_bits(trials, row) for _, row in trials.timed.iterrows()] == [None, None]


def test_without_a_study_there_is_no_chart(run) -> None:  # noqa: ANN001
    trials = trials_of(run({"sweep.backend": "tbb", "sweep.threads": "1,2"}))
    absent = study(trials, Styles(trials))
    assert isinstance(absent, Absent) and "scaling.kind" in absent.reason
