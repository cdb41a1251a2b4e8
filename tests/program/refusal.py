"""What every refusal has in common: one line on stderr, nothing on stdout, nothing written."""

import re
from pathlib import Path

from conftest import Program
from inputs import line_of


def contents(folder: Path) -> dict[str, bytes | None]:
    """All files below a folder with their bytes, and all folders."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def refused(program: Program, folder: Path, *arguments: object, code: int = 2) -> str:
    """Runs the program in `folder`, checks that it refuses, and gives its message without `stepbench: `."""
    before = contents(folder)
    outcome = program(*arguments, cwd=folder)
    assert outcome.code == code, outcome
    assert outcome.stdout == ""
    line = re.fullmatch(r"stepbench: ([^\r\n]+)\n", outcome.stderr)
    assert line, f"not one line: {outcome.stderr!r}"
    assert contents(folder) == before
    return line[1]


def refused_data(program: Program, config: Path) -> str:
    """The message about the config's data set, which must begin with the line that asks for it."""
    message = refused(program, config.parent, "run", config.name)
    start = f"{config.name}:{line_of(config, 'dataset.path')}: dataset.path: "
    assert message.startswith(start)
    return message.removeprefix(start)


def assert_mentions(message: str, *words: object) -> None:
    missing = [str(word) for word in words if str(word) not in message]
    assert not missing, f"{message!r} does not mention {missing}"
