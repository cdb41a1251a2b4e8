"""How long it took to reach `training.target`: as `stepbench compare` says it, experiments/compare/comparison.hpp."""

import math
import re
import statistics
from dataclasses import dataclass

from stepbench_report.collection import Collection


@dataclass(frozen=True)
class TimesToTarget:
    """Training time (s) by seed; NaN: not reached, which counts as later than any other."""

    seconds: dict[int, float]

    @property
    def reached(self) -> list[float]:
        return [time for time in self.seconds.values() if math.isfinite(time)]

    @property
    def median(self) -> float:
        """Infinite where half of the seeds or more did not reach it."""
        return statistics.median(math.inf if math.isnan(time) else time for time in self.seconds.values())


def target_of(trials: Collection, condition: str) -> tuple[str, float] | None:
    """(epochs' column, value) of training.target."""
    text = str(trials.trial(trials.row(condition, trials.arms(condition)[0])).settings.get("training.target", ""))
    match = re.fullmatch(r"\s*(\w+)\s*[<>]=?\s*(\S+)\s*", text)
    return (match[1], float(match[2])) if match else None


def times_to_target(trials: Collection, condition: str, arm: str) -> TimesToTarget:
    rows = trials.rows(condition, arm).drop_duplicates("seed")
    return TimesToTarget({int(row["seed"]): float(row["time_to_target"]) for _, row in rows.iterrows()})
