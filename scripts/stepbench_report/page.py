"""The report: one HTML page that needs nothing but itself."""

import math
import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

import pandas

from stepbench_report.chart import Absent, Chart
from stepbench_report.charts import CHARTS, make_chart
from stepbench_report.collection import Collection
from stepbench_report.drawing import NARROW, WIDE, as_svg
from stepbench_report.table import remedies, results_table
from stepbench_report.verdicts import Answer, all_answers
from stepbench_report.words import listed_groups, percent_text, value_text
from stepbench_results import Results, Scalar

_STYLE = Path(__file__).with_name("report.css")
_TEXT_COLUMNS = {"file", "setting", "backend", "trial", "pairing", "verdict", "what",
                 "disturbed", "created", "commit", "machine", "change point"}  # fmt: skip
_MOST_ROWS = 2000  # of the table behind a chart; a page of more is slow to open

_TABLE_NOTES = (
    "{unit}: geometric mean of the rounds’ median steps (unpaired: the median step), ± the steps’ median absolute "
    "deviation. vs baseline: speed, paired by round, with its 95 % interval; “=”: same, as the interval and the noise "
    "floor lie within {margin}; “?”: cannot tell{remedies}; “unpaired”: not measured in turns with the baseline, so that "
    "whatever else the machine did is in the ratio. % of peak: of the multiply-add peak of as many cores, best "
    "of the rounds. "
    "grad. error: worst tensor’s relative L2 distance from the float64 reference. same bits: equal final parameters on "
    "every number of threads (–: not promised, or nothing to compare)."
)


def report_page(trials: Collection) -> str:
    style = _STYLE.read_text(encoding="utf-8")
    title = " · ".join(dict.fromkeys(results.experiment for results in trials.files))
    charts = [make_chart(name, trials) for name in CHARTS]
    body = [
        *_head(title, trials.files),
        '<section class="verdicts" id="verdicts">',
        *(map(_answer, all_answers(trials)) if trials.conditions else ["<p>Nothing was timed.</p>"]), "</section>",
        "<h2>The table</h2>", *_results(trials),
        *(part for chart in charts if isinstance(chart, Chart) for part in _figure(chart)),
        *_left_out([chart for chart in charts if isinstance(chart, Absent)]),
        "<h2>What was run, and where</h2>", *(part for results in trials.files for part in _origin(results)),
    ]  # fmt: skip
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(title)} – stepbench</title>\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<link rel="icon" href="data:,">\n'
        f"<style>\n{style}</style>\n</head>\n<body>\n" + "\n".join(body) + "\n</body>\n</html>\n"
    )


def _head(title: str, files: list[Results]) -> Iterable[str]:
    yield f"<h1>{escape(title)}</h1>"
    for results in files:
        description = str(results.attrs.get("description", ""))
        machines = [f"{environment.get('cpu_model', 'unknown CPU')}, {environment.get('cores', '?')} cores"
                    for environment, _ in results.machines]  # fmt: skip
        parts = [description, *machines, str(results.attrs.get("created", ""))[:10], results.path.name]
        yield f'<p class="muted">{escape(" · ".join(part for part in parts if part))}</p>'
        if len(machines) > 1:
            yield f'<p class="warning">{escape(machines_warning(results))}</p>'
        if results.status not in ("completed", ""):
            yield f'<p class="warning">{escape(status_warning(results))}</p>'


def status_warning(results: Results) -> str:
    """What a status other than `completed` means for who reads the numbers."""
    said = {
        "interrupted": "the run was interrupted: trials are missing or cut short; "
        "`stepbench run CONFIG --output FILE --resume` finishes it",
        "failed": "a trial failed, and has no numbers: see the table",
        "diverged": "a trial diverged: its loss is no longer finite, see the table",
    }
    return f"{results.path.name}: {said.get(results.status, f'its status is {results.status}')}."


def machines_warning(results: Results) -> str:
    """Of a file whose groups ran on several: what each of them is and ran."""
    names = [f"{listed_groups(groups)} on {environment.get('hostname', '?')} ({environment.get('cpu_model', '?')})"
             for environment, groups in results.machines]  # fmt: skip
    return f"{results.path.name}: groups ran on different machines, whose times are not to be compared: {'; '.join(names)}."


def _answer(answer: Answer) -> str:
    paragraphs = []
    for condition, sentences in answer.sentences:
        text = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(" ".join(sentences)))
        paragraphs.append(f"<p><b>{escape(condition)}:</b> {text}</p>" if condition else f"<p>{text}</p>")
    return f"<h3>{escape(answer.question)}</h3>" + "".join(paragraphs)


def _results(trials: Collection) -> Iterable[str]:
    table = results_table(trials)
    unit = next(name for name in table.columns if name.endswith("/s"))
    groups = (trials.trials["file"] + "\n" + trials.trials["group"]).tolist()
    yield _html_table(table, starts=[i > 0 and groups[i] != groups[i - 1] for i in range(len(groups))])
    for _, row in trials.trials[trials.trials["status"] != "completed"].iterrows():
        message = trials.trial(row).attrs.get("message", "")
        yield f'<p class="notes">{escape(row["id"])} {escape(row["status"])}: {escape(str(message))}</p>'
    needed = remedies(trials)
    notes = _TABLE_NOTES.format(unit=unit, margin=percent_text(trials.margins.speed),
                                remedies=f", what would: {needed}" if needed else "")  # fmt: skip
    yield f'<p class="notes">{escape(notes)}</p>'


def _figure(chart: Chart) -> Iterable[str]:
    yield f'<h2>{escape(chart.title)}</h2>\n<figure id="chart-{chart.name}">'
    for name, width in (("wide", WIDE), ("narrow", NARROW)):
        svg = as_svg(chart, width, f"{chart.name}-{name}")
        yield svg.replace("<svg", f'<svg class="{name}" role="img" aria-label="{escape(chart.title)}"', 1)
    yield f"<figcaption>{escape(chart.caption)}</figcaption>\n</figure>"
    shown = chart.table.head(_MOST_ROWS)
    shown = shown.loc[:, [name for name in shown if name != "setting" or shown[name].astype(bool).any()]]
    more = f"; the first {_MOST_ROWS} of {len(chart.table)} rows" if len(chart.table) > _MOST_ROWS else ""
    texts = shown.apply(lambda column: column.map(_cell))
    yield f"<details><summary>The numbers{more}</summary>{_html_table(texts)}</details>"


def _cell(value: object) -> str:
    if isinstance(value, float):
        if math.isnan(value):
            return "–"
        return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:.5g}"
    return str(value)


def _left_out(absent: list[Absent]) -> Iterable[str]:
    if absent:
        yield "<h2>Charts left out</h2>\n<ul>"
        for chart in absent:
            yield f'<li id="absent-{chart.name}">{escape(chart.title)}: {escape(chart.reason)}.</li>'
        yield "</ul>"


def _origin(results: Results) -> Iterable[str]:
    commit = f"{results.attrs.get('git_commit', '?')}{', changed' if results.attrs.get('git_dirty') else ''}"
    yield f"<h3>{escape(str(results.path))}</h3>"
    facts: dict[str, Scalar] = {
        "experiment": results.experiment, "created": results.attrs.get("created", "?"),
        "stepbench": f"{results.attrs.get('stepbench_version', '?')} ({commit})", "status": results.status,
    }  # fmt: skip
    yield _definitions(facts)
    for environment, groups in results.machines:
        of = f" of {escape(listed_groups(groups))}" if len(results.machines) > 1 else ""
        yield f"<details open><summary>Machine and libraries{of}</summary>{_definitions(environment)}</details>"
    yield f"<details><summary>The config</summary><pre>{escape(results.config_text)}</pre></details>"


def _definitions(facts: dict[str, Scalar]) -> str:
    rows = (f"<dt>{escape(name)}</dt><dd>{escape(value_text(value))}</dd>" for name, value in facts.items())
    return f"<dl>{''.join(rows)}</dl>"


def _html_table(table: pandas.DataFrame, starts: list[bool] | None = None) -> str:
    """Scrolls in its own box; `starts` marks the rows before which a group begins."""
    kinds = [' class="left"' if name in _TEXT_COLUMNS else "" for name in table.columns]
    heads = "".join(f"<th{kind}>{escape(str(name))}</th>" for kind, name in zip(kinds, table.columns, strict=True))
    rows = []
    for i, line in enumerate(table.itertuples(index=False)):
        cells = "".join(f"<td{kind}>{escape(str(cell))}</td>" for kind, cell in zip(kinds, line, strict=True))
        rows.append(f'<tr{" class=next" if starts and starts[i] else ""}>{cells}</tr>')
    body = f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f'<div class="scroll" tabindex="0"><table>{body}</table></div>'
