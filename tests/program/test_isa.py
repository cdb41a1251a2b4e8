"""The instruction set of the kernels: chosen when the program starts, recorded, part of what a resumed run must agree in."""

import os
import subprocess
from pathlib import Path

import h5py
import pytest

from conftest import Program
from inputs import write_config

BACKENDS = {"sweep.backend": "blas,tbb_openblas,tbb", "measure.baseline": "blas"}


def run(program: Program, isa: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "STEPBENCH_ISA": isa}
    environment.pop("OPENBLAS_CORETYPE", None)
    command = [str(program.binary), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("isa", ["portable", "avx2", "avx512", "avx512bf16"])
def test_every_backend_trains_on_it_and_it_is_recorded(program: Program, tmp_path: Path, isa: str) -> None:
    done = run(program, isa, "run", write_config(tmp_path, BACKENDS), "-o", "out.h5", cwd=tmp_path)
    if "which this CPU does not have" in done.stderr:
        pytest.skip(f"this CPU has no {isa}")
    assert done.returncode == 0, done.stderr
    with h5py.File(tmp_path / "out.h5") as file:
        environment = file["environment"].attrs
        assert environment["kernel_isa"] == isa
        assert {trial.attrs["status"] for trial in file["trials"].values()} == {"completed"}
        if isa == "avx2":  # OpenBLAS, too, does what it can on such a CPU
            assert environment["blas_core"] in ("Haswell", "Zen")


@pytest.mark.parametrize("command", [["list"], ["check", "small.cfg"], ["run", "small.cfg"]])
def test_one_that_there_is_not_is_refused(program: Program, tmp_path: Path, command: list[str]) -> None:
    write_config(tmp_path)
    done = run(program, "sse9", *command, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith('stepbench: STEPBENCH_ISA: found "sse9", allowed: portable'), done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "results").exists()


def test_a_resume_on_another_is_refused(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, {"sweep.backend": "tbb"})
    assert run(program, "portable", "run", config, "-o", "out.h5", cwd=tmp_path).returncode == 0
    done = run(program, "avx2", "run", config, "-o", "out.h5", "--resume", cwd=tmp_path)
    if "which this CPU does not have" in done.stderr:
        pytest.skip("this CPU has no other")
    assert done.returncode == 2
    assert "the kernels' instruction set: portable, now avx2" in done.stderr
