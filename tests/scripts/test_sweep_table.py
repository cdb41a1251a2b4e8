"""The table of two settings, of sweeps in which a trial may have no use for one of them."""

from pathlib import Path

import h5py

from conftest import Modify, script

ASKED = ("--rows", "training.batch_size", "--columns", "threads", "--value", "final_train_loss")


def without(file: h5py.File, batch_size: int | None) -> None:
    for trial in file["trials"].values():
        if batch_size in (None, trial.attrs["training.batch_size"]):
            del trial.attrs["training.batch_size"]


def test_a_trial_without_the_setting_is_left_out(swept: Path, modified: Modify, tmp_path: Path) -> None:
    done = script("sweep_table.py", modified(swept, lambda file: without(file, 16)), *ASKED, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line.split("|")[1].strip() for line in done.stdout.splitlines()] == ["batch size", "---", "32"]


def test_a_setting_that_no_trial_has_is_refused(swept: Path, modified: Modify, tmp_path: Path) -> None:
    done = script("sweep_table.py", modified(swept, lambda file: without(file, None)), *ASKED, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "no trial has a setting training.batch_size" in done.stderr
