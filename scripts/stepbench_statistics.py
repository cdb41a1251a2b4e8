"""The statistics of the report: those of core/statistics.hpp, with scipy, for any two trials, not the baseline alone.

Speeds are compared as ratios of step times that share a round, learning as differences of losses that share a seed.
"""

import math
from dataclasses import dataclass

import numpy
from numpy.typing import ArrayLike, NDArray
from scipy import stats

CONFIDENCE = 0.95
MINIMUM_ROUNDS = 8  # below which a ratio has no interval
MINIMUM_SEEDS = 2  # below which a difference has none

Floats = NDArray[numpy.float64]


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; NaN bounds: too few pairs."""

    value: float
    low: float = math.nan
    high: float = math.nan
    pairs: int = 0

    @property
    def has_interval(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)

    def without_interval(self) -> "Estimate":
        return Estimate(self.value, pairs=self.pairs)

    def exponential(self) -> "Estimate":
        return Estimate(math.exp(self.value), math.exp(self.low), math.exp(self.high), self.pairs)


def _mean_interval(samples: Floats, minimum: int) -> Estimate:
    """Student's t interval of the mean."""
    count = len(samples)
    if count == 0:
        return Estimate(math.nan)
    mean = float(numpy.mean(samples))
    if count < minimum:
        return Estimate(mean, pairs=count)
    error = float(numpy.std(samples, ddof=1)) / math.sqrt(count)
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, count - 1)) * error
    return Estimate(mean, mean - half, mean + half, count)


def _logarithms(samples: ArrayLike) -> Floats:
    values = numpy.asarray(samples, float)
    return numpy.log(values[numpy.isfinite(values) & (values > 0)])


def paired_ratio(numerator: ArrayLike, denominator: ArrayLike) -> Estimate:
    """Geometric mean of the ratios of the pairs in which both are finite and positive; t interval of its logarithm."""
    above, below = numpy.asarray(numerator, float), numpy.asarray(denominator, float)
    usable = numpy.isfinite(above) & numpy.isfinite(below) & (above > 0) & (below > 0)
    return _mean_interval(numpy.log(above[usable] / below[usable]), MINIMUM_ROUNDS).exponential()


def unpaired_ratio(numerator: ArrayLike, denominator: ArrayLike) -> Estimate:
    """The same of samples that share no rounds, with Welch's interval."""
    above, below = _logarithms(numerator), _logarithms(denominator)
    pairs = min(len(above), len(below))
    if pairs == 0:
        return Estimate(math.nan)
    value = float(numpy.mean(above) - numpy.mean(below))
    if pairs < MINIMUM_ROUNDS:
        return Estimate(value, pairs=pairs).exponential()
    variances = [float(numpy.var(sample, ddof=1)) / len(sample) for sample in (above, below)]
    variance = sum(variances)
    if variance == 0:
        return Estimate(value, value, value, pairs).exponential()
    # Welch-Satterthwaite.
    degrees = variance**2 / (variances[0] ** 2 / (len(above) - 1) + variances[1] ** 2 / (len(below) - 1))
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, degrees)) * math.sqrt(variance)
    return Estimate(value, value - half, value + half, pairs).exponential()


def geometric_mean(samples: ArrayLike) -> Estimate:
    """With the t interval of its logarithm."""
    return _mean_interval(_logarithms(samples), MINIMUM_ROUNDS).exponential()


def paired_difference(values: ArrayLike, reference: ArrayLike) -> Estimate:
    """Mean of values - reference over the pairs in which both are finite."""
    differences = numpy.asarray(values, float) - numpy.asarray(reference, float)
    return _mean_interval(differences[numpy.isfinite(differences)], MINIMUM_SEEDS)


def noise_floor(original: ArrayLike, twin: ArrayLike) -> float:
    """f, where a ratio within 1/(1+f) .. 1+f may be noise: how far the same thing timed twice is from itself."""
    ratio = paired_ratio(twin, original)
    return max(1 / ratio.low, ratio.high) - 1 if ratio.has_interval else math.nan


def _difference_and_larger(losses: ArrayLike, reference: ArrayLike) -> tuple[Floats, Floats]:
    """|a - b| and the larger magnitude: 0 and 1 where neither is finite, NaN where one of them is not."""
    values, expected = numpy.asarray(losses, float), numpy.asarray(reference, float)
    lost, expected_lost = ~numpy.isfinite(values), ~numpy.isfinite(expected)
    values = numpy.where(lost, numpy.where(expected_lost, 1.0, numpy.nan), values)
    expected = numpy.where(expected_lost, numpy.where(lost, 1.0, numpy.nan), expected)
    return numpy.abs(values - expected), numpy.maximum(numpy.abs(values), numpy.abs(expected))


def relative_difference(losses: ArrayLike, reference: ArrayLike) -> Floats:
    """|a - b| over the larger magnitude; 0 where both are equal or neither is finite, NaN where one of them is not."""
    difference, larger = _difference_and_larger(losses, reference)
    return numpy.divide(difference, larger, out=numpy.zeros_like(larger), where=~(larger == 0))


def first_parting(losses: ArrayLike, reference: ArrayLike, tolerance: float) -> int | None:
    """The first step at which two curves differ by more than `tolerance`; None: they go together to the end."""
    common = min(len(losses), len(reference))
    difference, larger = _difference_and_larger(losses[:common], reference[:common])
    apart = numpy.flatnonzero(~(difference <= tolerance * larger))
    if len(apart) > 0:
        return int(apart[0])
    return None if len(losses) == len(reference) else common
