"""What the sources include and define, read from their text. Knows the house style's one `namespace a::b {` a line, and no more of C++."""
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

PARTS = ("core", "variants", "experiments")  # each sees itself and those before it

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
OPENED = re.compile(r"^namespace ?([\w:]*) \{")
CLOSED = re.compile(r"^\}  // namespace ?([\w:]*)$")
DEFINED = re.compile(r"^(?:template <.*> )?(?:struct|class|enum class|enum) ([\w:]+)[^;()]*(?:\{|$)")


def sources(root: Path) -> dict[PurePosixPath, str]:
    files = (file for part in PARTS for file in (root / part).rglob("*.[ch]pp"))
    return {PurePosixPath(file.relative_to(root)): file.read_text() for file in files}


def included(text: str) -> list[PurePosixPath]:
    return [PurePosixPath(path) for path in INCLUDE.findall(text)]


def room(file: PurePosixPath) -> str:
    """The folder, or for a file in a part's own folder the header and its source by themselves: `core/config`, `core/batch`."""
    return str(file.parent if len(file.parts) > 2 else file.with_suffix(""))


def room_graph(texts: dict[PurePosixPath, str]) -> dict[str, dict[str, str]]:
    """For each room the rooms it sees, with one `file -> header` that shows it."""
    graph: dict[str, dict[str, str]] = defaultdict(dict)
    for file, text in texts.items():
        for header in included(text):
            if header.parts[0] in PARTS and room(header) != room(file):
                graph[room(file)].setdefault(room(header), f"{file} -> {header}")
    return graph


def circle(graph: dict[str, dict[str, str]]) -> list[str]:
    """The includes along one circle; empty where there is none."""
    done: set[str] = set()

    def walk(at: str, path: list[str]) -> list[str]:
        if at in path:
            ring = [*path[path.index(at):], at]
            return [graph[a][b] for a, b in zip(ring, ring[1:])]
        if at in done:
            return []
        for to in graph.get(at, {}):
            if found := walk(to, [*path, at]):
                return found
        done.add(at)
        return []

    return next((found for start in list(graph) if (found := walk(start, []))), [])


def definitions(text: str) -> Iterable[str]:
    """Types defined in named namespaces, with them: `stepbench::compare::Finding`."""
    namespaces: list[str] = []
    for line in text.splitlines():
        if opened := OPENED.match(line):
            namespaces.append(opened[1])
        elif CLOSED.match(line):
            namespaces.pop()
        elif (defined := DEFINED.match(line)) and namespaces and "" not in namespaces:
            yield "::".join([*namespaces, defined[1]])
