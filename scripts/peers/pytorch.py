#!/usr/bin/env python3
"""The peers `pytorch` and, with --compiled, `pytorch_compiled`: the way that PyTorch's users write it.

nn.Linear, nn.Embedding, nn.LayerNorm, scaled_dot_product_attention, cross_entropy, torch.optim, clip_grad_norm_; with
--compiled, torch.compile of the whole forward pass and loss. Debian 12's PyTorch 1.13 does too, without compilation,
attention as products with a mask. Modules are named so that their state is canonical parameters. Left out: updates
layer by layer.
"""

from __future__ import annotations

import importlib.util
import math
import os
import shutil
import sys
import sysconfig
from pathlib import Path
from time import perf_counter
from typing import Any

import stepbench_peer
from stepbench_peer import Job, Named, Network, Phases, Samples, decays, np, serve

COMPILED = "--compiled" in sys.argv[1:]


def is_debians() -> bool:
    found = importlib.util.find_spec("torch")
    return found is not None and str(found.origin).startswith("/usr/lib/python3/")


def obstacle(versions: dict[str, str]) -> str:
    """Why torch.compile cannot be had; empty: it can, or is not wanted."""
    if not COMPILED:
        return ""
    if int(versions["torch"].split(".")[0]) < 2:
        return f"torch.compile needs PyTorch 2, this is {versions['torch']}: scripts/peers/install"
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        return "torch.compile needs a C++ compiler: Debian's g++"
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        return "torch.compile needs Python.h: Debian's python3-dev"
    return ""


def environments() -> list[dict[str, str]]:
    """Ways of waiting for work; and, for PyTorch 1, which does not use it unless told to, AVX-512 where the CPU has it:
    that makes its GELU faster and its LayerNorm slower. Debian's takes OpenBLAS, whose own threads and OpenMP's would
    fight over the cores."""
    ways = [{"OMP_WAIT_POLICY": waiting} for waiting in ("active", "passive")]
    if not is_debians():
        return ways
    folder = next((str(path.parent) for path in Path("/usr/lib").glob("*/openblas-openmp/libblas.so.3")), "")
    if folder:
        folders = ":".join(filter(None, [folder, os.environ.get("LD_LIBRARY_PATH")]))
        ways = [way | {"LD_LIBRARY_PATH": folders} for way in ways]
    flags = Path("/proc/cpuinfo").read_text().split()
    if all(f"avx512{part}" in flags for part in ("f", "vl", "bw", "dq")):
        ways += [way | {"ATEN_CPU_CAPABILITY": "avx512"} for way in ways]
    return ways


stepbench_peer.describe(["torch"], "needs PyTorch: scripts/peers/install, or Debian's python3-torch", obstacle,
                        environments)  # fmt: skip
os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")  # no helper processes, which would outlive the compilation

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

FUSED_ATTENTION = hasattr(F, "scaled_dot_product_attention")
FUSED_UPDATE = tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 4)  # on the CPU


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
        if not FUSED_ATTENTION:
            self.register_buffer("hidden", torch.ones(context, context, dtype=torch.bool).triu(1), persistent=False)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:  # (B, T, D)
        batch, context, width = inputs.shape
        query, key, value = (
            part.view(batch, context, self.heads, width // self.heads).transpose(1, 2)
            for part in self.qkv(inputs).split(width, dim=2)
        )
        if FUSED_ATTENTION:
            mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
            return self.output(mixed.transpose(1, 2).reshape(batch, context, width))
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


def make_optimizer(model: nn.Module, settings: dict[str, Any]) -> torch.optim.Optimizer:
    kind, rate = settings["training.optimizer"], settings["training.learning_rate"]
    decay = settings["training.weight_decay"]
    fused = {"fused": True} if FUSED_UPDATE else {}
    if kind in ("sgd", "momentum"):
        # foreach makes PyTorch 1.13's SGD a tenth faster on a CPU, and its Adam and AdamW half slower.
        return torch.optim.SGD(model.parameters(), lr=rate, momentum=settings.get("training.momentum", 0),
                               weight_decay=decay, **(fused or {"foreach": True}))  # fmt: skip
    adam = {
        "lr": rate,
        "betas": (settings["training.beta1"], settings["training.beta2"]),
        "eps": settings["training.epsilon"],
        **fused,
    }
    if kind == "adam":
        return torch.optim.Adam(model.parameters(), weight_decay=decay, **adam)
    groups = [
        {"params": [p for name, p in model.named_parameters() if decays(name)], "weight_decay": decay},
        {"params": [p for name, p in model.named_parameters() if not decays(name)], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, **adam)


class PyTorchNetwork(Network):
    def __init__(self, job: Job) -> None:
        super().__init__(job)
        torch.set_flush_denormal(True)
        torch.set_num_threads(job.threads)
        self.scalar = torch.float64 if job.scalar is np.float64 else torch.float32
        self.clip = job.settings.get("training.gradient_clip")
        model = Transformer(job.settings, job.outputs) if job.is_transformer else Mlp(job.settings)
        self.model = model.to(self.scalar)
        if COMPILED:
            # A shape each: full batches, an epoch's last one, the gate's.
            torch._dynamo.config.cache_size_limit = 64
            self.compiled = torch.compile(lambda inputs, expected: self.objective(self.model(inputs), expected),
                                          dynamic=False)  # fmt: skip

    def load(self, parameters: Named) -> None:
        self.model.load_state_dict({name: torch.from_numpy(values) for name, values in parameters.items()})
        self.optimizer = make_optimizer(self.model, self.job.settings)

    def parameters(self) -> Named:
        return {name: values.numpy() for name, values in self.model.state_dict().items()}

    def prepare(self, samples: Samples) -> Samples:
        """Pixels stay uint8; what PyTorch indexes with is int64; all else is in the trial's scalar type already."""
        inputs, expected = map(torch.from_numpy, samples)
        return Samples(inputs.long() if self.job.is_transformer else inputs,
                       expected if self.job.squared_error else expected.long())  # fmt: skip

    def gather(self, samples: Samples, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        chosen = torch.from_numpy(rows)
        inputs = samples.inputs[chosen]
        if inputs.dtype == torch.uint8:
            inputs = inputs.to(self.scalar).div_(255)
        return inputs, samples.expected[chosen]

    def objective(self, outputs: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
        if self.job.squared_error:
            return F.mse_loss(outputs, expected, reduction="sum") / len(expected)
        return F.cross_entropy(outputs.view(-1, self.job.outputs), expected.view(-1), ignore_index=-1)

    def recorded(self, objective: float) -> float:
        """The mean over all elements, of a squared error."""
        return objective / self.job.outputs if self.job.squared_error else objective

    def outputs(self, inputs: torch.Tensor) -> np.ndarray:
        with torch.no_grad():
            return self.model(inputs).numpy()

    def backward(self, inputs: torch.Tensor, expected: torch.Tensor) -> tuple[float, list[float]]:
        """The loss, having left gradients in the parameters; and when it began, had outputs, the loss, gradients."""
        stamps = [perf_counter()]
        self.optimizer.zero_grad(set_to_none=True)
        if COMPILED:
            stamps.append(math.nan)  # one with the loss
            objective = self.compiled(inputs, expected)
        else:
            outputs = self.model(inputs)
            stamps.append(perf_counter())
            objective = self.objective(outputs, expected)
        loss = self.recorded(objective.item())
        stamps.append(perf_counter())
        objective.backward()
        return loss, [*stamps, perf_counter()]

    def gradients(self, inputs: torch.Tensor, expected: torch.Tensor) -> tuple[float, Named]:
        loss, _ = self.backward(inputs, expected)
        return loss, {name: values.grad.numpy() for name, values in self.model.named_parameters()}

    def update(self, learning_rate: float, number: int) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        if self.clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.optimizer.step()

    def train_step(
        self, inputs: torch.Tensor, expected: torch.Tensor, learning_rate: float, number: int
    ) -> tuple[float, Phases]:
        loss, (begin, forward, lost, backward) = self.backward(inputs, expected)
        self.update(learning_rate, number)
        return loss, (forward - begin, lost - forward, backward - lost, 0.0, perf_counter() - backward)


def unsupported(settings: dict[str, Any]) -> str:
    if settings["training.update_order"] == "layerwise":
        return "PyTorch forms all gradients before it updates: training.update_order = layerwise is not supported"
    return ""


if __name__ == "__main__":
    serve(PyTorchNetwork, f"PyTorch {torch.__version__}" + (", compiled" if COMPILED else ""), unsupported)
