"""What is compared: a backend, with what is varied of its own settings and of where its threads are held, on a number of threads."""

from collections.abc import Sequence

from stepbench_report.words import value_text
from stepbench_results import Trial

OWN_SETTINGS = "backend."  # keys are backend.NAME.SETTING
RANKS = "ranks."
PIN = "measure.pin"


def is_of_arm(key: str) -> bool:
    """As core/arm.hpp says it."""
    return key.startswith((OWN_SETTINGS, RANKS)) or key == PIN


class Variants:
    """Names for the backends of these trials: `tbb`, `tbb on 2 ranks`, `tbb, shard rows 32` where that differs between them."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        keys = {key for trial in trials for key in trial.settings if is_of_arm(key)}
        values: dict[str, set[str]] = {}
        for trial in trials if keys else []:
            for key in keys:
                if _applies(key, trial):
                    values.setdefault(key, set()).add(_value(trial, key))
        self._keys = sorted(key for key, found in values.items() if len(found) > 1)

    def __getitem__(self, trial: Trial) -> str:
        ranks = ranks_of(trial)
        return self._name(trial, f" on {ranks} rank{'s' if ranks != 1 else ''}" if ranks else "")

    def on_any_ranks(self, trial: Trial) -> str:
        """The same for all numbers of ranks."""
        return self._name(trial, "")

    def _name(self, trial: Trial, where: str) -> str:
        own = [f"{key.rsplit('.', 1)[1].replace('_', ' ')} {_value(trial, key)}"
               for key in self._keys if _applies(key, trial)]  # fmt: skip
        return ", ".join([f"{trial.attrs['backend']}{where}", *own])


def ranks_of(trial: Trial) -> int:
    """Processes that trained it together; 0: it trained in the program's own, or a peer's."""
    return int(trial.attrs.get("ranks", 0))


def arm_text(variant: str, threads: int) -> str:
    return f"{variant} ({threads} thread{'s' if threads != 1 else ''})"


def _applies(key: str, trial: Trial) -> bool:
    """An older file, or a peer, says nothing of pinning."""
    if key == PIN or key.startswith(RANKS):
        return key in trial.settings
    return key.startswith(f"{OWN_SETTINGS}{trial.attrs['backend']}.")


def _value(trial: Trial, key: str) -> str:
    return value_text(trial.settings[key]) if key in trial.settings else "by default"
