"""Studies of scaling: what is kept as it is while ranks or threads grow, what is compared, and the model of it."""

import subprocess
from pathlib import Path

import h5py
import pytest

from test_program import MLP, PROGRAM, digests, run

STUDY = MLP.replace("ranks = 1,2,3,4,8\nthreads = 1,2", "ranks = 1,2,3")


def batches(folder: Path) -> dict[str, int]:
    with h5py.File(folder / "ranks.h5") as file:
        return dict(zip(file["summary/id"].asstr()[()], file["summary/batch_size"][()].tolist(), strict=True))


def test_weak_scaling_trains_on_as_much_more_as_there_are_ranks(tmp_path: Path) -> None:
    done = run(tmp_path, STUDY, "scaling.kind=weak", "training.batch_size=200")
    assert done.returncode == 0, done.stderr
    assert batches(tmp_path) == {"tbb-r1-t1-s1": 200, "tbb-r2-t1-s1": 400, "tbb-r3-t1-s1": 600}
    weak = digests(tmp_path)
    assert len(set(weak.values())) == 3 and " NO" not in done.stdout
    (tmp_path / "ranks.h5").unlink()
    assert run(tmp_path, STUDY, "sweep.training.batch_size=400,600", "sweep.ranks=2,3").returncode == 0
    strong = digests(tmp_path)
    assert weak["tbb-r2-t1-s1"] == strong["tbb-r2-t1-s1-batch_size400"]
    assert weak["tbb-r3-t1-s1"] == strong["tbb-r3-t1-s1-batch_size600"]


def test_speeds_of_weak_scaling_are_of_samples(tmp_path: Path) -> None:
    assert run(tmp_path, STUDY, "scaling.kind=weak", "training.batch_size=200", "sweep.ranks=1,2").returncode == 0
    with h5py.File(tmp_path / "ranks.h5") as file:
        rounds = file["groups/s1/rounds"]
        times = dict(zip(rounds["trial"].asstr()[()], rounds["step_time"][()].T, strict=True))
        ratio = (times["tbb-r1-t1-s1"] / times["tbb-r2-t1-s1"]).prod() ** (1 / len(times["tbb-r1-t1-s1"]))
        assert file["summary/speed_ratio"][1] == pytest.approx(2 * ratio)


def test_throughput_is_of_networks_that_know_nothing_of_each_other(tmp_path: Path) -> None:
    done = run(tmp_path, STUDY, "scaling.kind=throughput", "sweep.ranks=0,1,3")
    assert done.returncode == 0, done.stderr
    assert batches(tmp_path) == {"tbb-t1-s1": 600, "tbb-r1-t1-s1": 600, "tbb-r3-t1-s1": 1800}
    assert len(set(digests(tmp_path).values())) == 1  # also that of the one without ranks: nothing is added up in leaves
    with h5py.File(tmp_path / "ranks.h5") as file:
        operations = dict(zip(file["summary/id"].asstr()[()], file["summary/flops_per_step"][()], strict=True))
    assert operations["tbb-r3-t1-s1"] == 3 * operations["tbb-r1-t1-s1"]


def test_the_model_has_the_numbers_that_it_says(tmp_path: Path) -> None:
    done = run(tmp_path, STUDY, "scaling.kind=strong", "scaling.predict=16", "sweep.ranks=1,2")
    assert done.returncode == 0, done.stderr
    with h5py.File(tmp_path / "ranks.h5") as file:
        trial = file["trials/tbb-r2-t1-s1"]
        assert trial.attrs["link_latency"] > 0 and trial.attrs["link_bandwidth"] > 1e6
        assert "link_latency" not in file["trials/tbb-r1-t1-s1"].attrs
        study = trial["study"]
        assert study["workers"][()].tolist() == [1, 2, 4, 8, 16] and (study["samples"][()] == 600).all()
        assert study["step_time"][0] == pytest.approx(600 * study.attrs["sample_time"] + study.attrs["fixed_time"])
        # 600 samples are 10 leaves of 64 (the last of 24), so that with 8 ranks some have two, and with 16 none has more than one
        computing = [128 * study.attrs["sample_time"], 64 * study.attrs["sample_time"]]
        assert all(step > least for step, least in zip(study["step_time"][3:], computing, strict=True))
    heading = done.stdout.index("strong scaling of tbb, 1 thread a rank (s1):")
    assert "16*" in done.stdout[heading:] and "nobody has measured it" in done.stdout[heading:]


def test_threads_of_the_program_are_studied_too(tmp_path: Path) -> None:
    done = run(tmp_path, STUDY, "scaling.kind=strong", "sweep.ranks=0", "sweep.threads=1,2", "scaling.predict=4")
    assert done.returncode == 0, done.stderr
    heading = done.stdout.index("strong scaling of tbb (s1):")
    assert "it cannot be off, and says little" in done.stdout[heading:]
    with h5py.File(tmp_path / "ranks.h5") as file:
        assert file["trials/tbb-t1-s1/study/workers"][()].tolist() == [1, 2, 4]


def test_weak_scaling_beyond_the_data_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path, STUDY, "scaling.kind=weak", "sweep.ranks=1,8")
    assert done.returncode == 2 and not (tmp_path / "ranks.h5").exists()
    [line] = done.stderr.splitlines()
    assert "training.batch_size: found \"600\"" in line and "8 need 4800 training samples" in line and "allowed: at most 225" in line


def test_what_weak_scaling_learned_is_not_compared(tmp_path: Path) -> None:
    assert run(tmp_path, STUDY, "scaling.kind=weak", "training.batch_size=200", "sweep.ranks=1,2").returncode == 0
    done = subprocess.run([PROGRAM, "compare", "ranks.h5"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "tbb-r2-t1-s1 was trained on other batches than tbb-r1-t1-s1" in done.stdout + done.stderr
