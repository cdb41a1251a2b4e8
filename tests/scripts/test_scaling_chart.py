"""The chart of threads: what was measured, and dashed beyond it what was predicted for more cores."""

from pathlib import Path

import h5py
import numpy
import pandas
import pytest

import stepbench_results
from conftest import Change, Modify, script
from stepbench_report.chart import DASHED, DASHES, Chart, Series, Styles
from stepbench_report.collection import Collection
from stepbench_report.drawing import as_svg, draw
from stepbench_report.speed_charts import threads

CORES, SPEEDS = [2, 4, 8, 128], [1.9, 3.5, 6.0, 6.5]


@pytest.fixture(scope="session")
def two_threads(run) -> Path:  # noqa: ANN001
    """Two backends on 1 and 2 threads, without forecasts."""
    return run({"measure.rounds": 8, "measure.scaling": "false", "sweep.backend": "blas,tbb", "sweep.threads": "1,2"})


def forecast(cores_of_machine: int, cores: list[int] = CORES, speeds: list[float] = SPEEDS) -> Change:
    """tbb's trials have a prediction, as a run stores it."""

    def change(file: h5py.File) -> None:
        file["groups/s1/environment"].attrs["cores"] = numpy.int64(cores_of_machine)
        for trial in ("tbb-t1-s1", "tbb-t2-s1"):
            group = file[f"trials/{trial}"].create_group("scaling")
            group["cores"], group["predicted_speedup"] = numpy.array(cores, "i8"), numpy.array(speeds)
            group.attrs["work"], group.attrs["span"] = 1e-3, 1e-4

    return change


def chart_of(path: Path) -> Chart:
    trials = Collection([stepbench_results.open(path)])
    chart = threads(trials, Styles(trials))
    assert isinstance(chart, Chart)
    return chart


def by_label(chart: Chart) -> dict[str, Series]:
    (panel,) = chart.panels
    return {series.label: series for series in panel.series}


def test_a_prediction_is_a_dashed_line_beyond_what_was_measured(two_threads: Path, modified: Modify) -> None:
    chart = chart_of(modified(two_threads, forecast(2)))
    series = by_label(chart)
    assert list(series) == ["blas", "tbb", "tbb, predicted", "ideal"]
    predicted, measured = series["tbb, predicted"], series["tbb"]
    assert (list(predicted.x), list(predicted.y)) == (CORES, SPEEDS)
    assert predicted.style.dash % DASHES == DASHED and predicted.style.colour == measured.style.colour
    assert measured.style.dash % DASHES == 0 and measured.marked and not predicted.marked
    assert list(measured.x) == [1, 2]
    assert list(series["ideal"].x) == [1, *CORES]


def test_it_is_drawn_with_dashes_in_the_colour_of_its_backend(two_threads: Path, modified: Modify) -> None:
    chart = chart_of(modified(two_threads, forecast(2)))
    axes = draw(chart).axes[-1]
    lines = {tuple(line.get_xdata()): line for line in axes.get_lines()}
    predicted = lines[tuple(CORES)]
    assert predicted.get_linestyle() == "--"
    measured = [line for line in axes.get_lines() if tuple(line.get_xdata()) == (1, 2) and line.get_linestyle() == "-"]
    assert predicted.get_color() in {line.get_color() for line in measured}
    assert "tbb, predicted" in as_svg(chart, 7.8, "t")


def test_it_begins_where_the_machine_s_cores_end(two_threads: Path, modified: Modify) -> None:
    """Two threads on one core are no measurement of two cores."""
    series = by_label(chart_of(modified(two_threads, forecast(1))))
    assert list(series["tbb, predicted"].x) == [1, *CORES]
    assert list(series["tbb, predicted"].y) == [1.0, *SPEEDS]


def test_there_is_none_where_everything_predicted_was_measured(two_threads: Path, modified: Modify) -> None:
    assert "tbb, predicted" not in by_label(chart_of(modified(two_threads, forecast(8, [2], [1.9]))))


def test_the_table_beneath_has_it_too(two_threads: Path, modified: Modify) -> None:
    table = chart_of(modified(two_threads, forecast(2))).table
    rows = table[table["backend"] == "tbb, predicted"]
    assert list(rows["threads"]) == CORES and list(rows["speed"]) == SPEEDS and rows["low"].isna().all()


def test_a_file_without_predictions_is_drawn_as_before(two_threads: Path) -> None:
    chart = chart_of(two_threads)
    assert list(by_label(chart)) == ["blas", "tbb", "ideal"]
    assert not chart.panels[0].x_log and "predicts" not in chart.caption


def test_the_module_and_the_export_give_what_the_file_has(two_threads: Path, modified: Modify, tmp_path: Path) -> None:
    changed = modified(two_threads, forecast(2))
    results = stepbench_results.open(changed)
    table = results.trial("tbb-t2-s1").scaling
    assert (list(table.index), list(table["predicted_speedup"])) == (CORES, SPEEDS)
    assert set(table["work"]) == {1e-3} and set(table["span"]) == {1e-4}
    assert results.trial("blas-t1-s1").scaling.empty
    done = script("export.py", changed, "--table", "scaling", "-o", "scaling.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    exported = pandas.read_csv(tmp_path / "scaling.csv")
    assert list(exported["cores"]) == 2 * CORES and set(exported["id"]) == {"tbb-t1-s1", "tbb-t2-s1"}


def test_a_page_is_made_of_it_without_a_warning(two_threads: Path, modified: Modify, tmp_path: Path) -> None:
    done = script("report.py", modified(two_threads, forecast(2)), "-o", "page.html", cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == ""
    assert "tbb, predicted" in (tmp_path / "page.html").read_text()
