"""The table of arms and settings, trials that differ in the seed alone in one row, as `stepbench show` prints it.

tests/scripts holds the two together.
"""

import math

import numpy
import pandas

from stepbench_report.collection import Collection
from stepbench_report.speed_charts import rate_unit
from stepbench_report.speed_verdict import Basis, Verdict, speed_verdict
from stepbench_report.table import BARE_IF_EMPTY, same_bits, worst_gradient_error
from stepbench_report.words import NOTHING, number, times_text
from stepbench_statistics import Estimate, geometric_mean


def has_several_seeds(trials: Collection) -> bool:
    return bool((trials.trials.groupby(["condition", "arm"])["seed"].nunique() > 1).any())


def seed_table(trials: Collection) -> pandas.DataFrame:
    """All cells as text; `setting` is there, if it is empty, too."""
    unit = rate_unit(trials)
    completed = trials.completed()
    lines = [_line(trials, completed, condition, arm, rows, unit)
             for (condition, arm), rows in trials.trials.groupby(["condition", "arm"], sort=False)]  # fmt: skip
    table = pandas.DataFrame(lines)
    bare = [name for name in BARE_IF_EMPTY if (table[name] == NOTHING).all()]
    return table.drop(columns=bare)


def _line(trials: Collection, completed: Collection, condition: str, arm: str, rows: pandas.DataFrame, unit: str) -> dict[str, str]:
    counted = completed.rows(condition, arm)
    column = "tokens_per_second" if unit == "tokens/s" else "samples_per_second"
    bits = [same_bits(trials, row) for _, row in rows.iterrows()]
    errors = [worst_gradient_error(trials, row) for _, row in rows.iterrows()]
    seeds = str(len(rows)) if len(counted) == len(rows) else f"{len(counted)} of {len(rows)}"
    return {
        "setting": condition, "seeds": seeds, "trial": arm,
        unit: _rate(counted, column) if len(counted) else ", ".join(sorted(set(rows["status"]))),
        "vs baseline": _ratio(completed, condition, arm), "% of peak": number(_mean(counted, "percent_of_peak"), ".1f"),
        "train loss": _spread(counted, "final_train_loss"), "val. loss": _spread(counted, "best_validation_loss"),
        "val. acc.": _spread(counted, "best_validation_accuracy"),
        "noise scale": _spread(counted, "gradient_noise_scale", ".1f"),
        "grad. error": number(float(numpy.max(errors)), ".1e"),
        "same bits": "NO" if False in bits else "yes" if all(bits) else NOTHING,
    }  # fmt: skip


def _mean(rows: pandas.DataFrame, column: str) -> float:
    return float(rows[column].mean(skipna=False)) if len(rows) else math.nan


def _rate(rows: pandas.DataFrame, column: str) -> str:
    rates = rows[column]
    if len(rates) == 1:
        row = rows.iloc[0]
        spread = row["step_time_mad"] / row["step_time_median"]
    else:
        spread = math.exp(float(numpy.log(rates).std(ddof=1))) - 1
    return f"{geometric_mean(rates).value:,.0f} ±{100 * spread:.1f}%"


def _spread(rows: pandas.DataFrame, column: str, form: str = ".4f") -> str:
    mean = _mean(rows, column)
    if math.isnan(mean) or len(rows) == 1:
        return number(mean, form)
    return f"{mean:{form}} ±{rows[column].std(ddof=1):{form}}"


def _ratio(completed: Collection, condition: str, arm: str) -> str:
    baseline = completed.baseline(condition)
    if arm == baseline:
        return "1 (baseline)"
    if baseline is None or arm not in completed.arms(condition):
        return NOTHING
    evidence = completed.compare(condition, arm, baseline).evidence
    verdict = speed_verdict(evidence, completed.margins.speed)
    mark = {Verdict.SAME: " =", Verdict.CANNOT_TELL: " ?"}.get(verdict, "")
    speed = evidence.speed if evidence.speed.has_interval else Estimate(evidence.speed.value)
    return times_text(speed) + (" unpaired" if evidence.basis is Basis.UNPAIRED else "") + mark
