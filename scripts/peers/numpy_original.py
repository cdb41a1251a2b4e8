#!/usr/bin/env python3
"""Trains a result file's MLPs in numpy as the original tutorial does, neuron by neuron. Usage: as pytorch.py.

An object per neuron with its own weights, run on the whole batch at once; a layer's input gradient is the sum of those
that its neurons hand back, the first layer's included, though nothing uses it. ReLU on every layer, squared error,
plain gradient descent; updates layer by layer as in the original, or all gradients first. Everything else is left out.
"""

from __future__ import annotations

from time import perf_counter

from peer import Peer, main
from peer_files import Data, Reference, np
from training import Stamps, count_right, gather, loss_and_gradient


class Neuron:
    def __init__(self, weights: np.ndarray, bias: np.generic) -> None:
        self.weights = weights.reshape(-1, 1).copy()  # (in, 1)
        self.bias = np.full((1, 1), bias)

    def forward(self, inputs: np.ndarray) -> np.ndarray:
        self.inputs = inputs
        self.outputs = np.maximum(np.dot(inputs, self.weights) + self.bias, 0)  # (B, 1)
        return self.outputs

    def backward(self, output_gradient: np.ndarray, learning_rate: float, update_first: bool) -> np.ndarray:
        """The gradient of its inputs; with `update_first`, by the weights as this step leaves them."""
        delta = output_gradient * (self.outputs > 0)
        self.changes = learning_rate * np.dot(self.inputs.T, delta), learning_rate * delta.sum(keepdims=True)
        if update_first:
            self.update()
        return np.dot(delta, self.weights.T)

    def update(self) -> None:
        self.weights -= self.changes[0]
        self.bias -= self.changes[1]


class Layer:
    def __init__(self, weight: np.ndarray, bias: np.ndarray) -> None:
        self.neurons = [Neuron(row, b) for row, b in zip(weight, bias)]

    def forward(self, inputs: np.ndarray) -> np.ndarray:
        return np.hstack([neuron.forward(inputs) for neuron in self.neurons])

    def backward(self, output_gradient: np.ndarray, learning_rate: float, update_first: bool) -> np.ndarray:
        parts = [
            neuron.backward(output_gradient[:, [i]], learning_rate, update_first)
            for i, neuron in enumerate(self.neurons)
        ]
        return np.sum(parts, axis=0)


class OriginalNetwork:
    def __init__(self, reference: Reference, data: Data, threads: int) -> None:
        self.scalar, self.data = reference.scalar, data
        self.layerwise = reference.settings["training.update_order"] == "layerwise"
        tensors = list(reference.initial.values())
        self.layers = [Layer(weight, bias) for weight, bias in zip(tensors[::2], tensors[1::2])]

    def forward(self, features: np.ndarray) -> np.ndarray:
        for layer in self.layers:
            features = layer.forward(features)
        return features

    def train_step(self, rows: np.ndarray, learning_rate: float, number: int) -> tuple[float, Stamps]:
        features, expected = gather(self.data, self.data.train, rows, self.scalar, squared_error=True)
        gathered = perf_counter()
        outputs = self.forward(features)
        forward = perf_counter()
        loss, gradient = loss_and_gradient(outputs, expected, squared_error=True)
        lost = perf_counter()
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient, learning_rate, self.layerwise)
        backward = perf_counter()
        if not self.layerwise:
            for layer in self.layers:
                for neuron in layer.neurons:
                    neuron.update()
        return loss, (gathered, forward, lost, backward, perf_counter())

    def evaluate(self, rows: np.ndarray) -> tuple[float, int, int]:
        features, expected = gather(self.data, self.data.validation, rows, self.scalar, squared_error=True)
        outputs = self.forward(features)
        labels = self.data.validation.get("labels")
        right = 0 if labels is None else count_right(outputs, labels[rows])
        return loss_and_gradient(outputs, expected, squared_error=True)[0], right, len(rows)

    def parameters(self) -> dict[str, np.ndarray]:
        named = {}
        for index, layer in enumerate(self.layers):
            named[f"layers.{index}.weight"] = np.array([neuron.weights[:, 0] for neuron in layer.neurons])
            named[f"layers.{index}.bias"] = np.array([neuron.bias[0, 0] for neuron in layer.neurons])
        return named


def unsupported(settings: dict[str, object]) -> str:
    wanted = {"model.kind": "mlp", "model.output": "relu", "model.loss": "squared_error", "training.optimizer": "sgd"}
    for key, value in wanted.items():
        if settings.get(key) != value:
            return f"the original trains with {key} = {value}: {settings.get(key)} is not supported"
    if float(settings["training.weight_decay"]) or "training.gradient_clip" in settings:
        return "the original neither decays weights nor clips gradients: not supported"
    return ""


PEER = Peer("numpy_original", lambda: f"numpy {np.__version__}", unsupported, OriginalNetwork, most_threads=1)

if __name__ == "__main__":
    main(PEER, __doc__.splitlines()[0])
