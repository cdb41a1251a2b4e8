"""Every link between the pages leads somewhere, and every path that they name is there: chapters move, and what points at them stays behind."""
from pathlib import Path, PurePosixPath

import pytest

from links import files, links, named_paths, slugs, wrong_links, wrong_paths

ROOT = Path(__file__).resolve().parents[2]
PAGES = files(ROOT, "*.md")
# The change log says what was, under the names of its time.
OF_TODAY = [page for page in PAGES if page.name != "CHANGELOG.md"]


@pytest.fixture(scope="module")
def folders() -> set[str]:
    """Those at the top of the repository."""
    return {path.parts[0] for path in files(ROOT, "*") if len(path.parts) > 1}


def test_there_are_pages_links_and_paths(folders: set[str]) -> None:
    """Else the checks below hold of nothing."""
    texts = [(ROOT / page).read_text() for page in PAGES]
    assert {"README.md", "CONTRIBUTING.md", "experiments/README.md"} <= {str(page) for page in PAGES}
    assert {"core", "experiments", "scripts", "tests", "variants"} <= folders
    assert sum(len(links(text)) for text in texts) > 25
    assert sum(len(named_paths(text, folders)) for text in texts) > 50


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_leads_somewhere(page: PurePosixPath) -> None:
    assert wrong_links(ROOT, page) == []


@pytest.mark.parametrize("page", OF_TODAY, ids=str)
def test_every_path_that_is_named_exists(page: PurePosixPath, folders: set[str]) -> None:
    assert wrong_paths(ROOT, page, folders) == []


def test_headings_are_called_as_github_calls_them() -> None:
    text = "# The `tbb` backend, in [a word](x.md)\n## What's new?\n```\n# no heading\n```\n## A_b - c\n## What's new?\n"
    assert slugs(text) == {"the-tbb-backend-in-a-word", "whats-new", "a_b---c", "whats-new-1"}


def test_a_broken_link_a_broken_anchor_and_a_path_that_is_gone_would_be_found(tmp_path: Path) -> None:
    page = PurePosixPath("part/README.md")
    (tmp_path / "part").mkdir()
    (tmp_path / "other.md").write_text("# One\n")
    (tmp_path / page).write_text(
        "# Part\n[a](../other.md) [b](../other.md#one) [c](#part) [d](https://example.org/x#y) `[e](gone.md)` `part/README.md`\n"
        "[f](gone.md) ![g](gone.svg) [h](../other.md#two) [i](#two) [j](../../out.md) `part/gone.cpp` `part/NAME.cfg` `part/*.h`\n"
        "```\n[k](gone.md)\nrun part/gone.sh part/README.md\n```\n"
        "A lone ` hides nothing.\n\n[l](lone.md) `\n"
    )
    assert wrong_links(tmp_path, page) == [
        "part/README.md -> gone.md: there is no such file",
        "part/README.md -> gone.svg: there is no such file",
        "part/README.md -> ../other.md#two: it has no such heading",
        "part/README.md -> #two: it has no such heading",
        "part/README.md -> ../../out.md: there is no such file",
        "part/README.md -> lone.md: there is no such file",
    ]
    assert wrong_paths(tmp_path, page, ["part"]) == ["part/README.md: part/gone.sh", "part/README.md: part/gone.cpp"]
