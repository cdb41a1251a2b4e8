"""The program and the shim that the tests of this folder share, from STEPBENCH and FAULT_SHIM."""

import os
from pathlib import Path

import pytest
from campaigns import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    paths = [Path(os.environ.get(name, "")).resolve() for name in ("STEPBENCH", "FAULT_SHIM")]
    for path in paths:
        if not path.is_file():
            pytest.fail("set STEPBENCH and FAULT_SHIM to the paths of the program and the shim")
    return Bench(paths[0], paths[1], tmp_path)
