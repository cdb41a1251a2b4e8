"""Transformers and texts that cannot be meant: exit 2, one line that says where and what is allowed, no files."""

import gzip
from pathlib import Path

import pytest

from conftest import Program
from inputs import TRANSFORMER, Changes, line_of, write_config
from refusal import assert_mentions, refused

_TEXT = "the cat sat on the mat.\n" * 100
_ALLOWED = "allowed: "


def refusal(program: Program, folder: Path, changes: Changes, key: str) -> str:
    """The message for a transformer on a good text, with changes; `key` is whose line it must name."""
    (folder / "text.txt").write_text(_TEXT)
    config = write_config(folder, TRANSFORMER | {"dataset.path": "text.txt"} | dict(changes))
    message = refused(program, folder, "run", config.name)
    assert message.startswith(f"small.cfg:{line_of(config, key)}: {key}: ")
    return message


@pytest.mark.parametrize(
    ("changes", "key", "mentions"),
    [
        ({"model.heads": 3}, "model.heads", ("3", "model.d_model = 16", _ALLOWED, "a divisor")),
        ({"model.heads": 0}, "model.heads", ("0", _ALLOWED, "from 1")),
        ({"model.context": 5000}, "model.context", ("5000", "tokens", _ALLOWED, "at most")),
        ({"model.loss": "squared_error"}, "model.loss", ("squared_error", _ALLOWED, "cross_entropy")),
        ({"training.update_order": "layerwise"}, "training.update_order", ("layerwise", _ALLOWED, "simultaneous")),
        (
            {"model.position": "sinusoidal", "model.d_model": 15, "model.heads": 3},
            "model.position",
            ("sinusoidal", "15", _ALLOWED, "learned"),
        ),
        ({"dataset.validation_fraction": 1}, "dataset.validation_fraction", ("1", _ALLOWED, "below 1")),
        ({"dataset.vocabulary": "words"}, "dataset.vocabulary", ("words", _ALLOWED, "characters", "bytes")),
        ({"model.d_model": 65536, "model.blocks": 1000}, "model.d_model", ("65536", "parameters", _ALLOWED)),
        ({"dataset.path": "nothing.txt"}, "dataset.path", ("nothing.txt", "is not there")),
        ({"dataset.path": "."}, "dataset.path", ("is a folder",)),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_bad_setting_is_named_by_file_line_and_key(
    program: Program, tmp_path: Path, changes: Changes, key: str, mentions: tuple[str, ...]
) -> None:
    assert_mentions(refusal(program, tmp_path, changes, key), *mentions)


@pytest.mark.parametrize(
    ("content", "mentions"),
    [
        (b"", ("holds no text",)),
        (b"ab", ("too short", "2 tokens")),
        (b"the cat \xff sat", ("not UTF-8", "byte 8", "dataset.vocabulary = bytes")),
        (gzip.compress(_TEXT.encode())[:-9], ("gzip", "too early")),
    ],
    ids=["empty", "too short", "no UTF-8", "cut gzip"],
)
def test_bad_text_is_named(program: Program, tmp_path: Path, content: bytes, mentions: tuple[str, ...]) -> None:
    (tmp_path / "bad.txt").write_bytes(content)
    message = refusal(program, tmp_path, {"dataset.path": "bad.txt"}, "dataset.path")
    assert_mentions(message, "bad.txt", *mentions)


def test_token_task_without_its_size_says_what_is_missing(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, TRANSFORMER | {"dataset.kind": "modular_addition"})
    assert_mentions(refused(program, tmp_path, "run", config.name), "small.cfg: ", "dataset.modulus: missing", _ALLOWED)
