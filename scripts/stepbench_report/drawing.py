"""Draws a Chart with matplotlib: for a paper, or as SVG whose colours are the page's CSS variables.

Colours are Okabe and Ito's, which stay apart for colour-blind readers; dashes, markers and hatches say the same again.
"""

import io
import itertools
import math
import re
import textwrap
from collections.abc import Sequence

import matplotlib
import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from stepbench_report.chart import DASHES, Chart, Panel, Reference, Series

# The report's style sheet names these --c0 .. --c7, --text, --muted, --grid, and gives each a darker or lighter twin.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#8a8a8a")
TEXT, MUTED, GRID = "#1b1c1e", "#63666b", "#dcdee2"
_VARIABLES = {colour: f"var(--c{i})" for i, colour in enumerate(COLOURS)} | {
    TEXT: "var(--text)", MUTED: "var(--muted)", GRID: "var(--grid)"
}  # fmt: skip
_DASHES = ("solid", (0, (4, 1.8)), (0, (1, 1.4)), (0, (6, 1.5, 1, 1.5)))
assert len(_DASHES) == DASHES
_REFERENCE_DASHES = ((0, (4, 2)), (0, (1, 1.2)))
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----")

WIDE, NARROW = 7.8, 3.9  # inches; at 96 dpi the page's columns on a screen and on a telephone
_LINES_HEIGHT, _ROW_HEIGHT, _LEGEND_LINE = 2.55, 0.3, 0.22  # inches
_FONT = 9  # points
_TITLE_LETTERS = 9.5  # of a title, to an inch of its panel with the axis labels

_SETTINGS = {
    "font.size": _FONT, "font.family": "sans-serif", "text.color": TEXT, "axes.labelcolor": TEXT,
    "axes.edgecolor": MUTED, "xtick.color": MUTED, "ytick.color": MUTED, "xtick.labelcolor": TEXT,
    "ytick.labelcolor": TEXT, "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.7,
    "axes.titlesize": _FONT, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.grid": True,
    "axes.axisbelow": True, "grid.color": GRID, "grid.linewidth": 0.7, "lines.linewidth": 1.5, "lines.markersize": 4.5,
    "hatch.linewidth": 0.6, "svg.fonttype": "none", "pdf.fonttype": 42, "legend.frameon": False,
    "axes.formatter.use_mathtext": False,
}  # fmt: skip


def colour_of(series: Series) -> str:
    return MUTED if series.style.colour < 0 else COLOURS[series.style.colour % len(COLOURS)]


def draw(chart: Chart, width: float = WIDE) -> Figure:
    """A figure as high as its panels need."""
    with matplotlib.rc_context(_SETTINGS):
        columns = min(chart.columns, len(chart.panels)) if width > (WIDE + NARROW) / 2 else 1
        rows = list(itertools.zip_longest(*[iter(chart.panels)] * columns))
        entries = _legend_entries(chart)
        per_line = _entries_per_line([label for label, _ in entries], width)
        legend_height = _LEGEND_LINE * math.ceil(len(entries) / per_line) + 0.05 if entries else 0.0
        heights = [max(_panel_height(panel) for panel in row if panel) for row in rows]
        figure = Figure(figsize=(width, legend_height + sum(heights)), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.06, h_pad=0.05, wspace=0.04, hspace=0.03)
        grid = figure.add_gridspec(len(rows) + 1, columns, height_ratios=[max(legend_height, 0.001), *heights])
        if entries:
            figure.add_subplot(grid[0, :]).axis("off")  # keeps the legend's place free
            _draw_legend(figure, entries, per_line)
        for i, row in enumerate(rows):
            for j, panel in enumerate(row):
                if panel is not None:
                    axes = figure.add_subplot(grid[i + 1, j])
                    _draw_panel(axes, panel, named_rows=j == 0)
                    axes.set_title(textwrap.fill(panel.title, int(_TITLE_LETTERS * width / columns)))
        return figure


def as_svg(chart: Chart, width: float, prefix: str) -> str:
    """Inline SVG in the page's colours and font; ids begin with `prefix`, so that several can be in one page."""
    figure = draw(chart, width)
    buffer = io.StringIO()
    with matplotlib.rc_context(_SETTINGS | {"svg.hashsalt": prefix}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'(href="|url\()#', rf"\1#{prefix}-", svg)
    svg = re.sub(r"font: ([\d.]+px|bold [\d.]+px|[\d ]*[\d.]+px)[^;\"]*", r"font: \1 var(--font)", svg)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    return svg


def _panel_height(panel: Panel) -> float:
    if not panel.rows:
        return _LINES_HEIGHT
    lines = sum(1 + 0.6 * name.count("\n") for name in panel.rows)
    return _ROW_HEIGHT * lines + 0.75


def _legend_entries(chart: Chart) -> list[tuple[str, object]]:
    """What the panels' labels stand for, each once; a panel of rows names its marks itself."""
    entries: dict[str, object] = {}
    for panel in chart.panels:
        for i, one in enumerate(panel.series):
            if not one.label or (one.label in entries and not one.marked):  # a marked one shows more of the style
                continue
            if panel.stacked:
                hatch = _HATCHES[i % len(_HATCHES)]
                entries[one.label] = Patch(facecolor=colour_of(one), hatch=hatch, edgecolor="white")
            elif one.ring:
                entries[one.label] = Line2D([], [], linestyle="", marker="o", markersize=8, markerfacecolor="none",
                                            markeredgecolor=TEXT)  # fmt: skip
            else:
                entries[one.label] = Line2D([], [], color=colour_of(one), linestyle=_dash(one), marker=_marker(one))
        for i, reference in enumerate(panel.references):
            if not reference.label or reference.label in entries:
                continue
            if reference.is_band_to is None:
                entries[reference.label] = Line2D([], [], color=MUTED, linestyle=_REFERENCE_DASHES[i % 2], linewidth=1)
            else:
                entries[reference.label] = Patch(facecolor=MUTED, alpha=0.18)
    return list(entries.items())


def _entries_per_line(labels: Sequence[str], width: float) -> int:
    longest = max(map(len, labels), default=1)
    return max(1, min(len(labels), int((width - 0.1) / (0.6 + 0.072 * longest))))


def _draw_legend(figure: Figure, entries: list[tuple[str, object]], per_line: int) -> None:
    labels, handles = zip(*entries, strict=True)
    legend = figure.legend(handles, labels, loc="upper left", ncols=per_line, borderpad=0.3, borderaxespad=0.2,
                           handlelength=2.6, columnspacing=1.4)  # fmt: skip
    legend.set_in_layout(False)


def _dash(series: Series) -> object:
    return _DASHES[series.style.dash % len(_DASHES)] if series.line else "none"


def _marker(series: Series) -> str | None:
    return _MARKERS[series.style.dash % len(_MARKERS)] if series.marked else None


def _draw_panel(axes: Axes, panel: Panel, named_rows: bool) -> None:
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    if panel.x_log:
        axes.set_xscale("log")
    if panel.y_log:
        axes.set_yscale("log")
    if panel.stacked:
        _draw_stack(axes, panel)
    elif panel.rows:
        for one in panel.series:
            _draw_mark(axes, one)
    else:
        for i, one in enumerate(panel.series):
            nested = 0.8 * (len(panel.series) - 1 - i) if panel.nested else 0.0
            _draw_line(axes, one, min(1.3 + nested, 5.0))
    _finish_axes(axes, panel, named_rows)
    for i, reference in enumerate(panel.references):
        _draw_reference(axes, panel, reference, i)


def _draw_stack(axes: Axes, panel: Panel) -> None:
    left = numpy.zeros(len(panel.rows))
    for i, one in enumerate(panel.series):
        axes.barh(one.y, one.x, left=left, height=0.62, color=colour_of(one), hatch=_HATCHES[i % len(_HATCHES)],
                  edgecolor="white", linewidth=0.5)  # fmt: skip
        left += numpy.asarray(one.x)


def _draw_mark(axes: Axes, one: Series) -> None:
    colour = colour_of(one)
    for x, y, low, high in zip(one.x, one.y, one.low or one.x, one.high or one.x, strict=True):
        if math.isfinite(low) and math.isfinite(high) and low < high:
            axes.plot([low, high], [y, y], color=colour, linewidth=4, alpha=0.35, solid_capstyle="butt")
        axes.plot([x], [y], color=colour, marker=_marker(one), markersize=6, linestyle="none")


def _draw_line(axes: Axes, one: Series, width: float) -> None:
    if one.ring:
        axes.plot(one.x, one.y, "o", markersize=9, markerfacecolor="none", markeredgecolor=TEXT)
        return
    colour = colour_of(one)
    if one.low is not None and one.high is not None and one.marked:
        y = numpy.asarray(one.y, float)
        errors = numpy.nan_to_num([y - numpy.asarray(one.low, float), numpy.asarray(one.high, float) - y])
        axes.errorbar(one.x, y, yerr=errors, fmt="none", ecolor=colour, elinewidth=1.2, capsize=2.5)
    elif one.low is not None and one.high is not None:
        axes.fill_between(one.x, one.low, one.high, color=colour, alpha=0.15, linewidth=0)
    marker = _marker(one) or ("o" if len(one.x) == 1 else None)
    axes.plot(one.x, one.y, color=colour, linestyle=_dash(one), marker=marker, linewidth=width)


def _finish_axes(axes: Axes, panel: Panel, named_rows: bool) -> None:
    if panel.rows:
        axes.set_yticks(range(len(panel.rows)), panel.rows if named_rows else [""] * len(panel.rows))
        axes.set_ylim(len(panel.rows) - 0.45, -0.55)
        axes.tick_params(axis="y", length=0)
        axes.grid(False, axis="y")
    if panel.from_zero and panel.rows:
        ends = [reference.value for reference in panel.references] + _values(panel, "x") if not panel.stacked else []
        axes.set_xlim(0, max(1.04 * max(ends, default=0.0), 0.0 if ends else axes.get_xlim()[1]))
    elif panel.from_zero:
        axes.set_ylim(bottom=0)
    if panel.stacked and panel.x_label.startswith("%"):
        axes.set_xlim(0, 100)
    if panel.x_log:
        _plain_log_ticks(axes, "x", _values(panel, "x"), panel.integer_x)
    elif panel.integer_x:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    elif panel.rows:
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(FuncFormatter(short_tick))
    if panel.y_log:
        _plain_log_ticks(axes, "y", _values(panel, "y"), False)
    elif not panel.rows:
        axes.yaxis.set_major_formatter(FuncFormatter(short_tick))


def _values(panel: Panel, axis: str) -> list[float]:
    every = [value for one in panel.series for value in getattr(one, axis)]
    if (axis == "x") == bool(panel.rows):
        every += [value for one in panel.series for bound in (one.low, one.high) for value in bound or []]
    return [value for value in every if math.isfinite(value) and value > 0]


def _plain_log_ticks(axes: Axes, axis: str, values: list[float], exact: bool) -> None:
    """Ticks in plain numbers; over less than two decades at 1, 2 and 5 of each, too, or at the values themselves."""
    which = axes.xaxis if axis == "x" else axes.yaxis
    decades = math.log10(max(values) / min(values)) if values else 0.0
    which.set_minor_formatter(NullFormatter())
    if exact and len(set(values)) <= 8:
        which.set_major_locator(matplotlib.ticker.FixedLocator(sorted(set(values))))
        which.set_minor_locator(matplotlib.ticker.NullLocator())
    elif decades < 0.5:
        which.set_major_locator(LogLocator(subs=(1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)))
    elif decades < 2:
        which.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    else:
        which.set_major_locator(LogLocator(numticks=7))
    which.set_major_formatter(FuncFormatter(short_tick))


def short_tick(value: float, _position: object = None) -> str:
    """Tick labels: 120k, 0.05, 1e-7."""
    size = abs(value)
    if size >= 1e6:
        return f"{value / 1e6:g}M"
    if size >= 1e4:
        return f"{value / 1e3:g}k"
    if size != 0 and size < 1e-3:
        return re.sub(r"e-0?", "e-", f"{value:.0e}")
    return f"{value:g}"


def _draw_reference(axes: Axes, panel: Panel, reference: Reference, place: int) -> None:
    line, band = (axes.axvline, axes.axvspan) if panel.rows else (axes.axhline, axes.axhspan)
    if reference.is_band_to is None:
        line(reference.value, color=MUTED, linestyle=_REFERENCE_DASHES[place % 2], linewidth=1, zorder=0.8)
    else:
        band(reference.value, reference.is_band_to, color=MUTED, alpha=0.18, linewidth=0, zorder=0.5)
