"""Runs the real program, as a user would. Its path is in the environment variable STEPBENCH."""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from inputs import Changes, write_config

LONGEST_RUN = 120  # s; far above any run of these tests, so that a hang is a failure


@dataclass(frozen=True)
class Outcome:
    code: int
    stdout: str
    stderr: str


def without_warnings(stderr: str) -> str:
    """A busy machine makes the program warn of it, whatever a test is about."""
    return "".join(line for line in stderr.splitlines(True) if not line.startswith("stepbench: warning: "))


@dataclass(frozen=True)
class Program:
    binary: Path

    def __call__(self, *arguments: object, cwd: Path) -> Outcome:
        done = subprocess.run(
            self._command(arguments), cwd=cwd, capture_output=True, timeout=LONGEST_RUN, encoding="utf-8"
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: object, cwd: Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._command(arguments), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
        )

    def start_on(
        self, terminal: int, *arguments: object, cwd: Path, environment: dict[str, str]
    ) -> subprocess.Popen[str]:
        """With a terminal as its stderr."""
        return subprocess.Popen(
            self._command(arguments), cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=terminal, encoding="utf-8"
        )

    def _command(self, arguments: tuple[object, ...]) -> list[str]:
        return [str(self.binary), *map(str, arguments)]


@dataclass(frozen=True)
class Run:
    """A finished run and its result file."""

    outcome: Outcome
    file: Path
    config: Path


RunConfig = Callable[..., Run]


@pytest.fixture(scope="session")
def program() -> Program:
    binary = Path(os.environ.get("STEPBENCH", "")).resolve()
    if not binary.is_file():
        pytest.fail("set STEPBENCH to the program's path")
    return Program(binary)


@pytest.fixture(scope="session")
def run_config(program: Program, tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    """run_config(changes, *options): trains the small config, changed, in its own folder; fails unless it exits 0."""

    def run(changes: Changes = {}, *options: object) -> Run:
        folder = tmp_path_factory.mktemp("run")
        config = write_config(folder, changes)
        outcome = program("run", config.name, "-o", "out.h5", *options, cwd=folder)
        assert outcome.code == 0, outcome
        return Run(outcome, folder / "out.h5", config)

    return run
