"""The statistics of the report: those of core/statistics.hpp, with scipy, for any two trials, not the baseline alone.

Speeds are compared as ratios of step times that share a round, learning as differences of losses that share a seed.
"""

import math
from dataclasses import dataclass
from enum import Enum

import numpy
from numpy.typing import ArrayLike, NDArray
from scipy import stats

CONFIDENCE = 0.95
MINIMUM_ROUNDS = 8  # below which a ratio has no interval
MINIMUM_SEEDS = 2  # below which a difference has none
COINCIDE = 1e-3  # relative difference at every step up to which two curves of losses are one

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

    def exponential(self) -> "Estimate":
        return Estimate(math.exp(self.value), math.exp(self.low), math.exp(self.high), self.pairs)


class Verdict(Enum):
    FASTER = "faster"
    SLOWER = "slower"
    NO_DIFFERENCE = "no difference"
    NO_VERDICT = "no verdict"


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
    """f, where ratios within 1/(1+f) .. 1+f are no difference: how far the same thing timed twice is from itself."""
    ratio = paired_ratio(twin, original)
    return max(1 / ratio.low, ratio.high) - 1 if ratio.has_interval else math.nan


def speed_verdict(speed: Estimate, floor: float = math.nan) -> Verdict:
    """A difference is real when its interval excludes 1 and it lies outside the noise floor (NaN: not known)."""
    if not speed.has_interval:
        return Verdict.NO_VERDICT
    limit = 1 if math.isnan(floor) else 1 + floor
    if speed.low > 1 and speed.value > limit:
        return Verdict.FASTER
    if speed.high < 1 and speed.value < 1 / limit:
        return Verdict.SLOWER
    return Verdict.NO_DIFFERENCE


def relative_difference(losses: ArrayLike, reference: ArrayLike) -> Floats:
    """|a - b| / |b|; 0 where both are equal, zero included."""
    values, expected = numpy.asarray(losses, float), numpy.asarray(reference, float)
    with numpy.errstate(divide="ignore", invalid="ignore"):
        return numpy.where(values == expected, 0.0, numpy.abs(values - expected) / numpy.abs(expected))


def first_parting(losses: ArrayLike, reference: ArrayLike) -> int | None:
    """The first step at which two curves differ by more than COINCIDE; None: they coincide to the end."""
    values, expected = numpy.asarray(losses, float), numpy.asarray(reference, float)
    common = min(len(values), len(expected))
    apart = numpy.flatnonzero(~(relative_difference(values[:common], expected[:common]) <= COINCIDE))
    if len(apart) > 0:
        return int(apart[0])
    return None if len(values) == len(expected) else common
