"""Whether an arm learns the same as another: the rule of experiments/compare/learning.hpp, words included.

tests/compare holds the two together.
"""

import math
from dataclasses import dataclass
from enum import Enum

import numpy
import pandas

from stepbench_report.collection import Collection
from stepbench_report.margins import Margin, Margins
from stepbench_results import Trial
from stepbench_statistics import MINIMUM_SEEDS, Estimate, first_parting, paired_difference


class LearningVerdict(Enum):
    SAME = "same"
    DIFFERENT = "different"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class Metric:
    """One of final training loss, best validation loss, best validation accuracy."""

    name: str  # its column in /summary
    value: float  # mean over the seeds
    reference: float
    difference: Estimate  # value - reference, paired by seed
    seed_spread: float  # standard deviation of the reference over the seeds; NaN for one
    margin: float  # absolute
    verdict: LearningVerdict
    worse: bool  # different, and not for the better
    because: str


@dataclass(frozen=True)
class Parting:
    """Where the training losses of a seed first differ by more than the tolerance."""

    seed: int
    known: bool  # both recorded their steps
    step: int | None  # None: never


@dataclass(frozen=True)
class Learning:
    """Of one arm against another."""

    verdict: LearningVerdict
    worse: bool
    because: str
    seeds: list[int]
    partings: list[Parting]  # by seed
    metrics: list[Metric]  # those that both have


@dataclass(frozen=True)
class _Pair:
    """Two trials of one seed, and their rows of /summary."""

    own: Trial
    reference: Trial
    row: pandas.Series
    reference_row: pandas.Series

    def both(self, table: str) -> tuple[numpy.ndarray, numpy.ndarray]:
        """Their training losses, of `steps` or `epochs`."""
        own, reference = (getattr(trial, table)["train_loss"].to_numpy(float) for trial in (self.own, self.reference))
        return own, reference

    def identical(self) -> bool:
        """Bit for bit: the losses of the steps where they were recorded, else of the evaluations."""
        own, reference = self.both("steps")
        if len(own) > 0 or len(reference) > 0:
            return numpy.array_equal(own, reference)
        own, reference = self.both("epochs")
        return len(own) > 0 and numpy.array_equal(own, reference)

    def parting(self, tolerance: float) -> Parting:
        own, reference = self.both("steps")
        known = len(own) > 0 and len(reference) > 0
        return Parting(int(self.row["seed"]), known, first_parting(own, reference, tolerance) if known else None)


@dataclass(frozen=True)
class _Curves:
    """In every pair."""

    recorded: bool
    identical: bool
    coincide: bool


def learned(trials: Collection, condition: str, arm: str, reference: str) -> Learning:
    """With the margins of `trials`."""
    pairs = _pairs(trials, condition, arm, reference)
    partings = [pair.parting(trials.margins.loss_tolerance) for pair in pairs]
    curves = _Curves(all(parting.known for parting in partings), all(pair.identical() for pair in pairs),
                     all(parting.known and parting.step is None for parting in partings))  # fmt: skip
    metrics = [_judged(name, pairs, curves, margin) for name, margin in _metrics(trials.margins).items()]
    metrics = [metric for metric in metrics if metric is not None]
    verdict, worse, because = _conclusion(pairs, curves, metrics)
    return Learning(verdict, worse, because, [parting.seed for parting in partings], partings, metrics)


def _metrics(margins: Margins) -> dict[str, Margin]:
    return {"final_train_loss": margins.loss, "best_validation_loss": margins.loss,
            "best_validation_accuracy": margins.accuracy}  # fmt: skip


def _pairs(trials: Collection, condition: str, arm: str, reference: str) -> list[_Pair]:
    own, other = ({int(row["seed"]): row for _, row in trials.rows(condition, name)[::-1].iterrows()}
                  for name in (arm, reference))  # fmt: skip
    return [_Pair(trials.trial(own[seed]), trials.trial(other[seed]), own[seed], other[seed])
            for seed in reversed(own) if seed in other and trials.same_batches(own[seed], other[seed])]  # fmt: skip


def _diverged(row: pandas.Series) -> bool:
    return row["status"] == "diverged"


def _judged(name: str, pairs: list[_Pair], curves: _Curves, allowed: Margin) -> Metric | None:
    """None where no pair has it."""
    known = [(pair.row[name], pair.reference_row[name]) for pair in pairs
             if not _diverged(pair.row) and not _diverged(pair.reference_row)]  # fmt: skip
    known = [both for both in known if all(map(math.isfinite, both))]
    if not known:
        return None
    values, expected = (numpy.array(column, float) for column in zip(*known, strict=True))
    difference = paired_difference(values, expected)
    mean, spread = float(expected.mean()), float(expected.std(ddof=1)) if len(expected) > 1 else math.nan
    margin = allowed.value * abs(mean) if allowed.relative else allowed.value
    excludes_zero = difference.low > 0 or difference.high < 0
    verdict, worse = LearningVerdict.CANNOT_TELL, False
    if curves.identical and numpy.array_equal(values, expected):
        verdict, because = LearningVerdict.SAME, "identical"
    elif difference.pairs < MINIMUM_SEEDS:
        same = curves.coincide and abs(difference.value) <= margin
        verdict = LearningVerdict.SAME if same else LearningVerdict.CANNOT_TELL
        because = "the curves coincide" if same else "one seed"
    elif difference.low >= -margin and difference.high <= margin:
        verdict = LearningVerdict.SAME
        because = "real, but inside the margin" if excludes_zero else "inside the margin"
    elif excludes_zero:
        verdict = LearningVerdict.DIFFERENT
        worse = difference.value < 0 if name == "best_validation_accuracy" else difference.value > 0
        because = "worse" if worse else "better"
    else:
        because = "too few seeds for this spread"
    return Metric(name, float(values.mean()), mean, difference, spread, margin, verdict, worse, because)


def _conclusion(pairs: list[_Pair], curves: _Curves, metrics: list[Metric]) -> tuple[LearningVerdict, bool, str]:
    """Of all metrics together: verdict, whether it is for the worse, why."""
    lost = [(pair.row["seed"], _diverged(pair.row)) for pair in pairs
            if _diverged(pair.row) != _diverged(pair.reference_row)]  # fmt: skip
    if lost:
        seed, own = next((some for some in lost if some[1]), lost[-1])
        return LearningVerdict.DIFFERENT, own, f"{'' if own else 'baseline '}diverged with seed {seed}"
    different = [metric for metric in metrics if metric.verdict is LearningVerdict.DIFFERENT]
    if different:
        first = next((metric for metric in different if metric.worse), different[0])
        return LearningVerdict.DIFFERENT, first.worse, f"{first.name}: {first.because}"
    unclear = [metric for metric in metrics if metric.verdict is LearningVerdict.CANNOT_TELL]
    if not metrics:
        return LearningVerdict.CANNOT_TELL, False, "no losses to compare"
    if not unclear:
        because = "identical" if curves.identical else "the curves coincide" if curves.coincide else "inside the margins"
        return LearningVerdict.SAME, False, because
    if len(pairs) > 1 or curves.coincide:
        return LearningVerdict.CANNOT_TELL, False, f"{unclear[0].name}: {unclear[0].because}"
    because = "the curves do not coincide" if curves.recorded else "no curves recorded"
    return LearningVerdict.CANNOT_TELL, False, f"one seed, and {because}"
