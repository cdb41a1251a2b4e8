"""A sweep in shards: which groups each runs, how it goes on, and the joined file against that of one run of it all."""

import os
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy
import pytest
import xxhash

from conftest import Outcome, Program, Run, RunConfig
from inputs import hdf5_changes, line_of, write_config, write_hdf5
from refusal import assert_mentions, refused
from results import digests, losses, texts

CHANGES = {"sweep.seed": "1,2,3,4,5", "sweep.backend": "neuron,tbb", "training.epochs": 2}
ARRAY = {"SLURM_ARRAY_TASK_ID": "6", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "5"}


@pytest.fixture(scope="module")
def whole(run_config: RunConfig) -> Run:
    return run_config(CHANGES)


def run_shards(program: Program, folder: Path, *shards: str, options: tuple[str, ...] = ()) -> list[str]:
    """The names of their files."""
    write_config(folder, CHANGES)
    for shard in shards:
        outcome = program("run", "small.cfg", "--shard", shard, "-q", *options, cwd=folder)
        assert outcome.code == 0, outcome
    return [f"results/small-shard-{shard.replace('/', '-of-')}.h5" for shard in shards]


@pytest.fixture(scope="module")
def two_shards(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both; tests that write there copy it."""
    folder = tmp_path_factory.mktemp("two")
    run_shards(program, folder, "1/2", "2/2")
    return folder


@pytest.fixture
def shards(two_shards: Path, tmp_path: Path) -> Path:
    """A copy of it, to be spoilt."""
    return Path(shutil.copytree(two_shards, tmp_path / "copy"))


FIRST, SECOND = "results/small-shard-1-of-2.h5", "results/small-shard-2-of-2.h5"


def change(path: Path, edit: Callable[[h5py.File], None]) -> None:
    """A result file as another run would have left it: changed, and sealed anew."""
    path.write_bytes(path.read_bytes()[:-32])
    with h5py.File(path, "r+") as file:
        edit(file)
    image = path.read_bytes()
    path.write_bytes(image + struct.pack("<8sQ16s", b"\x89SBENCH\n", len(image), xxhash.xxh3_128(image).digest()))


def names(file: h5py.File) -> set[str]:
    """All that is in a file, attributes too, but for environments: groups of one run share theirs."""
    found = {f"@{attribute}" for attribute in file.attrs}

    def note(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if not name.endswith("environment"):
            found.update([name, *(f"{name}@{attribute}" for attribute in item.attrs)])

    file.visititems(note)
    return found


@pytest.mark.parametrize("count", [2, 3])
def test_collected_shards_are_what_one_run_of_the_sweep_is(
    program: Program, whole: Run, tmp_path: Path, count: int
) -> None:
    files = run_shards(program, tmp_path, *(f"{index}/{count}" for index in range(1, count + 1)))
    outcome = program("collect", *reversed(files), "-o", "all.h5", cwd=tmp_path)
    assert outcome.code == 0 and outcome.stderr == "", outcome
    assert outcome.stdout.endswith("\nresults: all.h5\n")
    joined = tmp_path / "all.h5"
    assert digests(joined) == digests(whole.file)
    found, expected = losses(joined), losses(whole.file)
    assert found.keys() == expected.keys()
    assert all(numpy.array_equal(found[key], expected[key]) for key in found)
    with h5py.File(joined) as file, h5py.File(whole.file) as reference:
        for place in ("trials", "groups"):
            assert list(file[place]) == list(reference[place])
        assert texts(file["summary/id"]) == texts(reference["summary/id"])
        assert file.attrs["config_text"] == reference.attrs["config_text"]
        assert names(file) == names(reference)


def test_a_shard_holds_every_nth_group_whole_and_says_what_it_is(two_shards: Path) -> None:
    with h5py.File(two_shards / SECOND) as file, h5py.File(two_shards / FIRST) as other:
        assert sorted(file["groups"]) == ["s2", "s4"] and sorted(other["groups"]) == ["s1", "s3", "s5"]
        assert texts(file["groups/s2/rounds/trial"]) == ["neuron-t1-s2", "neuron-t1-s2~twin", "tbb-t1-s2"]
        shard = file["shard"]
        assert (shard.attrs["index"], shard.attrs["count"]) == (2, 2)
        assert texts(shard["trial"]) == [f"{backend}-t1-s{seed}" for seed in range(1, 6) for backend in ("neuron", "tbb")]
        assert texts(shard["group"]) == [f"s{seed}" for seed in range(1, 6) for _ in range(2)]
        assert texts(shard["dataset_digest"])[2] == file["trials/neuron-t1-s2"].attrs["dataset_digest"]


def test_show_says_that_a_file_is_a_shard(program: Program, two_shards: Path) -> None:
    assert program("show", SECOND, cwd=two_shards).stdout.startswith("small (shard 2/2): ")


def test_other_commands_read_the_joined_file(program: Program, shards: Path) -> None:
    assert program("collect", FIRST, SECOND, "-o", "all.h5", cwd=shards).code == 0
    shown = program("show", "all.h5", cwd=shards)
    assert shown.code == 0 and shown.stdout.startswith("small: ")
    assert program("compare", "all.h5", cwd=shards).code == 0


def test_each_group_keeps_the_machine_that_it_ran_on(program: Program, shards: Path) -> None:
    def move(file: h5py.File) -> None:
        file["environment"].attrs["hostname"] = "elsewhere"

    change(shards / SECOND, move)
    outcome = program("collect", FIRST, SECOND, "-o", "all.h5", cwd=shards)
    assert "on 2 machines, whose times are not to be compared:" in outcome.stdout
    with h5py.File(shards / "all.h5") as file:
        names = {group: file[f"groups/{group}/environment"].attrs["hostname"] for group in file["groups"]}
    assert {group for group, name in names.items() if name == "elsewhere"} == {"s2", "s4"}


def test_missing_groups_are_named_with_their_shard(program: Program, two_shards: Path) -> None:
    message = refused(program, two_shards, "collect", FIRST, "-o", "all.h5")
    assert_mentions(message, "missing: s2 (shard 2/2), s4 (shard 2/2)")


def test_doubled_groups_are_named_with_their_files(program: Program, shards: Path) -> None:
    shutil.copy(shards / SECOND, shards / "again.h5")
    message = refused(program, shards, "collect", FIRST, SECOND, "again.h5", "-o", "all.h5")
    assert_mentions(message, "doubled: ", f"s2 ({SECOND}, again.h5)", "s4 (")
    assert "missing" not in message and "unfinished" not in message


KEEP = ("--set", "record.keep_trial_files=true")


@pytest.fixture(scope="module")
def ended_abruptly(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the run of shard 2/2 has not come to its file; each trial has one of its own."""
    folder = tmp_path_factory.mktemp("ended")
    run_shards(program, folder, "1/2", "2/2", options=KEEP)
    (folder / SECOND).unlink()
    return folder


@pytest.fixture
def half(ended_abruptly: Path, tmp_path: Path) -> Path:
    """The same, and of group s4 a trial is missing."""
    folder = Path(shutil.copytree(ended_abruptly, tmp_path / "half"))
    (trial_files(folder) / "tbb-t1-s4.h5").unlink()
    return folder


def trial_files(folder: Path) -> Path:
    return (folder / SECOND).with_suffix(".trials")


def test_unfinished_groups_are_named_with_their_file(program: Program, half: Path) -> None:
    message = refused(program, half, "collect", FIRST, SECOND, "-o", "all.h5")
    assert_mentions(message, f"unfinished, run it again with --resume: s4 ({SECOND})")
    assert "s2" not in message and "missing" not in message


def test_a_group_whose_trials_are_of_two_runs_is_unfinished(program: Program, half: Path, two_shards: Path) -> None:
    again = half / "again"
    again.mkdir()
    run_shards(program, again, "2/2", options=KEEP)
    shutil.copy(trial_files(again) / "tbb-t1-s4.h5", trial_files(half))
    shutil.rmtree(again)
    message = refused(program, half, "collect", FIRST, SECOND, "-o", "all.h5")
    assert_mentions(message, f"unfinished, run it again with --resume: s4 ({SECOND})")


def test_groups_that_were_not_begun_are_missing(program: Program, half: Path) -> None:
    (trial_files(half) / "neuron-t1-s4.h5").unlink()
    assert_mentions(refused(program, half, "collect", FIRST, SECOND, "-o", "all.h5"), "missing: s4 (shard 2/2)")


def test_groups_of_a_run_that_did_not_come_to_its_file_are_taken_from_its_trial_files(
    program: Program, ended_abruptly: Path, whole: Run, tmp_path: Path
) -> None:
    joined = tmp_path / "all.h5"
    assert program("collect", FIRST, SECOND, "-o", joined, cwd=ended_abruptly).code == 0
    assert digests(joined) == digests(whole.file)


def test_a_shard_that_was_resumed_is_collected(program: Program, half: Path, whole: Run) -> None:
    resumed = program("run", "small.cfg", "--shard", "2/2", "--resume", *KEEP, cwd=half)
    assert resumed.code == 0 and "2 of 4 trials are finished and kept" in resumed.stderr, resumed
    assert program("collect", FIRST, SECOND, "-o", "all.h5", cwd=half).code == 0
    assert digests(half / "all.h5") == digests(whole.file)


def test_a_shard_whose_sweep_has_grown_is_resumed_as_one_of_the_larger_sweep(program: Program, half: Path) -> None:
    grown = ("--set", "sweep.seed=1,2,3,4,5,6", *KEEP)
    resumed = program("run", "small.cfg", "--shard", "2/2", "--resume", *grown, cwd=half)
    assert resumed.code == 0 and "2 of 6 trials are finished and kept" in resumed.stderr, resumed
    assert program("run", "small.cfg", "--shard", "1/2", "--overwrite", *grown, cwd=half).code == 0
    assert program("collect", FIRST, SECOND, "-o", "all.h5", cwd=half).code == 0
    assert len(digests(half / "all.h5")) == 12


def test_a_shard_that_is_finished_is_not_run_again(program: Program, two_shards: Path) -> None:
    again = program("run", "small.cfg", "--shard", "2/2", "--resume", cwd=two_shards)
    assert again.code == 0 and "small-shard-2-of-2.h5 holds all 4 trials: nothing to do" in again.stderr


def test_resume_refuses_trial_files_of_another_shard(program: Program, half: Path) -> None:
    message = refused(program, half, "run", "small.cfg", "--shard", "1/3", "-o", SECOND, "--resume", *KEEP)
    assert_mentions(message, "is of shard 2/2, now shard 1/3", "--overwrite")


def test_resume_refuses_the_file_of_another_shard(program: Program, two_shards: Path) -> None:
    message = refused(program, two_shards, "run", "small.cfg", "-o", SECOND, "--resume")
    assert_mentions(message, f"{SECOND}: is of shard 2/2, now the whole sweep", "--overwrite")


def test_resume_refuses_a_shard_of_a_sweep_that_has_grown(program: Program, two_shards: Path) -> None:
    """Its own groups are the same, and it would never be collected with the others."""
    grown = ("--set", "sweep.seed=1,2,3,4,5,7")
    message = refused(program, two_shards, "run", "small.cfg", "--shard", "1/2", "--resume", *grown)
    assert_mentions(message, f"{FIRST}: is a shard of another sweep: it has no trials neuron-t1-s7, tbb-t1-s7")


def test_shards_of_another_config_are_refused_with_the_line_that_differs(program: Program, shards: Path) -> None:
    config = write_config(shards, CHANGES | {"training.learning_rate": 0.2})
    assert program("run", "small.cfg", "--shard", "2/2", "--overwrite", "-q", cwd=shards).code == 0
    message = refused(program, shards, "collect", FIRST, SECOND, "-o", "all.h5")
    line = line_of(config, "training.learning_rate")
    assert message == (
        f"{SECOND}: is of another sweep than {FIRST}: line {line} of its config is `learning_rate = 0.2`, not "
        "`learning_rate = 0.1`"
    )


def test_shards_of_other_data_are_refused(program: Program, tmp_path: Path) -> None:
    """Of one config: the file that it names was another one."""
    data = write_hdf5(tmp_path)
    write_config(tmp_path, CHANGES | hdf5_changes(data))
    assert program("run", "small.cfg", "--shard", "1/2", "-q", cwd=tmp_path).code == 0
    with h5py.File(data, "r+") as file:
        file["train/features"][0] += 0.5
    assert program("run", "small.cfg", "--shard", "2/2", "-q", cwd=tmp_path).code == 0
    message = refused(program, tmp_path, "collect", FIRST, SECOND, "-o", "all.h5")
    assert_mentions(message, f"{SECOND}: is of another sweep than {FIRST}: the data of s1, s2, s3, s4 and 1 more are other ones")


def test_shards_of_another_build_are_refused(program: Program, shards: Path) -> None:
    changed = shards / "stepbench"
    shutil.copy(program.binary, changed)
    with changed.open("ab") as file:
        file.write(b"\0")
    write_config(shards, CHANGES)
    assert Program(changed)("run", "small.cfg", "--shard", "2/2", "--overwrite", "-q", cwd=shards).code == 0
    changed.unlink()
    message = refused(program, shards, "collect", FIRST, SECOND, "-o", "all.h5")
    assert_mentions(message, f"{SECOND}: is of another sweep than {FIRST}: it is of another build of stepbench ")


def test_a_file_of_a_whole_sweep_is_no_shard(program: Program, shards: Path, whole: Run) -> None:
    shutil.copy(whole.file, shards / "whole.h5")
    message = refused(program, shards, "collect", FIRST, "whole.h5", "-o", "all.h5")
    assert_mentions(message, "whole.h5: is of a whole sweep", "--shard")


def test_a_shard_that_is_not_there_is_named(program: Program, two_shards: Path) -> None:
    assert_mentions(refused(program, two_shards, "collect", FIRST, "no.h5", "-o", "all.h5"), "no.h5")


def test_a_shard_of_which_nothing_is_finished_is_told_from_one_that_is_not_there(program: Program, shards: Path) -> None:
    (shards / SECOND).unlink()
    trial_files(shards).mkdir()
    message = refused(program, shards, "collect", FIRST, SECOND, "-o", "all.h5")
    assert_mentions(message, f"{SECOND}: its run has not finished any trial yet", "--resume")


def test_collect_does_not_replace_an_output_unasked(program: Program, shards: Path) -> None:
    (shards / "all.h5").write_text("old")
    assert_mentions(refused(program, shards, "collect", FIRST, SECOND, "-o", "all.h5", code=1), "all.h5 exists", "--overwrite")
    before = [(shards / name).read_bytes() for name in (FIRST, SECOND)]
    assert program("collect", FIRST, SECOND, "-o", "all.h5", "--overwrite", cwd=shards).code == 0
    assert [(shards / name).read_bytes() for name in (FIRST, SECOND)] == before
    assert digests(shards / "all.h5") and not (shards / "all.trials").exists()


def test_collect_writes_where_a_whole_run_would(program: Program, shards: Path) -> None:
    assert program("collect", FIRST, SECOND, cwd=shards).stdout.endswith("results: results/small.h5\n")


@pytest.mark.parametrize(("cause", "code"), [("gate", 5), ("error", 1)])
def test_collect_ends_with_the_code_that_a_whole_run_would(program: Program, shards: Path, cause: str, code: int) -> None:
    def fail(file: h5py.File) -> None:
        file["trials/tbb-t1-s4"].attrs.modify("status", "failed")
        file["trials/tbb-t1-s4"].attrs["cause"] = cause

    change(shards / SECOND, fail)
    assert program("collect", FIRST, SECOND, "-o", "all.h5", cwd=shards).code == code


BAD = ["", "1", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "a/b", "1/", "/2", "1.5/2", "99999999999999999999/2", "Auto"]


@pytest.mark.parametrize("value", BAD)
def test_bad_shards_are_refused(program: Program, tmp_path: Path, value: str) -> None:
    write_config(tmp_path, CHANGES)
    message = refused(program, tmp_path, "run", "small.cfg", f"--shard={value}")
    if value:  # Boost's own words for none
        assert message == f'--shard: found "{value}", allowed: I/N with I from 1 to N, or auto'


def planned(program: Program, folder: Path, shard: str, environment: dict[str, str]) -> Outcome:
    write_config(folder, CHANGES)
    outside = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
    done = subprocess.run(
        [program.binary, "run", "small.cfg", "--dry-run", "--shard", shard],
        cwd=folder, env=outside | environment, capture_output=True, encoding="utf-8",
    )  # fmt: skip
    return Outcome(done.returncode, done.stdout, done.stderr)


def test_auto_is_the_place_of_the_task_in_its_array(program: Program, tmp_path: Path) -> None:
    outcome = planned(program, tmp_path, "auto", ARRAY)
    assert outcome.code == 0 and outcome == planned(program, tmp_path, "2/4", {})
    assert "tbb-t1-s2" in outcome.stdout and "tbb-t1-s1" not in outcome.stdout


@pytest.mark.parametrize("missing", ARRAY)
def test_auto_outside_of_an_array_is_refused(program: Program, tmp_path: Path, missing: str) -> None:
    outcome = planned(program, tmp_path, "auto", {name: text for name, text in ARRAY.items() if name != missing})
    assert (outcome.code, outcome.stdout, outcome.stderr.count("\n")) == (2, "", 1)
    assert_mentions(outcome.stderr, f"--shard auto: {missing} is not set", "--shard 1/4")


@pytest.mark.parametrize("task", ["4", "9", "x"])
def test_auto_in_an_array_with_holes_is_refused(program: Program, tmp_path: Path, task: str) -> None:
    outcome = planned(program, tmp_path, "auto", ARRAY | {"SLURM_ARRAY_TASK_ID": task})
    assert (outcome.code, outcome.stdout, outcome.stderr.count("\n")) == (2, "", 1)
    assert_mentions(outcome.stderr, "--shard auto: ", task)


def test_a_shard_without_groups_has_nothing_to_run(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, CHANGES)
    outcome = program("run", "small.cfg", "--shard", "6/6", cwd=tmp_path)
    assert (outcome.code, outcome.stderr) == (0, "")
    assert outcome.stdout == "shard 6/6: nothing to run, the sweep has fewer groups\n"
    assert list(tmp_path.iterdir()) == [config]
