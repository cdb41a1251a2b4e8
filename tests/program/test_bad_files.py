"""Data sets and result files that are missing or broken (exit 2), and outputs that cannot be written (exit 1)."""

import fcntl
import gzip
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy
import pytest

from conftest import Program, RunConfig
from inputs import (
    hdf5_changes,
    images_idx,
    labels_idx,
    line_of,
    mnist_changes,
    write_config,
    write_hdf5,
    write_mnist,
)
from refusal import assert_mentions, refused, refused_data


@pytest.mark.parametrize("kind", ["mnist", "hdf5"])
def test_missing_data(program: Program, tmp_path: Path, kind: str) -> None:
    changes = mnist_changes(Path("absent")) if kind == "mnist" else hdf5_changes(Path("absent"))
    assert_mentions(refused_data(program, write_config(tmp_path, changes)), '"absent" is not there')


def test_folder_without_digits(program: Program, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    config = write_config(tmp_path, mnist_changes(Path("empty")))
    assert_mentions(refused_data(program, config), "empty", "train-images-idx3-ubyte")


@pytest.mark.parametrize(
    ("name", "content", "mentions"),
    [
        ("train-images-idx3-ubyte.gz", gzip.compress(images_idx(40)[:-7]), ["ends too early", "40 images of 3 x 2"]),
        ("train-images-idx3-ubyte.gz", gzip.compress(images_idx(40)[:9]), ["ends within its header"]),
        ("train-images-idx3-ubyte.gz", gzip.compress(images_idx(40) + b"x"), ["goes on after"]),
        ("train-images-idx3-ubyte.gz", gzip.compress(images_idx(40, magic=0x801)), ["0x00000801", "0x00000803"]),
        ("t10k-labels-idx1-ubyte.gz", gzip.compress(labels_idx(20, magic=0x803)), ["0x00000803", "0x00000801"]),
        ("train-labels-idx1-ubyte.gz", gzip.compress(labels_idx(39)), ["39 labels", "40 images"]),
        ("t10k-images-idx3-ubyte.gz", gzip.compress(images_idx(20, rows=2)), ["2 x 2", "3 x 2"]),
        ("train-images-idx3-ubyte.gz", gzip.compress(images_idx(40))[:-20], ["gzip data ends too early"]),
        ("train-images-idx3-ubyte.gz", b"", ["ends within its header"]),
    ],
    ids=["truncated", "truncated header", "too long", "images magic", "labels magic", "counts differ",
         "sizes differ", "truncated gzip", "empty"],
)  # fmt: skip
def test_broken_digits(program: Program, tmp_path: Path, name: str, content: bytes, mentions: list[str]) -> None:
    config = write_config(tmp_path, mnist_changes(write_mnist(tmp_path, {name: content})))
    assert_mentions(refused_data(program, config), tmp_path / "digits" / name, *mentions)


def test_data_with_more_classes_than_the_model_has_outputs(program: Program, tmp_path: Path) -> None:
    eleven = {"train-labels-idx1-ubyte.gz": gzip.compress(labels_idx(40)[:-1] + b"\x0a")}
    config = write_config(tmp_path, mnist_changes(write_mnist(tmp_path, eleven)))
    message = refused(program, tmp_path, "run", config.name)
    assert_mentions(message, f"small.cfg:{line_of(config, 'model.layers')}: model.layers: ", "11 classes", "6,...,11")


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def no_bytes(path: Path) -> None:
    path.write_bytes(b"")


def not_hdf5(path: Path) -> None:
    path.write_text("a,b,c\n1,2,3\n")


def truncated_hdf5(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def edited(edit: Callable[[h5py.File], None]) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        with h5py.File(path, "a") as file:
            edit(file)

    return apply


def set_nan(file: h5py.File) -> None:
    file["train/features"][5, 2] = numpy.nan


def drop_labels(file: h5py.File) -> None:
    del file["train/labels"]


def link_to_nowhere(file: h5py.File) -> None:
    del file["train/features"]
    file["train/features"] = h5py.ExternalLink("gone.h5", "/train/features")


def group_to_nowhere(file: h5py.File) -> None:
    del file["train"]
    file["train"] = h5py.ExternalLink("gone.h5", "/train")


def drop_features(file: h5py.File) -> None:
    del file["validation/features"]


def shorten_labels(file: h5py.File) -> None:
    del file["train/labels"]
    file["train/labels"] = numpy.arange(59) % 3


@pytest.mark.parametrize(
    ("spoil", "mentions"),
    [
        (folder_instead, ["data.h5: is a folder"]),
        (no_bytes, ["data.h5: is empty"]),
        (not_hdf5, ["data.h5: is not an HDF5 file"]),
        (truncated_hdf5, ["data.h5: cannot be opened: truncated file"]),
        (edited(link_to_nowhere), ["train/features: cannot be opened", "gone.h5"]),
        (edited(group_to_nowhere), ["/train: cannot be opened", "gone.h5"]),
        (edited(drop_features), ["validation/features", "no such data set"]),
        (edited(drop_labels), ["train", "neither labels nor targets"]),
        (edited(shorten_labels), ["train/labels", "59 rows", "60"]),
        (edited(set_nan), ["train/features", "row 5", "nan"]),
    ],
    ids=["folder", "empty", "not HDF5", "truncated", "link", "group link", "no features", "no labels",
         "counts differ", "NaN"],
)
def test_broken_hdf5_data(
    program: Program, tmp_path: Path, spoil: Callable[[Path], None], mentions: list[str]
) -> None:
    data = write_hdf5(tmp_path)
    spoil(data)
    config = write_config(tmp_path, hdf5_changes(data))
    assert_mentions(refused_data(program, config), data, *mentions)


@pytest.mark.parametrize("name", ["features", "targets"])
def test_values_beyond_float32_are_refused_where_training_reads_float32(
    program: Program, tmp_path: Path, name: str
) -> None:
    data = write_hdf5(tmp_path, targets=True)
    with h5py.File(data, "a") as file:
        values = file[f"train/{name}"][:].astype("f8")
        values[3, 2] = 1e300
        del file[f"train/{name}"]
        file[f"train/{name}"] = values
    changes = {**hdf5_changes(data), "model.loss": "squared_error", "training.precision": "float32"}
    config = write_config(tmp_path, changes)
    start = f"small.cfg:{line_of(config, 'training.precision')}: training.precision: "
    for command in (["check"], ["run"], ["run", "--dry-run"]):
        message = refused(program, tmp_path, *command, config.name)
        assert_mentions(message, start, data, f"train/{name}, row 3, column 2 is 1e+300", "allowed: float64")
    assert program("run", config.name, "--dry-run", "--set", "training.precision=float64", cwd=tmp_path).code == 0


def test_data_that_are_being_written_are_refused_with_that_reason(program: Program, tmp_path: Path) -> None:
    data = write_hdf5(tmp_path)
    config = write_config(tmp_path, hdf5_changes(data))
    with data.open("rb") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)  # what HDF5 holds while a file is open for writing
        message = refused_data(program, config)
    assert message == f"{data}: is open for writing in another process, which has locked it"


def test_output_must_be_an_h5_file(program: Program, tmp_path: Path) -> None:
    write_config(tmp_path)
    message = refused(program, tmp_path, "run", "small.cfg", "--output", "out.hdf")
    assert_mentions(message, "--output: ", '"out.hdf"', "allowed: ", ".h5")


def make_nothing(folder: Path) -> None:
    pass


def make_file_in_the_way(folder: Path) -> None:
    (folder / "there").write_text("kept")


def make_old_output(folder: Path) -> None:
    (folder / "there").mkdir()
    (folder / "there" / "out.h5").write_text("kept")


def make_leftover_trials(folder: Path) -> None:
    (folder / "there" / "out.trials").mkdir(parents=True)
    (folder / "there" / "out.trials" / "blas-t1-s1.h5").write_text("kept")


def make_file_for_the_trials(folder: Path) -> None:
    (folder / "there").mkdir()
    (folder / "there" / "out.trials").write_text("kept")


@pytest.mark.parametrize(
    ("prepare", "mentions"),
    [
        (make_nothing, ["there is a folder that does not exist"]),
        (make_file_in_the_way, ["there is not a folder"]),
        (make_old_output, ["there/out.h5", "exists", "--overwrite"]),
        (make_file_for_the_trials, ["there/out.trials", "folder"]),
        (make_leftover_trials, ["there/out.trials", "did not finish", "--overwrite"]),
    ],
    ids=["missing folder", "folder is a file", "output exists", "trials are a file", "leftover trials"],
)
def test_output_that_cannot_be_written(
    program: Program, tmp_path: Path, prepare: Callable[[Path], None], mentions: list[str]
) -> None:
    write_config(tmp_path)
    prepare(tmp_path)
    assert_mentions(refused(program, tmp_path, "run", "small.cfg", "-o", "there/out.h5", code=1), *mentions)


@pytest.fixture(scope="module")
def result_bytes(run_config: RunConfig) -> bytes:
    return run_config({"sweep.backend": "blas"}).file.read_bytes()


def foreign_hdf5() -> bytes:
    with h5py.File("foreign", "w", driver="core", backing_store=False) as file:
        file["x"] = [1.0, 2.0]
        return file.id.get_file_image()


@pytest.mark.parametrize(
    ("content", "mentions"),
    [
        (None, ["no such file"]),
        (b"", ["is empty"]),
        (b"backend,samples/s\nblas,1\n", ["is not an HDF5 file"]),
        (foreign_hdf5(), ["not a stepbench result file"]),
    ],
    ids=["missing", "empty", "text", "foreign HDF5"],
)
def test_show_refuses_what_is_no_result(
    program: Program, tmp_path: Path, content: bytes | None, mentions: list[str]
) -> None:
    if content is not None:
        (tmp_path / "a.h5").write_bytes(content)
    assert_mentions(refused(program, tmp_path, "show", "a.h5"), "a.h5: ", *mentions)


def test_show_refuses_a_folder(program: Program, tmp_path: Path) -> None:
    (tmp_path / "a.h5").mkdir()
    assert_mentions(refused(program, tmp_path, "show", "a.h5"), "a.h5: is a folder")


@pytest.mark.parametrize("missing", [1, 16, 32, 33, 5000])
def test_show_refuses_a_truncated_result(
    program: Program, tmp_path: Path, result_bytes: bytes, missing: int
) -> None:
    (tmp_path / "a.h5").write_bytes(result_bytes[:-missing])
    assert_mentions(refused(program, tmp_path, "show", "a.h5"), "a.h5: ")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.9, 1.0])
def test_show_refuses_a_result_with_one_flipped_byte(
    program: Program, tmp_path: Path, result_bytes: bytes, share: float
) -> None:
    damaged = bytearray(result_bytes)
    damaged[int(share * (len(damaged) - 1))] ^= 0x10
    (tmp_path / "a.h5").write_bytes(damaged)
    assert_mentions(refused(program, tmp_path, "show", "a.h5"), "a.h5: ")
