"""The part of the page that has each setting by itself: what is said of it, its charts, and the numbers behind them.

report.js picks among them; without it each opens by a click. Small charts, as there may be hundreds.
"""

import itertools
import json
from collections.abc import Iterable, Sequence
from html import escape

import pandas

from stepbench_report.chart import Chart, Styles
from stepbench_report.charts import CHARTS
from stepbench_report.collection import Collection
from stepbench_report.html import html_table, numbers_table
from stepbench_report.small_chart import colour_variable, dash_array, small_svg

_PICKED = ("speed", "loss")  # charts that are of one setting each
_MOST_ROWS = 12  # of the numbers behind a curve


def pick_form(conditions: list[str]) -> Iterable[str]:
    """What report.js shows and reads; hidden without it, as it would do nothing."""
    parts = _parts(conditions)
    yield '<form id="pick" hidden><b>Show</b>'
    for column in zip(*parts, strict=True):
        options = "".join(f"<option>{escape(part)}</option>" for part in dict.fromkeys(column))
        name = _shared_words(column)
        yield f'<select aria-label="{escape(name)}"><option value="">any {escape(name)}</option>{options}</select>'
    yield ('<input type="search" placeholder="search: tbb 0.01" aria-label="search"> <button type="reset">all</button> '
           '<output></output></form>')  # fmt: skip
    yield f'<script type="application/json" id="settings">{json.dumps(parts).replace("<", chr(92) + "u003c")}</script>'


def _parts(conditions: list[str]) -> list[list[str]]:
    """`batch size 8, precision float32` by its settings where all have the same number of them, else as a whole."""
    parts = [condition.split(", ") for condition in conditions]
    return parts if len({len(of) for of in parts}) == 1 else [[condition] for condition in conditions]


def _shared_words(texts: Sequence[str]) -> str:
    """`batch size` of `batch size 8` and `batch size 16`; `setting` where they share none."""
    words = itertools.takewhile(lambda word: len(set(word)) == 1, zip(*(text.split() for text in texts), strict=False))
    return " ".join(word[0] for word in words) or "setting"


def settings_section(trials: Collection, table: pandas.DataFrame, sentences: dict[str, list[str]]) -> Iterable[str]:
    """`table`: of seeds together, with a column `setting`; `sentences`: HTML by setting."""
    styles = Styles(trials)
    yield '<h2 id="settings-one-by-one">Each setting by itself</h2>'
    for i, condition in enumerate(trials.conditions):
        yield f'<details class="setting" data-setting={i}><summary>{escape(condition)}</summary>'
        yield from sentences.get(condition, [])
        rows = table[table["setting"] == condition].drop(columns="setting")
        yield html_table(rows)
        view = trials.of_condition(condition)
        for name in _PICKED:
            chart = CHARTS[name](view, styles)
            if isinstance(chart, Chart):
                yield from _small_figure(chart, condition)
        yield "</details>"


def _small_figure(chart: Chart, condition: str) -> Iterable[str]:
    yield "<figure>"
    for panel in chart.panels:
        yield small_svg(panel).replace(f"{escape(condition)}: ", "")
    labels = {one.label: one for panel in chart.panels for one in panel.series if one.label}
    keys = (f'<svg class="key" viewBox="0 0 24 8"><path d="M0 4H24" stroke="{colour_variable(one)}" stroke-width="3" '
            f'stroke-dasharray="{dash_array(one)}"/></svg> {escape(label)}' for label, one in labels.items())  # fmt: skip
    if labels:
        yield f"<figcaption>{' &ensp; '.join(keys)}</figcaption>"
    yield "</figure>"
    stride = max(1, -(-len(chart.table) // _MOST_ROWS))
    thinned = f", a row in {stride}" if stride > 1 else ""
    shown = chart.table.iloc[::stride].drop(columns="setting", errors="ignore")
    yield f"<details><summary>The numbers{thinned}</summary>{numbers_table(shown)}</details>"


