"""What trials are compared under, all settings and the data but the arm and the seed, and the shortest names of it."""

from collections.abc import Callable, Sequence

from stepbench_report.arms import is_of_arm
from stepbench_report.words import value_text
from stepbench_results import Trial

# Settings that say how it was run rather than what was learned: files may differ in them, a peer's from the run's.
_HOW_IT_WAS_RUN = ("measure.", "record.", "training.target")
# Settings of a run that say nothing of a trial: one that goes on may have others.
_OF_THE_RUN = ("record.keep_trial_files", "record.checkpoint_every")
# What says nothing of its own: the data are known by their digest.
_NAMES = ("experiment.", "dataset.path")
_KINDS = ("dataset.kind", "model.kind")

Identity = tuple[tuple[str, str], ...]


class Conditions:
    """Names for the conditions of these trials, given file by file; what a file itself varies always counts."""

    def __init__(self, files: Sequence[Sequence[Trial]]) -> None:
        swept = {key for trials in files for key in _varying(trials)
                 if key.startswith(_HOW_IT_WAS_RUN)}
        trials = [trial for of_file in files for trial in of_file]
        keys = dict.fromkeys(key for trial in trials for key in trial.settings if key not in _OF_THE_RUN)
        self._keys = [key for key in keys
                      if not is_of_arm(key) and (key in swept or not key.startswith((*_HOW_IT_WAS_RUN, *_NAMES)))]  # fmt: skip
        self._short_names = [key.split(".", 1)[1] for key in keys]
        self._names = self._shortest_names(trials)

    def __getitem__(self, trial: Trial) -> str:
        return self._names[self._identity(trial)]

    def _identity(self, trial: Trial) -> Identity:
        settings = [(key, value_text(trial.settings[key])) for key in self._keys if key in trial.settings]
        return (*settings, ("data", _digest(trial)))

    def _shortest_names(self, trials: list[Trial]) -> dict[Identity, str]:
        """By the first way of naming that tells all conditions apart."""
        identities = [self._identity(trial) for trial in trials]
        different = set(identities)
        for name in self._ways(trials):
            names = dict(zip(identities, map(name, trials), strict=True))
            if len(set(names.values())) == len(different) and all(
                names[identity] == name(trial) for identity, trial in zip(identities, trials, strict=True)
            ):
                return names
        raise AssertionError("the last way of naming tells all conditions apart")

    def _ways(self, trials: list[Trial]) -> list[Callable[[Trial], str]]:
        varying = [key for key in _varying(trials) if key in self._keys]
        lacking = [key for key in self._keys if key in varying or not all(key in trial.settings for trial in trials)]
        ways = [lambda trial: self._text(trial, varying), lambda trial: self._text(trial, lacking, say_lacking=True)]
        if any(key in varying for key in _KINDS):  # of other data or models nearly everything differs
            own = {name: [key for key in _varying([trial for trial in trials if _experiment(trial) == name])
                          if key in self._keys] for name in map(_experiment, trials)}  # fmt: skip
            ways.insert(0, lambda trial: _joined(_experiment(trial), self._text(trial, own[_experiment(trial)])))
        paths, digests = ({of(trial) for trial in trials} for of in (_path, _digest))
        both = {(_path(trial), _digest(trial)) for trial in trials}
        short = next(length for length in range(8, 33) if len({digest[:length] for digest in digests}) == len(digests))
        data = _path if len(both) == len(paths) == len(digests) else lambda trial: _digest(trial)[:short]
        ways += [lambda trial, way=way: _joined(way(trial), f"data {data(trial)}") for way in list(ways)]
        return ways

    def _text(self, trial: Trial, keys: list[str], say_lacking: bool = False) -> str:
        parts = [f"{self._spoken(key)} {value_text(trial.settings[key])}" if key in trial.settings
                 else f"no {self._spoken(key)}" for key in keys if say_lacking or key in trial.settings]  # fmt: skip
        return ", ".join(parts)

    def _spoken(self, key: str) -> str:
        """Without its section, unless another's setting (or what every trial has) is called the same."""
        name = key.split(".", 1)[1]
        unique = name != "seed" and self._short_names.count(name) == 1
        return (name if unique else key).replace("_", " ")


def _varying(trials: Sequence[Trial]) -> list[str]:
    """Settings with at least two values."""
    values: dict[str, set[str]] = {}
    for trial in trials:
        for key, value in trial.settings.items():
            values.setdefault(key, set()).add(value_text(value))
    return [key for key, found in values.items() if len(found) > 1]


def _digest(trial: Trial) -> str:
    return str(trial.attrs.get("dataset_digest", ""))


def _path(trial: Trial) -> str:
    return str(trial.settings.get("dataset.path", ""))


def _experiment(trial: Trial) -> str:
    return str(trial.settings.get("experiment.name", ""))


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
