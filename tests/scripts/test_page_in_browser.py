"""The report as a browser lays it out: it renders without complaint, wide and narrow, light, dark and printed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from browser import Browser, find_chromium
from conftest import script

_CHARTS = ("speed", "loss", "time", "phases", "roofline", "threads", "batch", "peak", "noise")


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


def picked(browser: Browser, field: str, value: str) -> list[object]:
    """What the page shows after its form is changed: its words, the settings, how many rows of the tables."""
    browser.evaluate(f"(() => {{ const field = document.querySelector('#pick {field}'); field.value = '{value}'; "
                     "field.dispatchEvent(new Event('input', {bubbles: true})); })()")  # fmt: skip
    return what_is_shown(browser)


def what_is_shown(browser: Browser) -> list[object]:
    return [browser.evaluate(expression) for expression in (
        "document.querySelector('#pick output').textContent",
        "[...document.querySelectorAll('details.setting:not([hidden]) > summary')].map(e => e.textContent)",
        "document.querySelectorAll('tr[data-setting]:not([hidden])').length",
    )]  # fmt: skip


def test_a_setting_is_picked_and_rows_are_searched(browser: Browser, page: Path) -> None:
    browser.open(page, 1000)
    assert shown(browser, "#pick") == 1
    both, rows = ["batch size 16", "batch size 32"], 12 + 24  # seeds together, and each trial
    assert picked(browser, "select", "batch size 16") == ["1 of 2 settings", both[:1], rows // 2]
    assert browser.evaluate("document.querySelector('details.setting:not([hidden])').open")
    assert shown(browser, "details.setting:not([hidden]) svg.small") == 4
    assert picked(browser, "select", "") == ["2 of 2 settings", both, rows]
    assert picked(browser, "input", "NEURON")[2] == rows // 3
    assert picked(browser, "input", "unsupported neuron")[2] == rows // 6
    browser.evaluate("document.querySelector('#pick button').click()")
    assert what_is_shown(browser) == ["2 of 2 settings", both, rows]
    assert browser.problems == []


def test_small_charts_keep_their_labels_inside(browser: Browser, page: Path) -> None:
    for width in (360, 1000):
        browser.open(page, width)
        browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        outside = browser.evaluate(
            """[...document.querySelectorAll('svg.small text')].filter(text => {
              const own = text.getBoundingClientRect(), chart = text.closest('svg').getBoundingClientRect();
              return own.left < chart.left - 1 || own.right > chart.right + 1;
            }).map(text => text.textContent)"""
        )
        assert outside == [] and shown(browser, "svg.small") == 8


def test_the_form_is_not_printed(browser: Browser, page: Path) -> None:
    browser.open(page, 1000, media="print")
    assert shown(browser, "#pick") == 0 and shown(browser, "#decision") == 1


def test_dark_and_light_differ_and_paper_is_light(browser: Browser, page: Path) -> None:
    def looks(**how: object) -> list[str]:
        browser.open(page, 1000, **how)
        return [browser.evaluate(f"getComputedStyle({what}).{style}") for what, style in (
            ("document.body", "backgroundColor"), ("document.querySelector('svg.wide text')", "fill"))]  # fmt: skip

    light = looks()
    assert light == ["rgb(255, 255, 255)", "rgb(27, 28, 30)"]
    assert looks(dark=True) == ["rgb(22, 24, 27)", "rgb(230, 231, 233)"]
    assert looks(dark=True, media="print") == light
