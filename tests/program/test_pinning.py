"""`measure.pin`: swept, stored, shown and resumed like any other setting of an arm; where it cannot be had, with the reason."""

import os
import subprocess
from pathlib import Path

import h5py
import pytest

from conftest import Program, RunConfig
from inputs import write_config

CPUS = sorted(os.sched_getaffinity(0))
needs_two = pytest.mark.skipif(len(CPUS) < 2, reason="this machine has one CPU")


def stored_cpus(file: Path) -> dict[str, str]:
    with h5py.File(file) as opened:
        return {name: trial.attrs["cpus"] for name, trial in opened["trials"].items() if "cpus" in trial.attrs}


@needs_two
def test_a_trial_stores_the_cpus_of_its_threads_and_a_sweep_of_pins_is_one_group(run_config: RunConfig) -> None:
    done = run_config({"sweep.backend": "neuron,blas,tbb", "sweep.threads": "1,2", "sweep.measure.pin": "none,compact"})
    stored = stored_cpus(done.file)
    for backend in ("blas", "tbb"):
        assert stored[f"{backend}-t1-pinnone-s1"] == stored[f"{backend}-t2-pinnone-s1"] == "not pinned"
        assert stored[f"{backend}-t1-pincompact-s1"].isdigit(), stored
        two = [int(cpu) for cpu in stored[f"{backend}-t2-pincompact-s1"].replace("-", ",").split(",")]
        assert len(two) == 2 and set(two) <= set(CPUS)
    assert stored["neuron-t1-pincompact-s1"].isdigit()
    with h5py.File(done.file) as file:
        assert list(file["groups"]) == ["s1"]
        assert file["trials/tbb-t2-pincompact-s1"].attrs["measure.pin"] == "compact"
    assert "neuron-t2-pincompact-s1" not in stored  # unsupported
    heading = next(line for line in done.outcome.stdout.splitlines() if "backend" in line and "threads" in line)
    assert heading.split()[:2] == ["pin", "backend"]


def test_check_says_which_cpus_and_why_none(program: Program, tmp_path: Path) -> None:
    many = len(CPUS) + 1
    config = write_config(
        tmp_path, {"sweep.backend": "tbb", "sweep.threads": f"1,{many}", "sweep.measure.pin": "none,compact"}
    )
    done = program("check", config, cwd=tmp_path)
    assert done.code == 0, done.stderr
    rows = {line.split()[0]: line.split()[-1] for line in done.stdout.split("\n\n")[1].splitlines() if "-t" in line}
    assert rows["tbb-t1-pinnone-s1"] == rows[f"tbb-t{many}-pincompact-s1"] == "any"
    assert int(rows["tbb-t1-pincompact-s1"]) in CPUS
    reason = f"not pinned: {many} threads, more than the CPUs allowed ({len(CPUS)})"
    assert f"{reason} (tbb-t{many}-pincompact)" in done.stdout
    assert f"warning: measure.pin = compact: {reason}" in done.stderr


def test_a_run_with_more_threads_than_cpus_is_not_pinned_and_stores_why(run_config: RunConfig) -> None:
    many = len(CPUS) + 1
    done = run_config({"sweep.backend": "tbb", "sweep.threads": str(many)})  # auto
    reason = f"not pinned: {many} threads, more than the CPUs allowed ({len(CPUS)})"
    assert stored_cpus(done.file) == {f"tbb-t{many}-s1": reason}
    assert "measure.pin" not in done.outcome.stderr  # nobody asked for it


@needs_two
def test_only_cpus_that_the_process_may_use_are_used(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, {"sweep.backend": "tbb", "measure.pin": "spread"})
    command = ["taskset", "-c", str(CPUS[-1]), program.binary, "run", config, "-o", "out.h5"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120).returncode == 0
    assert stored_cpus(tmp_path / "out.h5") == {"tbb-t1-s1": str(CPUS[-1])}


def test_a_topology_that_is_not_this_machine_s_pins_nothing(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, {"sweep.backend": "tbb", "measure.pin": "compact"})
    command = [program.binary, "run", config, "-o", "out.h5"]
    environment = {**os.environ, "HWLOC_SYNTHETIC": "core:64 pu:2"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=120, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    reason = "not pinned: hwloc was told of another machine (HWLOC_XMLFILE, HWLOC_SYNTHETIC)"
    assert stored_cpus(tmp_path / "out.h5") == {"tbb-t1-s1": reason}
    assert reason in done.stderr


def test_a_resume_with_another_pin_is_refused(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, {"sweep.backend": "tbb", "measure.pin": "none"})
    assert program("run", config, "-o", "out.h5", cwd=tmp_path).code == 0
    again = program("run", config, "-o", "out.h5", "--resume", "--set", "measure.pin=compact", cwd=tmp_path)
    assert again.code == 2
    assert "measure.pin was none, now compact" in again.stderr


def test_files_that_differ_in_it_can_be_compared_and_say_so(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, {"sweep.backend": "tbb"})
    for pin in ("none", "compact"):
        assert program("run", config, "-o", f"{pin}.h5", "--set", f"measure.pin={pin}", cwd=tmp_path).code == 0
    done = program("compare", "none.h5", "compact.h5", cwd=tmp_path)
    assert done.code == 0, done.stderr
    assert "measure.pin: none; baseline: compact" in done.stdout


def test_it_is_listed_completed_and_checked(program: Program, tmp_path: Path) -> None:
    listed = program("list", "keys", cwd=tmp_path).stdout.splitlines()
    line = next(line for line in listed if line.startswith("measure.pin"))
    assert "auto, none, compact, spread" in line
    config = write_config(tmp_path, {"sweep.backend": "tbb", "measure.pin": "compat"})
    done = program("check", config, cwd=tmp_path)
    assert done.code == 2
    assert 'found "compat", allowed: auto, none, compact, spread; did you mean "compact"?' in done.stderr
