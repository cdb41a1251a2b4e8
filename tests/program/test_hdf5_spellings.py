"""HDF5 data whose numbers are spelled in other types and shapes: the same data where there is one meaning."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy
import pytest

from conftest import Program
from inputs import hdf5_changes, write_config, write_hdf5
from refusal import assert_mentions, refused_data

Array = numpy.ndarray
Spelling = Callable[[h5py.Group, str, Array], None]


def respelled(path: Path, name: str, values: Callable[[Array], Array], spell: Spelling) -> None:
    """In both splits, `values` of what was there, as `spell` writes it."""
    with h5py.File(path, "r+") as file:
        for split in ("train", "validation"):
            old = file[f"{split}/{name}"][:]
            del file[f"{split}/{name}"]
            spell(file[split], name, values(old))


def as_type(dtype: object) -> Spelling:
    return lambda group, name, values: group.__setitem__(name, values.astype(dtype))


def as_column(group: h5py.Group, name: str, values: Array) -> None:
    group[name] = values[:, None]


def as_named_classes(group: h5py.Group, name: str, values: Array) -> None:
    colours = h5py.enum_dtype({"red": 0, "green": 1, "blue": 2}, basetype="u1")
    group.create_dataset(name, data=values, dtype=colours)


def as_flags(group: h5py.Group, name: str, values: Array) -> None:
    """As PyTables stores truth values."""
    space = h5py.h5s.create_simple(values.shape)
    flags = h5py.h5d.create(group.id, name.encode(), h5py.h5t.NATIVE_B8, space)
    flags.write(h5py.h5s.ALL, h5py.h5s.ALL, values.astype("u1"), h5py.h5t.NATIVE_B8)


def digest(program: Program, config: Path) -> str:
    outcome = program("export-data", config.name, "-o", "out.h5", "--overwrite", cwd=config.parent)
    assert outcome.code == 0, outcome
    with h5py.File(config.parent / "out.h5") as file:
        return file.attrs["digest"]


@pytest.mark.parametrize(
    ("name", "values", "plain", "spell"),
    [
        ("labels", lambda labels: labels, as_type("i8"), as_type("f4")),
        ("labels", lambda labels: labels, as_type("i8"), as_type("f8")),
        ("labels", lambda labels: labels, as_type("i8"), as_column),
        ("labels", lambda labels: labels, as_type("i8"), as_named_classes),
        ("labels", lambda labels: labels // 2, as_type("i8"), as_type(bool)),
        ("labels", lambda labels: labels // 2, as_type("i8"), as_flags),
        ("features", lambda features: features > 0.5, as_type("f8"), as_type(bool)),
        ("features", lambda features: features > 0.5, as_type("f8"), as_flags),
    ],
    ids=["f4", "f8", "column", "enum", "bool", "flags", "bool features", "flag features"],
)
def test_every_spelling_of_the_same_numbers_is_the_same_data(
    program: Program, tmp_path: Path, name: str, values: Callable[[Array], Array], plain: Spelling, spell: Spelling
) -> None:
    data = write_hdf5(tmp_path)
    respelled(data, name, values, plain)
    with h5py.File(data) as file:
        classes = file["train/labels"][:].max() + 1
    config = write_config(tmp_path, {**hdf5_changes(data), "model.layers": f"4,8,{classes}"})
    expected = digest(program, config)
    respelled(data, name, lambda stored: stored, spell)
    assert digest(program, config) == expected


@pytest.mark.parametrize(
    ("spell", "mentions"),
    [
        (lambda group, name, values: group.__setitem__(name, values + 0.5), ["row 0 is 0.5", "whole numbers from 0"]),
        (lambda group, name, values: group.__setitem__(name, numpy.eye(3)[values]), ["(60, 3)", "one column"]),
        (lambda group, name, values: group.__setitem__(name, values - 1), ["row 0 is -1", "whole numbers from 0"]),
    ],
    ids=["fractions", "one-hot", "negative"],
)
def test_labels_of_no_clear_meaning_are_refused_with_what_was_found(
    program: Program, tmp_path: Path, spell: Spelling, mentions: list[str]
) -> None:
    data = write_hdf5(tmp_path)
    respelled(data, "labels", lambda labels: labels, spell)
    config = write_config(tmp_path, hdf5_changes(data))
    assert_mentions(refused_data(program, config), f"{data}:/train/labels: ", *mentions)


def test_labels_that_count_from_1_are_trained_on_with_a_warning(program: Program, tmp_path: Path) -> None:
    data = write_hdf5(tmp_path)
    respelled(data, "labels", lambda labels: labels + 1, as_type("i8"))
    config = write_config(tmp_path, {**hdf5_changes(data), "model.layers": "4,8,4"})
    outcome = program("run", config.name, "--dry-run", cwd=tmp_path)
    assert outcome.code == 0
    assert outcome.stderr == (
        f"stepbench: warning: {data}: no sample has label 0 of the labels 0 to 3; do they count from 1?\n"
    )
