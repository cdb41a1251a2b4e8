"""The report as a browser lays it out: it renders without complaint, wide and narrow, light, dark and printed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from browser import Browser, find_chromium
from conftest import script

_CHARTS = ("speed", "loss", "time", "phases", "threads", "batch", "peak", "noise")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("there is no Chromium (Debian: apt install chromium)")
    with Browser(chromium) as browser:
        yield browser


@pytest.fixture(scope="module")
def page(swept: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    done = script("report.py", swept, "-o", "page.html", cwd=folder)
    assert done.returncode == 0, done
    return folder / "page.html"


def shown(browser: Browser, selector: str) -> int:
    """How many such elements take up room."""
    return browser.evaluate(
        f"[...document.querySelectorAll('{selector}')].filter(e => e.getBoundingClientRect().width > 100).length"
    )


def test_the_page_loads_without_complaint_or_network(browser: Browser, page: Path) -> None:
    browser.problems.clear()
    browser.open(page, 1000)
    assert browser.evaluate("document.querySelector('h1').textContent") == "small"
    assert browser.problems == []


@pytest.mark.parametrize(("width", "form"), [(1000, "wide"), (360, "narrow")])
def test_every_chart_is_drawn_once_in_the_form_that_fits(browser: Browser, page: Path, width: int, form: str) -> None:
    browser.open(page, width)
    for name in _CHARTS:
        assert shown(browser, f"#chart-{name} svg") == shown(browser, f"#chart-{name} svg.{form}") == 1, name
        assert browser.evaluate(f"document.querySelectorAll('#chart-{name} svg.{form} path').length") > 10, name


@pytest.mark.parametrize("width", [360, 500, 601, 1000])
def test_nothing_is_wider_than_the_window(browser: Browser, page: Path, width: int) -> None:
    browser.open(page, width)
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [width, width]


def test_labels_stay_inside_their_chart(browser: Browser, page: Path) -> None:
    for width in (360, 1000):
        browser.open(page, width)
        outside = browser.evaluate(
            """[...document.querySelectorAll('svg text')].filter(text => {
              const own = text.getBoundingClientRect(), chart = text.closest('svg').getBoundingClientRect();
              return own.width > 0 && (own.left < chart.left - 1 || own.right > chart.right + 1);
            }).map(text => text.closest('figure').id + ': ' + text.textContent)"""
        )
        assert outside == []


def test_dark_and_light_differ_and_paper_is_light(browser: Browser, page: Path) -> None:
    def looks(**how: object) -> list[str]:
        browser.open(page, 1000, **how)
        return [browser.evaluate(f"getComputedStyle({what}).{style}") for what, style in (
            ("document.body", "backgroundColor"), ("document.querySelector('svg.wide text')", "fill"))]  # fmt: skip

    light = looks()
    assert light == ["rgb(255, 255, 255)", "rgb(27, 28, 30)"]
    assert looks(dark=True) == ["rgb(22, 24, 27)", "rgb(230, 231, 233)"]
    assert looks(dark=True, media="print") == light
