"""The chart of a study of scaling: what was measured, the model fitted to it, and what it predicts beyond."""

import math

import pandas

from stepbench_report.chart import (DASHED, DASHES, Absent, Chart, Panel, Series, Style, Styles, drawn_conditions,
                                    left_out_note)  # fmt: skip
from stepbench_report.collection import Collection
from stepbench_statistics import Estimate, geometric_mean

_COLUMNS = ["setting", "backend", "ranks or threads", "samples", "step (ms)", "model (ms)", "off by (%)", "speed-up", "low",
            "high", "efficiency (%)"]  # fmt: skip


def _workers(rows: pandas.DataFrame) -> pandas.Series:
    return rows["ranks"].where(rows["ranks"] > 0, rows["threads"])


def _name(rows: pandas.DataFrame) -> str:
    first = rows.iloc[0]
    if first["ranks"] == 0:
        return str(first["variant"])
    return f"{first['on_any_ranks']}, {first['threads']} thread{'s' if first['threads'] > 1 else ''} each"


def study(trials: Collection, styles: Styles) -> Chart | Absent:
    title = "Study of scaling"
    panels, lines = [], []
    timed = trials.timed
    studied = timed[[not trials.trial(row).study.empty for _, row in timed.iterrows()]]
    for condition in drawn_conditions(trials):
        own = studied[studied["condition"] == condition]
        series: list[Series] = []
        models: list[Series] = []
        each = own["threads"].where(own["ranks"] > 0, 0)
        for _, rows in own.groupby([own["on_any_ranks"], own["ranks"] > 0, each, "file"], sort=False):
            arms = rows.assign(workers=_workers(rows)).drop_duplicates("workers").sort_values("workers")
            first = arms["arm"].iloc[0]
            fewest = int(arms["workers"].iloc[0])
            model = trials.trial(arms.iloc[0]).study
            label, style = _name(rows), Style(styles[first].colour, DASHES * len(series))
            counts = arms["workers"].tolist()
            steps = {count: geometric_mean(trials.step_times(condition, arm)).value
                     for count, arm in zip(counts, arms["arm"], strict=True)}  # fmt: skip
            speeds = [Estimate(1.0) if arm == first else trials.compare(condition, arm, first).ratio for arm in arms["arm"]]
            series.append(Series(label, style, counts, *([getattr(speed, part) for speed in speeds]
                                                         for part in ("value", "low", "high")), True, False))  # fmt: skip
            rate = model["samples"].loc[fewest] / steps[fewest]
            modelled = model["samples"] / model["step_time"] / rate
            models.append(Series(f"{label}, model", Style(style.colour, DASHED), modelled.index.tolist(), modelled.tolist()))
            for count, samples, step in zip(model.index, model["samples"], model["step_time"], strict=True):
                is_measured = count in steps
                speed = speeds[counts.index(count)] if is_measured else Estimate(float(modelled.loc[count]))
                time = steps[count] if is_measured else math.nan
                lines.append([condition, label, str(count) if is_measured else f"{count} (predicted)", samples, 1e3 * time,
                              1e3 * step, 100 * (step / time - 1), speed.value, speed.low, speed.high,
                              100 * speed.value * fewest / count])  # fmt: skip
        if series:
            every = sorted({count for one in models for count in one.x})
            ideal = Series("ideal", Style(-1, DASHED), every, [count / every[0] for count in every])
            axis = "ranks" if (own["ranks"] > 0).any() else "threads"
            panels.append(Panel(condition, axis, f"speed relative to {every[0]} {axis if every[0] > 1 else axis[:-1]}",
                                series + models + [ideal], x_log=True, y_log=True, integer_x=True))  # fmt: skip
    if not panels:
        return Absent("study", title, "the files hold no study of scaling (scaling.kind = strong, weak or throughput)")
    kinds = {str(trials.trial(row).attrs["scaling.kind"]) for _, row in studied.iterrows()}
    caption = (
        f"Marks: what was measured, samples per second over the fewest, paired by round, with 95 % intervals "
        f"({' and '.join(sorted(kinds))} scaling). Dashed: the model T = F b / (eta P) + T_fixed + max(0, T_reduce - "
        "T_overlap), fitted to them, which knows of threads that share cores; beyond the last mark nobody has measured it, and it is of a machine with a core for "
        "each thread, whose links are all like the one between the first rank and the last."
    )
    return Chart("study", title, caption + left_out_note(trials), panels, pandas.DataFrame(lines, columns=_COLUMNS))
