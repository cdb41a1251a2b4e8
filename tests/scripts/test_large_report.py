"""The report of a sweep of more settings than anybody reads one by one: seeds together, each setting by itself."""

import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

import stepbench_results
from conftest import Modify, script
from measure_large_report import config_text
from stepbench_report.collection import Collection
from stepbench_report.decision import decision
from stepbench_report.seed_table import seed_table

_TRIALS = 240
_SETTINGS = 12
_LARGEST_SETTING = 25_000  # bytes of a setting with 4 arms: 80 of them are 2 MB


class Page(HTMLParser):
    """Counts elements by name and id or class, and refuses what is not closed."""

    _VOID = {"meta", "link", "input", "br"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.settings_of_rows: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "tr" and "data-setting" in dict(attributes):
            self.settings_of_rows.append(str(dict(attributes)["data-setting"]))
        if tag not in self._VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="session")
def large(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 settings, 2 backends, 2 numbers of threads, 5 seeds."""
    folder = tmp_path_factory.mktemp("large")
    (folder / "large.cfg").write_text(config_text(_TRIALS))
    subprocess.run([program, "run", "large.cfg", "-q", "-o", "large.h5"], cwd=folder, check=True, capture_output=True)
    return folder / "large.h5"


@pytest.fixture(scope="session")
def page(large: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("page")
    done = script("report.py", large, "-o", "large.html", cwd=folder)
    assert done.returncode == 0 and done.stderr == "", done
    return (folder / "large.html").read_text()


def test_a_sweep_has_at_least_the_trials_that_are_asked_for() -> None:
    def counted(trials: int) -> int:
        [layers], [batches], [rates] = (re.findall(rf"{key} = (.*)", config_text(trials)) for key in ("layers", "size", "rate"))
        return 20 * len(layers.split("|")) * len(batches.split(",")) * len(rates.split(","))

    assert [counted(trials) for trials in (20, _TRIALS, 1600)] == [20, _TRIALS, 1600]


def test_the_first_screen_answers_in_three_sentences(page: str) -> None:
    [screen] = re.findall(r'<section class="verdicts" id="decision">(.*?)</section>', page, re.DOTALL)
    fastest, learned, spoiled = re.findall(r"<p>(.*?)</p>", screen, re.DOTALL)
    assert re.match(r"(blas|tbb) \(\d threads?\) is the fastest in \d+ of 12 settings, in \d+ of them beyond", fastest), fastest
    assert learned == "All learned the same as the baseline (36 compared)." or learned.startswith("Of 36 compared, "), learned
    assert spoiled.startswith("What could spoil it: noise alone makes up to "), spoiled
    assert page.index('id="decision"') < page.index("<h2>")


def test_seeds_are_together_and_each_trial_can_be_opened(page: str) -> None:
    rows = Page(page).settings_of_rows
    assert len(rows) == _TRIALS // 5 + _TRIALS
    assert rows.count("0") == 4 + 20
    assert f"<summary>Each of the {_TRIALS} trials</summary>" in page


def test_every_setting_has_its_sentences_charts_and_numbers_and_no_more_bytes_than_it_needs(page: str) -> None:
    settings = re.split(r'(?=<details class="setting")', page)[1:]
    settings[-1] = settings[-1][: settings[-1].index("<h2>")]
    assert len(settings) == _SETTINGS
    for setting in settings:
        assert "Which is fastest, and by how much?" in setting and "Do they learn the same?" in setting
        assert setting.count('<svg class="small"') == 4 and setting.count("<summary>The numbers") == 2
        assert len(setting.encode()) < _LARGEST_SETTING
    assert 'id="verdicts"' not in page  # it would say all of it in a row


def test_the_page_is_whole_without_its_script(page: str) -> None:
    [form] = re.findall(r'<form id="pick"[^>]*>', page)
    assert "hidden" in form and page.count(" hidden>") == 1  # all else is there without the script
    assert not re.search(r'(?:src|href)="(?!data:|#)', page) and "import(" not in page and "fetch(" not in page


def test_the_table_of_seeds_is_that_of_the_program(program: Path, large: Path, swept: Path) -> None:
    for path in (large, swept):
        shown = subprocess.run([program, "show", path], capture_output=True, encoding="utf-8", check=True).stdout
        table = seed_table(Collection([stepbench_results.open(path)]))
        for _, row in table.iterrows():
            if row["vs baseline"] == "–":
                continue
            line = [row[name] for name in ("samples/s", "vs baseline", "% of peak", "train loss", "val. loss") if name in row]
            assert re.search(r"\s+".join(map(re.escape, line)), shown), line


def test_what_did_not_complete_is_named_on_the_first_screen(large: Path, modified: Modify) -> None:
    def fail(file) -> None:  # noqa: ANN001
        for i, name in enumerate(file["summary/id"].asstr()[:]):
            if name.startswith("tbb-t1-s1-"):
                file["trials"][name].attrs["status"] = "failed"
                file["summary/status"][i] = "failed"

    trials = Collection([stepbench_results.open(modified(large, fail))])
    assert "12 of 240 trials did not complete (tbb-t1-s1-" in decision(trials)[2]
    assert " and 9 more)" in decision(trials)[2]
    assert set(seed_table(trials)["seeds"]) == {"5", "4 of 5"}
