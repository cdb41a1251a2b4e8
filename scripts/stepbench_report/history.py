"""How speeds went over three files or more: the rule of experiments/history/changes.hpp; tests/compare holds the two together.

Each file's ratio to its own baseline, and each file's percent of its own machine's peak: step times of two machines are not
compared.
"""

import itertools
import math
from dataclasses import dataclass

from stepbench_report.arms import arm_text
from stepbench_report.collection import Collection
from stepbench_report.speed_verdict import Basis, SpeedEvidence, Verdict, speed_verdict
from stepbench_statistics import Estimate

LEAST_FILES = 3  # of two `compare` tells more


@dataclass(frozen=True)
class Point:
    file: str
    speed: SpeedEvidence  # over the file's own baseline; above 1 is faster
    percent_of_peak: float


@dataclass(frozen=True)
class Line:
    """An arm over the files that have it, in their order."""

    condition: str
    arm: str
    baseline: str
    points: list[Point]


@dataclass(frozen=True)
class Change:
    line: Line
    before: Point
    after: Point
    evidence: SpeedEvidence  # the later ratio over the earlier one
    is_change_point: bool


def history_of(trials: Collection) -> list[Line]:
    """Those of arms and conditions that at least three files have; but for baselines."""
    lines: list[Line] = []
    timed = trials.timed
    for (condition, variant, threads), rows in timed.groupby(["condition", "variant", "threads"], sort=False):
        points, baselines = [], []
        for file, own in rows.groupby("file", sort=False):
            baseline = _baseline(trials, condition, file)
            arm = str(own["arm"].iloc[0])
            if baseline is None or baseline["arm"] == arm:
                continue
            speed = trials.of_file(str(file)).compare(condition, arm, str(baseline["arm"])).evidence
            points.append(Point(str(file), speed, float(own["percent_of_peak"].mean(skipna=False))))
            baselines.append(arm_text(baseline["variant"], baseline["threads"]))
        if len(points) >= LEAST_FILES and len(set(baselines)) == 1:
            lines.append(Line(condition, arm_text(variant, threads), baselines[0], points))
    return lines


def newest(trials: Collection) -> Collection:
    """Of files that have a history the last one alone, as times of two files, maybe of two machines, are not to be compared;
    else all of them."""
    has_history = len(trials.files) >= LEAST_FILES and history_of(trials)
    return Collection(trials.files[-1:], trials.margins) if has_history else trials


def _baseline(trials: Collection, condition: str, file: str):  # noqa: ANN202, a row or None
    rows = trials.timed
    rows = rows[(rows["condition"] == condition) & (rows["file"] == file) & rows["is_baseline"]]
    return rows.iloc[0] if len(rows) else None


def change_between(before: SpeedEvidence, after: SpeedEvidence) -> SpeedEvidence:
    """The errors of two runs are independent: half widths of logarithms add up by their squares."""
    value = after.speed.value / before.speed.value
    half = math.hypot(_half_width(before.speed), _half_width(after.speed))
    speed = Estimate(value, value * math.exp(-half), value * math.exp(half), min(before.speed.pairs, after.speed.pairs))
    floors = [floor for floor in (before.floor, after.floor) if not math.isnan(floor)]
    basis = next((of.basis for of in (after, before) if of.basis is not Basis.ROUNDS), Basis.ROUNDS)
    return SpeedEvidence(speed, max(floors, default=math.nan), basis)


def _half_width(speed: Estimate) -> float:
    return math.log(speed.high / speed.low) / 2


def is_change_point(change: SpeedEvidence, margin: float) -> bool:
    told = speed_verdict(change, margin) in (Verdict.FASTER, Verdict.SLOWER)
    return told and not 1 / (1 + margin) <= change.speed.value <= 1 + margin


def changes_of(line: Line, margin: float) -> list[Change]:
    """Each file that has the arm against the one before that has it."""
    return [_change(line, before, after, margin) for before, after in itertools.pairwise(line.points)]


def change_over_all(line: Line, margin: float) -> Change:
    """The last file against the first: many small changes of one direction are no change point each, and one together."""
    return _change(line, line.points[0], line.points[-1], margin)


def _change(line: Line, before: Point, after: Point, margin: float) -> Change:
    evidence = change_between(before.speed, after.speed)
    return Change(line, before, after, evidence, is_change_point(evidence, margin))
