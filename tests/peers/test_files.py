"""What a peer's script writes, and what it refuses."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy
import pytest

import peer_files
import stepbench_results
from conftest import MLP, SCRIPTS, Run

RunPeer = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def small(run_config: Run) -> Path:
    return run_config(MLP, "sweep.seed=1,2")


def assert_refused(done: subprocess.CompletedProcess[str], *mentions: str, code: int = 2) -> None:
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1), done
    missing = [word for word in mentions if word not in done.stderr]
    assert not missing, f"{done.stderr!r} does not mention {missing}"


def changed(file: Path, folder: Path, change: Callable[[h5py.File], None]) -> Path:
    """A sealed copy of a result file with something changed."""
    with peer_files.changeable(stepbench_results.read_image(file)) as copy:
        change(copy)
        peer_files.publish(peer_files.image_of(copy), folder / "changed.h5", overwrite=False)
    return folder / "changed.h5"


def test_show_lists_the_peer_beside_the_backends(
    small: Path, stepbench: Path, run_peer: RunPeer, tmp_path: Path
) -> None:
    done = run_peer("numpy_vectorised", small, "--threads", "1", "-o", "peers.h5")
    assert done.returncode == 0, done
    table = subprocess.run([stepbench, "show", "peers.h5"], cwd=tmp_path, capture_output=True, text=True)
    assert table.returncode == 0, table
    rows = [line.split()[:2] for line in table.stdout.splitlines() if " numpy_vectorised " in line]
    assert rows == [["2", "numpy_vectorised"]]


def test_trials_of_the_given_file_stay_as_they_are(small: Path, run_peer: RunPeer, tmp_path: Path) -> None:
    assert run_peer("numpy_vectorised", small, "--threads", "1", "-o", "peers.h5").returncode == 0
    with h5py.File(small) as before, h5py.File(tmp_path / "peers.h5") as after:
        names: list[str] = []
        before.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        for name in names:
            kept = after[name][: len(before[name])] if name.startswith("summary/") else after[name][()]
            numpy.testing.assert_array_equal(before[name][()], kept, err_msg=name)
            assert after[name].attrs["units"] == before[name].attrs["units"], name


def test_an_added_trial_is_of_the_schema_and_marked_unpaired(small: Path, run_peer: RunPeer, tmp_path: Path) -> None:
    assert run_peer("numpy_vectorised", small, "--threads", "1", "-o", "peers.h5").returncode == 0
    with h5py.File(tmp_path / "peers.h5") as file:
        added, reference = file["trials/numpy_vectorised-t1-s1"], file["trials/blas-t1-s1"]
        assert added.attrs["unpaired"] == 1 and "blas-t1-s1" == added.attrs["reference"]
        assert set(reference.attrs) - set(added.attrs) == {"cpus", "measure.pin"}  # of which it knows nothing
        for name in ("steps", "epochs", "parameters/initial", "parameters/final"):
            assert list(added[name]) == list(reference[name])
            for column, dataset in added[name].items():
                other = reference[name][column]
                assert (dataset.dtype, dataset.shape) == (other.dtype, other.shape), column
                assert dataset.attrs["units"] == other.attrs["units"], column
        assert added["steps/phase_time"].dims[1][0][()].tolist() == reference["steps/phase"][()].tolist()
        row = list(file["summary/id"].asstr()).index("numpy_vectorised-t1-s1")
        assert file["summary/step_time_median"][row] > 0
        assert numpy.isnan(file["summary/speed_ratio_low"][row])


def test_pytorch_gets_the_best_of_its_settings(small: Path, stepbench: Path, run_peer: RunPeer, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed (Debian: python3-torch)")
    done = run_peer("pytorch", small, "--trial", "blas-t1-s2", "--threads", "2", "--steps", "20", "-o", "peers.h5")
    assert done.returncode == 0, done
    with h5py.File(tmp_path / "peers.h5") as file:
        trial = file["trials/pytorch-t2-s2"]
        tried = dict(setting.split(": ") for setting in trial.attrs["settings_tried"].split("; "))
        times = {setting: float(time.removesuffix(" ms")) for setting, time in tried.items()}
        assert {"OMP_WAIT_POLICY=active", "OMP_WAIT_POLICY=passive"} <= set(times)
        assert trial.attrs["setting"] == min(times, key=times.__getitem__)
        assert len(trial["steps/wall_time"]) == 20


def test_a_peer_with_other_losses_gets_no_times(small: Path, run_peer: RunPeer, tmp_path: Path) -> None:
    def scale_weights(file: h5py.File) -> None:
        file["trials/blas-t1-s1/parameters/initial/layers.0.weight"][...] *= 1.01

    given = changed(small, tmp_path, scale_weights)
    done = run_peer("numpy_vectorised", given, "--threads", "1", "--trial", "blas-t1-s1", "-o", "peers.h5")
    assert done.returncode == 5, done
    with h5py.File(tmp_path / "peers.h5") as file:
        trial = file["trials/numpy_vectorised-t1-s1"]
        assert trial.attrs["status"] == "failed" and "steps" not in trial
        row = list(file["summary/id"].asstr()).index("numpy_vectorised-t1-s1")
        assert numpy.isnan(file["summary/step_time_median"][row])


def test_a_peer_needs_no_pandas(small: Path, run_peer: RunPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pandas.py").write_text("raise ImportError('not installed')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with_tables = [sys.executable, "-c", "import pandas"]
    assert subprocess.run(with_tables, capture_output=True).returncode != 0
    done = run_peer("numpy_vectorised", small, "--threads", "1", "-o", "peers.h5")
    assert done.returncode == 0, done


def test_a_seed_from_two_to_the_63_on_is_added_with_its_bits(small: Path, run_peer: RunPeer, tmp_path: Path) -> None:
    def set_seed(file: h5py.File) -> None:
        file["trials/blas-t1-s1"].attrs["seed"] = numpy.int64(-3)

    given = changed(small, tmp_path, set_seed)
    done = run_peer("numpy_vectorised", given, "--threads", "1", "--trial", "blas-t1-s1", "-o", "peers.h5")
    assert done.returncode == 0, done
    with h5py.File(tmp_path / "peers.h5") as file:
        assert file["trials/numpy_vectorised-t1-s1"].attrs["seed"] == file["summary/seed"][-1] == -3


def test_what_a_peer_cannot_do_is_said(run_config: Run, run_peer: RunPeer) -> None:
    layerwise = run_config(MLP, "model.loss=squared_error", "training.update_order=layerwise")
    assert_refused(run_peer("numpy_vectorised", layerwise, "-o", "peers.h5"), "layerwise is not supported")


@pytest.mark.parametrize("damage", ["missing", "empty", "text", "truncated", "flipped", "unsealed"])
def test_a_broken_input_is_refused_in_one_line(small: Path, run_peer: RunPeer, tmp_path: Path, damage: str) -> None:
    content = bytearray(small.read_bytes())
    content[len(content) // 2] ^= 1
    broken = {"empty": b"", "text": b"no HDF5", "truncated": small.read_bytes()[:-100], "flipped": bytes(content),
              "unsealed": small.read_bytes()[:-32]}  # fmt: skip
    if damage in broken:
        (tmp_path / "broken.h5").write_bytes(broken[damage])
    assert_refused(run_peer("numpy_vectorised", "broken.h5", "-o", "peers.h5"), "broken.h5")
    assert not (tmp_path / "peers.h5").exists()


@pytest.mark.parametrize("override", ["record.parameters=all", "record.order=true"])
def test_a_file_without_what_is_needed_names_the_setting(
    run_config: Run, run_peer: RunPeer, override: str
) -> None:
    key, value = override.split("=")
    without = run_config(MLP, f"{key}={'none' if value == 'all' else 'false'}")
    assert_refused(run_peer("numpy_vectorised", without, "-o", "peers.h5"), f"--set {override}")


def test_other_data_are_refused(small: Path, run_config: Run, run_peer: RunPeer, tmp_path: Path) -> None:
    from peer import export_data

    [other] = peer_files.read_references(run_config(MLP, "dataset.seed=7"), None)
    data = export_data(other, tmp_path)
    assert_refused(run_peer("numpy_vectorised", small, "--data", data, "-o", "peers.h5"), "is not the data")


def test_an_existing_output_is_left_alone(small: Path, run_peer: RunPeer, tmp_path: Path) -> None:
    (tmp_path / "peers.h5").write_text("mine")
    assert_refused(run_peer("numpy_vectorised", small, "-o", "peers.h5"), "exists already", code=1)
    assert (tmp_path / "peers.h5").read_text() == "mine"


@pytest.mark.parametrize("arguments", [["--threads", "0"], ["--steps", "x"], ["--trial", "nope"]])
def test_a_bad_option_is_refused_in_one_line(small: Path, run_peer: RunPeer, arguments: list[str]) -> None:
    assert_refused(run_peer("numpy_vectorised", small, "-o", "peers.h5", *arguments), arguments[0], "found")


@pytest.mark.parametrize("overwrite", [(), ("--overwrite",)], ids=str)
@pytest.mark.parametrize("place", ["folder", "fifo", "missing folder"])
def test_output_that_is_no_place_for_a_file_is_refused_before_the_work(
    small: Path, run_peer: RunPeer, tmp_path: Path, place: str, overwrite: tuple[str, ...]
) -> None:
    if place == "folder":
        (tmp_path / "peers.h5").mkdir()
    elif place == "fifo":
        os.mkfifo(tmp_path / "peers.h5")
    else:
        (tmp_path / "peers.h5").symlink_to("no/such/folder")
    assert_refused(run_peer("numpy_vectorised", small, "-o", "peers.h5", *overwrite), "peers.h5: ", code=1)


def test_output_goes_where_a_link_leads(small: Path, run_peer: RunPeer, tmp_path: Path) -> None:
    (tmp_path / "peers.h5").symlink_to("there.h5")
    for overwrite in ((), ("--overwrite",)):
        done = run_peer("numpy_vectorised", small, "--threads", "1", "-o", "peers.h5", *overwrite)
        assert done.returncode == 0, done
        assert (tmp_path / "peers.h5").is_symlink() and (tmp_path / "there.h5").is_file()


def test_output_that_does_not_arrive_is_a_failure_in_one_line(small: Path, tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, SCRIPTS / "numpy_vectorised.py", small, "--threads", "1", "-o", "peers.h5"]
        done = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, timeout=240)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "numpy_vectorised.py: the standard output cannot be written: No space left on device"
    )
