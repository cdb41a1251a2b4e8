"""What a version of the schema promises is required; what an older one did not know is filled."""

import subprocess
from pathlib import Path

import h5py
import numpy
import pytest

import stepbench_results
from conftest import Change, Modify


def shown(program: Path, file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, "show", file], capture_output=True, encoding="utf-8", timeout=60)


def without_measurement(file: h5py.File) -> None:
    del file["groups/s1"].attrs["measurement"]


def without_noise_floor(file: h5py.File) -> None:
    del file["summary/noise_floor"]


def as_version_1(change: Change) -> Change:
    def changed(file: h5py.File) -> None:
        change(file)
        file.attrs["schema_version"] = numpy.int64(1)

    return changed


@pytest.mark.parametrize("lack", [without_measurement, without_noise_floor])
def test_a_field_that_the_version_has_is_required_and_one_that_it_has_not_is_filled(
    program: Path, plain: Path, modified: Modify, lack: Change
) -> None:
    missing = "measurement" if lack is without_measurement else "noise_floor"
    refused = shown(program, modified(plain, lack))
    assert refused.returncode == 2 and missing in refused.stderr
    older = modified(plain, as_version_1(lack))
    assert shown(program, older).returncode == 0
    assert len(stepbench_results.open(older).summary) == 3
