"""scripts/slurm/sweep.sbatch under a real Slurm: the collected file against that of one undisturbed run."""

import os
from pathlib import Path

import h5py
import pytest

from cluster import Cluster
from sweep import LONG, Sweep, make_sweep


def test_an_array_of_four_is_collected_by_a_job_that_waits_for_it(cluster: Cluster, program: Path, tmp_path: Path) -> None:
    sweep = make_sweep(cluster, program, tmp_path, shards=4, seeds=6, steps=24)
    job = sweep.submit()
    assert cluster.end_of(sweep.collect_after(job)) == {"COMPLETED"}
    assert cluster.states(job) == {"COMPLETED"}
    assert sweep.collected() == sweep.undisturbed()


def test_a_job_has_the_cores_of_its_allocation(cluster: Cluster, program: Path, tmp_path: Path) -> None:
    """The kernel's word for them, the affinity mask, is Slurm's."""
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("on a machine of one core every job has that one")
    make_sweep(cluster, program, tmp_path, shards=1, seeds=1, steps=24)
    job = cluster.submit("--cpus-per-task=1", f"--wrap={program} run small.cfg -q -o out.h5", cwd=tmp_path)
    assert cluster.end_of(job) == {"COMPLETED"}
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["environment"].attrs["cores"] == 1


@pytest.fixture
def long(cluster: Cluster, program: Path, tmp_path: Path) -> Sweep:
    return make_sweep(cluster, program, tmp_path, shards=2, seeds=4, steps=LONG)


def test_a_task_that_is_requeued_in_mid_run_goes_on_to_the_same_bits(cluster: Cluster, long: Sweep) -> None:
    job = long.submit()
    last = long.collect_after(job)
    long.wait_for_a_group(1)
    cluster.command("scontrol", "requeue", f"{job}_1", cwd=long.folder)
    assert cluster.end_of(last) == {"COMPLETED"}
    assert "2 of 4 trials are finished and kept" in long.log(job, 1)
    assert long.collected() == long.undisturbed()


def test_a_task_that_is_out_of_time_requeues_itself_and_goes_on_to_the_same_bits(cluster: Cluster, long: Sweep) -> None:
    job = long.submit()
    last = long.collect_after(job)
    long.wait_for_a_group(2)
    cluster.command("scancel", "--batch", "--signal=USR1", f"{job}_2", cwd=long.folder)
    assert cluster.end_of(last) == {"COMPLETED"}
    assert "2 of 4 trials are finished and kept" in long.log(job, 2)
    assert long.collected() == long.undisturbed()


def test_a_task_that_was_requeued_often_enough_says_so_and_ends(cluster: Cluster, long: Sweep) -> None:
    job = long.submit(most_requeues=0)
    long.wait_for_a_group(1)
    cluster.command("scancel", "--batch", "--signal=USR1", f"{job}_1", cwd=long.folder)
    assert cluster.end_of(f"{job}_1") == {"FAILED"}
    assert "out of time after 0 requeues; submit it again to go on" in long.log(job, 1)
    cluster.command("scancel", job, cwd=long.folder)


def test_an_array_that_is_submitted_again_runs_what_is_not_finished(cluster: Cluster, program: Path, tmp_path: Path) -> None:
    sweep = make_sweep(cluster, program, tmp_path, shards=2, seeds=2, steps=24)
    assert cluster.end_of(sweep.submit()) == {"COMPLETED"}
    sweep.file(1).unlink()
    finished = sweep.file(2).read_bytes()
    job = sweep.submit()
    assert cluster.end_of(job) == {"COMPLETED"}
    assert sweep.file(1).is_file() and "nothing to do" in sweep.log(job, 2)
    assert sweep.file(2).read_bytes() == finished
