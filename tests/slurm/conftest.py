"""A cluster for all tests of the session. The program's path is in the environment variable STEPBENCH."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import Cluster, what_is_missing


@pytest.fixture(scope="session")
def program() -> Path:
    binary = Path(os.environ.get("STEPBENCH", "")).resolve()
    if not binary.is_file():
        pytest.fail("set STEPBENCH to the program's path")
    return binary


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    missing = what_is_missing()
    if missing:
        pytest.skip(missing)
    up = Cluster(tmp_path_factory.mktemp("cluster"))
    yield up
    up.stop()
