"""Rewrites the tables of promises and of limits in tests/README.md from durability/figures/*.json, which the campaigns
write.

A new campaign is one row here and one file of figures: {"attempts", "broken", "date"}. Of the limits, the file of figures
has the rows, too.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
README = HERE.parent / "README.md"
BEGIN, END = "<!-- {}: made by durability/update_table.py -->", "<!-- end of {} -->"

# Figures' name, promise, how it is tested.
ROWS = (
    ("kill-random", "kill -9 at any moment: no finished trial lost, no unreadable file, no duplicate after `--resume`, same bits",
     "`run_campaign.py kill-random`"),
    ("kill-each-call", "the same at (and within) each file system call of a run, with renaming, replacing, hard links and without links",
     "`run_campaign.py kill-each-call`"),
    ("kill-checkpoints", "the same where each round leaves a checkpoint, and a sweep is killed again and again until it is through",
     "`run_campaign.py kill-checkpoints`"),
    ("fail-each-call", "open, flock, write, fsync, rename, close, mkdir or remove fails, once or for good, and short writes: no crash, no "
     "partial file, one clear line, what was finished is there",
     "`run_campaign.py fail-each-call`"),
    ("full-disk", "the same on a disk that is full at any size", "`run_campaign.py full-disk` (root)"),
    ("interrupt-random", "SIGINT or SIGTERM at any time: stops within a step (SIGTERM: a round) and 2 s, exit 130, same bits after `--resume`",
     "`run_campaign.py interrupt-random`"),
    ("limits", "no limit of the system makes a run hang, crash or lose what was finished: see below",
     "`run_campaign.py limits`"),
    ("fuzz-config", "no config text makes the program crash or hang", "`scripts/fuzz config` (libFuzzer, sanitizers)"),
    ("fuzz-idx", "no IDX data set does", "`scripts/fuzz idx`"),
    ("flip-bits", "one flipped bit anywhere in a result file is found before HDF5 opens it", "`test_results \"10000 of 10000*\"`"),
)  # fmt: skip


def promises(figures_folder: Path) -> str:
    lines = ["| promise | how it is tested | attempts | broken | date |", "|---|---|---|---|---|"]
    for name, promise, how in ROWS:
        path = figures_folder / f"{name}.json"
        figures = json.loads(path.read_text()) if path.exists() else {}
        attempts, broken, date = (figures.get(key, "-") for key in ("attempts", "broken", "date"))
        shown = f"{attempts:,}" if isinstance(attempts, int) else attempts
        lines.append(f"| {promise} | {how} | {shown} | {broken} | {date} |")
    return "\n".join(lines)


def limits(figures_folder: Path) -> str:
    lines = ["| limit | exit code | what it says |", "|---|---|---|"]
    for row in json.loads((figures_folder / "limits.json").read_text())["rows"]:
        said = row["says"].replace("|", "\\|")
        lines.append(f"| {row['limit']} | {row['code']} | {f'`` {said} ``' if said else ''} |")
    return "\n".join(lines)


def main() -> int:
    text = README.read_text()
    for name, table in (("table", promises), ("table of limits", limits)):
        begin, end = BEGIN.format(name), END.format(name)
        if text.count(begin) != 1 or text.count(end) != 1:
            print(f"update_table.py: {README} has no place for the {name}", file=sys.stderr)
            return 2
        before, rest = text.split(begin)
        _, after = rest.split(end)
        text = f"{before}{begin}\n{table(HERE / 'figures')}\n{end}{after}"
    README.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
