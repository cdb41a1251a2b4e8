"""What bash offers for a command line: the script that the program prints, asked as bash asks it.

The program's path is in STEPBENCH. What must be offered is taken from the program's own help where it can be.
"""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

BINARY = Path(os.environ.get("STEPBENCH", "")).resolve()
# Bash splits a command line at COMP_WORDBREAKS before it calls the function; of those, = and : stand in ours.
BREAKS = re.compile(r"([=:])")


def printed(*arguments: str) -> str:
    return subprocess.run([BINARY, *arguments], capture_output=True, encoding="utf-8", check=True, timeout=60).stdout


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("completion") / "stepbench"
    path.write_text(printed("completion", "bash"))
    return path


def completions(script: Path, line: str, cwd: Path) -> set[str]:
    """What COMPREPLY holds with the cursor at the end of `line`."""
    words = [part for word in line.split(" ") for part in (BREAKS.split(word) if word else [""]) if part or not word]
    words[0] = str(BINARY)
    call = (
        f"set -e; source {shlex.quote(str(script))}; set +e; COMP_WORDS=({' '.join(map(shlex.quote, words))}); "
        f"COMP_CWORD={len(words) - 1}; _stepbench stepbench; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    command = ["bash", "--norc", "--noprofile", "-c", call]
    done = subprocess.run(command, cwd=cwd, capture_output=True, encoding="utf-8", timeout=60)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return set(done.stdout.split("\n")) - {""}


def verbs() -> list[str]:
    return re.findall(r"^  (\S+) ", printed("--help"), re.MULTILINE)


@pytest.mark.parametrize("verb", verbs() if BINARY.is_file() else [])
def test_every_verb_and_each_of_its_options_is_offered(script: Path, tmp_path: Path, verb: str) -> None:
    assert verb in completions(script, "stepbench ", tmp_path)
    options = set(re.findall(r"^  .{4}(--[\w-]+)", printed(verb, "--help"), re.MULTILINE))
    assert "--help" in options
    assert completions(script, f"stepbench {verb} --", tmp_path) == options


def test_hidden_verbs_are_not_offered(script: Path, tmp_path: Path) -> None:
    offered = completions(script, "stepbench ", tmp_path)
    assert offered == {*verbs(), "--help", "--version"}


def test_each_of_many_files_is_completed(script: Path, tmp_path: Path) -> None:
    for name in ("one.h5", "two.h5"):
        (tmp_path / name).touch()
    for given in ("", "one.h5 ", "one.h5 two.h5 "):
        for command in ("collect", "compare"):
            assert completions(script, f"stepbench {command} {given}", tmp_path) == {"one.h5", "two.h5"}
    assert completions(script, "stepbench show one.h5 ", tmp_path) == set()


def test_what_was_begun_is_completed(script: Path, tmp_path: Path) -> None:
    assert completions(script, "stepbench exp", tmp_path) == {"export-data"}
    assert completions(script, "stepbench run x --dry", tmp_path) == {"--dry-run"}


def test_every_key_is_offered_after_set(script: Path, tmp_path: Path) -> None:
    keys = {line.split()[0] + "=" for line in printed("list", "keys").splitlines()[1:]}
    assert len(keys) > 40
    assert completions(script, "stepbench run quick --set ", tmp_path) == keys


@pytest.mark.parametrize("line", ["check quick --set training.up", "check --set=training.up"])
def test_a_key_is_completed_in_either_spelling_of_the_option(script: Path, tmp_path: Path, line: str) -> None:
    assert completions(script, f"stepbench {line}", tmp_path) == {"training.update_order="}


def test_a_keys_value_is_not_taken_for_the_config(script: Path, tmp_path: Path) -> None:
    (tmp_path / "4.cfg").touch()
    assert completions(script, "stepbench run --set training.epochs=4", tmp_path) == set()
    assert completions(script, "stepbench run --set training.epochs=4 4", tmp_path) == {"4.cfg"}


def test_experiments_and_configs_are_offered_as_config(script: Path, tmp_path: Path) -> None:
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "shipped.cfg").touch()
    (tmp_path / "my own.cfg").touch()
    (tmp_path / "notes.txt").touch()
    assert completions(script, "stepbench run ", tmp_path) >= {"shipped", "my own.cfg", "experiments"}
    assert "notes.txt" not in completions(script, "stepbench run ", tmp_path)
    assert completions(script, "stepbench run experiments/", tmp_path) == {"experiments/shipped.cfg"}
    assert completions(script, "stepbench race a b sh", tmp_path) == {"shipped"}


@pytest.mark.parametrize("line", ["show r", "compare r", "compare a.h5 r", "run quick -o r", "run quick --output=r"])
def test_result_files_are_offered_where_one_is_named(script: Path, tmp_path: Path, line: str) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "run.h5").touch()
    (tmp_path / "run.txt").touch()
    assert completions(script, f"stepbench {line}", tmp_path) == {"results", "run.h5"}


def test_nothing_is_offered_after_the_last_argument(script: Path, tmp_path: Path) -> None:
    (tmp_path / "run.h5").touch()
    assert completions(script, "stepbench show a.h5 ", tmp_path) == set()


@pytest.mark.parametrize(
    ("line", "choices"),
    [
        ("list ", {"backends", "datasets", "models", "experiments", "keys"}),
        ("compare a.h5 --format ", {"text", "md", "latex", "json", "csv"}),
        ("doctor --format=j", {"json"}),
    ],
)
def test_what_has_a_few_values_is_offered_them(script: Path, tmp_path: Path, line: str, choices: set[str]) -> None:
    assert completions(script, f"stepbench {line}", tmp_path) == choices
