#!/usr/bin/env python3
"""The peer `jax`: the whole training step jitted, its parameters and moments donated.

The same networks, names and rules of updating as pytorch.py, as functions of dictionaries of parameters. Left out:
updates layer by layer. XLA runs on as many threads as PJRT_NPROC says, which it reads when the first array is made.
"""

from __future__ import annotations

import os
from typing import Any

import stepbench_peer
from stepbench_peer import Job, Named, Network, decays, np, serve

stepbench_peer.describe(["jax", "jaxlib"], "needs JAX: scripts/peers/install")
os.environ["JAX_PLATFORMS"] = "cpu"

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

Tensors = dict[str, jax.Array]


def linear(parameters: Tensors, name: str, inputs: jax.Array) -> jax.Array:
    return inputs @ parameters[f"{name}.weight"].T + parameters[f"{name}.bias"]


def norm(parameters: Tensors, name: str, inputs: jax.Array) -> jax.Array:
    centred = inputs - inputs.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    return centred * jax.lax.rsqrt(variance + 1e-5) * parameters[f"{name}.weight"] + parameters[f"{name}.bias"]


def mlp(settings: dict[str, Any], parameters: Tensors, features: jax.Array) -> jax.Array:
    depth = len(settings["model.layers"]) - 1
    hidden = features
    for layer in range(depth):
        hidden = linear(parameters, f"layers.{layer}", hidden)
        if layer + 1 < depth or settings["model.output"] == "relu":
            hidden = jax.nn.relu(hidden)
    return hidden


def attention(parameters: Tensors, name: str, inputs: jax.Array, heads: int) -> jax.Array:  # (B, T, D)
    batch, context, width = inputs.shape
    query, key, value = (
        part.reshape(batch, context, heads, width // heads)
        for part in jnp.split(linear(parameters, f"{name}.qkv", inputs), 3, axis=2)
    )
    # Not by jax.nn.dot_product_attention, whose softmax is in float32, whatever its inputs are.
    scores = jnp.einsum("bqhd,bkhd->bhqk", query, key) * (width // heads) ** -0.5
    weights = jax.nn.softmax(jnp.where(np.tri(context, dtype=bool), scores, -jnp.inf))
    mixed = jnp.einsum("bhqk,bkhd->bqhd", weights, value)
    return linear(parameters, f"{name}.output", mixed.reshape(batch, context, width))


def sinusoidal_positions(context: int, width: int) -> np.ndarray:
    """(T, D): sin of t / 10000^(2i/D) in column 2i, cos of the same in column 2i + 1."""
    angles = np.arange(context)[:, None] / 10000 ** (np.arange(0, width, 2) / width)
    return np.stack([np.sin(angles), np.cos(angles)], axis=2).reshape(context, -1)[:, :width]


def transformer(settings: dict[str, Any], parameters: Tensors, tokens: jax.Array) -> jax.Array:
    embedding = parameters["token_embedding.weight"]
    positions = parameters.get("position_embedding.weight")
    if positions is None:
        positions = sinusoidal_positions(tokens.shape[1], embedding.shape[1]).astype(embedding.dtype)
    hidden = embedding[tokens] + positions
    activation = jax.nn.relu if settings["model.activation"] == "relu" else jax.nn.gelu  # by tanh
    for block in range(settings["model.blocks"]):
        name = f"blocks.{block}"
        normed = norm(parameters, f"{name}.norm1", hidden)
        hidden = hidden + attention(parameters, f"{name}.attention", normed, settings["model.heads"])
        up = linear(parameters, f"{name}.mlp.up", norm(parameters, f"{name}.norm2", hidden))
        hidden = hidden + linear(parameters, f"{name}.mlp.down", activation(up))
    return norm(parameters, "final_norm", hidden) @ parameters.get("head.weight", embedding).T  # (B, T, V)


def cross_entropy(outputs: jax.Array, expected: jax.Array) -> jax.Array:
    """The mean over what counts."""
    logarithms = jax.nn.log_softmax(outputs)
    picked = jnp.take_along_axis(logarithms, jnp.maximum(expected, 0)[..., None], axis=-1)[..., 0]
    counts = expected >= 0
    return -jnp.sum(jnp.where(counts, picked, 0)) / jnp.sum(counts)


class JaxNetwork(Network):
    def __init__(self, job: Job) -> None:
        super().__init__(job)
        os.environ["PJRT_NPROC"] = str(job.threads)
        jax.config.update("jax_enable_x64", job.scalar is np.float64)
        self.settings = job.settings
        model = transformer if job.is_transformer else mlp
        self.forward = lambda parameters, inputs: model(self.settings, parameters, inputs)
        self.jitted_forward = jax.jit(self.forward)
        self.jitted_gradients = jax.jit(jax.value_and_grad(self.objective))
        self.jitted_update = jax.jit(self.updated, donate_argnums=(0, 1))
        self.jitted_step = jax.jit(self.whole_step, donate_argnums=(0, 1))

    def objective(self, parameters: Tensors, inputs: jax.Array, expected: jax.Array) -> jax.Array:
        outputs = self.forward(parameters, inputs)
        if self.job.squared_error:
            return jnp.sum((outputs - expected) ** 2) / len(expected)
        return cross_entropy(outputs, expected)

    def recorded(self, objective: jax.Array) -> float:
        """The mean over all elements, of a squared error."""
        return float(objective) / self.job.outputs if self.job.squared_error else float(objective)

    def load(self, parameters: Named) -> None:
        kind = self.settings["training.optimizer"]
        self.values = {name: jnp.array(values) for name, values in parameters.items()}
        count = {"sgd": 0, "momentum": 1}.get(kind, 2)
        self.moments = tuple(jax.tree.map(jnp.zeros_like, self.values) for _ in range(count))

    def parameters(self) -> Named:
        return {name: np.asarray(values.copy()) for name, values in self.values.items()}  # of what will be donated

    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        return np.asarray(self.jitted_forward(self.values, inputs))

    def gradients(self, inputs: np.ndarray, expected: np.ndarray) -> tuple[float, Named]:
        objective, self.slopes = self.jitted_gradients(self.values, inputs, expected)
        return self.recorded(objective), {name: np.asarray(slope) for name, slope in self.slopes.items()}

    def factors(self, learning_rate: float, number: int) -> tuple[np.floating, ...]:
        """Of an update, what changes from one to the next: the learning rate, and Adam's corrections."""
        corrections: tuple[float, ...] = ()
        if len(self.moments) == 2:
            beta1, beta2 = self.settings["training.beta1"], self.settings["training.beta2"]
            corrections = learning_rate / (1 - beta1**number), (1 - beta2**number) ** -0.5
        return tuple(map(self.job.scalar, (learning_rate, *corrections)))

    def updated(
        self, values: Tensors, moments: tuple[Tensors, ...], slopes: Tensors, factors: tuple[jax.Array, ...]
    ) -> tuple[Tensors, tuple[Tensors, ...]]:
        """Parameters and moments after a step of the optimiser."""
        settings, rate = self.settings, factors[0]
        kind, decay = settings["training.optimizer"], settings["training.weight_decay"]
        if "training.gradient_clip" in settings:
            length = jnp.sqrt(sum(jnp.sum(slope * slope) for slope in slopes.values()))
            scale = jnp.minimum(1, settings["training.gradient_clip"] / (length + 1e-6))
            slopes = {name: slope * scale for name, slope in slopes.items()}
        if decay and kind == "adamw":
            values = {name: v * (1 - rate * decay) if decays(name) else v for name, v in values.items()}
        elif decay:
            slopes = {name: slope + decay * values[name] for name, slope in slopes.items()}
        if kind == "sgd":
            return {name: v - rate * slopes[name] for name, v in values.items()}, ()
        if kind == "momentum":
            first = {name: settings["training.momentum"] * m + slopes[name] for name, m in moments[0].items()}
            return {name: v - rate * first[name] for name, v in values.items()}, (first,)
        beta1, beta2, epsilon = (settings[f"training.{key}"] for key in ("beta1", "beta2", "epsilon"))
        first = {name: beta1 * m + (1 - beta1) * slopes[name] for name, m in moments[0].items()}
        second = {name: beta2 * s + (1 - beta2) * slopes[name] ** 2 for name, s in moments[1].items()}
        values = {name: v - factors[1] * first[name] / (jnp.sqrt(second[name]) * factors[2] + epsilon)
                  for name, v in values.items()}  # fmt: skip
        return values, (first, second)

    def whole_step(
        self, values: Tensors, moments: tuple[Tensors, ...], inputs: jax.Array, expected: jax.Array,
        factors: tuple[jax.Array, ...],
    ) -> tuple[jax.Array, Tensors, tuple[Tensors, ...]]:
        objective, slopes = jax.value_and_grad(self.objective)(values, inputs, expected)
        return objective, *self.updated(values, moments, slopes, factors)

    def update(self, learning_rate: float, number: int) -> None:
        self.values, self.moments = self.jitted_update(
            self.values, self.moments, self.slopes, self.factors(learning_rate, number)
        )

    def train_step(self, inputs: np.ndarray, expected: np.ndarray, learning_rate: float, number: int) -> float:
        factors = self.factors(learning_rate, number)
        done = self.jitted_step(self.values, self.moments, inputs, expected, factors)
        objective, self.values, self.moments = jax.block_until_ready(done)
        return self.recorded(objective)


def unsupported(settings: dict[str, Any]) -> str:
    if settings["training.update_order"] == "layerwise":
        return "the jax peer forms all gradients before it updates: training.update_order = layerwise is not supported"
    return ""


if __name__ == "__main__":
    serve(JaxNetwork, f"JAX {jax.__version__}", unsupported)
