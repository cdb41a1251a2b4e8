"""The quick part of the campaigns of failing calls and full disks, and the order of the calls."""

import re

import campaigns
import pytest
from campaigns import Bench


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
