"""Limits of the system: a run that cannot have what it needs says so in a line, and what can go on does."""

import errno
import re

import h5py
import limits
import pytest
from campaigns import Bench
from sweep import Sweep


@pytest.mark.parametrize("limit", limits.LIMITS, ids=lambda limit: limit.limit.replace("`", ""))
def test_run_under_a_limit_ends_as_the_table_says(bench: Bench, limit: limits.Limit) -> None:
    limits.observe(bench.program, limit)


def statuses(sweep: Sweep) -> dict[str, str]:
    with h5py.File(sweep.output) as file:
        return dict(zip(file["summary/id"].asstr()[:], file["summary/status"].asstr()[:], strict=True))


def test_trials_without_threads_fail_and_the_others_go_on(bench: Bench) -> None:
    """As in a container with a limit of processes: from the fourth on, no thread can be started."""
    sweep = bench.sweep("sweep", seeds=(1,), backends=("neuron", "blas", "tbb_openblas", "tbb"), rounds=1)
    ended = sweep.run(
        "--set", "sweep.threads=1,8", environment=bench.faults(sweep, "pthread_create", 4, errno.EAGAIN, good=True)
    )
    assert ended.code == 1 and ended.complaints() == [], ended
    found = statuses(sweep)
    assert {found[f"{backend}-t1-s1"] for backend in ("neuron", "blas", "tbb_openblas", "tbb")} <= {"completed", "unsupported"}
    assert (found["blas-t8-s1"], found["tbb_openblas-t8-s1"]) == ("failed", "failed")
    assert found["tbb-t8-s1"] in ("failed", "unsupported")


def test_threads_that_a_library_has_are_not_asked_for_again(bench: Bench) -> None:
    """OpenBLAS keeps its workers: the second group, of the same threads, needs none. Nor do oneTBB's."""
    for backend in ("blas", "tbb_openblas"):
        with limits.place(bench.program) as here:
            options = f"--set sweep.backend={backend} --set sweep.threads=8 --set sweep.seed=1,2"
            assert here.shell(f"ulimit -u 12; {limits.RUN} {options}", user=True).returncode == 0, backend


@pytest.mark.parametrize("kilobytes", [150_000, 300_000])
def test_trials_without_memory_for_openblas_fail_and_the_others_go_on(bench: Bench, kilobytes: int) -> None:
    with limits.place(bench.program) as here:
        assert here.shell(f"ulimit -v {kilobytes}; {limits.RUN}").returncode == 1
        found = statuses(here.sweep)
    assert found["neuron-t1-s1"] == "completed" and found["tbb-t1-s1"] in ("completed", "unsupported")
    assert (found["blas-t1-s1"], found["tbb_openblas-t1-s1"]) == ("failed", "failed")


def test_check_goes_on_with_what_can_compute(bench: Bench) -> None:
    with limits.place(bench.program) as here:
        done = here.shell("ulimit -v 150000; stepbench check small.cfg")
    assert done.returncode == 1, done
    verdicts = dict(re.findall(r"^(\S+) .* (passed|FAILED|failed)$", done.stdout, re.MULTILINE))
    assert verdicts["neuron-t1-s1"] == "passed" and verdicts["blas-t1-s1"] == "failed"
    assert "blas-t1-s1 failed: 256 MB more are needed" in done.stdout
