"""What a chart is before it is drawn: panels of series, and the same numbers as a table. Knows no drawing library."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy
import pandas

from stepbench_report.collection import Collection

MOST_PANELS = 8  # conditions drawn one by one; a page of more is read by nobody
MOST_POINTS = 150  # of a curve; longer ones are averaged in bins


@dataclass(frozen=True)
class Style:
    """Which of the drawing's colours, dashes and markers; a variant has a colour, a number of threads the rest."""

    colour: int
    dash: int = 0


DASHES = 4  # of the drawing; there are more markers, so that a style this much further on has the same dash and another marker
DASHED = 1  # the one that means what was not measured: an ideal, a prediction


@dataclass(frozen=True)
class Series:
    """A line or, of a panel of rows, marks with intervals."""

    label: str
    style: Style
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    marked: bool = False  # a marker at each point
    line: bool = True
    ring: bool = False  # a ring in the colour of text around each point, instead of the series' own mark


@dataclass(frozen=True)
class Reference:
    """A straight line to hold the series against."""

    label: str
    value: float
    is_band_to: float | None = None


@dataclass(frozen=True)
class Panel:
    """Axes with lines or, where `rows` is not empty, one row per name: its marks have the row's number as y."""

    title: str
    x_label: str
    y_label: str
    series: list[Series]
    x_log: bool = False
    y_log: bool = False
    from_zero: bool = False  # the axis of values
    references: list[Reference] = field(default_factory=list)  # of y; of x in a panel of rows
    rows: list[str] = field(default_factory=list)
    stacked: bool = False  # bars, each series on top of the one before
    integer_x: bool = False
    nested: bool = False  # lines thinner from the first to the last, so that those that coincide show


@dataclass(frozen=True)
class Chart:
    name: str
    title: str
    caption: str  # how to read it
    panels: list[Panel]
    table: pandas.DataFrame
    columns: int = 2  # panels side by side, where there is room


@dataclass(frozen=True)
class Absent:
    name: str
    title: str
    reason: str


class Styles:
    """Hands out styles, the same to the same arm in every chart."""

    def __init__(self, trials: Collection) -> None:
        variants = list(dict.fromkeys(trials.trials["variant"]))
        threads = sorted(set(trials.trials["threads"]))
        files = list(dict.fromkeys(trials.trials["file"]))
        self._styles: dict[str, Style] = {}
        for row in trials.trials.itertuples():
            twice = row.arm.endswith(f" in {row.file}")  # then the files differ in dash, too
            dash = threads.index(row.threads) + (len(threads) * files.index(row.file) if twice else 0)
            self._styles[row.arm] = Style(variants.index(row.variant), dash)

    def __getitem__(self, arm: str) -> Style:
        return self._styles[arm]


def binned(values: numpy.ndarray, most: int = MOST_POINTS) -> list[numpy.ndarray]:
    """`values`, in order, in at most `most` equal bins."""
    size = max(1, -(-len(values) // most))
    return [values[begin : begin + size] for begin in range(0, len(values), size)]


def bin_means(values: numpy.ndarray) -> numpy.ndarray:
    return numpy.array([float(numpy.mean(part)) for part in binned(values)])


def bin_maxima(values: numpy.ndarray) -> numpy.ndarray:
    return numpy.array([float(numpy.max(part)) for part in binned(values)])


def bin_centres(count: int) -> numpy.ndarray:
    return numpy.array([float(numpy.mean(part)) for part in binned(numpy.arange(count))])


def drawn_conditions(trials: Collection) -> list[str]:
    return trials.conditions[:MOST_PANELS]


def left_out_note(trials: Collection) -> str:
    left_out = len(trials.conditions) - MOST_PANELS
    return f" Drawn are the first {MOST_PANELS} of {len(trials.conditions)} settings." if left_out > 0 else ""


def headed(condition: str, text: str) -> str:
    """A panel's title, in which the condition comes first where there are several."""
    return f"{condition}: {text}" if condition else text


def with_arms(trials: Collection, conditions: Sequence[str]) -> list[tuple[str, str]]:
    """Every (condition, arm) that was timed."""
    return list(itertools.chain.from_iterable(((c, arm) for arm in trials.arms(c)) for c in conditions))
