"""The statistics of the report: those of core/statistics.hpp, with scipy, for any two trials, not the baseline alone.

Speeds are compared as ratios of step times that share a round, learning as differences of losses that share a seed.
"""

import math
from dataclasses import dataclass, replace

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
    processes: int = 1  # that the pairs were taken in
    between: float = math.nan  # of several: standard deviation of what a process is off by, of a ratio its logarithm
    within: float = math.nan  # and of a value within its process

    @property
    def has_interval(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)

    def without_interval(self) -> "Estimate":
        return Estimate(self.value, pairs=self.pairs)

    def exponential(self) -> "Estimate":
        return replace(self, value=math.exp(self.value), low=math.exp(self.low), high=math.exp(self.high))

    @property
    def p_value(self) -> float:
        """Of a ratio: how likely one as far from 1 is where there is no difference; Student's, two-sided."""
        if math.isnan(self.error):
            return math.nan
        distance = abs(math.log(self.value))
        if self.error == 0:
            return 1.0 if distance == 0 else 0.0
        return float(2 * stats.t.sf(distance / self.error, self.degrees))


def t_quantile(probability: float, degrees: float) -> float:
    """Of Student's t distribution."""
    return float(stats.t.ppf(probability, degrees))


_UPPER_END = 0.5 + CONFIDENCE / 2


def half_width_of_mean(count: int) -> float:
    """Half the width of the interval of a mean of `count` independent values, in their standard deviations."""
    return t_quantile(_UPPER_END, count - 1) / math.sqrt(count)


def _mean_interval(samples: Floats, minimum: int) -> Estimate:
    """Student's t interval of the mean."""
    count = len(samples)
    if count == 0:
        return Estimate(math.nan)
    mean = float(numpy.mean(samples))
    if count < minimum:
        return Estimate(mean, pairs=count)
    half = half_width_of_mean(count) * float(numpy.std(samples, ddof=1))
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
    half = t_quantile(_UPPER_END, degrees) * error if error > 0 else 0.0
    return Estimate(mean, mean - half, mean + half, pairs, error, degrees).exponential()


@dataclass(frozen=True)
class ProcessMean:
    """Of values that several processes took: see core/process_mean.hpp."""

    mean: SequenceMean
    processes: int
    between: float
    within: float


def process_mean(values: ArrayLike, processes: ArrayLike | None = None) -> ProcessMean:
    """`processes`: of each value the process that took it; None: one took all."""
    samples = numpy.asarray(values, float)
    names = numpy.unique(numpy.zeros(len(samples)) if processes is None else numpy.asarray(processes))
    if len(names) < 2:
        return ProcessMean(sequence_mean(samples), 1, math.nan, math.nan)
    parts = [samples[numpy.asarray(processes) == name] for name in names]
    sizes, means = numpy.array([len(part) for part in parts]), numpy.array([part.mean() for part in parts])
    count, total = len(parts), len(samples)
    spare = total - count
    within = sum(float(((part - part.mean()) ** 2).sum()) for part in parts) / spare if spare > 0 else math.nan
    between = float((sizes * (means - samples.mean()) ** 2).sum()) / (count - 1)
    typical_size = (total - float((sizes**2).sum()) / total) / (count - 1)
    component = (between - (within if spare > 0 else 0.0)) / typical_size
    error = float(numpy.std(means, ddof=1)) / math.sqrt(count)
    return ProcessMean(SequenceMean(float(means.mean()), error, count - 1, count, 0), count,
                       math.sqrt(max(0.0, component)), math.sqrt(within))  # fmt: skip


def _usable_logarithms(samples: ArrayLike, processes: ArrayLike | None) -> tuple[Floats, ArrayLike | None]:
    values = numpy.asarray(samples, float)
    usable = numpy.isfinite(values) & (values > 0)
    return numpy.log(values[usable]), None if processes is None else numpy.asarray(processes)[usable]


def _logarithms(samples: ArrayLike) -> Floats:
    return _usable_logarithms(samples, None)[0]


def paired_ratio(numerator: ArrayLike, denominator: ArrayLike, processes: ArrayLike | None = None) -> Estimate:
    """Geometric mean of the ratios of the pairs in which both are finite and positive, in the order in which they were
    measured; t interval of its logarithm, wider where neighbours are alike. Of several processes, that of their means."""
    above, below = numpy.asarray(numerator, float), numpy.asarray(denominator, float)
    both = numpy.isfinite(above) & numpy.isfinite(below) & (above > 0) & (below > 0)
    logs, known = _usable_logarithms(numpy.divide(above, below, out=numpy.full(len(above), numpy.nan), where=both), processes)
    mean = process_mean(logs, known)
    ratio = _ratio(mean.mean.mean, mean.mean.error, mean.mean.degrees, len(logs))
    return replace(ratio, processes=mean.processes, between=mean.between, within=mean.within)


def unpaired_ratio(numerator: ArrayLike, denominator: ArrayLike, of_numerator: ArrayLike | None = None,
                   of_denominator: ArrayLike | None = None) -> Estimate:  # fmt: skip
    """The same of samples that share no rounds, with Welch's interval."""
    upper, lower = _usable_logarithms(numerator, of_numerator), _usable_logarithms(denominator, of_denominator)
    pairs = min(len(upper[0]), len(lower[0]))
    if pairs == 0:
        return Estimate(math.nan)
    means = process_mean(*upper), process_mean(*lower)
    above, below = means[0].mean, means[1].mean
    variances = [above.error**2, below.error**2]
    variance = sum(variances)
    degrees = above.degrees + below.degrees
    if variance > 0:  # Welch-Satterthwaite.
        degrees = variance**2 / (variances[0] ** 2 / above.degrees + variances[1] ** 2 / below.degrees)
    ratio = _ratio(above.mean - below.mean, math.sqrt(variance), degrees, pairs)
    return replace(ratio, processes=min(mean.processes for mean in means),
                   between=math.hypot(*(mean.between for mean in means)),
                   within=math.hypot(*(mean.within for mean in means)))  # fmt: skip


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
    limit = t_quantile(needed, speed.degrees) * speed.error
    if not math.isnan(floor):
        limit = max(limit, math.log1p(floor))
    return math.expm1(limit + t_quantile(power, speed.degrees) * speed.error)


def geometric_mean(samples: ArrayLike) -> Estimate:
    """With the t interval of its logarithm."""
    return _mean_interval(_logarithms(samples), MINIMUM_ROUNDS).exponential()


def paired_difference(values: ArrayLike, reference: ArrayLike) -> Estimate:
    """Mean of values - reference over the pairs in which both are finite."""
    differences = numpy.asarray(values, float) - numpy.asarray(reference, float)
    return _mean_interval(differences[numpy.isfinite(differences)], MINIMUM_SEEDS)


def noise_floor(original: ArrayLike, twin: ArrayLike, processes: ArrayLike | None = None) -> float:
    """f, where a ratio within 1/(1+f) .. 1+f may be noise: how far the same thing timed twice is from itself."""
    ratio = paired_ratio(twin, original, processes)
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
