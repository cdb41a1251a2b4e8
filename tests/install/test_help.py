"""The help of every command is whole: a sentence for the list of commands, an example that is true, lines that fit.

The program's path is in STEPBENCH.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

BINARY = Path(os.environ.get("STEPBENCH", "")).resolve()
EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
WIDTH = 120  # columns


def help_of(*command: str) -> str:
    done = subprocess.run([BINARY, *command, "--help"], capture_output=True, encoding="utf-8", timeout=60)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout


VERBS = re.findall(r"^  (\S+) ", help_of(), re.MULTILINE) if BINARY.is_file() else []


def example_of(verb: str) -> list[str]:
    return help_of(verb).partition("\nExample:\n")[2].split()


@pytest.mark.parametrize("verb", VERBS)
def test_the_list_of_commands_says_a_whole_sentence_of_each(verb: str) -> None:
    line = re.search(rf"^  {verb} +(.*)$", help_of(), re.MULTILINE)
    assert line and line[1].endswith((".", "?")), line


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_no_line_is_too_wide_for_a_terminal(verb: str) -> None:
    assert [line for line in help_of(*verb.split()).splitlines() if len(line) > WIDTH] == []


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_is_explained_apart_from_its_spelling(verb: str) -> None:
    options = [line for line in help_of(verb).splitlines() if re.match(r"  (-\w,|   ) --", line)]
    assert options and [line for line in options if not re.search(r"\S  +\S.*$", line[6:])] == []


@pytest.mark.parametrize("verb", VERBS)
def test_the_example_uses_the_command_and_options_that_it_has(verb: str) -> None:
    example = example_of(verb)
    assert example[:2] == ["stepbench", verb]
    assert {word for word in example if word.startswith("--")} <= set(re.findall(r"--[\w-]+", help_of(verb)))


@pytest.mark.parametrize("verb", ["check", "run", "export-data", "race"])
def test_the_example_names_a_shipped_experiment(verb: str) -> None:
    names = {config.stem for config in EXPERIMENTS.glob("*.cfg")}
    assert names & set(example_of(verb))


def test_the_programs_help_says_every_exit_code() -> None:
    codes = help_of().partition("Exit codes:")[2]
    assert [code for code in ("0", "1", "2", "3", "4", "5", "130") if not re.search(rf"\b{code} \w", codes)] == []
