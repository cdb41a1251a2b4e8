"""A strict reader of the LaTeX that the program prints: it knows the few commands of a plain table and refuses all else."""

import re

_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|[{}$&#^_~%]|[^\\{}$&#^_~%]+", re.DOTALL)
_TEXT_COMMANDS = {r"\textbackslash", r"\textasciicircum", r"\textasciitilde"}
_ESCAPED = {r"\{", r"\}", r"\$", r"\&", r"\#", r"\%", r"\_"}
_MATHS = {"<": "<", ">": ">", "|": "|", r"\pm": "±", r"\times": "×", r"\mu": "µ"}
_FONT = set("±×–µ“”’≥≤→")  # what pdflatex's standard fonts have no letter for, or have by another name


class NoLatex(Exception):
    """What is wrong, and where."""


def plain(text: str) -> str:
    """What a reader sees of a paragraph or cell; NoLatex for anything that is not text."""
    seen, tokens = "", _TOKEN.findall(text)
    assert "".join(tokens) == text
    position = 0
    while position < len(tokens):
        token = tokens[position]
        if token == "$":
            end = tokens.index("$", position + 1)
            inside = "".join(tokens[position + 1 : end])
            if inside not in _MATHS:
                raise NoLatex(f"mathematics {inside!r} in {text!r}")
            seen, position = seen + _MATHS[inside], end
        elif token in _TEXT_COMMANDS:
            if tokens[position + 1 : position + 3] != ["{", "}"]:
                raise NoLatex(f"{token} would take the space after it in {text!r}")
            seen, position = seen + token, position + 2
        elif token in _ESCAPED:
            seen += token[1]
        elif token == "{":  # an empty group keeps two characters apart
            if tokens[position + 1 : position + 2] != ["}"]:
                raise NoLatex(f"a group in {text!r}")
            position += 1
        elif token[0] in "\\}&#^_~%" or _FONT & set(token):
            raise NoLatex(f"{token!r} in {text!r}")
        else:
            seen += token
        position += 1
    return seen


def tables(text: str) -> list[list[list[str]]]:
    """The rows of each table, its heading first."""
    lines = [line for line in text.splitlines() if line and not line.startswith("%")]
    found = []
    while lines:
        for expected in (r"\begin{table}[tbp]", r"\centering"):
            if (line := lines.pop(0)) != expected:
                raise NoLatex(f"{line!r} instead of {expected!r}")
        caption = re.fullmatch(r"\\caption\{(.*)\}", lines.pop(0))
        columns = re.fullmatch(r"\\begin\{tabular\}\{([lr]+)\}", lines.pop(0))
        if caption is None or columns is None:
            raise NoLatex("no caption, or no columns")
        plain(caption[1])
        rows: list[list[str]] = []
        while (line := lines.pop(0)) != r"\end{tabular}":
            if line == r"\hline":
                continue
            if not line.endswith(r" \\") or line.startswith("["):
                raise NoLatex(f"no row: {line!r}")
            cells = re.split(r"(?<!\\)&", line[:-3])
            if len(cells) != len(columns[1]):
                raise NoLatex(f"{len(cells)} cells in {len(columns[1])} columns: {line!r}")
            rows.append([plain(cell).strip() for cell in cells])
        while (line := lines.pop(0)) != r"\end{table}":
            note = re.fullmatch(r"\\par\\smallskip\{\\footnotesize (.*)\}", line)
            if note is None:
                raise NoLatex(f"no note: {line!r}")
            plain(note[1])
        found.append(rows)
    return found
