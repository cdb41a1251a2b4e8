"""A backend's own settings: swept, stored, shown, compared and resumed like any other, within one group."""

from pathlib import Path

import h5py

from conftest import Program, RunConfig
from inputs import write_config

SWEEP = {"sweep.backend": "blas,tbb_openblas", "sweep.threads": "1,2", "sweep.backend.tbb_openblas.shard_rows": "8,16",
         "measure.rounds": "8", "training.epochs": "8"}  # fmt: skip
ARMS = [
    "blas-t1", "blas-t2",
    "tbb_openblas-t1-shard_rows8", "tbb_openblas-t1-shard_rows16",
    "tbb_openblas-t2-shard_rows8", "tbb_openblas-t2-shard_rows16",
]  # fmt: skip


def test_a_sweep_of_them_is_one_group_and_repeats_no_other_backend(run_config: RunConfig) -> None:
    done = run_config(SWEEP)
    assert done.outcome.code == 0, done.outcome.stderr
    with h5py.File(done.file) as file:
        assert list(file["trials"]) == [f"{arm}-s1" for arm in ARMS]
        assert list(file["groups"]) == ["s1"]
        stored = {name: trial.attrs.get("backend.tbb_openblas.shard_rows") for name, trial in file["trials"].items()}
    assert stored == {f"{arm}-s1": int(arm.split("shard_rows")[1]) if "shard" in arm else None for arm in ARMS}
    lines = done.outcome.stdout.splitlines()
    heading = next(line for line in lines if "backend" in line and "threads" in line)
    assert heading.split()[:2] == ["tbb_openblas.shard_rows", "backend"]
    rows = [line.split() for line in lines if "tbb_openblas " in line and "±" in line]
    assert [row[0] for row in rows] == ["8", "16", "8", "16"]
    assert all(row[-1] == "yes" for row in rows)  # the same on 1 and 2 threads, for each


def test_they_name_what_is_compared(program: Program, run_config: RunConfig) -> None:
    done = run_config(SWEEP)
    folder, baseline = done.file.parent, "tbb_openblas-t1-shard_rows8"
    against = program("compare", done.file, "--baseline", baseline, "--format", "csv", cwd=folder)
    assert against.code in (0, 4), against.stderr
    assert {arm for arm in ARMS if f"{arm}," in against.stdout} == set(ARMS)
    unknown = program("compare", done.file, "--baseline", "tbb_openblas-t1-shard_rows9", cwd=folder)
    assert unknown.code == 2
    assert 'did you mean "tbb_openblas-t1-shard_rows8"?' in unknown.stderr


def test_a_resume_with_another_value_is_refused(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, {"sweep.backend": "tbb_openblas", "backend.tbb_openblas.shard_rows": "8"})
    assert program("run", config, "-o", "out.h5", cwd=tmp_path).code == 0
    other = "backend.tbb_openblas.shard_rows=16"
    again = program("run", config, "-o", "out.h5", "--resume", "--set", other, cwd=tmp_path)
    assert again.code == 2
    assert "backend.tbb_openblas.shard_rows was 8, now 16" in again.stderr


def test_two_files_that_differ_in_one_say_so(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, {"sweep.backend": "tbb_openblas"})
    for name, options in (("a", []), ("b", ["--set", "backend.tbb_openblas.shard_rows=8"])):
        assert program("run", config, "-o", f"{name}.h5", *options, cwd=tmp_path).code == 0
    done = program("compare", "a.h5", "b.h5", cwd=tmp_path)
    assert done.code == 0, done.stderr
    assert "backend.tbb_openblas.shard_rows: not set; baseline: 8" in done.stdout


def test_keys_are_listed_with_the_backend_that_has_them(program: Program, tmp_path: Path) -> None:
    listed = program("list", "keys", cwd=tmp_path).stdout.splitlines()
    line = next(line for line in listed if line.startswith("backend.tbb_openblas.shard_rows"))
    assert "sweep.backend = tbb_openblas" in line
