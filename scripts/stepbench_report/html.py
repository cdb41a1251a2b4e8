"""Tables and cells of the page."""

import math
from collections.abc import Sequence
from html import escape

import pandas

_TEXT_COLUMNS = {"file", "setting", "backend", "trial", "phase", "pairing", "verdict", "what", "limited by", "disturbed",
                 "created", "commit",
                 "machine", "change point", "expectation", "found", "expected", "published", "remark"}  # fmt: skip


def html_table(table: pandas.DataFrame, starts: Sequence[bool] = (), settings: Sequence[int] = ()) -> str:
    """Scrolls in its own box; `starts` marks the rows before which a group begins, `settings` is the number of each row's
    setting, by which report.js picks it."""
    kinds = [' class="left"' if name in _TEXT_COLUMNS else "" for name in table.columns]
    heads = "".join(f"<th{kind}>{escape(str(name))}</th>" for kind, name in zip(kinds, table.columns, strict=True))
    rows = []
    for i, line in enumerate(table.itertuples(index=False)):
        cells = "".join(f"<td{kind}>{escape(str(cell))}</td>" for kind, cell in zip(kinds, line, strict=True))
        marks = (" class=next" if starts and starts[i] else "") + (f" data-setting={settings[i]}" if settings else "")
        rows.append(f"<tr{marks}>{cells}</tr>")
    body = f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f'<div class="scroll" tabindex="0"><table>{body}</table></div>'


def cell(value: object) -> str:
    if isinstance(value, float):
        if math.isnan(value):
            return "–"
        return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:.5g}"
    return str(value)


def numbers_table(table: pandas.DataFrame) -> str:
    """What stands behind a chart, without a column of settings that says nothing."""
    shown = table.loc[:, [name for name in table if name != "setting" or table[name].astype(bool).any()]]
    return html_table(shown.apply(lambda column: column.map(cell)))
