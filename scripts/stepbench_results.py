"""Reads stepbench result files: tables as pandas DataFrames, parameters as numpy arrays.

    import stepbench_results
    results = stepbench_results.open("results/quick.h5")
    results.summary, results.trial("tbb-t2-s1").steps, results.rounds("s1")

results/README.md says what every column is and gives its unit. A file is checked before HDF5 reads it. What is wrong
with one, or with a name that is asked for, is a ResultsError of one line. pandas is needed by what gives a DataFrame, and
by nothing else. Knows no statistics and draws nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Literal, Union

import h5py
import numpy

from stepbench_sealed import ResultsError, open_sealed

if TYPE_CHECKING:
    import pandas

SCHEMA_VERSION = 2  # and all before it
TWIN_SUFFIX = "~twin"
# Attributes of an environment that tell one machine, and how it is set up, from another: as kMachineFacts in
# core/results/environments.hpp.
MACHINE_FACTS = ("hostname", "cpu_model", "isa", "cores", "cpu_quota", "blas_core", "governor", "thp")

Scalar = Union[str, int, float, bool, list]

_CONVENTIONS = "stepbench-1"

_SUMMARY_TEXTS = ("id", "backend", "precision", "status")
_SUMMARY_INTEGERS = ("threads", "seed", "batch_size", "parameters")
_SUMMARY_NUMBERS = (
    "flops_per_step", "threads_observed", "step_time_median", "step_time_mad", "samples_per_second",
    "tokens_per_second", "gflops", "percent_of_peak", "final_train_loss", "best_validation_loss",
    "best_validation_accuracy", "time_to_target", "speed_ratio", "speed_ratio_low", "speed_ratio_high",
    "network_bytes",
)  # fmt: skip
# Columns that came later: NaN in a file from before.
_SUMMARY_LATER = ("step_time_iqr", "noise_floor", "disturbed_rounds", "gradient_noise_scale")
_RANKS = "ranks"  # 0 in a file from before
_STEP_COLUMNS = ("train_loss", "wall_time", "round")
_EPOCH_COLUMNS = ("train_loss", "validation_loss", "validation_accuracy", "train_time")
_GRADIENT_COLUMNS = ("gradient_square", "gradient_variance")  # only where record.gradient_noise asked for them
_CHECK_COLUMNS = ("gradient_error", "gradient_max_error", "gradient_cosine", "update_error")
_CELL_COLUMNS = (
    "step_time", "position", "block_time", "cpu_time", "steal_time", "run_delay", "involuntary_switches",
    "sentinel_time", "disturbed", "segment", "pilot_step_time", "cycles", "instructions", "cache_misses", "fp_operations", "energy",
)  # fmt: skip
_ROUND_COLUMNS = ("peak_gflops", "gemm_gflops", "process")
_LIMIT_COLUMNS = ("flops", "bytes", "seconds", "compute_time", "memory_time", "idle_time", "other_time", "limited_by")
_LIMIT_FACTS = ("peak_gflops", "bandwidth", "touched_bytes", "level", "busy_share", "busy_cores")
_EXPECTATION_COLUMNS = ("verdict", "value", "low", "high", "runs", "cells", "claim", "tolerance", "published", "cell", "why")
WHOLE_STEP = "step"  # the row of a trial's limits that stands for all phases
PHASE_PREFIX = "phase_"


class Trial:
    """One trained network. Tables that were not recorded are empty."""

    def __init__(self, group: h5py.Group, where: str) -> None:
        self._group = group
        self._where = where
        self.attrs: dict[str, Scalar] = _attributes(group)
        self.attrs["seed"] = int(self.attrs.get("seed", 0)) % 2**64  # stored as the same bits, signed

    @property
    def id(self) -> str:
        return str(self.attrs["id"])

    @property
    def group(self) -> str:
        """The id of the interleaved group that it was measured in."""
        return str(self.attrs["group"])

    @property
    def settings(self) -> dict[str, Scalar]:
        """Every setting by its full key, such as `training.batch_size`."""
        return {key: value for key, value in self.attrs.items() if "." in key}

    @cached_property
    def steps(self) -> pandas.DataFrame:
        """By `step`: train_loss, wall_time (s), round, and phase_forward ... phase_update (s)."""
        table = self._table("steps", "step", _STEP_COLUMNS)
        if "steps" in self._group:
            times = _column(self._group["steps"], "phase_time", self._where)
            for i, phase in enumerate(_column(self._group["steps"], "phase", self._where)):
                table[PHASE_PREFIX + phase] = times[:, i]
        return table

    @property
    def losses(self) -> numpy.ndarray:
        """The training loss of each step, as `steps` has it."""
        if "steps" not in self._group:
            raise self._lacks("no steps are stored", "record.steps=true")
        return _column(self._group["steps"], "train_loss", self._where)

    @cached_property
    def epochs(self) -> pandas.DataFrame:
        """By `epoch`, an evaluation each: train_loss, validation_loss, validation_accuracy, train_time (s); and step, the steps
        trained so far, NaN in a file from before; gradient_square and gradient_variance, NaN where they were not measured."""
        table = self._table("epochs", "epoch", _EPOCH_COLUMNS)
        group = self._group["epochs"] if "epochs" in self._group else ()
        return table.assign(**{name: _column(self._group["epochs"], name, self._where) if name in group else numpy.nan
                               for name in ("step", *_GRADIENT_COLUMNS)})  # fmt: skip

    @cached_property
    def checks(self) -> pandas.DataFrame:
        """By `tensor`: how far the gate found it from `neuron` in float64."""
        return self._table("checks", "tensor", _CHECK_COLUMNS)

    @cached_property
    def scaling(self) -> pandas.DataFrame:
        """By `cores`: predicted_speedup over one core; and work and span (s), the same in every row."""
        known = self._group["scaling"].attrs if "scaling" in self._group else {}
        table = self._table("scaling", "cores", ("predicted_speedup",))
        return table.assign(work=known.get("work", numpy.nan), span=known.get("span", numpy.nan))

    @cached_property
    def study(self) -> pandas.DataFrame:
        """By `workers` (ranks or threads), of a study of scaling: samples of a step, step_time (s) as the model has it; and
        the model's sample_time (s), fixed_time (s) and overlap, the same in every row."""
        known = self._group["study"].attrs if "study" in self._group else {}
        table = self._table("study", "workers", ("samples", "step_time"))
        return table.assign(**{name: known.get(name, numpy.nan) for name in ("sample_time", "fixed_time", "overlap")})

    @cached_property
    def limits(self) -> pandas.DataFrame:
        """By `phase`, the whole `step` last: flops, bytes, seconds, what of these each limit takes (s) and limited_by; and the
        trial's peak_gflops, bandwidth (GB/s), touched_bytes, level, busy_share and busy_cores, the same in every row."""
        known = self._group["limits"].attrs if "limits" in self._group else {}
        table = self._table("limits", "phase", _LIMIT_COLUMNS)
        return table.assign(**{name: _plain(known[name]) if name in known else numpy.nan for name in _LIMIT_FACTS})

    @property
    def memory(self) -> dict[str, float]:
        """B: parameters, gradients, moments, activations and copies by the model, and resident_peak as it was touched; empty
        where nobody knows."""
        return {name: float(value) for name, value in self._group["memory"].attrs.items()} if "memory" in self._group else {}

    @property
    def order(self) -> numpy.ndarray:
        """(epochs, samples): the sample visited k-th in an epoch."""
        if "order" not in self._group:
            raise self._lacks("no order of samples is stored", "record.order=true")
        return _column(self._group["order"], "permutation", self._where)

    def parameters(self, which: Literal["initial", "final"] = "final") -> dict[str, numpy.ndarray]:
        """Tensors by their canonical names."""
        if which not in ("initial", "final"):
            raise ResultsError(f'parameters are "initial" or "final", not "{which}"')
        path = f"parameters/{which}"
        if path not in self._group:
            wanted = "all" if which == "initial" else "final"
            raise self._lacks(f"no {which} parameters are stored", f"record.parameters={wanted}")
        return {name: dataset[()] for name, dataset in self._group[path].items()}

    def _lacks(self, what: str, setting: str) -> ResultsError:
        return ResultsError(f"{self._where}: {what}: run the experiment again with --set {setting}")

    def _table(self, name: str, index: str, columns: tuple[str, ...]) -> pandas.DataFrame:
        pandas = _pandas()
        if name not in self._group:
            return pandas.DataFrame(columns=list(columns), index=pandas.Index([], name=index), dtype=float)
        group = self._group[name]
        return pandas.DataFrame(
            {column: _column(group, column, self._where) for column in columns},
            index=pandas.Index(_column(group, index, self._where), name=index),
        )


class Results:
    """An open result file; it lives in memory, so that nothing on disk can change under it."""

    def __init__(self, file: h5py.File, path: Path) -> None:
        self._file = file
        self.path = path
        self.attrs: dict[str, Scalar] = _attributes(file)

    def __enter__(self) -> Results:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    @property
    def config_text(self) -> str:
        return str(self.attrs.get("config_text", ""))

    @property
    def experiment(self) -> str:
        return str(self.attrs.get("experiment", self.path.stem))

    @property
    def status(self) -> str:
        return str(self.attrs.get("status", ""))

    @cached_property
    def environment(self) -> dict[str, Scalar]:
        """The machine and the libraries; of the first group, where groups ran on different ones."""
        return _attributes(self._member("environment"))

    def environment_of(self, group: str) -> dict[str, Scalar]:
        """What a group was measured with; files of schema version 1 name one environment for all."""
        groups = self._member("groups")
        if group in groups and "environment" in groups[group]:
            return _attributes(groups[group]["environment"])
        return self.environment

    def earlier_environments_of(self, group: str) -> list[dict[str, Scalar]]:
        """The same of its segments but the last, where it went on from a checkpoint."""
        groups = self._member("groups")
        if group not in groups or "earlier_environments" not in groups[group]:
            return []
        return [_attributes(environment) for environment in groups[group]["earlier_environments"].values()]

    @cached_property
    def environments(self) -> list[tuple[dict[str, Scalar], list[str]]]:
        """What groups were measured with, each different one once, with the ids of its groups."""
        return self._groups_by(lambda environment: repr(environment))

    @cached_property
    def machines(self) -> list[tuple[dict[str, Scalar], list[str]]]:
        """The machines that groups ran on, told apart by MACHINE_FACTS: an environment of each, and its groups."""
        return self._groups_by(lambda environment: repr([environment.get(fact) for fact in MACHINE_FACTS]))

    def _groups_by(self, key: Callable[[dict[str, Scalar]], str]) -> list[tuple[dict[str, Scalar], list[str]]]:
        found: dict[str, tuple[dict[str, Scalar], list[str]]] = {}
        for group in self.groups:
            for environment in [*self.earlier_environments_of(group), self.environment_of(group)]:
                groups = found.setdefault(key(environment), (environment, []))[1]
                if group not in groups:
                    groups.append(group)
        return list(found.values()) or [(self.environment, [])]

    @cached_property
    def summary(self) -> pandas.DataFrame:
        """A row per trial, by `id`."""
        pandas = _pandas()
        if "summary" not in self._file:
            names = _SUMMARY_TEXTS + (_RANKS,) + _SUMMARY_INTEGERS + _SUMMARY_NUMBERS + _SUMMARY_LATER
            return pandas.DataFrame({name: [] for name in names}).set_index("id")
        names = _SUMMARY_TEXTS + (_RANKS,) + _SUMMARY_INTEGERS + _SUMMARY_NUMBERS + _SUMMARY_LATER
        return pandas.DataFrame({name: self.summary_column(name) for name in names}).set_index("id")

    def summary_column(self, name: str) -> numpy.ndarray:
        """A column of `summary`, or `id`: an element per trial."""
        group, where = self._member("summary"), f"{self.path}: /summary"
        if name in _SUMMARY_LATER and name not in group:
            return numpy.full(len(_column(group, "id", where)), numpy.nan)
        if name == _RANKS and name not in group:
            return numpy.zeros(len(_column(group, "id", where)), dtype="int64")
        column = _column(group, name, where)
        return column.astype("int64").view("uint64") if name == "seed" else column

    @cached_property
    def expectations(self) -> pandas.DataFrame:
        """By `expectation`, what the config expected and what came of it, as stepbench judged it; no rows where it expected
        nothing, or is from before."""
        pandas = _pandas()
        if "expectations" not in self._file:
            return pandas.DataFrame(columns=list(_EXPECTATION_COLUMNS), index=pandas.Index([], name="expectation"), dtype=object)
        group, where = self._file["expectations"], f"{self.path}: /expectations"
        return pandas.DataFrame(
            {name: _column(group, name, where) for name in _EXPECTATION_COLUMNS},
            index=pandas.Index(_column(group, "expectation", where), name="expectation"),
        )

    @property
    def trials(self) -> list[str]:
        return list(self._member("trials"))

    @property
    def groups(self) -> list[str]:
        """Ids of the interleaved groups."""
        return list(self._member("groups"))

    def trial(self, trial: str) -> Trial:
        trials = self._member("trials")
        if trial not in trials:
            raise ResultsError(f"{self.path}: there is no trial {trial}; there are: {', '.join(trials) or 'none'}")
        return Trial(trials[trial], f"{self.path}: trial {trial}")

    def rounds(self, group: str) -> pandas.DataFrame:
        """A row per round and trial: what was measured in that block, and the machine's peak of the round.

        `twin` is true for the baseline's second run of each round, whose `trial` ends in `~twin`. `segment` counts the
        times that the group went on from a checkpoint before the block: what is told from several rounds, other than
        their ratios, is to be told within one. Rounds of a pilot (measure.rounds = auto) have a `pilot_step_time` and no
        `step_time`. `process` is that which trained the round, where there were several. What an older file has not is
        NaN, but for segment and process, which are 0.
        """
        pandas = _pandas()
        groups = self._member("groups")
        if group not in groups:
            raise ResultsError(f"{self.path}: there is no group {group}; there are: {', '.join(groups) or 'none'}")
        names = ["round", "trial", "twin", *_CELL_COLUMNS, *_ROUND_COLUMNS]
        if "rounds" not in groups[group] or "step_time" not in groups[group]["rounds"]:
            return pandas.DataFrame(columns=names)
        rounds, where = groups[group]["rounds"], f"{self.path}: /groups/{group}/rounds"
        numbers, trials = _column(rounds, "round", where), _column(rounds, "trial", where)
        shape = (len(numbers), len(trials))
        columns: dict[str, object] = {
            "round": numpy.repeat(numbers, len(trials)),
            "trial": list(trials) * len(numbers),
            "twin": [str(trial).endswith(TWIN_SUFFIX) for trial in trials] * len(numbers),
        }
        for name in _CELL_COLUMNS:
            known = _column(rounds, name, where) if name in rounds else numpy.full(shape, numpy.nan)
            columns[name] = numpy.asarray(known).reshape(-1)
        if "segment" not in rounds:
            columns["segment"] = numpy.zeros(len(numbers) * len(trials), int)
        for name in _ROUND_COLUMNS:
            known = _column(rounds, name, where) if name in rounds else numpy.full(len(numbers), numpy.nan)
            columns[name] = numpy.repeat(known, len(trials))
        if "process" not in rounds:
            columns["process"] = numpy.zeros(len(numbers) * len(trials), int)
        return pandas.DataFrame(columns, columns=names)

    def parameters(self, trial: str, which: Literal["initial", "final"] = "final") -> dict[str, numpy.ndarray]:
        """A trial's tensors by their canonical names."""
        return self.trial(trial).parameters(which)

    def _member(self, name: str) -> h5py.Group:
        if name not in self._file:
            raise ResultsError(f"{self.path}: has no /{name}, which every stepbench result file has")
        return self._file[name]


def open(path: str | Path) -> Results:  # noqa: A001, meant to be read as stepbench_results.open
    """Opens a result file, after checking it as stepbench does."""
    path = Path(path)
    file = open_sealed(path)
    if _text(file.attrs.get("Conventions")) != _CONVENTIONS or "schema_version" not in file.attrs:
        raise ResultsError(f"{path}: this HDF5 file is not a stepbench result file")
    version = int(file.attrs["schema_version"])
    if not 1 <= version <= SCHEMA_VERSION:
        raise ResultsError(
            f"{path}: has schema version {version}, these scripts read versions 1 to {SCHEMA_VERSION}: "
            "use the scripts of the stepbench that wrote it"
        )
    return Results(file, path)


def _pandas() -> ModuleType:
    try:
        import pandas
    except ImportError:
        raise ResultsError("tables need pandas, which this Python has not (Debian: apt install python3-pandas)") from None
    return pandas


def _column(group: h5py.Group, name: str, where: str) -> numpy.ndarray:
    if name not in group or not isinstance(group[name], h5py.Dataset):
        raise ResultsError(f"{where}: the column `{name}` is missing: this is no schema version up to {SCHEMA_VERSION}")
    dataset = group[name]
    if h5py.check_string_dtype(dataset.dtype):
        return dataset.asstr()[()]
    return dataset[()]


def _attributes(item: h5py.Group) -> dict[str, Scalar]:
    return {name: _plain(value) for name, value in item.attrs.items()}


def _plain(value: object) -> Scalar:
    if isinstance(value, numpy.uint8):  # booleans, by the schema
        return bool(value)
    if isinstance(value, numpy.ndarray):
        return [_text(element) for element in value] if value.dtype == object else value.tolist()
    if isinstance(value, numpy.generic):
        return value.item()
    return _text(value)


def _text(value: object) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
