#!/usr/bin/env python3
"""Trains a result file's MLPs in numpy, a layer as a matrix, and adds its trials. Usage: as pytorch.py.

What a careful numpy user writes: matrix products, element-wise passes in place, all parameters in one vector for the
optimiser. All optimisers, losses, schedules and clipping. Left out: transformers, updates layer by layer.
"""

from __future__ import annotations

from time import perf_counter

from peer import Peer, main
from peer_files import Data, Reference, np
from training import Stamps, count_right, decays, gather, loss_and_gradient


class Mlp:
    def __init__(self, reference: Reference, data: Data, threads: int) -> None:
        self.settings, self.scalar, self.data = reference.settings, reference.scalar, data
        self.relu_output = self.settings["model.output"] == "relu"
        self.squared_error = self.settings["model.loss"] == "squared_error"
        self.flat = np.concatenate([values.ravel() for values in reference.initial.values()])
        self.gradient = np.empty_like(self.flat)
        self.tensors, self.gradients = (self.views(flat, reference) for flat in (self.flat, self.gradient))
        self.depth = len(reference.initial) // 2
        self.momentum, self.square = np.zeros_like(self.flat), np.zeros_like(self.flat)

    @staticmethod
    def views(flat: np.ndarray, reference: Reference) -> dict[str, np.ndarray]:
        ends = np.cumsum([values.size for values in reference.initial.values()])
        return {
            name: flat[end - values.size : end].reshape(values.shape)
            for (name, values), end in zip(reference.initial.items(), ends)
        }

    def forward(self, features: np.ndarray) -> list[np.ndarray]:
        """The features, then the outputs of each layer."""
        activations = [features]
        for layer in range(self.depth):
            outputs = activations[-1] @ self.tensors[f"layers.{layer}.weight"].T
            outputs += self.tensors[f"layers.{layer}.bias"]
            if layer + 1 < self.depth or self.relu_output:
                np.maximum(outputs, 0, out=outputs)
            activations.append(outputs)
        return activations

    def backward(self, activations: list[np.ndarray], delta: np.ndarray) -> None:
        """`delta`: the objective's gradient by the last outputs."""
        for layer in reversed(range(self.depth)):
            if layer + 1 < self.depth or self.relu_output:
                delta *= activations[layer + 1] > 0
            np.matmul(delta.T, activations[layer], out=self.gradients[f"layers.{layer}.weight"])
            np.sum(delta, axis=0, out=self.gradients[f"layers.{layer}.bias"])
            if layer > 0:
                delta = delta @ self.tensors[f"layers.{layer}.weight"]

    def clip(self) -> None:
        if "training.gradient_clip" in self.settings:
            norm = float(np.linalg.norm(self.gradient))
            factor = float(self.settings["training.gradient_clip"]) / (norm + 1e-6)
            if factor < 1:
                self.gradient *= factor

    def update(self, rate: float, number: int) -> None:
        kind, decay = self.settings["training.optimizer"], float(self.settings["training.weight_decay"])
        if decay and kind == "adamw":
            for name, values in self.tensors.items():
                if decays(name):
                    values *= 1 - rate * decay
        elif decay:
            self.gradient += decay * self.flat
        if kind == "sgd":
            self.gradient *= rate
            self.flat -= self.gradient
        elif kind == "momentum":
            self.momentum *= float(self.settings["training.momentum"])
            self.momentum += self.gradient
            self.flat -= rate * self.momentum
        else:
            self.adam(rate, number)

    def adam(self, rate: float, number: int) -> None:
        beta1, beta2 = float(self.settings["training.beta1"]), float(self.settings["training.beta2"])
        self.momentum *= beta1
        self.momentum += (1 - beta1) * self.gradient
        self.square *= beta2
        self.gradient *= self.gradient
        self.gradient *= 1 - beta2
        self.square += self.gradient
        root = np.sqrt(self.square, out=self.gradient)
        root *= 1 / np.sqrt(1 - beta2**number)
        root += float(self.settings["training.epsilon"])
        np.divide(self.momentum, root, out=root)
        root *= rate / (1 - beta1**number)
        self.flat -= root

    def train_step(self, rows: np.ndarray, learning_rate: float, number: int) -> tuple[float, Stamps]:
        features, expected = gather(self.data, self.data.train, rows, self.scalar, self.squared_error)
        gathered = perf_counter()
        activations = self.forward(features)
        forward = perf_counter()
        loss, delta = loss_and_gradient(activations[-1], expected, self.squared_error)
        lost = perf_counter()
        self.backward(activations, delta)
        backward = perf_counter()
        self.clip()
        self.update(learning_rate, number)
        return loss, (gathered, forward, lost, backward, perf_counter())

    def evaluate(self, rows: np.ndarray) -> tuple[float, int, int]:
        features, expected = gather(self.data, self.data.validation, rows, self.scalar, self.squared_error)
        outputs = self.forward(features)[-1]
        labels = self.data.validation.get("labels")
        right = 0 if labels is None else count_right(outputs, labels[rows])
        return loss_and_gradient(outputs, expected, self.squared_error)[0], right, len(rows)

    def parameters(self) -> dict[str, np.ndarray]:
        return self.tensors


def unsupported(settings: dict[str, object]) -> str:
    if settings["model.kind"] != "mlp":
        return f"numpy_vectorised trains MLPs: model.kind = {settings['model.kind']} is not supported"
    if settings["training.update_order"] == "layerwise":
        return "training.update_order = layerwise is not supported (numpy_original has it)"
    return ""


PEER = Peer("numpy_vectorised", lambda: f"numpy {np.__version__}", unsupported, Mlp)

if __name__ == "__main__":
    main(PEER, __doc__.splitlines()[0])
