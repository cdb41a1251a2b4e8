"""What a trial is labelled with is what it ran on: OpenBLAS's limits and flavours."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import h5py
import pytest

from conftest import Program, RunConfig
from inputs import DIGITS, write_config
from results import summary

CGROUPS = Path("/sys/fs/cgroup")
FLAVOURS = Path("/usr/lib/x86_64-linux-gnu")
THREE = {**DIGITS, "sweep.backend": "neuron,blas,tbb_openblas,tbb", "sweep.threads": "1,2"}


def openblas_of(flavour: str) -> Path:
    folder = FLAVOURS / f"openblas-{flavour}"
    if not (folder / "libopenblas.so.0").exists():
        pytest.skip(f"OpenBLAS's {flavour} flavour is not installed (Debian: libopenblas0-{flavour})")
    return folder


def run_with(program: Program, folder: Path, library: Path, *options: str) -> tuple[str, h5py.File]:
    config = write_config(folder, THREE)
    environment = os.environ | {"LD_LIBRARY_PATH": str(library)}
    command = [program.binary, "run", config, "-o", folder / "out.h5", *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stderr, h5py.File(folder / "out.h5")


def test_more_threads_than_openblas_was_built_for_are_unsupported(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, {"sweep.backend": "neuron,blas", "sweep.threads": "1,1000"})
    outcome = program("check", config, cwd=tmp_path)
    assert outcome.code == 0, outcome.stderr
    line = next(line for line in outcome.stdout.splitlines() if line.startswith("blas-t1000"))
    assert "unsupported: OpenBLAS was built for at most 64 threads" in line


def test_the_flavour_and_its_limit_are_recorded(run_config: RunConfig) -> None:
    with h5py.File(run_config().file) as file:
        assert file["environment"].attrs["openblas_threading"] == "pthreads"
        assert file["environment"].attrs["openblas_max_threads"] == 64


@pytest.fixture
def one_core_of_two() -> Iterator[Path]:
    """A control group (v2, or v1's cpu) whose processes get the time of one core."""
    v2 = (CGROUPS / "cgroup.controllers").exists()
    group = (CGROUPS if v2 else CGROUPS / "cpu") / f"stepbench-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        if v2:
            (group / "cpu.max").write_text("100000 100000")
        else:
            (group / "cpu.cfs_quota_us").write_text("100000")
        yield group
    except OSError as error:
        pytest.skip(f"no quota can be set here: {error}")
    finally:
        group.rmdir()


def test_a_quota_below_the_cores_counts_as_so_many_cores(
    program: Program, one_core_of_two: Path, tmp_path: Path
) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two cores")
    config = write_config(tmp_path, {"sweep.backend": "blas", "sweep.threads": "2"})
    script = f'echo $$ > {one_core_of_two}/cgroup.procs && exec "$0" run {config} -o out.h5'
    done = subprocess.run(["sh", "-c", script, program.binary], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "warning: 2 threads on 1 cores" in done.stderr
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["environment"].attrs["cores"] == 1
        assert file["environment"].attrs["cpu_quota"] == 1


def test_the_serial_flavour_has_no_threads_and_is_not_called_from_several(program: Program, tmp_path: Path) -> None:
    _, file = run_with(program, tmp_path, openblas_of("serial"))
    with file:
        assert file["environment"].attrs["openblas_threading"] == "none"
        status = summary(file, "status")
        assert status["blas-t1-s1"] == status["tbb-t2-s1"] == status["tbb_openblas-t1-s1"] == "completed"
        for trial in ("blas-t2-s1", "tbb_openblas-t2-s1"):
            assert status[trial] == "unsupported"
            assert "serial flavour" in file[f"trials/{trial}"].attrs["message"]


def test_under_the_openmp_flavour_no_trial_works_on_more_threads_than_it_has(program: Program, tmp_path: Path) -> None:
    _, file = run_with(program, tmp_path, openblas_of("openmp"))
    with file:
        assert file["environment"].attrs["openblas_threading"] == "OpenMP"
        threads, observed = summary(file, "threads"), summary(file, "threads_observed")
        for trial, status in summary(file, "status").items():
            if status == "completed":
                assert observed[trial] <= threads[trial], trial


def test_openmp_does_not_run_on_fewer_threads_than_it_says(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, {**THREE, "sweep.backend": "tbb,openmp,onednn"})
    done = subprocess.run([program.binary, "run", config, "-o", tmp_path / "out.h5"], cwd=tmp_path, text=True,
                          env=os.environ | {"OMP_THREAD_LIMIT": "1"}, capture_output=True, timeout=120)  # fmt: skip
    assert done.returncode == 0, done.stderr
    if "absent from this build" in done.stdout:
        pytest.skip("this build has no OpenMP")
    assert "openmp-t2-s1 unsupported: OMP_THREAD_LIMIT allows 1 thread" in done.stdout
    assert "onednn-t2-s1 unsupported: " in done.stdout
