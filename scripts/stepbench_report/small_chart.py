"""Draws a Panel as a few hundred bytes of SVG, for pages that have hundreds of them; drawing.py draws for a paper.

Colours and fonts are the page's. It leaves out what a small picture has no room for: hatches, rings, minor ticks.
"""

import math
from collections.abc import Sequence
from html import escape

from matplotlib.ticker import LogLocator, MaxNLocator

from stepbench_report.chart import Panel, Series
from stepbench_report.drawing import COLOURS, short_tick

_WIDTH = 420  # units of the SVG, about a pixel each
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 24, 34
_ROWS_LEFT = 150  # for the rows' names
_LINES_HEIGHT, _ROW_HEIGHT = 120, 22
_TICK_DISTANCE = 44  # at least, so that their labels do not touch
_MOST_POINTS = 50  # of a curve; as many as one tells apart in this width
_DASHES = ("", "6 3", "2 2", "8 3 2 3")
_LONGEST_NAME = 24  # letters of a row's name


class _Axis:
    """From values to places between `begin` and `end`."""

    def __init__(self, values: Sequence[float], begin: float, end: float, log: bool, from_zero: bool = False) -> None:
        known = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
        low, high = (min(known), max(known)) if known else (1.0, 1.0)
        low = 0.0 if from_zero and not log else low
        if low == high:
            low, high = (low / 1.1, high * 1.1) if log else (low - 0.5, high + 0.5)
        room = (math.log(high / low) if log else high - low) * 0.04
        self._log, self._begin, self._end = log, begin, end
        self._low = low * math.exp(-room) if log else low - (0.0 if from_zero else room)
        self._high = high * math.exp(room) if log else high + room

    def place(self, value: float) -> float:
        if self._log:
            share = math.log(max(value, self._low) / self._low) / math.log(self._high / self._low)
        else:
            share = (value - self._low) / (self._high - self._low)
        return self._begin + share * (self._end - self._begin)

    def ticks(self, most: int) -> list[float]:
        if self._log:
            few = math.log10(self._high / self._low) < 2
            values = LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,), numticks=most + 3).tick_values(self._low, self._high)
        else:
            values = MaxNLocator(most).tick_values(self._low, self._high)
        return [float(value) for value in values if self._low <= value <= self._high]


def colour_variable(series: Series) -> str:
    return "var(--muted)" if series.style.colour < 0 else f"var(--c{series.style.colour % len(COLOURS)})"


def dash_array(series: Series) -> str:
    return _DASHES[series.style.dash % len(_DASHES)]


def small_svg(panel: Panel) -> str:
    return _rows(panel) if panel.rows else _lines(panel)


def _rows(panel: Panel) -> str:
    height = _TOP + _ROW_HEIGHT * len(panel.rows) + _BOTTOM
    ends = [value for one in panel.series for value in (*one.x, *(one.low or []), *(one.high or []))]
    axis = _Axis([*ends, *(of.value for of in panel.references)], _ROWS_LEFT, _WIDTH - _RIGHT, panel.x_log, panel.from_zero)
    parts = _frame(panel, height) + _x_ticks(axis, panel, height)
    for i, name in enumerate(panel.rows):
        first = name.split("\n")[0]
        text = first if len(first) <= _LONGEST_NAME else first[: _LONGEST_NAME - 1] + "…"
        parts.append(f'<text x="{_ROWS_LEFT - 8}" y="{_row_place(i) + 4:g}" text-anchor="end">{escape(text)}</text>')
    for reference in panel.references:
        if reference.is_band_to is None:
            x = axis.place(reference.value)
            parts.append(f'<path class="rule" d="M{x:.0f} {_TOP}V{height - _BOTTOM}"/>')
    for one in panel.series:
        for i, (x, y) in enumerate(zip(one.x, one.y, strict=True)):
            if not math.isfinite(x):
                continue
            place, colour = _row_place(y), colour_variable(one)
            low, high = (ends[i] if ends else math.nan for ends in (one.low, one.high))
            if math.isfinite(low) and math.isfinite(high):
                parts.append(f'<path d="M{axis.place(low):.1f} {place:g}H{axis.place(high):.1f}" stroke="{colour}" '
                             'stroke-width="5" opacity=".4"/>')  # fmt: skip
            parts.append(f'<circle cx="{axis.place(x):.1f}" cy="{place:g}" r="3.5" fill="{colour}"/>')
    return _svg(panel, height, parts)


def _row_place(row: float) -> float:
    return _TOP + _ROW_HEIGHT * (row + 0.5)


def _lines(panel: Panel) -> str:
    height = _TOP + _LINES_HEIGHT + _BOTTOM
    values = [value for one in panel.series for value in one.y] + [of.value for of in panel.references]
    x_axis = _Axis([x for one in panel.series for x in one.x], _LEFT, _WIDTH - _RIGHT, panel.x_log)
    y_axis = _Axis(values, height - _BOTTOM, _TOP, panel.y_log, panel.from_zero)
    parts = _frame(panel, height) + _x_ticks(x_axis, panel, height)
    for value in y_axis.ticks(4):
        y = y_axis.place(value)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.0f}H{_WIDTH - _RIGHT}"/>'
                     f'<text x="{_LEFT - 6}" y="{y + 4:.0f}" text-anchor="end">{short_tick(value)}</text>')  # fmt: skip
    for reference in panel.references:
        parts.append(f'<path class="rule" d="M{_LEFT} {y_axis.place(reference.value):.0f}H{_WIDTH - _RIGHT}"/>')
    for one in panel.series:
        stride = max(1, -(-len(one.x) // _MOST_POINTS))
        points = [f"{x_axis.place(x):.1f} {y_axis.place(y):.1f}" for x, y in list(zip(one.x, one.y, strict=True))[::stride]
                  if math.isfinite(y) and (y > 0 or not panel.y_log)]  # fmt: skip
        if points:
            parts.append(f'<path fill="none" stroke="{colour_variable(one)}" stroke-width="1.6" '
                         f'stroke-dasharray="{dash_array(one)}" d="M{"L".join(points)}"/>')  # fmt: skip
    return _svg(panel, height, parts)


def _frame(panel: Panel, height: float) -> list[str]:
    label = panel.x_label if panel.rows or not panel.y_label else f"{panel.x_label}; up: {panel.y_label}"
    return [f'<text class="title" x="4" y="14">{escape(panel.title)}</text>',
            f'<text x="{_WIDTH - _RIGHT}" y="{height - 4}" text-anchor="end">{escape(label)}</text>']  # fmt: skip


def _x_ticks(axis: _Axis, panel: Panel, height: float) -> list[str]:
    found = []
    last = -math.inf
    for value in axis.ticks(4):
        x = axis.place(value)
        if (panel.integer_x and value != int(value)) or x - last < _TICK_DISTANCE:
            continue
        last = x
        found.append(f'<path class="grid" d="M{x:.0f} {_TOP}V{height - _BOTTOM}"/>'
                     f'<text x="{x:.0f}" y="{height - _BOTTOM + 13}" text-anchor="middle">{short_tick(value)}</text>')  # fmt: skip
    return found


def _svg(panel: Panel, height: float, parts: list[str]) -> str:
    return (f'<svg class="small" role="img" aria-label="{escape(panel.title)}" viewBox="0 0 {_WIDTH} {height}">'
            f"{''.join(parts)}</svg>")  # fmt: skip
