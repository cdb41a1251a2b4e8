"""Files that stepbench wrote, as HDF5 with a trailer: whether one is whole, before HDF5 reads it. Knows nothing of what is in them."""

from __future__ import annotations

import struct
from pathlib import Path

import h5py

_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_TRAILER = struct.Struct("<8sQ16s")  # magic, length of what precedes, its XXH3-128 (canonical)
_TRAILER_MAGIC = b"\x89SBENCH\n"


class ResultsError(Exception):
    """A file, or what is asked of it, is not usable; the message is one line, and says what can be done."""


def open_sealed(path: Path, kind: str = "result file") -> h5py.File:
    """An HDF5 file that stepbench wrote, which lives in memory; `kind` is what was expected."""
    try:
        return h5py.File(h5py.h5f.open_file_image(read_image(path, kind)))
    except (OSError, RuntimeError, ValueError):
        raise ResultsError(f"{path}: is damaged: HDF5 cannot read it") from None


def read_image(path: Path, kind: str = "result file") -> bytes:
    """The HDF5 part of a file that stepbench wrote, whose trailer fits."""
    if not path.exists():
        raise ResultsError(f"{path}: {_explain_absence(path)}")
    if path.is_dir():
        raise ResultsError(f"{path}: is a folder, not a {kind}")
    if not path.is_file():
        raise ResultsError(f"{path}: is not an ordinary file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read: {error.strerror}") from None
    if not content:
        raise ResultsError(f"{path}: is empty")
    if not content.startswith(_HDF5_SIGNATURE):
        raise ResultsError(f"{path}: is not an HDF5 file")
    image, trailer = content[: -_TRAILER.size], content[-_TRAILER.size :]
    if not trailer.startswith(_TRAILER_MAGIC):
        raise ResultsError(f"{path}: {_explain_missing_trailer(content, kind)}")
    _, length, digest = _TRAILER.unpack(trailer)
    if length != len(image) or digest != (_xxh3_128(image) or digest):
        raise ResultsError(f"{path}: is damaged: its contents do not match its checksum")
    return image


def sealed(image: bytes) -> bytes:
    """What stepbench would write for an HDF5 image: with its trailer (core/results/trailer.hpp)."""
    digest = _xxh3_128(image)
    if digest is None:
        raise ResultsError("writing needs xxhash, which this Python has not (Debian: apt install python3-xxhash)")
    return image + _TRAILER.pack(_TRAILER_MAGIC, len(image), digest)


def _xxh3_128(image: bytes) -> bytes | None:
    try:
        import xxhash
    except ImportError:  # the length alone is checked, then
        return None
    return xxhash.xxh3_128(image).digest()


def _explain_absence(path: Path) -> str:
    finished = sorted(path.with_suffix(".trials").glob("*.h5"))
    if path.suffix != ".h5" or not finished:
        return "there is no such file"
    return (
        f"there is no such file, but an interrupted run left {len(finished)} finished trial(s) in "
        f"{path.with_suffix('.trials')}: finish it with `stepbench run CONFIG --output {path} --resume`, or open a "
        f"single trial, such as {finished[0]}"
    )


def _explain_missing_trailer(content: bytes, kind: str) -> str:
    """Why HDF5 without a trailer at its end is no file of ours: by the end that its own superblock gives."""
    version = content[8] if len(content) > 8 else 255
    place = {0: 40, 1: 44, 2: 28, 3: 28}.get(version, len(content))
    if len(content) < place + 8:
        return f"is damaged or truncated, or not a stepbench {kind}"
    end = int.from_bytes(content[place : place + 8], "little")
    if len(content) < end:
        return "is truncated"
    if content[end : end + 8] == _TRAILER_MAGIC[: len(content) - end] and len(content) > end:
        return "is truncated"
    return f"is an HDF5 file, but not a stepbench {kind} (or its last {_TRAILER.size} bytes are missing)"
