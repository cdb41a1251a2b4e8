"""The quick part of the campaigns of failing calls and full disks, and the order of the calls."""

import errno
import fcntl
import os
import re

import campaigns
import pytest
from campaigns import Bench
from sweep import results


# What each file needs, a trial's and the collection's; fsync also of their folders, when made and when a file came.
@pytest.mark.parametrize(("call", "needed"), [("write", 4), ("fsync", 5), ("rename", 2), ("close", 2)])
def test_failing_calls_end_in_one_line_and_lose_nothing(bench: Bench, call: str, needed: int) -> None:
    tally = campaigns.fail_each_call(bench, (call,), goods=(False,), backends=("blas",))
    tally.assert_kept(at_least=needed)
    assert tally.notes[call] == needed, "calls whose failure ended the run"


def test_full_disk_ends_in_one_line_and_loses_nothing(bench: Bench) -> None:
    if not campaigns.can_mount():
        pytest.skip("mounting a small file system takes root and the right to mount")
    campaigns.fill_the_disk(bench, range(100, 1000, 400)).assert_kept(at_least=3)


def test_each_file_is_on_disk_before_it_gets_its_name(bench: Bench) -> None:
    """No test can cut the power; what would save the files then is the order of the calls."""
    sweep = bench.sweep("sweep", seeds=(1,), rounds=1)
    assert sweep.run(environment=bench.faults(sweep, "all", at=0, action=0, good=False)).code == 0
    calls = " ".join(bench.calls_logged())
    assert calls.count("rename") == 3, calls  # two trials and the collection
    assert len(re.findall(r"\bwrite fsync close rename fsync\b", calls)) == 3, calls


@pytest.mark.parametrize("error", [errno.ENOSYS, errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP])
@pytest.mark.parametrize("option", ["", "--resume", "--overwrite"])
def test_file_system_without_locks_is_written_to_with_a_warning(bench: Bench, error: int, option: str) -> None:
    sweep = bench.sweep("sweep", seeds=(1,), backends=("blas",), rounds=1)
    ended = sweep.run(*filter(None, [option]), environment=bench.faults(sweep, "flock", 1, error, good=True))
    assert (ended.code, bench.calls_logged().count("fault"), ended.complaints()) == (0, 2, []), ended
    assert f"warning: {sweep.trials} cannot be locked ({os.strerror(error)})" in ended.stderr
    assert sorted(path.name for path in sweep.folder.iterdir()) == ["out.h5", "small.cfg"]


def test_where_folders_cannot_be_locked_a_file_is(bench: Bench) -> None:
    """As over NFS. One run holds the file while another comes."""
    sweep = bench.sweep("sweep", seeds=(1,), backends=("blas",), rounds=1)
    sweep.trials.mkdir()
    fault = bench.faults(sweep, "flock", 1, errno.EBADF, good=False)
    with (sweep.trials / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        ended = sweep.run(environment=fault)
        assert ended.code == 1 and "another run is writing to" in ended.complaints()[0], ended
    ended = sweep.run(environment=bench.faults(sweep, "flock", 1, errno.EBADF, good=False))
    assert ended.code == 0 and "locked" not in ended.stderr, ended
    assert sorted(path.name for path in sweep.folder.iterdir()) == ["out.h5", "small.cfg"]


def test_lock_that_a_signal_interrupts_is_asked_for_again(bench: Bench) -> None:
    sweep = bench.sweep("sweep", seeds=(1,), backends=("blas",), rounds=1)
    ended = sweep.run(environment=bench.faults(sweep, "flock", 1, errno.EINTR, good=False))
    assert ended.code == 0 and "locked" not in ended.stderr and bench.calls_logged().count("flock") == 2, ended


def test_file_system_without_hard_links_or_renaming_without_replacing_is_written_to(bench: Bench) -> None:
    """As FAT, over an old kernel."""
    sweep = bench.sweep("sweep", seeds=(1,), backends=("blas",), rounds=1)
    assert sweep.run(environment=bench.faults(sweep, "rename", 0, 0, good=False, links=2)).code == 0
    assert list(results(sweep.output)) == sweep.ids
    before = sweep.output.read_bytes()
    ended = sweep.run(environment=bench.faults(sweep, "rename", 0, 0, good=False, links=2))
    assert ended.code == 1 and "exists" in ended.complaints()[0] and sweep.output.read_bytes() == before


@pytest.mark.parametrize("error", [errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF])
def test_folders_that_need_no_fsync_end_no_run(bench: Bench, error: int) -> None:
    """What is said of a folder is not true of a file: those that fail are the fsync of a trial and of the collection."""
    codes = []
    for at in range(1, 6):
        sweep = bench.sweep("sweep", seeds=(1,), backends=("blas",), rounds=1)
        codes.append(sweep.run(environment=bench.faults(sweep, "fsync", at, error, good=False)).code)
        assert "fault" in bench.calls_logged()
    assert codes == [0, 1, 0, 1, 0]
