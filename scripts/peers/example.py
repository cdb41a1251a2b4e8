#!/usr/bin/env python3
"""A peer to begin from: MLPs in plain numpy, with cross entropy and plain gradient descent. All else is unsupported.

    build/release/stepbench run quick --set sweep.backend=blas,peer --set backend.peer.script=scripts/peers/example.py

Replace what is in the methods by your library, and widen `unsupported` to what you have.
"""

from __future__ import annotations

from stepbench_peer import Job, Named, Network, np, serve


class Example(Network):
    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.depth = len(job.settings["model.layers"]) - 1

    def load(self, parameters: Named) -> None:
        self.values = parameters  # layers.0.weight (out, in), layers.0.bias (out), layers.1.weight ...

    def parameters(self) -> Named:
        return self.values

    def forward(self, inputs: np.ndarray) -> list[np.ndarray]:
        """The inputs, then the outputs of each layer; ReLU between them."""
        activations = [inputs]
        for layer in range(self.depth):
            outputs = activations[-1] @ self.values[f"layers.{layer}.weight"].T + self.values[f"layers.{layer}.bias"]
            activations.append(outputs if layer == self.depth - 1 else np.maximum(outputs, 0))
        return activations

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        return self.forward(inputs)[-1]

    def gradients(self, inputs: np.ndarray, expected: np.ndarray) -> tuple[float, Named]:
        """inputs: features (B, F); expected: labels (B)."""
        activations = self.forward(inputs)
        at_labels = np.arange(len(expected)), expected
        shifted = activations[-1] - activations[-1].max(axis=1, keepdims=True)
        probabilities = np.exp(shifted)
        sums = probabilities.sum(axis=1, keepdims=True)
        probabilities /= sums
        loss = float(np.mean(np.log(sums[:, 0]) - shifted[at_labels]))

        delta = probabilities
        delta[at_labels] -= 1
        delta /= len(expected)
        self.slopes = {}
        for layer in reversed(range(self.depth)):
            self.slopes[f"layers.{layer}.weight"] = delta.T @ activations[layer]
            self.slopes[f"layers.{layer}.bias"] = delta.sum(axis=0)
            if layer > 0:
                delta = (delta @ self.values[f"layers.{layer}.weight"]) * (activations[layer] > 0)
        return loss, self.slopes

    def update(self, learning_rate: float, number: int) -> None:
        for name, slope in self.slopes.items():
            self.values[name] -= learning_rate * slope


def unsupported(settings: dict[str, object]) -> str:
    """Why this peer cannot train what the settings ask for; empty: it can."""
    wanted = {"model.kind": "mlp", "model.output": "linear", "model.loss": "cross_entropy", "training.optimizer": "sgd",
              "training.weight_decay": 0, "training.gradient_clip": None, "training.update_order": "simultaneous"}
    for key, value in wanted.items():
        if settings.get(key) != value:
            return f"the example does not support {key} = {settings.get(key)}"
    return ""


if __name__ == "__main__":
    serve(Example, unsupported=unsupported)
