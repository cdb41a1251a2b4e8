"""The charts by their names, in the order of the page."""

from collections.abc import Callable

from stepbench_report import history_chart, learning_charts, roofline, speed_charts, study_chart
from stepbench_report.chart import Absent, Chart, Styles
from stepbench_report.collection import Collection

CHARTS: dict[str, Callable[[Collection, Styles], Chart | Absent]] = {
    "history": history_chart.history,
    "speed": speed_charts.speed,
    "loss": learning_charts.loss,
    "time": learning_charts.time,
    "phases": speed_charts.phases,
    "roofline": roofline.roofline,
    "threads": speed_charts.threads,
    "ranks": speed_charts.ranks,
    "study": study_chart.study,
    "batch": speed_charts.batch,
    "peak": speed_charts.peak,
    "noise": speed_charts.noise,
}


def make_chart(name: str, trials: Collection) -> Chart | Absent:
    return CHARTS[name](trials, Styles(trials))
