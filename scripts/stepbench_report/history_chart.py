"""The chart of three files or more: each file's ratio to its own baseline and its percent of peak, and where they change."""

import math

import pandas

from stepbench_report.chart import MOST_PANELS, Absent, Chart, Panel, Reference, Series, Style, Styles, headed
from stepbench_report.collection import Collection
from stepbench_report.history import LEAST_FILES, Change, Line, change_over_all, changes_of, history_of
from stepbench_report.speed_verdict import speed_verdict
from stepbench_report.words import listed, percent_text, times_text
from stepbench_results import Results

_COLUMNS = ["setting", "trial", "number", "file", "created", "commit", "machine", "speed", "speed low", "speed high",
            "% of peak", "change", "change low", "change high", "verdict", "change point"]  # fmt: skip


def history(trials: Collection, _: Styles) -> Chart | Absent:
    title = "How speeds went over the files"
    lines = history_of(trials) if len(trials.files) >= LEAST_FILES else []
    if not lines:
        return Absent("history", title, "it takes three files that have trials, and a baseline, in common")
    conditions = list(dict.fromkeys(line.condition for line in lines))
    drawn = conditions[: MOST_PANELS // 2]
    panels = [panel for condition in drawn for panel in _panels(trials, lines, condition)]
    caption = (
        f"By number of the file: {_numbered(trials)}. First: speed over {listed(sorted({line.baseline for line in lines}))} of "
        "the same file, with its 95 % interval; then the percent of the peak of the file’s own machine. Times of two machines "
        "are not compared. A ring marks a change point: faster or slower than in the file before, outside the noise floor of "
        f"both, and by more than {percent_text(trials.margins.speed)}."
    )
    if len(drawn) < len(conditions):
        caption += f" Drawn are the first {len(drawn)} of {len(conditions)} settings."
    rows = [row for line in lines for row in _rows(trials, line)]
    return Chart("history", title, caption, panels, pandas.DataFrame(rows, columns=_COLUMNS))


def change_sentences(trials: Collection) -> list[str]:
    """A sentence for each change point, and for each arm that changed over all files alone."""
    sentences, margin = [], trials.margins.speed
    for line in history_of(trials):
        found = [_sentence(change) for change in changes_of(line, margin) if change.is_change_point]
        whole = change_over_all(line, margin)
        sentences += found or ([f"Little by little, {_sentence(whole)}"] if whole.is_change_point else [])
    return sentences


def _sentence(change: Change) -> str:
    slower = change.evidence.speed.value < 1
    speed = change.evidence.inverse().speed if slower else change.evidence.speed
    where = f" ({change.line.condition})" if change.line.condition else ""
    return (f"{change.line.arm}{where} is {times_text(speed)} {'slower' if slower else 'faster'}, over "
            f"{change.line.baseline}, in {change.after.file} than in {change.before.file}")  # fmt: skip


def _numbered(trials: Collection) -> str:
    return ", ".join(f"{i} {name}" for i, name in enumerate(trials.names, 1))


def _panels(trials: Collection, lines: list[Line], condition: str) -> list[Panel]:
    own = [line for line in lines if line.condition == condition]
    arms = list(dict.fromkeys(line.arm for line in lines))
    speeds, peaks, rings = [], [], []
    for line in own:
        style = Style(arms.index(line.arm), arms.index(line.arm))
        places = [trials.names.index(point.file) + 1 for point in line.points]
        found = [point.speed.speed for point in line.points]
        speeds.append(Series(line.arm, style, places, [of.value for of in found], [of.low for of in found],
                             [of.high for of in found], marked=True))  # fmt: skip
        peaks.append(Series(line.arm, style, places, [point.percent_of_peak for point in line.points], marked=True))
        rings += [(trials.names.index(change.after.file) + 1, change.after.speed.speed.value)
                  for change in changes_of(line, trials.margins.speed) if change.is_change_point]  # fmt: skip
    if rings:
        speeds.append(Series("change point", Style(-1), [x for x, _ in rings], [y for _, y in rings], line=False, ring=True))
    found = [Panel(headed(condition, "speed"), "file", "times as fast", speeds, y_log=True, integer_x=True,
                   references=[Reference("the baseline", 1.0)])]  # fmt: skip
    if any(math.isfinite(value) for one in peaks for value in one.y):
        found.append(Panel(headed(condition, "% of peak"), "file", "% of peak", peaks, integer_x=True, from_zero=True))
    return found


def _rows(trials: Collection, line: Line) -> list[list[object]]:
    changes = {change.after.file: change for change in changes_of(line, trials.margins.speed)}
    rows = []
    for point in line.points:
        place = trials.names.index(point.file)
        results, change = trials.files[place], changes.get(point.file)
        speed = point.speed.speed
        row = [line.condition, line.arm, place + 1, point.file, str(results.attrs.get("created", ""))[:10], _commit(results),
               _machine(results), speed.value, speed.low, speed.high, point.percent_of_peak]  # fmt: skip
        if change is None:
            row += [math.nan, math.nan, math.nan, "–", "–"]
        else:
            of = change.evidence.speed
            verdict = speed_verdict(change.evidence, trials.margins.speed)
            row += [of.value, of.low, of.high, verdict.value, "yes" if change.is_change_point else "no"]
        rows.append(row)
    return rows


def _commit(results: Results) -> str:
    return f"{results.attrs.get('git_commit', '?')}{', changed' if results.attrs.get('git_dirty') else ''}"


def _machine(results: Results) -> str:
    if len(results.machines) > 1:
        return f"{len(results.machines)} machines"
    return str(results.environment.get("cpu_model", "?"))
