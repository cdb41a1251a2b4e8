"""What the Markdown pages lead to and name, read from their text. Knows links, headings and code as these pages write them, and no
more of Markdown: no headings underlined with `===`, no code by indentation. Addresses of the web are not looked at."""
import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

FENCED = re.compile(r"^[ \t]*(```+|~~~+).*?^[ \t]*\1[ \t]*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(?<!`)(`+)(?!`)((?:(?!\n\n).)+?)(?<!`)\1(?!`)", re.DOTALL)
HEADING = re.compile(r"^#{1,6}[ \t]+(.*?)[ \t]*#*$", re.MULTILINE)
LINK = re.compile(r"""\]\(<?([^()<>\s]+)>?(?:\s+["'][^)]*)?\)|^\[[^\]]+\]:\s*(\S+)|<[^<>]+\s(?:src|href)=["']([^"']+)""", re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
STANDS_FOR_MANY = re.compile(r"[*?<>{}\[\]$|…]|\.\.\.|\b[A-Z]{2,}\b(?<!README)|(^|/)mine\b")  # `experiments/NAME.cfg`, one's own
PRODUCED = re.compile(r"results/[^/]+\.(h5|html|trials)\b")


def files(root: Path, pattern: str) -> list[PurePosixPath]:
    """Those that git knows; all that are there, apart from builds', where there is no git or it knows none."""
    try:
        command = ["git", "ls-files", "-z", "--", pattern]
        known = subprocess.run(command, cwd=root, capture_output=True, text=True).stdout.split("\0")
    except FileNotFoundError:
        known = []
    found = [PurePosixPath(name) for name in known if name and (root / name).is_file()]
    if not found:
        every = (PurePosixPath(path.relative_to(root)) for path in root.rglob(pattern) if path.is_file())
        found = [path for path in every if not path.parts[0].startswith(("build", "."))]
    return sorted(found)


def slugs(text: str) -> set[str]:
    """The names that GitHub gives to a page's headings; a second heading of one name has `-1` behind it."""
    names = []
    for title in HEADING.findall(FENCED.sub("", text)):
        shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", title).replace("`", "")
        names.append(re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-"))
    before: Counter[str] = Counter()
    found = set()
    for name in names:
        found.add(f"{name}-{before[name]}" if before[name] else name)
        before[name] += 1
    return found


def links(text: str) -> list[str]:
    prose = CODE.sub("", FENCED.sub("", text))
    return [target for match in LINK.findall(prose) for target in match if target and not ELSEWHERE.match(target)]


def wrong_links(root: Path, page: PurePosixPath) -> list[str]:
    """`page -> target: why`, for each link of the page that leads nowhere, or out of `root`."""
    wrong = []
    for target in links((root / page).read_text()):
        path, _, anchor = unquote(target).partition("#")
        place = (root / page.parent / path if path else root / page).resolve()
        if not place.is_relative_to(root.resolve()) or not place.exists():
            wrong.append(f"{page} -> {target}: there is no such file")
        elif anchor and (place.suffix != ".md" or anchor not in slugs(place.read_text())):
            wrong.append(f"{page} -> {target}: it has no such heading")
    return wrong


def named_paths(text: str, folders: Iterable[str]) -> list[str]:
    """What in code, inline or in blocks, begins with one of the folders and a slash; not what stands for many, or for what runs make."""
    code = [match[0] for match in FENCED.finditer(text)]
    code += [match[2] for match in CODE.finditer(FENCED.sub("", text))]
    beginnings = tuple(f"{folder}/" for folder in folders)
    words = (word.strip("`'\"(),;:").removeprefix("./") for part in code for word in part.split())
    return [word for word in words if word.startswith(beginnings) and not STANDS_FOR_MANY.search(word) and not PRODUCED.match(word)]


def wrong_paths(root: Path, page: PurePosixPath, folders: Iterable[str]) -> list[str]:
    return [f"{page}: {path}" for path in named_paths((root / page).read_text(), folders) if not (root / path).exists()]
