#!/usr/bin/env python3
"""The peer `numpy_original`: MLPs as the original tutorial trains them, neuron by neuron.

An object per neuron with its own weights, run on the whole batch at once; a layer's input gradient is the sum of those
that its neurons hand back, the first layer's included, though nothing uses it. ReLU on every layer, squared error,
plain gradient descent; updates layer by layer as in the original, or all gradients first. Everything else is left out.
"""

from __future__ import annotations

from time import perf_counter

from stepbench_peer import Job, Named, Network, Phases, np, serve


class Neuron:
    def __init__(self, weights: np.ndarray, bias: np.generic) -> None:
        self.weights = weights.reshape(-1, 1).copy()  # (in, 1)
        self.bias = np.full((1, 1), bias)

    def forward(self, inputs: np.ndarray) -> np.ndarray:
        self.inputs = inputs
        self.outputs = np.maximum(np.dot(inputs, self.weights) + self.bias, 0)  # (B, 1)
        return self.outputs

    def backward(self, output_gradient: np.ndarray, learning_rate: float | None) -> np.ndarray:
        """The gradient of its inputs; with a learning rate, by the weights as this step leaves them."""
        delta = output_gradient * (self.outputs > 0)
        self.gradients = np.dot(self.inputs.T, delta), delta.sum(keepdims=True)
        if learning_rate is not None:
            self.update(learning_rate)
        return np.dot(delta, self.weights.T)

    def update(self, learning_rate: float) -> None:
        self.weights -= learning_rate * self.gradients[0]
        self.bias -= learning_rate * self.gradients[1]


class Layer:
    def __init__(self, weight: np.ndarray, bias: np.ndarray) -> None:
        self.neurons = [Neuron(row, b) for row, b in zip(weight, bias)]

    def forward(self, inputs: np.ndarray) -> np.ndarray:
        return np.hstack([neuron.forward(inputs) for neuron in self.neurons])

    def backward(self, output_gradient: np.ndarray, learning_rate: float | None) -> np.ndarray:
        parts = [neuron.backward(output_gradient[:, [i]], learning_rate) for i, neuron in enumerate(self.neurons)]
        return np.sum(parts, axis=0)


def named(weights: list[np.ndarray], biases: list[np.ndarray]) -> Named:
    """Those of the layers, by canonical names."""
    return {f"layers.{index}.{part}": values
            for index, layer in enumerate(zip(weights, biases))
            for part, values in zip(("weight", "bias"), layer)}  # fmt: skip


class OriginalNetwork(Network):
    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.layerwise = job.settings["training.update_order"] == "layerwise"

    def load(self, parameters: Named) -> None:
        tensors = list(parameters.values())
        self.layers = [Layer(weight, bias) for weight, bias in zip(tensors[::2], tensors[1::2])]

    def parameters(self) -> Named:
        return named([np.array([neuron.weights[:, 0] for neuron in layer.neurons]) for layer in self.layers],
                     [np.array([neuron.bias[0, 0] for neuron in layer.neurons]) for layer in self.layers])  # fmt: skip

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        for layer in self.layers:
            inputs = layer.forward(inputs)
        return inputs

    def backward(self, difference: np.ndarray, learning_rate: float | None) -> None:
        gradient = difference * self.job.scalar(2 / len(difference))
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient, learning_rate)

    def gradients(self, inputs: np.ndarray, expected: np.ndarray) -> tuple[float, Named]:
        difference = self.outputs(inputs) - expected
        self.backward(difference, None)
        weights = [np.array([neuron.gradients[0][:, 0] for neuron in layer.neurons]) for layer in self.layers]
        biases = [np.array([neuron.gradients[1][0, 0] for neuron in layer.neurons]) for layer in self.layers]
        return float(np.mean(difference * difference)), named(weights, biases)

    def update(self, learning_rate: float, number: int) -> None:
        for layer in self.layers:
            for neuron in layer.neurons:
                neuron.update(learning_rate)

    def train_step(
        self, inputs: np.ndarray, expected: np.ndarray, learning_rate: float, number: int
    ) -> tuple[float, Phases]:
        begin = perf_counter()
        outputs = self.outputs(inputs)
        forward = perf_counter()
        difference = outputs - expected
        loss = float(np.mean(difference * difference))
        lost = perf_counter()
        self.backward(difference, learning_rate if self.layerwise else None)
        backward = perf_counter()
        if not self.layerwise:
            self.update(learning_rate, number)
        return loss, (forward - begin, lost - forward, backward - lost, 0.0, perf_counter() - backward)


def unsupported(settings: dict[str, object]) -> str:
    wanted = {"model.kind": "mlp", "model.output": "relu", "model.loss": "squared_error", "training.optimizer": "sgd"}
    for key, value in wanted.items():
        if settings.get(key) != value:
            return f"the original has {key} = {value}: {settings.get(key)} is not supported"
    if settings["training.weight_decay"] or "training.gradient_clip" in settings:
        return "the original neither decays weights nor clips gradients: not supported"
    return ""


if __name__ == "__main__":
    serve(OriginalNetwork, unsupported=unsupported)
