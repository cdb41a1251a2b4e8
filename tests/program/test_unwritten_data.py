"""HDF5 data of which a part was never written, or whose values are in a file that is not there: HDF5 reads its fill
value for both and says nothing."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy
import pytest

from conftest import Program
from inputs import Changes, hdf5_changes, write_config, write_hdf5
from refusal import assert_mentions, refused_data



def rewritten(path: Path, write: Callable[[h5py.Group, numpy.ndarray], None], name: str = "features") -> None:
    """Lets `write` put a data set in the place of train/<name>, whose values it is given."""
    with h5py.File(path, "r+", libver="latest") as file:
        values = file[f"train/{name}"][:]
        del file[f"train/{name}"]
        write(file["train"], values)


def view(group: h5py.Group, sources: list[tuple[str, str, int]], rows: int = 60) -> None:
    """A virtual data set: of each source (file, data set, its rows), all of it, one below the other."""
    layout = h5py.VirtualLayout((rows, 4), "f4")
    begin = 0
    for file, name, count in sources:
        layout[begin : begin + count] = h5py.VirtualSource(file, name, shape=(count, 4))
        begin += count
    group.create_virtual_dataset("features", layout)


def growing_view(group: h5py.Group, source: str) -> None:
    """A virtual data set of as many rows as its source has."""
    unlimited = h5py.h5s.UNLIMITED
    layout = h5py.VirtualLayout((1, 4), "f4", maxshape=(None, 4))
    layout[:unlimited] = h5py.VirtualSource(source, "x", shape=(1, 4), maxshape=(None, 4))[:unlimited]
    group.create_virtual_dataset("features", layout)


def write_sources(folder: Path, values: numpy.ndarray) -> None:
    """whole.h5 has all rows, half.h5 the first 30; partly.h5 has room for all, of which two chunks of six are written."""
    with h5py.File(folder / "whole.h5", "w") as file:
        file.create_dataset("x", data=values, maxshape=(None, 4))
    with h5py.File(folder / "half.h5", "w") as file:
        file["x"] = values[:30]
    with h5py.File(folder / "partly.h5", "w") as file:
        file.create_dataset("x", shape=values.shape, dtype="f4", chunks=(10, 4))[:20] = values[:20]


def nothing(group: h5py.Group, values: numpy.ndarray) -> None:
    group.create_dataset("features", shape=values.shape, dtype="f4")


def no_chunk(group: h5py.Group, values: numpy.ndarray) -> None:
    group.create_dataset("features", shape=values.shape, dtype="f4", chunks=(10, 4), compression="gzip")


def external(size: int) -> Callable[[h5py.Group, numpy.ndarray], None]:
    """Values in an external file of so many bytes, or in none."""

    def write(group: h5py.Group, values: numpy.ndarray) -> None:
        raw = Path(group.file.filename).parent / "raw.bin"
        group.create_dataset("features", data=values, external=[(str(raw), 0, h5py.h5f.UNLIMITED)])
        group.file.flush()
        if size:
            raw.write_bytes(raw.read_bytes()[:size])
        else:
            raw.unlink()

    return write


@pytest.mark.parametrize(
    ("write", "mentions"),
    [
        (lambda group, values: view(group, [("gone.h5", "x", 60)]), ["gone.h5 is not there"]),
        (lambda group, values: view(group, [("whole.h5", "y", 60)]), ["there is no data set", "whole.h5:/y"]),
        (lambda group, values: view(group, [("half.h5", "x", 30), ("gone.h5", "x", 30)]), ["gone.h5 is not there"]),
        (lambda group, values: view(group, [("half.h5", "x", 60)]), ["240 values of half.h5:/x", "has 120"]),
        (lambda group, values: view(group, [("raw.h5", "x", 60)]), ["raw.h5: is not an HDF5 file"]),
        (lambda group, values: view(group, [("data.h5", "train/features", 60)]), ["is a view of itself"]),
        (lambda group, values: view(group, []), ["nothing of it was ever written"]),
        (lambda group, values: growing_view(group, "gone.h5"), ["gone.h5 is not there"]),
        (nothing, ["nothing of it was ever written"]),
        (no_chunk, ["nothing of it was ever written"]),
        (external(0), ["external file", "raw.bin: there is no such file"]),
        (external(950), ["external file", "raw.bin: is too short", "950 bytes of 960"]),
    ],
    ids=["source file gone", "source gone", "second source gone", "source too small", "source is no HDF5", "circle",
         "no source", "growing source gone", "never allocated", "no chunk", "external file gone", "external too short"],
)  # fmt: skip
def test_data_whose_values_are_not_there_are_refused(
    program: Program, tmp_path: Path, write: Callable[[h5py.Group, numpy.ndarray], None], mentions: list[str]
) -> None:
    data = write_hdf5(tmp_path)
    with h5py.File(data) as file:
        write_sources(tmp_path, file["train/features"][:])
    (tmp_path / "raw.h5").write_text("no HDF5")
    rewritten(data, write)
    config = write_config(tmp_path, hdf5_changes(data))
    assert_mentions(refused_data(program, config), f"{data}:/train/features: ", *mentions)


@pytest.mark.parametrize("name", ["labels", "targets"])
def test_answers_are_looked_through_as_features_are(program: Program, tmp_path: Path, name: str) -> None:
    data = write_hdf5(tmp_path, targets=name == "targets")
    rewritten(data, lambda group, values: group.create_dataset(name, shape=values.shape, dtype=values.dtype), name)
    changes: Changes = {"model.loss": "squared_error"} if name == "targets" else {}
    message = refused_data(program, write_config(tmp_path, {**hdf5_changes(data), **changes}))
    assert_mentions(message, f"{data}:/train/{name}: nothing of it was ever written")


def warnings(program: Program, config: Path, *command: object) -> list[str]:
    """Those of the data; a small or busy machine has warnings of its own."""
    outcome = program(*command, config.name, cwd=config.parent)
    assert outcome.code == 0, outcome
    lines = [line.removeprefix("stepbench: warning: ") for line in outcome.stderr.splitlines()]
    return [line for line in lines if line.startswith(str(config.parent))]


def part_of_chunks(group: h5py.Group, values: numpy.ndarray) -> None:
    group.create_dataset("features", shape=values.shape, dtype="f4", chunks=(25, 3))[:25] = values[:25]


def part_of_packed_chunks(group: h5py.Group, values: numpy.ndarray) -> None:
    features = group.create_dataset("features", shape=values.shape, dtype="f4", chunks=(25, 3), compression="gzip")
    features[:25] = values[:25]


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (part_of_chunks, "data.h5:/train/features: 4 of its 6 chunks never written"),
        (part_of_packed_chunks, "data.h5:/train/features: 4 of its 6 chunks never written"),
        (lambda group, values: view(group, [("partly.h5", "x", 60)]), "partly.h5:/x: 4 of its 6 chunks never written"),
        (lambda group, values: view(group, [("half.h5", "x", 30)]),
         "data.h5:/train/features: 120 of its 240 values never written"),
    ],
    ids=["chunks", "packed chunks", "chunks of a source", "view with a hole"],
)  # fmt: skip
def test_what_was_never_written_is_warned_of_once(
    program: Program, tmp_path: Path, write: Callable[[h5py.Group, numpy.ndarray], None], expected: str
) -> None:
    data = write_hdf5(tmp_path)
    with h5py.File(data) as file:
        write_sources(tmp_path, file["train/features"][:])
    rewritten(data, write)
    config = write_config(tmp_path, {**hdf5_changes(data), "sweep.threads": "1,2"})
    assert warnings(program, config, "run", "--dry-run") == [f"{tmp_path}/{expected}; HDF5 reads its fill value there"]


@pytest.mark.parametrize("command", [["check"], ["run", "-q"], ["run", "--dry-run"], ["export-data"]], ids=" ".join)
def test_every_command_that_reads_data_warns(program: Program, tmp_path: Path, command: list[str]) -> None:
    data = write_hdf5(tmp_path)
    rewritten(data, part_of_chunks)
    config = write_config(tmp_path, hdf5_changes(data))
    (tmp_path / "results").mkdir()
    expected = f"{data}:/train/features: 4 of its 6 chunks never written; HDF5 reads its fill value there"
    assert warnings(program, config, *command) == [expected]


@pytest.mark.parametrize("write", [
    lambda group, values: view(group, [("whole.h5", "x", 60)]),
    lambda group, values: growing_view(group, "whole.h5"),
    lambda group, values: group.create_dataset("features", data=values, chunks=(25, 3), compression="gzip"),
    external(960),
], ids=["view", "growing view", "packed chunks", "external file"])  # fmt: skip
def test_however_values_are_stored_they_are_the_same_data(
    program: Program, tmp_path: Path, write: Callable[[h5py.Group, numpy.ndarray], None]
) -> None:
    data = write_hdf5(tmp_path)
    config = write_config(tmp_path, hdf5_changes(data))
    digests = []
    for _ in range(2):
        assert warnings(program, config, "export-data", "--overwrite", "-o", "out.h5") == []
        with h5py.File(tmp_path / "out.h5") as file:
            digests.append(file.attrs["digest"])
            values = file["train/features"][:]
        write_sources(tmp_path, values)
        if len(digests) == 1:
            rewritten(data, write)
    assert digests[0] == digests[1]
