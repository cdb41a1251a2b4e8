"""The trials of one or more result files, put side by side.

An *arm* is what is compared: a backend, with what is varied of its own settings (a *variant*), and a number of threads
(and its file, where two files have the same). A *condition* is what arms are compared under (conditions.py). A seed
repeats both.
"""

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas

from stepbench_report.arms import Variants, arm_text
from stepbench_report.conditions import Conditions
from stepbench_report.margins import Margins
from stepbench_report.speed_verdict import Basis, FalseDiscoveries, SpeedEvidence
from stepbench_results import PHASE_PREFIX, TWIN_SUFFIX, Results, ResultsError, Trial
from stepbench_statistics import Estimate, geometric_mean, noise_floor, paired_ratio, unpaired_ratio

# Of /summary, as of the median step; here as of `step_time`, so that they have the ratios that are shown beside them.
_SPEEDS = ("samples_per_second", "tokens_per_second", "gflops", "percent_of_peak")


@dataclass(frozen=True)
class Comparison:
    """How much faster one arm is than another; paired by round where both took turns in one run."""

    evidence: SpeedEvidence
    paired: bool

    @property
    def ratio(self) -> Estimate:
        return self.evidence.speed


class Collection:
    """`trials` has a row per trial: /summary's columns, and file, id, group, variant, arm, condition, is_baseline, paired,
    samples, step_time.

    step_time (s) is the geometric mean of the rounds' median steps, of a trial without rounds the median step; the
    speeds of /summary are turned into those of step_time.
    """

    def __init__(self, files: Sequence[Results], margins: Margins = Margins()) -> None:
        self.files = list(files)
        self.margins = margins
        self.names = _distinct_names([results.path for results in self.files])
        self._trials = {
            (name, trial): results.trial(trial) for name, results in self._named() for trial in results.summary.index
        }
        self._rounds = self._all_rounds()
        self._columns: dict[tuple[str, str, str], pandas.Series] = {}
        self._rows_of: dict[tuple[str, str], pandas.DataFrame] | None = None
        self.trials = self._table()
        self._baselines = {(row["file"], row["group"]): row
                           for _, row in self.trials[self.trials["is_baseline"]].iterrows()}  # fmt: skip

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
        if self._rows_of is None:  # of all arms at once: a page asks for them many times
            self._rows_of = dict(list(self.timed.groupby(["condition", "arm"], sort=False)))
        return self._rows_of.get((condition, arm), self.timed.iloc[:0])

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

    def sample_times(self, condition: str, arm: str) -> pandas.Series:
        """The same for one sample: in a study of weak scaling, arms have other batches."""
        rows = self.rows(condition, arm)
        return self.step_times(condition, arm) / rows["samples"].iloc[0] if len(rows) else pandas.Series(dtype=float)

    def same_batches(self, row: pandas.Series, other: pandas.Series) -> bool:
        """Of two trials of a group: all are, but those of a study of weak scaling."""
        return row["samples"] == other["samples"] or self.trial(row).attrs.get("scaling.kind") != "weak"

    def cores(self, row: pandas.Series) -> float:
        """Of the machine that the trial's group was measured on; infinite where the file does not say."""
        results = self.files[self.names.index(row["file"])]
        return float(results.environment_of(row["group"]).get("cores", math.inf))

    def of_file(self, name: str) -> "Collection":
        """The trials of one of the files, under the same names."""
        return self._view(self.trials["file"] == name)

    def of_condition(self, condition: str) -> "Collection":
        return self._view(self.trials["condition"] == condition)

    def completed(self) -> "Collection":
        return self._view(self.trials["status"] == "completed")

    def _view(self, kept: pandas.Series) -> "Collection":
        view = copy.copy(self)
        view.trials = self.trials[kept]
        view._rows_of = None
        return view

    def disturbed_blocks(self) -> tuple[int, int]:
        """How many blocks the noise watch saw disturbed, of how many that it watched."""
        hit = watched = 0
        for group in self._groups(self.timed):
            rounds = self._rounds.get(group)
            known = rounds["disturbed"].dropna() if rounds is not None and not rounds.empty else pandas.Series(dtype=float)
            hit, watched = hit + int((known > 0).sum()), watched + len(known)
        return hit, watched

    def rounds(self, row: pandas.Series) -> pandas.DataFrame:
        """All of a trial's group."""
        return self._rounds.get((row["file"], row["group"]), pandas.DataFrame())

    def compare(self, condition: str, arm: str, reference: str) -> Comparison:
        """The speed of `arm` over that of `reference`, all seeds together; held to the false discovery rate of all that
        are compared with their baselines."""
        found = self._compare(condition, arm, reference)
        return replace(found, evidence=self._arms_discoveries.hold(found.evidence))

    @cached_property
    def _arms_discoveries(self) -> FalseDiscoveries:
        pairs = [(condition, arm, self.baseline(condition)) for condition in self.conditions
                 for arm in self.arms(condition)]  # fmt: skip
        return FalseDiscoveries(self._compare(*pair).evidence for pair in pairs if pair[1] != pair[2])

    def _compare(self, condition: str, arm: str, reference: str) -> Comparison:
        own, other = (self.sample_times(condition, name).dropna() for name in (arm, reference))
        groups, other_groups = (self._groups(self.rows(condition, name)) for name in (arm, reference))
        floor = self._floor_between(groups, other_groups)
        both = own.index.intersection(other.index)
        if len(both) > 0:
            ratio = paired_ratio(other.loc[both], own.loc[both], _processes(both))
            if all(self._alternated(row) for _, row in self.rows(condition, arm).iterrows()):
                return Comparison(SpeedEvidence(ratio, floor), True)
            return Comparison(SpeedEvidence(ratio.without_interval(), floor, Basis.NOT_INTERLEAVED), False)
        if len(own) > 0 and len(other) > 0:
            return Comparison(SpeedEvidence(unpaired_ratio(other, own, *map(_processes, (other.index, own.index))), floor), False)
        times, other_times = (rows.set_index("seed").eval("step_time / samples") for rows in
                              (self.rows(condition, name).drop_duplicates("seed") for name in (arm, reference)))  # fmt: skip
        seeds = times.index.intersection(other_times.index)
        ratio = paired_ratio(other_times.loc[seeds], times.loc[seeds])
        return Comparison(SpeedEvidence(Estimate(ratio.value), floor, Basis.UNPAIRED), False)

    def against_baseline(self, row: pandas.Series) -> SpeedEvidence | None:
        """One trial's speed over that of its group's baseline, held to the false discovery rate of all of them; nothing
        for the baseline itself, and without one."""
        return self._trials_evidence.get((row["file"], row["id"]))

    @cached_property
    def _trials_evidence(self) -> dict[tuple[str, str], SpeedEvidence]:
        found = {(row["file"], row["id"]): self._against_baseline(row) for _, row in self.trials.iterrows()}
        known = {place: evidence for place, evidence in found.items() if evidence is not None}
        discoveries = FalseDiscoveries(known.values())
        return {place: discoveries.hold(evidence) for place, evidence in known.items()}

    def _against_baseline(self, row: pandas.Series) -> SpeedEvidence | None:
        baseline = self._baselines.get((row["file"], row["group"]))
        if baseline is None or row["is_baseline"] or math.isnan(baseline["step_time"] / row["step_time"]):
            return None
        if not row["paired"]:
            times = [of["step_time"] / of["samples"] for of in (baseline, row)]
            return SpeedEvidence(Estimate(times[0] / times[1]), row["noise_floor"], Basis.UNPAIRED)
        times = [self._column(row["file"], row["group"], of["id"]) / of["samples"] for of in (baseline, row)]
        speed = paired_ratio(*times, _processes(times[0].index))
        floor = self._noise_floor({(row["file"], row["group"])})
        if self._alternated(row):
            return SpeedEvidence(speed, floor)
        return SpeedEvidence(speed.without_interval(), floor, Basis.NOT_INTERLEAVED)

    def noise_floor(self, condition: str) -> float:
        """Of the A/A twins, NaN without; over all seeds where there are several."""
        return self._noise_floor(self._groups(self.timed[self.timed["condition"] == condition]))

    def _alternated(self, row: pandas.Series) -> bool:
        return bool(self.trial(row).settings.get("measure.interleave", True))

    @staticmethod
    def _groups(rows: pandas.DataFrame) -> set[tuple[str, str]]:
        """(file, group)"""
        return set(zip(rows["file"], rows["group"], strict=True))

    def _floor_between(self, groups: set[tuple[str, str]], other_groups: set[tuple[str, str]]) -> float:
        """Of the groups that both were in, else the larger of both; a NaN says nothing."""
        shared = groups & other_groups
        floors = [self._noise_floor(some) for some in ([shared] if shared else [groups, other_groups])]
        return max((floor for floor in floors if not math.isnan(floor)), default=math.nan)

    def _noise_floor(self, groups: set[tuple[str, str]]) -> float:
        originals, twins = [], []
        for file, group in sorted(groups):
            rounds = self._rounds.get((file, group), pandas.DataFrame({"trial": []}))
            for name in dict.fromkeys(trial for trial in rounds["trial"] if trial.endswith(TWIN_SUFFIX)):
                twins.append(self._column(file, group, name))
                originals.append(self._column(file, group, name.removesuffix(TWIN_SUFFIX)).reindex(twins[-1].index))
        if not twins:
            return math.nan
        original, twin = pandas.concat(originals), pandas.concat(twins)
        return noise_floor(original, twin, _processes(twin.index))

    def _named(self) -> Iterator[tuple[str, Results]]:
        return zip(self.names, self.files, strict=True)

    def _column(self, file: str, group: str, trial: str) -> pandas.Series:
        """Of each trial made once: a page asks for it many times."""
        if (file, group, trial) not in self._columns:
            self._columns[file, group, trial] = self._new_column(file, group, trial)
        return self._columns[file, group, trial]

    def _new_column(self, file: str, group: str, trial: str) -> pandas.Series:
        rounds = self._rounds.get((file, group))
        if rounds is None or rounds.empty:
            return pandas.Series(dtype=float)
        own = rounds[rounds["trial"] == trial]
        index = pandas.MultiIndex.from_arrays([[file] * len(own), [group] * len(own), own["round"], own["process"]],
                                              names=["file", "group", "round", "process"])  # fmt: skip
        return pandas.Series(own["step_time"].to_numpy(float), index=index)

    def _all_rounds(self) -> dict[tuple[str, str], pandas.DataFrame]:
        return {(name, group): results.rounds(group) for name, results in self._named() for group in results.groups}

    def _table(self) -> pandas.DataFrame:
        parts = []
        conditions = Conditions([[self._trials[name, trial] for trial in results.summary.index]
                                 for name, results in self._named()])  # fmt: skip
        variants = Variants(list(self._trials.values()))
        for name, results in self._named():
            table = results.summary.reset_index()
            trials = [self._trials[name, trial] for trial in table["id"]]
            table.insert(0, "file", name)
            table["group"] = [trial.group for trial in trials]
            table["samples"] = table["batch_size"].clip(lower=1)  # of a step, by which speeds are compared
            table["is_baseline"] = [bool(trial.attrs.get("is_baseline", False)) for trial in trials]
            table["condition"] = [conditions[trial] for trial in trials]
            table["variant"] = [variants[trial] for trial in trials]
            table["on_any_ranks"] = [variants.on_any_ranks(trial) for trial in trials]
            table["arm"] = [arm_text(row.variant, row.threads) for row in table.itertuples()]
            times = [self._column(name, row.group, row.id).dropna() for row in table.itertuples()]
            table["paired"] = [len(own) > 0 for own in times]
            of_rounds = pandas.Series([geometric_mean(own).value for own in times], dtype=float)
            table["step_time"] = of_rounds.fillna(table["step_time_median"])
            for speed in _SPEEDS:
                table[speed] *= table["step_time_median"] / table["step_time"]
            parts.append(table)
        trials = pandas.concat(parts, ignore_index=True)
        if trials.empty:
            raise ResultsError(f"{self.files[0].path}: holds no trials")
        files = trials.groupby(["condition", "arm", "seed"])["file"].transform("nunique")
        twice = (files > 1).groupby([trials["condition"], trials["arm"]]).transform("any")  # with all its seeds
        trials.loc[twice, "arm"] += " in " + trials["file"]
        return trials


def _processes(rounds: pandas.Index) -> pandas.Index | None:
    """Of each of a collection's rounds the process that trained it; nothing for what has no rounds."""
    return rounds.get_level_values("process") if "process" in rounds.names else None


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
