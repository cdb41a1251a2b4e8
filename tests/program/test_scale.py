"""`stepbench scale`: what it refuses, what it says of backends without tasks of their own, and that it can be stopped.

What it predicts is tested where the answer is known: tests/toy/test_scale.py. No time is asserted.
"""

import json
import signal
from pathlib import Path

import pytest

from conftest import LONGEST_RUN, Program
from inputs import Changes, write_config
from refusal import assert_mentions, contents, refused

QUICK: Changes = {"measure.rounds": 2, "sweep.backend": "neuron,blas"}


@pytest.mark.parametrize("cores", ["0", "x", "1025", "2,", "-4", "2.5", "2,,4", "9" * 30])
def test_numbers_of_cores_that_cannot_be_are_refused(program: Program, tmp_path: Path, cores: str) -> None:
    config = write_config(tmp_path)
    message = refused(program, tmp_path, "scale", config.name, f"--cores={cores}")
    assert_mentions(message, "scale: --cores: found ", "allowed: integers from 1 to 1024, as in 2,4,8")


def test_an_unknown_format_is_refused(program: Program, tmp_path: Path) -> None:
    message = refused(program, tmp_path, "scale", write_config(tmp_path).name, "--format", "xml")
    assert message == 'scale: --format: found "xml", allowed: text, json'


def test_a_config_that_cannot_be_is_refused_where_it_is_wrong(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, {"training.batchsize": 1})
    assert_mentions(refused(program, tmp_path, "scale", config.name), "small.cfg:", 'unknown key "training.batchsize"')


def test_a_config_is_needed(program: Program, tmp_path: Path) -> None:
    assert_mentions(refused(program, tmp_path, "scale"), "CONFIG")


def test_backends_without_tasks_of_their_own_get_a_line_that_says_why(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, QUICK)
    before = contents(tmp_path)
    outcome = program("scale", config.name, "--cores", "2,8", "-q", cwd=tmp_path)
    assert outcome.code == 0, outcome
    lines = outcome.stdout.splitlines()
    assert "neuron-s1: no prediction: neuron runs on one thread" in lines
    assert any(line.startswith("blas-s1: no prediction: blas has no tasks of its own") for line in lines)
    assert contents(tmp_path) == before


def test_each_condition_is_taken_once_and_other_seeds_are_said_to_be_left_out(program: Program, tmp_path: Path) -> None:
    changes = {**QUICK, "sweep.backend": "neuron", "sweep.seed": "3,4,5", "sweep.model.init": "he,xavier"}
    config = write_config(tmp_path, {**changes, "model.init": None})
    found = json.loads(program("scale", config.name, "--format", "json", "-q", cwd=tmp_path).stdout)
    assert [trial["id"] for trial in found["trials"]] == ["neuron-s3-inithe", "neuron-s3-initxavier"]
    assert found["groups_left_out"] == 4
    text = program("scale", config.name, "-q", cwd=tmp_path).stdout
    assert "4 of the config's 6 groups are left out, as they differ in their seed only" in text


def test_an_interrupt_ends_it_in_order(program: Program, tmp_path: Path) -> None:
    # An hour of rounds, which are told of as they pass.
    config = write_config(tmp_path, {"sweep.backend": "blas", "measure.rounds": 10_000})
    running = program.start("scale", config.name, "--cores", "1,2", cwd=tmp_path)
    assert running.stderr is not None
    while " round " not in (line := running.stderr.readline()):
        assert line and running.poll() is None, "it ended by itself"
    running.send_signal(signal.SIGINT)
    stdout, stderr = running.communicate(timeout=LONGEST_RUN)
    assert running.returncode == 130, stderr
    assert stdout == "" and "stepbench: interrupted: nothing is printed before all is measured" in stderr
