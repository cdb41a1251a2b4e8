#!/usr/bin/env python3
"""Trains a result file's MLPs and transformers in PyTorch, the way its users write them, and adds its trials.

    stepbench run quick --set record.parameters=all --set record.order=true --output run.h5
    /usr/bin/python3 scripts/peers/pytorch.py run.h5 --output with-pytorch.h5
    stepbench show with-pytorch.h5

nn.Linear, nn.Embedding, nn.LayerNorm, cross_entropy, torch.optim, clip_grad_norm_; attention as products with a mask
(scaled_dot_product_attention is younger than Debian 12's PyTorch). Modules are named so that their state is canonical
parameters. Left out: compilation, and updates layer by layer.
"""

from __future__ import annotations

import math
from pathlib import Path
from time import perf_counter

from peer import Peer, main
from peer_files import Data, Reference, np, refuse
from training import Stamps, decays

try:
    import torch
    import torch.nn.functional as F
    from torch import nn
except ImportError:
    refuse("needs PyTorch, which this Python has not (Debian: apt install python3-torch, run with /usr/bin/python3)")


class Mlp(nn.Module):
    def __init__(self, settings: dict[str, object]) -> None:
        super().__init__()
        sizes = [int(size) for size in settings["model.layers"]]
        self.layers = nn.ModuleList(nn.Linear(inputs, outputs) for inputs, outputs in zip(sizes, sizes[1:]))
        self.relu_output = settings["model.output"] == "relu"

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        hidden = features
        for layer in self.layers[:-1]:
            hidden = F.relu(layer(hidden))
        outputs = self.layers[-1](hidden)
        return F.relu(outputs) if self.relu_output else outputs


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, context: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.heads = heads
        self.register_buffer("hidden", torch.ones(context, context, dtype=torch.bool).triu(1), persistent=False)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:  # (B, T, D)
        batch, context, width = inputs.shape
        query, key, value = (
            part.view(batch, context, self.heads, width // self.heads).transpose(1, 2)
            for part in self.qkv(inputs).split(width, dim=2)
        )
        scores = query @ key.transpose(2, 3) * (1 / math.sqrt(width // self.heads))  # (B, H, T, T)
        weights = F.softmax(scores.masked_fill(self.hidden, -math.inf), dim=3)
        return self.output((weights @ value).transpose(1, 2).reshape(batch, context, width))


class FeedForward(nn.Module):
    def __init__(self, width: int, activation: str) -> None:
        super().__init__()
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.activation = nn.ReLU() if activation == "relu" else nn.GELU(approximate="tanh")

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.down(self.activation(self.up(inputs)))


class Block(nn.Module):
    def __init__(self, width: int, heads: int, context: int, activation: str) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads, context)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = FeedForward(width, activation)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        hidden = inputs + self.attention(self.norm1(inputs))
        return hidden + self.mlp(self.norm2(hidden))


def sinusoidal_positions(context: int, width: int) -> torch.Tensor:
    """(T, D): sin of t / 10000^(2i/D) in column 2i, cos of the same in column 2i + 1."""
    exponents = torch.arange(0, width, 2, dtype=torch.float64) / width
    angles = torch.arange(context, dtype=torch.float64)[:, None] / 10000**exponents
    return torch.stack([angles.sin(), angles.cos()], dim=2).reshape(context, -1)[:, :width]


class Transformer(nn.Module):
    def __init__(self, settings: dict[str, object], vocabulary_size: int) -> None:
        super().__init__()
        width, heads, context = (int(settings[f"model.{key}"]) for key in ("d_model", "heads", "context"))
        self.token_embedding = nn.Embedding(vocabulary_size, width)
        if settings["model.position"] == "learned":
            self.position_embedding = nn.Embedding(context, width)
        else:
            self.register_buffer("positions", sinusoidal_positions(context, width), persistent=False)
        self.blocks = nn.Sequential(
            *(Block(width, heads, context, settings["model.activation"]) for _ in range(int(settings["model.blocks"])))
        )
        self.final_norm = nn.LayerNorm(width)
        if not settings["model.tied_embeddings"]:
            self.head = nn.Linear(width, vocabulary_size, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        positions = self.position_embedding.weight if hasattr(self, "position_embedding") else self.positions
        hidden = self.blocks(self.token_embedding(tokens) + positions)
        head = self.head.weight if hasattr(self, "head") else self.token_embedding.weight
        return F.linear(self.final_norm(hidden), head)  # (B, T, V)


def make_optimizer(model: nn.Module, settings: dict[str, object]) -> torch.optim.Optimizer:
    kind, rate = settings["training.optimizer"], float(settings["training.learning_rate"])
    decay = float(settings["training.weight_decay"])
    # On a CPU, foreach makes PyTorch 1.13's SGD a tenth faster, and its Adam and AdamW half slower.
    if kind in ("sgd", "momentum"):
        momentum = float(settings.get("training.momentum", 0))
        return torch.optim.SGD(model.parameters(), lr=rate, momentum=momentum, weight_decay=decay, foreach=True)
    adam = {
        "lr": rate,
        "betas": (float(settings["training.beta1"]), float(settings["training.beta2"])),
        "eps": float(settings["training.epsilon"]),
    }
    if kind == "adam":
        return torch.optim.Adam(model.parameters(), weight_decay=decay, **adam)
    groups = [
        {"params": [p for name, p in model.named_parameters() if decays(name)], "weight_decay": decay},
        {"params": [p for name, p in model.named_parameters() if not decays(name)], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, **adam)


class PyTorchNetwork:
    def __init__(self, reference: Reference, data: Data, threads: int) -> None:
        torch.set_flush_denormal(True)
        torch.set_num_threads(threads)
        torch.set_grad_enabled(True)
        settings = reference.settings
        self.scalar = torch.float64 if reference.scalar is np.float64 else torch.float32
        self.outputs = data.outputs
        self.squared_error = settings["model.loss"] == "squared_error"
        self.clip = float(settings.get("training.gradient_clip", 0))
        model = Transformer(settings, data.outputs) if data.context else Mlp(settings)
        self.model = model.to(self.scalar)
        self.model.load_state_dict({name: torch.from_numpy(values) for name, values in reference.initial.items()})
        self.optimizer = make_optimizer(self.model, settings)
        self.train, self.validation = self.tensors(data.train), self.tensors(data.validation)

    def tensors(self, split: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
        """Pixels stay uint8; what PyTorch indexes with is int64; all else is in the trial's scalar type."""
        held = {}
        for name, values in split.items():
            tensor = torch.from_numpy(values)
            if name == "features":
                held[name] = tensor if tensor.dtype == torch.uint8 else tensor.to(self.scalar)
            else:
                held[name] = tensor.to(self.scalar if name == "targets" else torch.int64)
        return held

    def gather(self, split: dict[str, torch.Tensor], rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and what the outputs are held against."""
        chosen = torch.from_numpy(rows)
        if "tokens" in split:
            return split["tokens"][chosen], split["target_tokens"][chosen]
        features = split["features"][chosen]
        if features.dtype == torch.uint8:
            features = features.to(self.scalar).div_(255)
        if "targets" in split:
            return features, split["targets"][chosen]
        labels = split["labels"][chosen]
        return features, F.one_hot(labels, self.outputs).to(self.scalar) if self.squared_error else labels

    def objective(self, outputs: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
        if self.squared_error:
            return F.mse_loss(outputs, expected, reduction="sum") / len(expected)
        return F.cross_entropy(outputs.view(-1, self.outputs), expected.view(-1), ignore_index=-1)

    def recorded(self, objective: float) -> float:
        """The mean over all elements, of a squared error."""
        return objective / self.outputs if self.squared_error else objective

    def train_step(self, rows: np.ndarray, learning_rate: float, number: int) -> tuple[float, Stamps]:
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        inputs, expected = self.gather(self.train, rows)
        gathered = perf_counter()
        self.optimizer.zero_grad(set_to_none=True)
        outputs = self.model(inputs)
        forward = perf_counter()
        objective = self.objective(outputs, expected)
        loss = self.recorded(objective.item())
        lost = perf_counter()
        objective.backward()
        backward = perf_counter()
        if self.clip:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.optimizer.step()
        return loss, (gathered, forward, lost, backward, perf_counter())

    def evaluate(self, rows: np.ndarray) -> tuple[float, int, int]:
        with torch.no_grad():
            inputs, expected = self.gather(self.validation, rows)
            outputs = self.model(inputs)
            loss = self.recorded(self.objective(outputs, expected).item())
        if "targets" in self.validation:
            return loss, 0, len(rows)
        right = expected.argmax(-1) if self.squared_error else expected
        counted = int((right >= 0).sum())
        largest = outputs.max(-1)
        return loss, int(((largest.indices == right) & largest.values.isfinite()).sum()), counted

    def parameters(self) -> dict[str, np.ndarray]:
        return {name: values.numpy() for name, values in self.model.state_dict().items()}


def unsupported(settings: dict[str, object]) -> str:
    if settings["training.update_order"] == "layerwise":
        return "PyTorch forms all gradients before it updates: training.update_order = layerwise is not supported"
    return ""


def settings_to_try() -> tuple[dict[str, str], ...]:
    """Ways of waiting for work; and AVX-512 where the CPU has it, which PyTorch does not use unless told to: that
    makes its GELU faster and its LayerNorm slower."""
    flags = Path("/proc/cpuinfo").read_text().split()
    wide = all(f"avx512{part}" in flags for part in ("f", "vl", "bw", "dq"))
    vectors = ({}, {"ATEN_CPU_CAPABILITY": "avx512"}) if wide else ({},)
    return tuple({"OMP_WAIT_POLICY": waiting} | vector for vector in vectors for waiting in ("active", "passive"))


PEER = Peer(
    "pytorch",
    lambda: f"PyTorch {torch.__version__}",
    unsupported,
    PyTorchNetwork,
    openmp=True,
    settings=settings_to_try(),
)

if __name__ == "__main__":
    main(PEER, __doc__.splitlines()[0])
