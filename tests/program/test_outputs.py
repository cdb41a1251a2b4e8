"""Where results go: through links to where they lead, and never to what is no ordinary file. Asked before the work."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Program
from inputs import write_config
from refusal import assert_mentions, refused

OPTIONS = [[], ["--resume"], ["--overwrite"]]


def make_folder(path: Path) -> None:
    path.mkdir()
    (path / "kept").write_text("kept")


def link_to_folder(path: Path) -> None:
    make_folder(path.parent / "folder")
    path.symlink_to("folder")


def link_into_nowhere(path: Path) -> None:
    path.symlink_to("no/such/folder.h5")


def link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


NO_PLACES: dict[str, tuple[Callable[[Path], None], str]] = {
    "folder": (make_folder, "is a folder"),
    "fifo": (os.mkfifo, "is not an ordinary file"),
    "device": (lambda path: path.symlink_to("/dev/null"), "is not an ordinary file"),
    "link to a folder": (link_to_folder, "is a folder"),
    "link into a missing folder": (link_into_nowhere, "does not exist"),
    "link to itself": (link_to_itself, "is a link that leads nowhere"),
}


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("place", NO_PLACES)
def test_run_refuses_what_is_no_place_for_a_file(program: Program, tmp_path: Path, place: str, options: list[str]) -> None:
    write_config(tmp_path)
    make, reason = NO_PLACES[place]
    make(tmp_path / "out.h5")
    assert_mentions(refused(program, tmp_path, "run", "small.cfg", "-o", "out.h5", *options, code=1), "out.h5: ", reason)


@pytest.mark.parametrize("options", [[], ["--overwrite"]], ids=str)
@pytest.mark.parametrize("place", NO_PLACES)
def test_export_data_refuses_what_is_no_place_for_a_file(
    program: Program, tmp_path: Path, place: str, options: list[str]
) -> None:
    write_config(tmp_path)
    make, reason = NO_PLACES[place]
    make(tmp_path / "out.h5")
    message = refused(program, tmp_path, "export-data", "small.cfg", "-o", "out.h5", *options, code=1)
    assert_mentions(message, "out.h5: ", reason)


def test_export_data_replaces_no_device(program: Program, tmp_path: Path) -> None:
    """By renaming a file over its name; as root, that would be /dev/null."""
    write_config(tmp_path)
    device = tmp_path / "null"
    try:
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("making a device takes root")
    assert program("export-data", "small.cfg", "-o", "null", "--overwrite", cwd=tmp_path).code == 1
    assert device.is_char_device()


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_result_goes_where_a_link_leads(program: Program, tmp_path: Path, options: list[str]) -> None:
    write_config(tmp_path)
    (tmp_path / "scratch").mkdir()
    (tmp_path / "out.h5").symlink_to("scratch/there.h5")
    done = program("run", "small.cfg", "-q", "-o", "out.h5", *options, "--set", "record.keep_trial_files=true", cwd=tmp_path)
    assert done.code == 0 and "results: out.h5" in done.stdout, done
    assert (tmp_path / "out.h5").is_symlink()
    assert sorted(path.name for path in (tmp_path / "scratch").iterdir()) == ["there.h5", "there.trials"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.h5", "scratch", "small.cfg"]
    assert program("show", "out.h5", cwd=tmp_path).code == 0


def test_old_result_behind_a_link_is_refused_resumed_and_replaced(program: Program, tmp_path: Path) -> None:
    write_config(tmp_path)
    (tmp_path / "scratch").mkdir()
    (tmp_path / "first.h5").symlink_to("out.h5")
    (tmp_path / "out.h5").symlink_to(tmp_path / "scratch" / "there.h5")
    there = tmp_path / "scratch" / "there.h5"
    assert program("run", "small.cfg", "-q", "-o", "first.h5", cwd=tmp_path).code == 0
    first = there.read_bytes()
    assert_mentions(refused(program, tmp_path, "run", "small.cfg", "-o", "first.h5", code=1), "exists")
    resumed = program("run", "small.cfg", "-o", "first.h5", "--resume", cwd=tmp_path)
    assert resumed.code == 0 and "nothing to do" in resumed.stderr and there.read_bytes() == first
    assert program("run", "small.cfg", "-q", "-o", "first.h5", "--overwrite", cwd=tmp_path).code == 0
    assert there.read_bytes() != first and (tmp_path / "first.h5").is_symlink() and (tmp_path / "out.h5").is_symlink()


def test_export_goes_where_a_link_leads(program: Program, tmp_path: Path) -> None:
    write_config(tmp_path)
    (tmp_path / "data.h5").symlink_to("there.h5")
    for options in ([], ["--overwrite"]):
        assert program("export-data", "small.cfg", "-o", "data.h5", *options, cwd=tmp_path).code == 0
        assert (tmp_path / "data.h5").is_symlink() and (tmp_path / "there.h5").is_file()
    assert_mentions(refused(program, tmp_path, "export-data", "small.cfg", "-o", "data.h5", code=1), "there.h5", "exists")


def test_folder_in_the_place_of_a_trial_is_refused(program: Program, tmp_path: Path) -> None:
    write_config(tmp_path)
    (tmp_path / "out.trials").mkdir()
    make_folder(tmp_path / "out.trials" / "blas-t1-s1.h5")
    message = refused(program, tmp_path, "run", "small.cfg", "-o", "out.h5", "--resume", code=1)
    assert_mentions(message, "blas-t1-s1.h5: is a folder")
