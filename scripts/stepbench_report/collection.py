"""The trials of one or more result files, put side by side.

An *arm* is what is compared: a backend with a number of threads (and its file, where two files have the same). A
*condition* is what arms are compared under (conditions.py). A seed repeats both.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy
import pandas

from stepbench_report.conditions import Conditions
from stepbench_results import PHASE_PREFIX, Results, ResultsError, Trial
from stepbench_statistics import Estimate, noise_floor, paired_ratio, unpaired_ratio

@dataclass(frozen=True)
class Comparison:
    """How much faster one arm is than another; paired by round where both took turns in one run."""

    ratio: Estimate
    paired: bool
    floor: float


def arm_text(backend: str, threads: int) -> str:
    return f"{backend} ({threads} thread{'s' if threads != 1 else ''})"


class Collection:
    """`trials` has a row per trial: /summary's columns, and file, id, group, arm, condition, is_baseline, paired."""

    def __init__(self, files: Sequence[Results]) -> None:
        self.files = list(files)
        self.names = _distinct_names([results.path for results in self.files])
        self._trials = {
            (name, trial): results.trial(trial) for name, results in self._named() for trial in results.summary.index
        }
        self._rounds = self._all_rounds()
        self.trials = self._table()

    def trial(self, row: pandas.Series) -> Trial:
        return self._trials[row["file"], row["id"]]

    @property
    def conditions(self) -> list[str]:
        """Those in which something was timed, in the order of the files; one that needs no name is ''."""
        return list(dict.fromkeys(self.timed["condition"]))

    @property
    def timed(self) -> pandas.DataFrame:
        return self.trials[self.trials["step_time_median"].notna()]

    def arms(self, condition: str) -> list[str]:
        rows = self.timed[self.timed["condition"] == condition]
        return list(dict.fromkeys(rows["arm"]))

    def rows(self, condition: str, arm: str) -> pandas.DataFrame:
        """The arm's trials, one per seed."""
        return self.timed[(self.timed["condition"] == condition) & (self.timed["arm"] == arm)]

    def row(self, condition: str, arm: str) -> pandas.Series:
        return self.rows(condition, arm).iloc[0]

    def baseline(self, condition: str) -> str | None:
        """The arm that speeds are given against: the files' own, else the first that was timed."""
        rows = self.timed[self.timed["condition"] == condition]
        own = rows[rows["is_baseline"]]
        return next(iter(own["arm"] if len(own) else rows["arm"]), None)

    def step_times(self, condition: str, arm: str) -> pandas.Series:
        """Median step time (s) per round, over all seeds, by (file, group, round)."""
        parts = [self._column(row["file"], row["group"], row["id"]) for _, row in self.rows(condition, arm).iterrows()]
        return pandas.concat(parts) if parts else pandas.Series(dtype=float)

    def rounds(self, row: pandas.Series) -> pandas.DataFrame:
        """All of a trial's group."""
        return self._rounds.get((row["file"], row["group"]), pandas.DataFrame())

    def compare(self, condition: str, arm: str, reference: str) -> Comparison:
        """The speed of `arm` over that of `reference`."""
        own, other = self.step_times(condition, arm).dropna(), self.step_times(condition, reference).dropna()
        floor = self.noise_floor(condition)
        both = own.index.intersection(other.index)
        if len(both) > 0:
            ratio = paired_ratio(other.loc[both], own.loc[both])
            interleaved = all(self.trial(row).settings.get("measure.interleave", True)
                              for _, row in self.rows(condition, arm).iterrows())  # fmt: skip
            return Comparison(ratio if interleaved else Estimate(ratio.value, pairs=ratio.pairs), interleaved, floor)
        if len(own) > 0 and len(other) > 0:
            return Comparison(unpaired_ratio(other, own), False, floor)
        medians = [self.rows(condition, name)["step_time_median"].median() for name in (reference, arm)]
        return Comparison(Estimate(float(medians[0] / medians[1])), False, floor)

    def noise_floor(self, condition: str) -> float:
        """Of the A/A twins, NaN without; over all seeds where there are several."""
        originals, twins = [], []
        for _, row in self.timed[(self.timed["condition"] == condition) & self.timed["is_baseline"]].iterrows():
            twin = self._column(row["file"], row["group"], row["id"] + "~twin")
            if len(twin) > 0:
                originals.append(self._column(row["file"], row["group"], row["id"]).reindex(twin.index))
                twins.append(twin)
        return noise_floor(pandas.concat(originals), pandas.concat(twins)) if twins else numpy.nan

    def _named(self) -> Iterator[tuple[str, Results]]:
        return zip(self.names, self.files, strict=True)

    def _column(self, file: str, group: str, trial: str) -> pandas.Series:
        rounds = self._rounds.get((file, group))
        if rounds is None or rounds.empty:
            return pandas.Series(dtype=float)
        own = rounds[rounds["trial"] == trial]
        index = pandas.MultiIndex.from_product([[file], [group], own["round"]], names=["file", "group", "round"])
        return pandas.Series(own["step_time"].to_numpy(float), index=index)

    def _all_rounds(self) -> dict[tuple[str, str], pandas.DataFrame]:
        return {(name, group): results.rounds(group) for name, results in self._named() for group in results.groups}

    def _table(self) -> pandas.DataFrame:
        parts = []
        conditions = Conditions([[self._trials[name, trial] for trial in results.summary.index]
                                 for name, results in self._named()])  # fmt: skip
        for name, results in self._named():
            table = results.summary.reset_index()
            trials = [self._trials[name, trial] for trial in table["id"]]
            table.insert(0, "file", name)
            table["group"] = [trial.group for trial in trials]
            table["is_baseline"] = [bool(trial.attrs.get("is_baseline", False)) for trial in trials]
            table["condition"] = [conditions[trial] for trial in trials]
            table["arm"] = [arm_text(row.backend, row.threads) for row in table.itertuples()]
            table["paired"] = [self._column(name, row.group, row.id).notna().any() for row in table.itertuples()]
            parts.append(table)
        trials = pandas.concat(parts, ignore_index=True)
        if trials.empty:
            raise ResultsError(f"{self.files[0].path}: holds no trials")
        files = trials.groupby(["condition", "arm", "seed"])["file"].transform("nunique")
        trials.loc[files > 1, "arm"] += " in " + trials["file"]
        return trials


def counted_phases(trial: Trial) -> pandas.DataFrame:
    """Times (s) of the steps that count, without each round's warm-up; `rest` is what no phase took."""
    steps = trial.steps
    if steps.empty:
        return pandas.DataFrame()
    place = steps.groupby("round").cumcount()
    counted = steps[place >= int(trial.settings.get("measure.warmup_steps", 0))]
    phases = counted[[name for name in counted.columns if name.startswith(PHASE_PREFIX)]]
    phases = phases.rename(columns=lambda name: name.removeprefix(PHASE_PREFIX))
    return phases.assign(rest=(counted["wall_time"] - phases.sum(axis=1)).clip(lower=0))


def _distinct_names(paths: Sequence[Path]) -> list[str]:
    """The shortest ends of the paths that differ."""
    for parts in range(1, max(len(path.resolve().parts) for path in paths) + 1):
        names = ["/".join(path.resolve().parts[-parts:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    raise ResultsError(f"{paths[0]}: is given twice")
