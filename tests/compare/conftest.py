"""Files with planted speeds, losses and times to target, and the program that compares them."""

import os
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What write_compare_files.cpp writes."""
    path = tmp_path_factory.mktemp("compare")
    subprocess.run([os.environ["WRITE_COMPARE_FILES"], str(path)], check=True)
    return path


def run(*arguments: str | Path, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [os.environ["STEPBENCH"], *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def compare(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run("compare", *arguments, folder=folder)
