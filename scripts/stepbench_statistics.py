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
    error: float = math.nan  # standard error, of a ratio its logarithm's; NaN without an interval
    degrees: float = math.nan  # of freedom of that error

    @property
    def has_interval(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)

    def without_interval(self) -> "Estimate":
        return Estimate(self.value, pairs=self.pairs)

    def exponential(self) -> "Estimate":
        return Estimate(math.exp(self.value), math.exp(self.low), math.exp(self.high), self.pairs, self.error,
                        self.degrees)  # fmt: skip

    @property
    def p_value(self) -> float:
        """Of a ratio: how likely one as far from 1 is where there is no difference; Student's, two-sided."""
        if math.isnan(self.error):
            return math.nan
        distance = abs(math.log(self.value))
        if self.error == 0:
            return 1.0 if distance == 0 else 0.0
        return float(2 * stats.t.sf(distance / self.error, self.degrees))


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


@dataclass(frozen=True)
class SequenceMean:
    """Of values that were taken one after the other: see core/sequence_mean.hpp."""

    mean: float
    error: float
    degrees: float
    effective: float
    correlation: float


_MOST_CORRELATION = 0.9
_FEWEST_EFFECTIVE = 3.0


def sequence_mean(values: ArrayLike) -> SequenceMean:
    samples = numpy.asarray(values, float)
    count = len(samples)
    if count < 2:
        return SequenceMean(float(samples[0]) if count else math.nan, math.nan, math.nan, count, 0)
    mean = float(numpy.mean(samples))
    deviations = samples - mean
    squares = float(deviations @ deviations)
    correlation = 0.0
    if count > _FEWEST_EFFECTIVE and squares > 0:
        unbiased = (float(deviations[1:] @ deviations[:-1]) / squares + 1 / count) / (1 - 3 / count)
        correlation = min(max(unbiased, 0.0), _MOST_CORRELATION)
    effective = max(count * (1 - correlation) / (1 + correlation), min(count, _FEWEST_EFFECTIVE))
    error = math.sqrt(squares / count / (effective - 1))
    return SequenceMean(mean, error, max(effective - 1, (count - 1) / 2), effective, correlation)


def _ratio(mean: float, error: float, degrees: float, pairs: int) -> Estimate:
    """From the mean of its logarithm."""
    if pairs < MINIMUM_ROUNDS:
        return Estimate(math.exp(mean), pairs=pairs)
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, degrees)) * error if error > 0 else 0.0
    return Estimate(mean, mean - half, mean + half, pairs, error, degrees).exponential()


def _logarithms(samples: ArrayLike) -> Floats:
    values = numpy.asarray(samples, float)
    return numpy.log(values[numpy.isfinite(values) & (values > 0)])


def paired_ratio(numerator: ArrayLike, denominator: ArrayLike) -> Estimate:
    """Geometric mean of the ratios of the pairs in which both are finite and positive, in the order in which they were
    measured; t interval of its logarithm, wider where neighbours are alike."""
    above, below = numpy.asarray(numerator, float), numpy.asarray(denominator, float)
    usable = numpy.isfinite(above) & numpy.isfinite(below) & (above > 0) & (below > 0)
    mean = sequence_mean(numpy.log(above[usable] / below[usable]))
    return _ratio(mean.mean, mean.error, mean.degrees, int(usable.sum()))


def unpaired_ratio(numerator: ArrayLike, denominator: ArrayLike) -> Estimate:
    """The same of samples that share no rounds, with Welch's interval."""
    upper, lower = _logarithms(numerator), _logarithms(denominator)
    pairs = min(len(upper), len(lower))
    if pairs == 0:
        return Estimate(math.nan)
    above, below = sequence_mean(upper), sequence_mean(lower)
    variances = [above.error**2, below.error**2]
    variance = sum(variances)
    degrees = above.degrees + below.degrees
    if variance > 0:  # Welch-Satterthwaite.
        degrees = variance**2 / (variances[0] ** 2 / above.degrees + variances[1] ** 2 / below.degrees)
    return _ratio(above.mean - below.mean, math.sqrt(variance), degrees, pairs)


FALSE_DISCOVERY_RATE = 0.05
USUAL_POWER = 0.9


def largest_p_value_told(p_values: ArrayLike) -> float:
    """With which a comparison of a table may be told as a difference: Benjamini and Hochberg's rule."""
    values = numpy.asarray(p_values, float)
    values = numpy.sort(values[~numpy.isnan(values)])
    if len(values) == 0:
        return math.nan
    allowed = FALSE_DISCOVERY_RATE / len(values) * numpy.arange(1, len(values) + 1)
    return float(allowed[values <= allowed].max(initial=allowed[0]))


def smallest_difference(speed: Estimate, floor: float, comparisons: int, power: float = USUAL_POWER) -> float:
    """The share that a run like this one would find with so much power: see core/detection.hpp."""
    if math.isnan(speed.error):
        return math.nan
    needed = 1 - FALSE_DISCOVERY_RATE / 2 / max(1, comparisons)
    limit = float(stats.t.ppf(needed, speed.degrees)) * speed.error
    if not math.isnan(floor):
        limit = max(limit, math.log1p(floor))
    return math.expm1(limit + float(stats.t.ppf(power, speed.degrees)) * speed.error)


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
