"""`stepbench plan`: what it refuses, what it says, and that it writes nothing. No time is asserted.

What it plans from known noise is tested in tests/base/test_detection.cpp.
"""

import re
from pathlib import Path

import pytest

from conftest import Program
from inputs import Changes, write_config
from refusal import assert_mentions, contents, refused

TWO: Changes = {"sweep.backend": "neuron,blas", "measure.rounds": 2}


@pytest.mark.parametrize(
    ("option", "found"),
    [("--detect=2", "2"), ("--detect=0%", "0%"), ("--detect=x%", "x%"), ("--power=1", "1"), ("--power=0.4", "0.4"),
     ("--power=nan", "nan"), ("--within=10", "10"), ("--within=0s", "0s"), ("--within=-1h", "-1h"), ("--within=1d", "1d")],
)  # fmt: skip
def test_what_cannot_be_planned_for_is_refused(program: Program, tmp_path: Path, option: str, found: str) -> None:
    message = refused(program, tmp_path, "plan", write_config(tmp_path, TWO).name, option)
    assert_mentions(message, f'plan: {option.partition("=")[0]}: found "{found}", allowed: ')


def test_a_config_that_compares_nothing_is_refused(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, {"sweep.backend": "blas"})
    assert_mentions(refused(program, tmp_path, "plan", config.name), "nothing is compared")


def test_blocks_that_do_not_alternate_are_refused(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, {**TWO, "measure.interleave": "false"})
    assert_mentions(refused(program, tmp_path, "plan", config.name), "measure.interleave = true")


def test_a_plan_says_rounds_and_time_for_each_comparison_and_writes_nothing(program: Program, tmp_path: Path) -> None:
    changes = {**TWO, "sweep.seed": "1,2", "sweep.training.batch_size": "16,32", "training.batch_size": None}
    config = write_config(tmp_path, changes)
    before = contents(tmp_path)
    outcome = program("plan", config.name, "--detect", "900%", "--within", "1h", "-q", cwd=tmp_path)
    assert outcome.code == 0, outcome
    assert contents(tmp_path) == before
    assert "to find a difference of 900% in 9 of 10 runs, from a pilot of 12 rounds" in outcome.stdout
    rows = re.findall(r"^(batch_size\d+)  blas-t1 vs neuron-t1 .*%  +\d\.\d\d  +>?\d+ ", outcome.stdout, re.MULTILINE)
    assert rows == ["batch_size16", "batch_size32"], outcome.stdout
    assert "within 60 min" in outcome.stdout and "of 2 comparisons each is planned" in outcome.stdout
    # Two rounds of each of two seeds are too few for an interval.
    assert outcome.stdout.count("nothing") == 2, outcome.stdout


def test_a_plan_of_auto_says_what_the_run_would_do(program: Program, tmp_path: Path) -> None:
    changes = {**TWO, "measure.rounds": "auto", "training.epochs": None, "training.steps": 400, "sweep.seed": "1,2,3"}
    config = write_config(tmp_path, changes)
    easy = program("plan", config.name, "--detect", "99999%", "-q", cwd=tmp_path)
    # Each seed has rounds for an interval of its own.
    assert "measure.rounds = auto: 12 and 8 after them for each of 3 seeds, about " in easy.stdout, easy
    assert "training.steps" not in easy.stdout


def test_a_plan_says_how_many_rounds_the_config_is_to_have(program: Program, tmp_path: Path) -> None:
    outcome = program("plan", write_config(tmp_path, TWO).name, "--detect", "99999%", "-q", cwd=tmp_path)
    assert re.search(r"^measure\.rounds = \d+, about ", outcome.stdout, re.MULTILINE), outcome
