"""What the configs expected and what came of it, as stepbench judged and stored it: nothing is judged here."""

from collections.abc import Iterable
from html import escape

import pandas

from stepbench_report.collection import Collection
from stepbench_report.html import cell, html_table
from stepbench_report.words import listed, listed_groups

_VERDICTS = ("not reproduced", "cannot tell", "not judged")  # besides `reproduced`, the gravest first
_NOTES = (
    "found: mean over the seeds with its interval; one run is judged by its value alone. All of it within what is expected, "
    "tolerance included: reproduced; all of it outside: not reproduced. Of several combinations of what the sweep varies "
    "besides, the one that agrees least."
)


def _stored(trials: Collection) -> pandas.DataFrame:
    return pandas.concat([results.expectations.reset_index() for results in trials.files], ignore_index=True)


def expected_sentence(trials: Collection) -> str:
    """`2 of 4 expectations are reproduced; not reproduced: collapses; cannot tell: scatter.` Empty without any."""
    stored = _stored(trials)
    if stored.empty:
        return ""
    names = {verdict: stored["expectation"][stored["verdict"] == verdict].tolist() for verdict in _VERDICTS}
    reproduced = int((stored["verdict"] == "reproduced").sum())
    parts = [f"{reproduced} of {len(stored)} expectations {'is' if reproduced == 1 else 'are'} reproduced"]
    parts += [f"{verdict}: {listed_groups(of) if len(of) > 3 else listed(of)}" for verdict, of in names.items() if of]
    return "; ".join(parts) + "."


def found_text(row: pandas.Series) -> str:
    if pandas.isna(row["value"]):
        return "–"
    interval = f" [{cell(row['low'])}, {cell(row['high'])}]" if row["low"] != row["high"] else ""
    return f"{cell(row['value'])}{interval}, {'one run' if row['runs'] == 1 else f'{row.runs} runs'}"


def _remarks(row: pandas.Series) -> str:
    of = [f"of {row['cells']} combinations: {row['cell']}"] if row["cells"] > 1 else []
    return "; ".join([*of, *([row["why"]] if row["why"] else [])]) or "–"


def expected_section(trials: Collection) -> Iterable[str]:
    stored = _stored(trials)
    if stored.empty:
        return
    claims = [claim + (f", tolerance {tolerance}" if tolerance else "")
              for claim, tolerance in zip(stored["claim"], stored["tolerance"], strict=True)]  # fmt: skip
    table = pandas.DataFrame({
        "expectation": stored["expectation"], "verdict": stored["verdict"], "found": stored.apply(found_text, axis=1),
        "expected": claims, "published": [published or "–" for published in stored["published"]],
        "remark": stored.apply(_remarks, axis=1),
    })  # fmt: skip
    yield f'<h2>What was expected</h2>\n<div id="expectations">{html_table(table)}</div>'
    yield f'<p class="notes">{escape(_NOTES)}</p>'
