#!/usr/bin/env python3
"""Makes original.h5: what the algorithm of the original tutorial does to a network, step by step, in numpy.

An implementation that shares nothing with the C++ backends, for them to be held against: ReLU on every layer, mean
squared error, plain gradient descent on consecutive batches of real digits, in float64. It is run in both update
orders. `layerwise` is the original's: a layer changes its weights before it passes the gradient down, so the layer
below sees the new ones. `simultaneous` forms all gradients first.

Layers are matrices here, for speed; a network of neuron objects is trained beside it for a few steps of each run to
show that the two are the same algorithm. Left out: every other loss, optimiser and activation.

    /usr/bin/python3 tests/golden/make_original.py            writes tests/golden/original.h5
    /usr/bin/python3 tests/golden/make_original.py --check    makes it again and compares; ends with 1 if it differs

Needs numpy and h5py.
"""

from __future__ import annotations

import argparse
import gzip
import sys
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

GOLDEN_FOLDER = Path(__file__).resolve().parent
DIGITS_FOLDER = GOLDEN_FOLDER.parent.parent / "experiments" / "data" / "mnist-10k"

LAYER_SIZES = (784, 128, 64, 10)
SAMPLES = 2048
BATCH_SIZE = 32
EPOCHS = 10
LEARNING_RATE = 0.03
WEIGHT_SCALE = 0.01
SEED = 20240601
ORDERS = ("layerwise", "simultaneous")

# The two differ only in the order in which float64 sums are taken: by about 1e-15 in so few steps.
NEURON_CHECK_STEPS = 10
NEURON_CHECK_TOLERANCE = 1e-12
# Another numpy, or another BLAS beneath it, sums in another order. That too moves a run by about 1e-15 only; an error
# in the algorithm shows from about 1e-2 on.
STORED_TOLERANCE = 1e-11


def read_idx(path: Path) -> np.ndarray:
    """The uint8 array in a gzipped IDX file (magic 0, 0, type 8, number of dimensions; big-endian extents)."""
    raw = gzip.decompress(path.read_bytes())
    if raw[:3] != b"\x00\x00\x08":
        raise SystemExit(f"{path}: not an IDX file of bytes")
    dimensions = raw[3]
    shape = np.frombuffer(raw, dtype=">u4", count=dimensions, offset=4)
    return np.frombuffer(raw, dtype=np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """Pixels / 255 (N, 784) and one-hot targets (N, 10) of the first training digits."""
    images = read_idx(DIGITS_FOLDER / "train-images-idx3-ubyte.gz")[:SAMPLES]
    labels = read_idx(DIGITS_FOLDER / "train-labels-idx1-ubyte.gz")[:SAMPLES]
    return images.reshape(SAMPLES, -1) / 255.0, np.eye(LAYER_SIZES[-1])[labels]


@dataclass
class DenseLayer:
    """All neurons of a layer at once: row i of `weight` (out, in) belongs to neuron i."""

    weight: np.ndarray
    bias: np.ndarray

    def forward(self, inputs: np.ndarray) -> np.ndarray:
        self.inputs = inputs
        self.outputs = np.maximum(inputs @ self.weight.T + self.bias, 0)
        return self.outputs

    def compute_gradients(self, output_gradient: np.ndarray) -> None:
        self.delta = output_gradient * (self.outputs > 0)
        self.weight_gradient = self.delta.T @ self.inputs
        self.bias_gradient = self.delta.sum(axis=0)

    def update(self) -> None:
        self.weight -= LEARNING_RATE * self.weight_gradient
        self.bias -= LEARNING_RATE * self.bias_gradient

    def input_gradient(self) -> np.ndarray:
        return self.delta @ self.weight

    def parameters(self) -> tuple[np.ndarray, np.ndarray]:
        return self.weight, self.bias


@dataclass
class Neuron:
    """One unit of the original: a weight per input and a bias, changed by its own gradient."""

    weights: np.ndarray
    bias: float

    def forward(self, inputs: np.ndarray) -> np.ndarray:
        self.inputs = inputs
        self.output = np.maximum(inputs @ self.weights + self.bias, 0)
        return self.output

    def compute_gradients(self, output_gradient: np.ndarray) -> None:
        self.delta = output_gradient * (self.output > 0)
        self.weight_gradient = self.inputs.T @ self.delta
        self.bias_gradient = self.delta.sum()

    def update(self) -> None:
        self.weights = self.weights - LEARNING_RATE * self.weight_gradient
        self.bias = self.bias - LEARNING_RATE * self.bias_gradient

    def input_gradient(self) -> np.ndarray:
        return np.outer(self.delta, self.weights)


class NeuronLayer:
    """The same layer as a list of neurons, as the original has it."""

    def __init__(self, weight: np.ndarray, bias: np.ndarray) -> None:
        self.neurons = [Neuron(row.copy(), float(b)) for row, b in zip(weight, bias)]

    def forward(self, inputs: np.ndarray) -> np.ndarray:
        return np.stack([neuron.forward(inputs) for neuron in self.neurons], axis=1)

    def compute_gradients(self, output_gradient: np.ndarray) -> None:
        for neuron, column in zip(self.neurons, output_gradient.T):
            neuron.compute_gradients(column)

    def update(self) -> None:
        for neuron in self.neurons:
            neuron.update()

    def input_gradient(self) -> np.ndarray:
        return sum(neuron.input_gradient() for neuron in self.neurons)

    def parameters(self) -> tuple[np.ndarray, np.ndarray]:
        return np.array([n.weights for n in self.neurons]), np.array([n.bias for n in self.neurons])


def train_step(layers: list, inputs: np.ndarray, targets: np.ndarray, order: str) -> float:
    """One step on one batch; the loss before it, as a mean over all elements of the output."""
    outputs = inputs
    for layer in layers:
        outputs = layer.forward(outputs)
    difference = outputs - targets
    gradient = 2 * difference / len(inputs)
    for depth, layer in reversed(list(enumerate(layers))):
        layer.compute_gradients(gradient)
        if order == "layerwise":
            layer.update()
        if depth > 0:
            gradient = layer.input_gradient()
    if order == "simultaneous":
        for layer in layers:
            layer.update()
    return float(np.mean(difference**2))


def parameters_of(layers: list) -> dict[str, np.ndarray]:
    named = {}
    for index, layer in enumerate(layers):
        named[f"layers.{index}.weight"], named[f"layers.{index}.bias"] = layer.parameters()
    return named


def initial_parameters() -> dict[str, np.ndarray]:
    """Drawn in float64, rounded to float32: half the size in the file, and exact in both precisions."""
    generator = np.random.RandomState(SEED)  # its stream is frozen by numpy's compatibility policy
    named = {}
    for index, (inputs, outputs) in enumerate(zip(LAYER_SIZES, LAYER_SIZES[1:])):
        weight = generator.standard_normal((outputs, inputs)) * WEIGHT_SCALE
        named[f"layers.{index}.weight"] = weight.astype(np.float32)
        named[f"layers.{index}.bias"] = np.zeros(outputs, dtype=np.float32)
    return named


def build(layer_type: type, initial: dict[str, np.ndarray]) -> list:
    return [
        layer_type(
            initial[f"layers.{index}.weight"].astype(np.float64), initial[f"layers.{index}.bias"].astype(np.float64)
        )
        for index in range(len(LAYER_SIZES) - 1)
    ]


def relative_error(actual: np.ndarray, expected: np.ndarray) -> float:
    """L2 norm of the difference over that of `expected`; 0 for equal arrays."""
    distance = float(np.linalg.norm(np.subtract(actual, expected)))
    return 0.0 if distance == 0.0 else distance / float(np.linalg.norm(expected))


def require_same_algorithm(initial: dict, inputs: np.ndarray, targets: np.ndarray, order: str) -> None:
    """Trains a network of neurons and one of matrices side by side; stops the script where they part."""
    networks = [build(NeuronLayer, initial), build(DenseLayer, initial)]
    for step in range(NEURON_CHECK_STEPS):
        rows = slice(step * BATCH_SIZE, (step + 1) * BATCH_SIZE)
        losses = [train_step(layers, inputs[rows], targets[rows], order) for layers in networks]
        errors = {"loss": relative_error(*losses)}
        by_neurons, by_matrices = (parameters_of(layers) for layers in networks)
        errors |= {name: relative_error(by_matrices[name], by_neurons[name]) for name in by_neurons}
        for name, error in errors.items():
            if not error <= NEURON_CHECK_TOLERANCE:
                raise SystemExit(f"{order}, step {step}: matrices and neurons differ in {name} by {error:.2e}")


def train(initial: dict, inputs: np.ndarray, targets: np.ndarray, order: str) -> dict[str, np.ndarray]:
    """Final parameters by name, and under `loss` the loss of every step."""
    layers = build(DenseLayer, initial)
    losses = []
    for _ in range(EPOCHS):
        for first in range(0, len(inputs), BATCH_SIZE):
            rows = slice(first, first + BATCH_SIZE)
            losses.append(train_step(layers, inputs[rows], targets[rows], order))
    return parameters_of(layers) | {"loss": np.array(losses)}


def make() -> dict[str, np.ndarray]:
    """Every dataset of the golden file by its path."""
    inputs, targets = load_digits()
    initial = initial_parameters()
    content = {f"initial/{name}": values for name, values in initial.items()}
    for order in ORDERS:
        require_same_algorithm(initial, inputs, targets, order)
        run = train(initial, inputs, targets, order)
        content |= {f"{order}/{name}": values for name, values in run.items()}
        print(f"{order}: loss {run['loss'][0]:.6f} -> {run['loss'][-1]:.6f} in {len(run['loss'])} steps")
    return content


def write(path: Path, content: dict[str, np.ndarray]) -> None:
    with h5py.File(path, "w", track_order=True) as file:
        file.attrs["layers"] = np.array(LAYER_SIZES, dtype=np.int64)
        file.attrs["samples"] = SAMPLES
        file.attrs["batch_size"] = BATCH_SIZE
        file.attrs["epochs"] = EPOCHS
        file.attrs["learning_rate"] = LEARNING_RATE
        for name, values in content.items():
            file.create_dataset(name, data=values, shuffle=True, compression="gzip", compression_opts=9)


def check(path: Path, content: dict[str, np.ndarray]) -> bool:
    """Compares `content` with the stored file, dataset by dataset; says what differs."""
    agrees = True
    with h5py.File(path, "r") as file:
        stored: list[str] = []
        file.visititems(lambda name, item: stored.append(name) if isinstance(item, h5py.Dataset) else None)
        for name in sorted(set(stored) ^ set(content)):
            print(f"{name}: only in the {'file' if name in stored else 'script'}")
            agrees = False
        for name in sorted(set(stored) & set(content)):
            same_shape = file[name].shape == content[name].shape
            error = relative_error(content[name], file[name][()]) if same_shape else float("inf")
            if not error <= STORED_TOLERANCE:
                print(f"{name}: differs by {error:.2e}, relative")
                agrees = False
    return agrees


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the stored file instead of writing it")
    parser.add_argument("--file", type=Path, default=GOLDEN_FOLDER / "original.h5")
    arguments = parser.parse_args()
    content = make()
    if not arguments.check:
        write(arguments.file, content)
        return 0
    agrees = check(arguments.file, content)
    print(f"{arguments.file}: {'agrees' if agrees else 'DIFFERS'}")
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main())
