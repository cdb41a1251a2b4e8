"""The chart of limits: phases of the steps under the roof that the cores' peak and the memory's bandwidth make."""

import math

import pandas

from stepbench_report.chart import (Absent, Chart, Panel, Series, Style, Styles, drawn_conditions, headed,
                                    left_out_note)  # fmt: skip
from stepbench_report.collection import Collection
from stepbench_results import WHOLE_STEP

_GIGA = 1e9
_ROOM = 2.0  # of the roofs beyond the outermost points and ridges, as a factor

_Roof = tuple[float, float]  # GFLOP/s, GB/s


def roofline(trials: Collection, styles: Styles) -> Chart | Absent:
    title = "What limits a step"
    panels, lines = [], []
    for condition in drawn_conditions(trials):
        points: list[Series] = []
        roofs: dict[int, _Roof] = {}
        rings: tuple[list[float], list[float]] = ([], [])
        for arm in trials.arms(condition):
            row = trials.row(condition, arm)
            limits = trials.trial(row).limits
            if limits.empty:
                continue
            best = roofs.get(row["threads"], (0.0, 0.0))
            own = float(limits["peak_gflops"].iloc[0]), float(limits["bandwidth"].iloc[0])
            roofs[row["threads"]] = max(best[0], own[0]), max(best[1], own[1])
            lines += [[condition, arm, *line] for line in _lines(limits)]
            multiplies = limits[limits["flops"] > 0]  # a phase without products has no place on a logarithmic axis
            x = (multiplies["flops"] / multiplies["bytes"]).tolist()
            y = (multiplies["flops"] / multiplies["seconds"] / _GIGA).tolist()
            points.append(Series(arm, styles[arm], x, y, marked=True, line=False))
            for phase, intensity, rate in zip(multiplies.index, x, y, strict=True):
                if phase == WHOLE_STEP:
                    rings[0].append(intensity)
                    rings[1].append(rate)
        if points:
            every = [value for series in points for value in series.x]
            ridges = [peak / bandwidth for peak, bandwidth in roofs.values() if bandwidth > 0]
            series = [*_roofs(roofs, min(every + ridges) / _ROOM, max(every + ridges) * _ROOM), *points,
                      Series("the whole step", Style(-1), *rings, ring=True)]  # fmt: skip
            panels.append(Panel(headed(condition, "Phases under the roof"), "FLOP/B", "GFLOP/s", series, x_log=True, y_log=True))
    if not panels:
        return Absent("roofline", title, "no trial says what limited it: the files are from before that, or nothing was timed")
    table = pandas.DataFrame(lines, columns=["setting", "trial", "phase", "ms", "FLOP/B", "GFLOP/s", "attainable", "compute %",
                                             "memory %", "idle %", "other %", "limited by"])  # fmt: skip
    caption = (
        "A point is a phase of an arm's step, of the first seed: how many multiply-adds it does for a byte that it must "
        "move, and how fast. The lines are what the cores could: to the left the bandwidth of a triad over as many bytes as "
        "a step touches, to the right the multiply-add peak. A point far below its roof is limited by something else: the "
        "numbers say by what."
    )
    return Chart("roofline", title, caption + left_out_note(trials), panels, table)


def _roofs(roofs: dict[int, _Roof], left: float, right: float) -> list[Series]:
    """min(peak, intensity * bandwidth) for each number of threads."""
    series = []
    for i, (threads, (peak, bandwidth)) in enumerate(sorted(roofs.items())):
        if not (math.isfinite(peak) and math.isfinite(bandwidth) and bandwidth > 0):
            continue
        x = sorted({left, min(max(peak / bandwidth, left), right), right})
        label = f"roof of {threads} thread{'' if threads == 1 else 's'}"
        series.append(Series(label, Style(-1, i), x, [min(peak, at * bandwidth) for at in x]))
    return series


def _lines(limits: pandas.DataFrame) -> list[list[object]]:
    """A row of the table for each phase."""
    lines: list[list[object]] = []
    for phase, row in limits.iterrows():
        seconds = row["seconds"]
        roof = max(row["compute_time"], row["memory_time"])
        shares = [100 * row[part] / seconds for part in ("compute_time", "memory_time", "idle_time", "other_time")]
        lines.append([phase, 1e3 * seconds, row["flops"] / row["bytes"], row["flops"] / seconds / _GIGA,
                      row["flops"] / roof / _GIGA, *shares, row["limited_by"] or "unknown"])  # fmt: skip
    return lines
