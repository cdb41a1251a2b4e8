"""Numbers as text, for the table and the verdicts."""

import math

from stepbench_results import Scalar
from stepbench_statistics import Estimate

NOTHING = "–"


def number(value: float, form: str) -> str:
    return NOTHING if math.isnan(value) else format(value, form)


def value_text(value: Scalar) -> str:
    if isinstance(value, list):
        return ",".join(value_text(element) for element in value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return str(value)


def times_text(ratio: Estimate) -> str:
    """1.93x [1.88, 1.98]"""
    digits = 2 if ratio.value < 10 else 1
    interval = f" [{ratio.low:.{digits}f}, {ratio.high:.{digits}f}]" if ratio.has_interval else ""
    return f"{ratio.value:.{digits}f}x{interval}"


def percent_text(fraction: float) -> str:
    return f"{100 * fraction:.2g} %" if abs(fraction) < 0.1 else f"{100 * fraction:.0f} %"


def signed_text(difference: Estimate) -> str:
    interval = f" [{difference.low:+.2g}, {difference.high:+.2g}]" if difference.has_interval else ""
    return f"{difference.value:+.2g}{interval}"


def listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def listed_groups(groups: list[str]) -> str:
    """s1, s2, s3 and 4 more"""
    most = 3
    return ", ".join(groups[:most]) + (f" and {len(groups) - most} more" if len(groups) > most else "")


def seconds_text(value: float) -> str:
    return f"{value:.0f} s" if value >= 100 else f"{value:#.3g} s"
