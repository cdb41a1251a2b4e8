"""The table of a run, as `stepbench show` prints it, with the trials of several files together."""

import math

import pandas

from stepbench_report.collection import Collection
from stepbench_report.speed_charts import rate_unit
from stepbench_report.speed_verdict import (Basis, SpeedEvidence, Verdict, found_line, processes_line, speed_verdict,
                                            what_would_tell)  # fmt: skip
from stepbench_report.words import NOTHING, number, times_text, value_text

BARE_IF_EMPTY = ("val. loss", "val. acc.", "noise scale", "% of peak", "grad. error")  # columns left out where nobody has any


def worst_gradient_error(trials: Collection, row: pandas.Series) -> float:
    """Largest relative L2 of a tensor at the gate; NaN: there was no gate."""
    errors = trials.trial(row).checks["gradient_error"]
    return math.nan if errors.empty else float(errors.max(skipna=False))


def same_bits(trials: Collection, row: pandas.Series) -> bool | None:
    """Whether the final parameters are equal on every number of threads, and of ranks for a trial that has some; None:
    not promised, or nothing to compare."""
    own = trials.trial(row).attrs
    every = trials.trials
    others = every[(every["file"] == row["file"]) & (every["group"] == row["group"])
                   & (every["on_any_ranks"] == row["on_any_ranks"]) & ((every["ranks"] > 0) == (row["ranks"] > 0))]  # fmt: skip
    digests = [str(trials.trial(other).attrs.get("parameter_digest", "")) for _, other in others.iterrows()
               if trials.same_batches(row, other)]  # fmt: skip
    digests = [digest for digest in digests if digest]
    if not own.get("same_bits_for_any_threads") or not own.get("parameter_digest") or len(digests) < 2:
        return None
    return len(set(digests)) == 1


def results_table(trials: Collection) -> pandas.DataFrame:
    """All cells as text."""
    unit = rate_unit(trials)
    rate_column = "tokens_per_second" if unit == "tokens/s" else "samples_per_second"
    lines = []
    for _, row in trials.trials.iterrows():
        timed = not math.isnan(row["step_time_median"])
        bits = same_bits(trials, row)
        line = {"file": row["file"]} if len(trials.files) > 1 else {}
        line |= {
            "setting": row["condition"], "seed": value_text(row["seed"]), "backend": row["variant"],
            "threads": str(row["threads"]), unit: _speed(row, rate_column) if timed else str(row["status"]),
            "vs baseline": _ratio(trials, row), "% of peak": number(row["percent_of_peak"], ".1f"),
            "train loss": number(row["final_train_loss"], ".4f"),
            "val. loss": number(row["best_validation_loss"], ".4f"),
            "val. acc.": number(row["best_validation_accuracy"], ".4f"),
            "noise scale": number(row["gradient_noise_scale"], ".1f"),
            "grad. error": number(worst_gradient_error(trials, row), ".1e"),
            "same bits": NOTHING if bits is None else "yes" if bits else "NO",
        }  # fmt: skip
        lines.append(line)
    table = pandas.DataFrame(lines)
    bare = [name for name in ("setting", "seed") if table[name].nunique() == 1]
    bare += [name for name in BARE_IF_EMPTY if (table[name] == NOTHING).all()]
    return table.drop(columns=bare)


def _speed(row: pandas.Series, column: str) -> str:
    return f"{row[column]:,.0f} ±{100 * row['step_time_mad'] / row['step_time_median']:.1f}%"


def _ratio(trials: Collection, row: pandas.Series) -> str:
    if row["is_baseline"] and not math.isnan(row["step_time"]):
        return "1 (baseline)"
    evidence = trials.against_baseline(row)
    if evidence is None:
        return NOTHING
    mark = {Verdict.SAME: " =", Verdict.CANNOT_TELL: " ?"}
    unpaired = " unpaired" if evidence.basis is Basis.UNPAIRED else ""
    verdict = speed_verdict(evidence, trials.margins.speed)
    return times_text(evidence.speed) + unpaired + mark.get(verdict, "")


def _evidence(trials: Collection) -> list[SpeedEvidence]:
    found = [trials.against_baseline(row) for _, row in trials.trials.iterrows()]
    return [evidence for evidence in found if evidence is not None]


def remedies(trials: Collection) -> str:
    """What would tell where the table's speeds cannot be told; empty when all can."""
    return what_would_tell(_evidence(trials), trials.margins.speed)


def could_find(trials: Collection) -> str:
    """How many comparisons the table makes, and what they could have found; of several processes, how far these differ."""
    evidence = _evidence(trials)
    return "; ".join(line for line in (found_line(evidence), processes_line(evidence)) if line)
