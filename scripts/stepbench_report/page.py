"""The report: one HTML page that needs nothing but itself."""

import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

import pandas

from stepbench_report.by_setting import pick_form, settings_section
from stepbench_report.chart import MOST_PANELS, Absent, Chart
from stepbench_report.charts import CHARTS, make_chart
from stepbench_report.collection import Collection
from stepbench_report.decision import decision
from stepbench_report.drawing import NARROW, WIDE, as_svg
from stepbench_report.expected import expected_section, expected_sentence
from stepbench_report.history import LEAST_FILES, newest
from stepbench_report.history_chart import change_sentences
from stepbench_report.html import html_table, numbers_table
from stepbench_report.seed_table import has_several_seeds, seed_table
from stepbench_report.table import could_find, remedies, results_table
from stepbench_report.verdicts import Answer, all_answers
from stepbench_report.words import listed_groups, percent_text, value_text
from stepbench_results import Results, Scalar

_STYLE, _SCRIPT = (Path(__file__).with_name(name) for name in ("report.css", "report.js"))
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
_SEED_NOTES = (
    "A row has the trials that differ in the seed alone and completed: rates with their geometric standard deviation over the "
    "seeds (one seed: ± its steps’ median absolute deviation), the ratio of all seeds’ rounds together, losses and "
    "accuracies with their standard deviation. "
)


def report_page(trials: Collection) -> str:
    style, script = (path.read_text(encoding="utf-8") for path in (_STYLE, _SCRIPT))
    title = " · ".join(dict.fromkeys(results.experiment for results in trials.files))
    now = newest(trials)
    charts = [make_chart(name, trials if name == "history" else now) for name in CHARTS]
    conditions = now.conditions
    by_seeds = seed_table(now)
    answers = [*_history_answer(trials), *(all_answers(now) if conditions else [])]
    one_by_one = len(conditions) > MOST_PANELS  # then nobody reads what is said of all of them in a row
    body = [
        *_head(title, trials.files), *_first_screen(now, of_many=now is not trials),
        *(pick_form(conditions) if len(conditions) > 1 else []),
        *([] if one_by_one or not answers else ['<section class="verdicts" id="verdicts">', *map(_answer, answers), "</section>"]),
        *expected_section(now),
        "<h2>The table</h2>", *_results(now, by_seeds),
        *(settings_section(now, by_seeds, _by_condition(answers) if one_by_one else {}) if len(conditions) > 1 else []),
        *(part for chart in charts if isinstance(chart, Chart) for part in _figure(chart)),
        *_left_out([chart for chart in charts if isinstance(chart, Absent)]),
        "<h2>What was run, and where</h2>", *(part for results in trials.files for part in _origin(results)),
    ]  # fmt: skip
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(title)} – stepbench</title>\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<link rel="icon" href="data:,">\n'
        f"<style>\n{style}</style>\n</head>\n<body>\n" + "\n".join(body)
        + (f"\n<script>\n{script}</script>" if len(conditions) > 1 else "") + "\n</body>\n</html>\n"
    )  # fmt: skip


def _first_screen(trials: Collection, of_many: bool) -> Iterable[str]:
    if of_many:
        yield (f'<p class="muted">How speeds went over the files stands below; all else is of the last, '
               f"{escape(trials.files[0].path.name)}.</p>")  # fmt: skip
    yield '<section class="verdicts" id="decision">'
    yield from (f"<p>{escape(sentence)}</p>" for sentence in [*decision(trials), expected_sentence(trials)] if sentence)
    yield "</section>"


def _history_answer(trials: Collection) -> list[Answer]:
    if len(trials.files) < LEAST_FILES:
        return []
    changes = change_sentences(trials) or ["No change point between one file and the next"]
    return [Answer("What changed over the files?", [("", [f"{sentence}." for sentence in changes])])]


def _by_condition(answers: list[Answer]) -> dict[str, list[str]]:
    """What is said of each setting, as HTML."""
    said: dict[str, list[str]] = {}
    for answer in answers:
        for condition, sentences in answer.sentences:
            said.setdefault(condition, []).append(f"<p><b>{escape(answer.question)}</b> {_sentences(sentences)}</p>")
    return said


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
        text = _sentences(sentences)
        paragraphs.append(f"<p><b>{escape(condition)}:</b> {text}</p>" if condition else f"<p>{text}</p>")
    return f"<h3>{escape(answer.question)}</h3>" + "".join(paragraphs)


def _sentences(sentences: list[str]) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(" ".join(sentences)))


def _results(trials: Collection, by_seeds: pandas.DataFrame) -> Iterable[str]:
    """Seeds together where there are several, then each trial, which can be opened."""
    each = results_table(trials)
    unit = next(name for name in each.columns if name.endswith("/s"))
    together = has_several_seeds(trials)
    numbers = {condition: i for i, condition in enumerate(trials.conditions)}
    if together:
        settings = by_seeds["setting"].tolist()
        starts = [i > 0 and settings[i] != settings[i - 1] for i in range(len(settings))]
        shown = by_seeds if len(set(settings)) > 1 else by_seeds.drop(columns="setting")
        yield html_table(shown, starts, _numbers(settings, numbers))
    groups = (trials.trials["file"] + "\n" + trials.trials["group"]).tolist()
    starts = [i > 0 and groups[i] != groups[i - 1] for i in range(len(groups))]
    rows = html_table(each, starts, _numbers(trials.trials["condition"].tolist(), numbers))
    rows = f"<details><summary>Each of the {len(each)} trials</summary>{rows}</details>" if together else rows
    yield f'<div id="trials">{rows}</div>'
    yield from _unfinished(trials)
    if found := could_find(trials):
        yield f'<p class="notes">{escape(found)}</p>'
    needed = remedies(trials)
    notes = _TABLE_NOTES.format(unit=unit, margin=percent_text(trials.margins.speed),
                                remedies=f", what would: {needed}" if needed else "")  # fmt: skip
    yield f'<p class="notes">{escape((_SEED_NOTES if together else "") + notes)}</p>'


def _numbers(conditions: list[str], numbers: dict[str, int]) -> list[int]:
    """For report.js; none where there is one setting, or one in which nothing was timed."""
    known = len(numbers) > 1 and all(condition in numbers for condition in conditions)
    return [numbers[condition] for condition in conditions] if known else []


def _unfinished(trials: Collection) -> Iterable[str]:
    """A line for each end and reason, with the trials that came to it."""
    found: dict[tuple[str, str], list[str]] = {}
    for _, row in trials.trials[trials.trials["status"] != "completed"].iterrows():
        message = str(trials.trial(row).attrs.get("message", ""))
        found.setdefault((str(row["status"]), message), []).append(str(row["id"]))
    for (status, message), names in found.items():
        yield f'<p class="notes">{escape(listed_groups(names))} {escape(status)}: {escape(message)}</p>'


def _figure(chart: Chart) -> Iterable[str]:
    yield f'<h2>{escape(chart.title)}</h2>\n<figure id="chart-{chart.name}">'
    for name, width in (("wide", WIDE), ("narrow", NARROW)):
        svg = as_svg(chart, width, f"{chart.name}-{name}")
        yield svg.replace("<svg", f'<svg class="{name}" role="img" aria-label="{escape(chart.title)}"', 1)
    yield f"<figcaption>{escape(chart.caption)}</figcaption>\n</figure>"
    more = f"; the first {_MOST_ROWS} of {len(chart.table)} rows" if len(chart.table) > _MOST_ROWS else ""
    yield f"<details><summary>The numbers{more}</summary>{numbers_table(chart.table.head(_MOST_ROWS))}</details>"


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
