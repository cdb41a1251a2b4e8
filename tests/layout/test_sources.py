"""core <- variants <- experiments, no circle between folders, and one definition of a type: which of two the linker takes is chance."""
from collections import defaultdict
from pathlib import Path, PurePosixPath

import pytest

from sources import PARTS, circle, definitions, included, room_graph, sources

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def texts() -> dict[PurePosixPath, str]:
    found = sources(ROOT)
    assert len(found) > 200  # else the checks below hold of nothing
    return found


def test_a_part_sees_only_those_before_it(texts: dict[PurePosixPath, str]) -> None:
    wrong = [
        f"{file} -> {header}"
        for file, text in texts.items()
        for header in included(text)
        if header.parts[0] not in PARTS[: PARTS.index(file.parts[0]) + 1]
    ]
    assert wrong == []


def test_what_is_included_exists(texts: dict[PurePosixPath, str]) -> None:
    generated = PurePosixPath("experiments/machine/build_version.hpp")  # the build writes it, into its own folder
    wrong = [f"{file} -> {header}" for file, text in texts.items() for header in included(text) if header not in texts and header != generated]
    assert wrong == []


def test_folders_see_each_other_one_way(texts: dict[PurePosixPath, str]) -> None:
    assert circle(room_graph(texts)) == []


def test_a_type_is_defined_once(texts: dict[PurePosixPath, str]) -> None:
    places = defaultdict(list)
    for file, text in texts.items():
        for name in definitions(text):
            places[name].append(str(file))
    assert len(places) > 200
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_a_circle_and_a_second_definition_would_be_found() -> None:
    made = {
        PurePosixPath("core/a/one.hpp"): '#include "core/b/two.hpp"\nnamespace stepbench {\nstruct Same {\n};\n}  // namespace stepbench\n',
        PurePosixPath("core/b/two.hpp"): '#include "core/c/three.hpp"\nnamespace stepbench {\nnamespace {\nstruct Mine {\n}  // namespace\n',
        PurePosixPath("core/c/three.hpp"): '#include "core/a/one.hpp"\n',
    }
    assert circle(room_graph(made)) == ["core/a/one.hpp -> core/b/two.hpp", "core/b/two.hpp -> core/c/three.hpp", "core/c/three.hpp -> core/a/one.hpp"]
    assert [name for text in made.values() for name in definitions(text)] == ["stepbench::Same"]
