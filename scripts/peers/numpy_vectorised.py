#!/usr/bin/env python3
"""The peer `numpy`: MLPs, a layer as a matrix.

What a careful numpy user writes: matrix products, element-wise passes in place, all parameters in one vector for the
optimiser. All optimisers, losses and clipping. Left out: transformers, updates layer by layer.
"""

from __future__ import annotations

from time import perf_counter

from stepbench_peer import Job, Named, Network, Phases, decays, np, serve


class Mlp(Network):
    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.settings = job.settings
        self.depth = len(self.settings["model.layers"]) - 1
        self.relu_output = self.settings["model.output"] == "relu"

    def load(self, parameters: Named) -> None:
        self.flat = np.concatenate([values.ravel() for values in parameters.values()])
        self.gradient = np.empty_like(self.flat)
        self.momentum, self.square = np.zeros_like(self.flat), np.zeros_like(self.flat)
        self.tensors, self.slopes = self.views(self.flat), self.views(self.gradient)

    def views(self, flat: np.ndarray) -> Named:
        sizes = [int(np.prod(shape)) for shape in self.job.shapes.values()]
        parts = np.split(flat, np.cumsum(sizes)[:-1])
        return {name: part.reshape(shape) for (name, shape), part in zip(self.job.shapes.items(), parts)}

    def parameters(self) -> Named:
        return self.tensors

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

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        return self.forward(inputs)[-1]

    def loss_and_gradient(self, outputs: np.ndarray, expected: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss as stepbench records it, and the gradient of what is optimised by the outputs."""
        batch = len(outputs)
        if self.job.squared_error:
            difference = outputs - expected
            return float(np.mean(difference * difference)), difference * self.job.scalar(2 / batch)
        shifted = outputs - outputs.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        sums = exponentials.sum(axis=1, keepdims=True)
        picked = np.arange(batch), expected
        loss = float(np.mean(np.log(sums[:, 0]) - shifted[picked]))
        gradient = np.divide(exponentials, sums, out=exponentials)
        gradient[picked] -= 1
        gradient /= batch
        return loss, gradient

    def backward(self, activations: list[np.ndarray], delta: np.ndarray) -> None:
        """`delta`: the objective's gradient by the last outputs."""
        for layer in reversed(range(self.depth)):
            if layer + 1 < self.depth or self.relu_output:
                delta *= activations[layer + 1] > 0
            np.matmul(delta.T, activations[layer], out=self.slopes[f"layers.{layer}.weight"])
            np.sum(delta, axis=0, out=self.slopes[f"layers.{layer}.bias"])
            if layer > 0:
                delta = delta @ self.tensors[f"layers.{layer}.weight"]

    def gradients(self, inputs: np.ndarray, expected: np.ndarray) -> tuple[float, Named]:
        activations = self.forward(inputs)
        loss, delta = self.loss_and_gradient(activations[-1], expected)
        self.backward(activations, delta)
        return loss, self.slopes

    def train_step(
        self, inputs: np.ndarray, expected: np.ndarray, learning_rate: float, number: int
    ) -> tuple[float, Phases]:
        begin = perf_counter()
        activations = self.forward(inputs)
        forward = perf_counter()
        loss, delta = self.loss_and_gradient(activations[-1], expected)
        lost = perf_counter()
        self.backward(activations, delta)
        backward = perf_counter()
        self.update(learning_rate, number)
        return loss, (forward - begin, lost - forward, backward - lost, 0.0, perf_counter() - backward)

    def clip(self) -> None:
        if "training.gradient_clip" in self.settings:
            norm = float(np.linalg.norm(self.gradient))
            factor = self.settings["training.gradient_clip"] / (norm + 1e-6)
            if factor < 1:
                self.gradient *= factor

    def update(self, learning_rate: float, number: int) -> None:
        self.clip()
        kind, decay = self.settings["training.optimizer"], self.settings["training.weight_decay"]
        if decay and kind == "adamw":
            for name, values in self.tensors.items():
                if decays(name):
                    values *= 1 - learning_rate * decay
        elif decay:
            self.gradient += decay * self.flat
        if kind == "sgd":
            self.gradient *= learning_rate
            self.flat -= self.gradient
        elif kind == "momentum":
            self.momentum *= self.settings["training.momentum"]
            self.momentum += self.gradient
            self.flat -= learning_rate * self.momentum
        else:
            self.adam(learning_rate, number)

    def adam(self, learning_rate: float, number: int) -> None:
        beta1, beta2 = self.settings["training.beta1"], self.settings["training.beta2"]
        self.momentum *= beta1
        self.momentum += (1 - beta1) * self.gradient
        self.square *= beta2
        self.gradient *= self.gradient
        self.gradient *= 1 - beta2
        self.square += self.gradient
        root = np.sqrt(self.square, out=self.gradient)
        root *= 1 / float(np.sqrt(1 - beta2**number))
        root += self.settings["training.epsilon"]
        np.divide(self.momentum, root, out=root)
        root *= learning_rate / (1 - beta1**number)
        self.flat -= root


def unsupported(settings: dict[str, object]) -> str:
    if settings["model.kind"] != "mlp":
        return f"trains MLPs: model.kind = {settings['model.kind']} is not supported"
    if settings["training.update_order"] == "layerwise":
        return "training.update_order = layerwise is not supported (numpy_original has it)"
    return ""


if __name__ == "__main__":
    serve(Mlp, unsupported=unsupported)
