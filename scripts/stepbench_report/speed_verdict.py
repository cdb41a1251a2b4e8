"""The verdict on speed, and where there is none, what would tell: the rule of core/speed_verdict.hpp.

tests/compare holds the two together, words included.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum, IntEnum

from stepbench_statistics import (FALSE_DISCOVERY_RATE, MINIMUM_ROUNDS, USUAL_POWER, Estimate, half_width_of_mean,
                                  largest_p_value_told, smallest_difference)  # fmt: skip

_MOST_ROUNDS = 1000  # what one would still run; beyond it only a quieter machine helps
_MOST_PROCESSES = 100  # the same
_REAL_BUT_INSIDE = "real, but inside the margin"


class Verdict(Enum):
    FASTER = "faster"
    SLOWER = "slower"
    SAME = "same"
    CANNOT_TELL = "cannot tell"


class Basis(Enum):
    """What a ratio is of; UNPAIRED: of the medians, as one of the two has no rounds."""

    ROUNDS = 1
    NOT_INTERLEAVED = 2
    UNPAIRED = 3


@dataclass(frozen=True)
class SpeedEvidence:
    speed: Estimate  # above 1 is faster
    floor: float = math.nan  # the noise floor; NaN: no twin, and it plays no part
    basis: Basis = Basis.ROUNDS
    withheld_among: int = 0  # comparisons of its table, where the false discovery rate keeps it from being told

    def inverse(self) -> "SpeedEvidence":
        """The other against the one."""
        speed = self.speed
        turned = replace(speed, value=1 / speed.value, low=1 / speed.high, high=1 / speed.low)
        return replace(self, speed=turned)


class _Remedy(IntEnum):
    """In the order in which they are told."""

    TURNS = 1
    ALTERNATION = 2
    MINIMUM = 3
    QUIET = 4
    CHANCE = 5
    ROUNDS = 6
    PROCESSES = 7
    QUIET_OR_VERY_MANY = 8


@dataclass(frozen=True)
class _Need:
    remedy: _Remedy
    amount: float  # rounds or processes, the noise floor to get below, or the number of comparisons
    now: int

    def text(self) -> str:
        return {
            _Remedy.TURNS: "rounds in turns (unpaired)",
            _Remedy.ALTERNATION: "blocks that alternate (measure.interleave = true)",
            _Remedy.MINIMUM: f"at least {MINIMUM_ROUNDS} rounds (measure.rounds)",
            _Remedy.QUIET: f"a quieter machine or more rounds (noise floor {100 * self.amount:.1f}%)",
            _Remedy.CHANCE: f"more rounds or fewer comparisons (one of {self.amount:.0f} may be chance)",
            _Remedy.ROUNDS: f"about {self.amount:.0f} rounds (now {self.now})",
            _Remedy.PROCESSES: f"about {self.amount:.0f} processes (run --repeat, now {self.now})",
            _Remedy.QUIET_OR_VERY_MANY: f"a quieter machine (or more than {_MOST_ROUNDS} rounds, now {self.now})",
        }[self.remedy]


def _excludes_one(speed: Estimate) -> bool:
    return speed.low > 1 or speed.high < 1


def _within(speed: Estimate, margin: float) -> bool:
    return speed.low >= 1 / (1 + margin) and speed.high <= 1 + margin


def _outside_floor(speed: Estimate, floor: float) -> bool:
    limit = 1 if math.isnan(floor) else 1 + floor
    return speed.value > limit or speed.value < 1 / limit


def _rounded_up(count: float) -> float:
    """123 -> 130."""
    if count < 1:
        return count
    unit = 10.0 ** max(0, math.floor(math.log10(count)) - 1)
    return unit * math.ceil(count / unit)


def _processes_needed(now: int, times_narrower: float) -> float:
    """How many have an interval so many times narrower than that of `now`; infinity: more than anyone would run."""
    allowed = half_width_of_mean(now) / times_narrower
    return next((count for count in range(now, _MOST_PROCESSES + 1) if half_width_of_mean(count) <= allowed), math.inf)


def _need(evidence: SpeedEvidence, margin: float) -> _Need:
    """Of evidence whose verdict is CANNOT_TELL."""
    speed, floor = evidence.speed, evidence.floor
    if not speed.has_interval:
        missing = {Basis.UNPAIRED: _Remedy.TURNS, Basis.NOT_INTERLEAVED: _Remedy.ALTERNATION}
        return _Need(missing.get(evidence.basis, _Remedy.MINIMUM), 0, speed.pairs)
    if evidence.withheld_among > 0 and _excludes_one(speed) and _outside_floor(speed, floor):
        return _Need(_Remedy.CHANCE, evidence.withheld_among, speed.pairs)
    if _within(speed, margin) or _excludes_one(speed):
        return _Need(_Remedy.QUIET, floor, speed.pairs)
    # Widths, the noise floor's too, fall with 1/sqrt(rounds), until the interval is within the margin or leaves 1 out.
    distance, allowed = abs(math.log(speed.value)), math.log(1 + margin)
    half_width = (math.log(speed.high) - math.log(speed.low)) / 2
    if not math.isnan(floor):
        half_width = max(half_width, math.log(1 + floor))
    narrow_enough = max(allowed - distance, distance)
    if speed.processes > 1:  # whose number the width follows, however many rounds each has
        processes = _processes_needed(speed.processes, half_width / narrow_enough) if narrow_enough > 0 else math.inf
        if processes <= _MOST_PROCESSES:
            return _Need(_Remedy.PROCESSES, processes, speed.processes)
        return _Need(_Remedy.QUIET_OR_VERY_MANY, processes, speed.pairs)
    rounds = math.inf
    if narrow_enough > 0:
        rounds = _rounded_up(math.ceil(speed.pairs * (half_width / narrow_enough) ** 2))
    return _Need(_Remedy.ROUNDS if rounds <= _MOST_ROUNDS else _Remedy.QUIET_OR_VERY_MANY, rounds, speed.pairs)


def speed_verdict(evidence: SpeedEvidence, margin: float) -> Verdict:
    speed, floor = evidence.speed, evidence.floor
    if not speed.has_interval:
        return Verdict.CANNOT_TELL
    if _within(speed, margin) and not floor > margin:
        return Verdict.SAME
    if not _excludes_one(speed) or not _outside_floor(speed, floor) or evidence.withheld_among > 0:
        return Verdict.CANNOT_TELL
    return Verdict.FASTER if speed.value > 1 else Verdict.SLOWER


def speed_reason(evidence: SpeedEvidence, margin: float) -> str:
    """Why the verdict is what it is, in a few words; where it cannot tell, what would."""
    speed, floor = evidence.speed, evidence.floor
    verdict = speed_verdict(evidence, margin)
    if verdict is Verdict.SAME:
        real = _excludes_one(speed) and _outside_floor(speed, floor) and evidence.withheld_among == 0
        return _REAL_BUT_INSIDE if real else "inside the margin"
    if verdict is Verdict.CANNOT_TELL:
        return what_would_tell([evidence], margin)
    return "the interval excludes 1 (no twin)" if math.isnan(floor) else "outside interval and noise floor"


class FalseDiscoveries:
    """Holds what is told of a table's comparisons to the false discovery rate."""

    def __init__(self, table: Iterable[SpeedEvidence]) -> None:
        p_values = [evidence.speed.p_value for evidence in table if not math.isnan(evidence.speed.p_value)]
        self.count, self._told = len(p_values), largest_p_value_told(p_values)

    def hold(self, evidence: SpeedEvidence) -> SpeedEvidence:
        """Of the table, or another comparison that is told beside it."""
        withheld = not math.isnan(self._told) and evidence.speed.p_value > self._told
        return replace(evidence, withheld_among=self.count if withheld else 0)


def found_line(table: Iterable[SpeedEvidence]) -> str:
    """How many comparisons a table makes, and what they could have found; empty where none has an interval."""
    compared = [evidence for evidence in table if not math.isnan(evidence.speed.error)]
    if not compared:
        return ""
    count = len(compared)
    found = [100 * smallest_difference(evidence.speed, evidence.floor, count) for evidence in compared]
    what = f"smallest difference that {10 * USUAL_POWER:.0f} of 10 such runs would find"
    if count == 1:
        return f"1 comparison; {what}: {found[0]:.1f}%"
    held = f"(false discoveries held at {100 * FALSE_DISCOVERY_RATE:.0f}%)"
    return f"{count} comparisons; {what}: {min(found):.1f}% to {max(found):.1f}% {held}"


def processes_line(table: Iterable[SpeedEvidence]) -> str:
    """How far several processes differ, and rounds within one; empty of one process."""
    speeds = [evidence.speed for evidence in table]
    processes = max((speed.processes for speed in speeds), default=1)
    if processes < 2:
        return ""

    def span(values: list[float]) -> str:
        known = [100 * value for value in values if not math.isnan(value)]
        texts = sorted({f"±{value:.1f}%": value for value in known}.items(), key=lambda entry: entry[1])
        return "unknown" if not texts else " to ".join(dict.fromkeys((texts[0][0], texts[-1][0])))

    return (f"{processes} processes: ratios vary by {span([speed.between for speed in speeds])} between processes, "
            f"{span([speed.within for speed in speeds])} between rounds of one (standard deviations)")  # fmt: skip


def what_would_tell(rows: Iterable[SpeedEvidence], margin: float) -> str:
    """Each kind of remedy once, as the row that needs most of it needs it; empty when none is in doubt."""
    needs: dict[_Remedy, _Need] = {}
    for evidence in rows:
        if speed_verdict(evidence, margin) is Verdict.CANNOT_TELL:
            need = _need(evidence, margin)
            if need.remedy not in needs or need.amount > needs[need.remedy].amount:
                needs[need.remedy] = need
    return "; ".join(needs[remedy].text() for remedy in sorted(needs))
