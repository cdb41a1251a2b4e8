#!/usr/bin/env python3
"""Makes transformer.h5: decoder-only transformers trained step by step in PyTorch, in float64.

An implementation that shares nothing with the C++ backends, for them to be held against. It builds the network from
the canonical parameter names (core/models/parameters.hpp) and PyTorch's own functions: layer_norm, linear,
multi_head_attention_forward (whose in_proj_weight is the canonical qkv.weight), gelu, cross_entropy, torch.optim and
clip_grad_norm_. Gradients are autograd's.

Cases are small and cover tied and untied embeddings, learned and sinusoidal positions, GELU and ReLU, one head and
four, a context of one token, targets that do not count, and a short last batch in every epoch. Left out: dropout,
schedules, data sets (tokens are random).

    /usr/bin/python3 tests/golden/make_transformer.py            writes tests/golden/transformer.h5
    /usr/bin/python3 tests/golden/make_transformer.py --check    makes it again and compares; ends with 1 if it differs

Needs torch, numpy and h5py (Debian: python3-torch, python3-h5py).
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import h5py
import numpy as np
import torch
import torch.nn.functional as F

GOLDEN_FOLDER = Path(__file__).resolve().parent

NORM_EPSILON = 1e-5
NOT_COUNTED = -1
# A ReLU whose input is nearer to its kink than this could fall on the other side of it in another order of summation.
RELU_MARGIN = 1e-6
# Another torch or BLAS sums in another order: about 1e-15 in a loss. Steps of Adam on gradients that are zero but for
# rounding (the bias of the keys shifts all scores of a row alike) lift that in the final parameters.
STORED_TOLERANCE = 1e-9

Tensors = dict[str, torch.Tensor]
Content = dict[str, np.ndarray]


@dataclass(frozen=True)
class Run:
    """One training. Decay is AdamW's, on matrices only, or with the others part of every tensor's gradient."""

    optimizer: str
    steps: int
    learning_rate: float
    weight_decay: float
    gradient_clip: float = 0.0  # none
    momentum: float = 0.9
    beta1: float = 0.9
    beta2: float = 0.98
    epsilon: float = 1e-8


@dataclass(frozen=True)
class Case:
    name: str
    seed: int
    vocabulary_size: int
    d_model: int
    heads: int
    blocks: int
    context: int
    batch_size: int
    samples: int  # of an epoch; visited in order, so that the last batch has samples % batch_size
    position: str
    activation: str
    tied_embeddings: bool
    not_counted: float = 0.0  # share of the targets
    runs: list[Run] = field(default_factory=lambda: [Run("adamw", 50, 0.003, 0.1)])


OTHER_OPTIMIZERS = [
    Run("sgd", 20, 0.05, 0.01),
    Run("momentum", 20, 0.01, 0.01),
    Run("adam", 20, 0.003, 0.01),
]
CLIPPED = [Run("adamw", 50, 0.003, 0.1, gradient_clip=2.0)]

# fmt: off
CASES = [
    #    name                      seed   V   D  H  L  T  B   N  position      activation  tied
    Case("learned-untied-gelu-h4",    1, 13, 16, 4, 2, 6, 4, 12, "learned",    "gelu",     False),
    Case("sinusoidal-tied-relu-h4",   2, 11, 16, 4, 2, 6, 4, 11, "sinusoidal", "relu",     True),
    Case("learned-tied-gelu-h1",      3, 12, 16, 1, 2, 6, 3, 10, "learned",    "gelu",     True, runs=CLIPPED),
    Case("sinusoidal-untied-relu-h1", 4, 17, 24, 1, 1, 5, 4, 9,  "sinusoidal", "relu",     False, not_counted=0.3),
    Case("learned-untied-relu-t1",    5, 11, 16, 4, 1, 1, 4, 10, "learned",    "relu",     False),
    Case("sinusoidal-tied-gelu-h4",   6, 14, 20, 4, 1, 6, 4, 7,  "sinusoidal", "gelu",     True,
         runs=[Run("adamw", 50, 0.003, 0.1), *OTHER_OPTIMIZERS]),
]
# fmt: on


def initial_parameters(case: Case, generator: np.random.RandomState) -> Content:
    """By canonical name, in canonical order. Rounded to multiples of 1/1024: exact in float32 too, and small in the
    file. Nothing is zero or one, so that no tensor can be left out unseen."""
    width = case.d_model
    named: Content = {}

    def draw(name: str, shape: tuple[int, ...], mean: float, deviation: float) -> None:
        values = mean + deviation * generator.standard_normal(shape)
        named[name] = (np.round(values * 1024) / 1024).astype(np.float32)

    def draw_linear(prefix: str, outputs: int, inputs: int) -> None:
        draw(f"{prefix}.weight", (outputs, inputs), 0, 0.25)
        draw(f"{prefix}.bias", (outputs,), 0, 0.1)

    def draw_norm(prefix: str) -> None:
        draw(f"{prefix}.weight", (width,), 1, 0.2)
        draw(f"{prefix}.bias", (width,), 0, 0.1)

    draw("token_embedding.weight", (case.vocabulary_size, width), 0, 0.4)
    if case.position == "learned":
        draw("position_embedding.weight", (case.context, width), 0, 0.4)
    for block in range(case.blocks):
        draw_norm(f"blocks.{block}.norm1")
        draw_linear(f"blocks.{block}.attention.qkv", 3 * width, width)
        draw_linear(f"blocks.{block}.attention.output", width, width)
        draw_norm(f"blocks.{block}.norm2")
        draw_linear(f"blocks.{block}.mlp.up", 4 * width, width)
        draw_linear(f"blocks.{block}.mlp.down", width, 4 * width)
    draw_norm("final_norm")
    if not case.tied_embeddings:
        draw("head.weight", (case.vocabulary_size, width), 0, 0.3)
    return named


def draw_tokens(case: Case, generator: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and target tokens (N, T) of an epoch."""
    shape = (case.samples, case.context)
    tokens = generator.randint(case.vocabulary_size, size=shape).astype(np.int32)
    targets = generator.randint(case.vocabulary_size, size=shape).astype(np.int32)
    targets[generator.uniform(size=shape) < case.not_counted] = NOT_COUNTED
    return tokens, targets


def decays(name: str) -> bool:
    """AdamW decays the matrices of linear layers: not biases, norms or embeddings."""
    return name.endswith(("qkv.weight", "output.weight", "up.weight", "down.weight", "head.weight"))


def sinusoidal_positions(context: int, width: int) -> torch.Tensor:
    """(T, D): sin of t / 10000^(2i/D) in column 2i, cos of the same in column 2i + 1."""
    angles = torch.arange(context, dtype=torch.float64)[:, None] / 10000 ** (
        torch.arange(0, width, 2, dtype=torch.float64) / width
    )
    return torch.stack([angles.sin(), angles.cos()], dim=2).reshape(context, width)


class Transformer:
    """Forward passes over parameters by canonical name; remembers how near a ReLU ever came to its kink."""

    def __init__(self, case: Case, initial: Content) -> None:
        self.case = case
        self.parameters = {n: torch.tensor(v, dtype=torch.float64, requires_grad=True) for n, v in initial.items()}
        self.smallest_relu_input = float("inf")

    def linear(self, prefix: str, inputs: torch.Tensor) -> torch.Tensor:
        return F.linear(inputs, self.parameters[f"{prefix}.weight"], self.parameters[f"{prefix}.bias"])

    def norm(self, prefix: str, inputs: torch.Tensor) -> torch.Tensor:
        weight, bias = self.parameters[f"{prefix}.weight"], self.parameters[f"{prefix}.bias"]
        return F.layer_norm(inputs, (self.case.d_model,), weight, bias, eps=NORM_EPSILON)

    def attention(self, prefix: str, inputs: torch.Tensor) -> torch.Tensor:
        """Causal self-attention of (B, T, D)."""
        context = inputs.shape[1]
        hidden_from_view = torch.ones(context, context, dtype=torch.bool).triu(diagonal=1)
        sequence_first = inputs.transpose(0, 1)
        attended, _ = F.multi_head_attention_forward(
            *(sequence_first, sequence_first, sequence_first),
            embed_dim_to_check=self.case.d_model,
            num_heads=self.case.heads,
            in_proj_weight=self.parameters[f"{prefix}.qkv.weight"],
            in_proj_bias=self.parameters[f"{prefix}.qkv.bias"],
            bias_k=None,
            bias_v=None,
            add_zero_attn=False,
            dropout_p=0.0,
            out_proj_weight=self.parameters[f"{prefix}.output.weight"],
            out_proj_bias=self.parameters[f"{prefix}.output.bias"],
            need_weights=False,
            attn_mask=hidden_from_view,
        )
        return attended.transpose(0, 1)

    def activation(self, inputs: torch.Tensor) -> torch.Tensor:
        if self.case.activation == "gelu":
            return F.gelu(inputs, approximate="tanh")
        self.smallest_relu_input = min(self.smallest_relu_input, float(inputs.detach().abs().min()))
        return F.relu(inputs)

    def loss(self, tokens: np.ndarray, targets: np.ndarray) -> torch.Tensor:
        """Mean over the counted tokens of (B, T), in nats."""
        case = self.case
        hidden = F.embedding(torch.from_numpy(tokens).long(), self.parameters["token_embedding.weight"])
        if case.position == "learned":
            hidden = hidden + self.parameters["position_embedding.weight"]
        else:
            hidden = hidden + sinusoidal_positions(case.context, case.d_model)
        for block in (f"blocks.{index}" for index in range(case.blocks)):
            hidden = hidden + self.attention(f"{block}.attention", self.norm(f"{block}.norm1", hidden))
            up = self.linear(f"{block}.mlp.up", self.norm(f"{block}.norm2", hidden))
            hidden = hidden + self.linear(f"{block}.mlp.down", self.activation(up))
        head = self.parameters["token_embedding.weight" if case.tied_embeddings else "head.weight"]
        logits = F.linear(self.norm("final_norm", hidden), head)
        return F.cross_entropy(
            logits.reshape(-1, case.vocabulary_size), torch.from_numpy(targets).long().reshape(-1),
            ignore_index=NOT_COUNTED,
        )  # fmt: skip


def make_optimizer(run: Run, parameters: Tensors) -> torch.optim.Optimizer:
    everything = list(parameters.values())
    betas = (run.beta1, run.beta2)
    if run.optimizer == "sgd":
        return torch.optim.SGD(everything, lr=run.learning_rate, weight_decay=run.weight_decay)
    if run.optimizer == "momentum":
        return torch.optim.SGD(
            everything, lr=run.learning_rate, momentum=run.momentum, weight_decay=run.weight_decay
        )
    if run.optimizer == "adam":
        return torch.optim.Adam(
            everything, lr=run.learning_rate, betas=betas, eps=run.epsilon, weight_decay=run.weight_decay
        )
    groups = [
        {"params": [p for name, p in parameters.items() if decays(name)], "weight_decay": run.weight_decay},
        {"params": [p for name, p in parameters.items() if not decays(name)], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=run.learning_rate, betas=betas, eps=run.epsilon)


def batches(case: Case, steps: int) -> list[slice]:
    """The samples of each step: consecutive slices of an epoch, the last one perhaps short, epoch after epoch."""
    epoch = [
        slice(first, min(first + case.batch_size, case.samples)) for first in range(0, case.samples, case.batch_size)
    ]
    return [epoch[step % len(epoch)] for step in range(steps)]


def train(case: Case, run: Run, initial: Content, tokens: np.ndarray, targets: np.ndarray) -> tuple[Content, Content]:
    """Content of the run's group (`loss`, `final/<name>`), and the first batch's gradient by name."""
    network = Transformer(case, initial)
    optimizer = make_optimizer(run, network.parameters)
    losses, norms = [], []
    first_gradient: Content = {}
    for rows in batches(case, run.steps):
        optimizer.zero_grad()
        loss = network.loss(tokens[rows], targets[rows])
        loss.backward()
        losses.append(loss.item())
        if not first_gradient:
            first_gradient = {name: p.grad.numpy().copy() for name, p in network.parameters.items()}
        if run.gradient_clip:
            norms.append(float(torch.nn.utils.clip_grad_norm_(network.parameters.values(), run.gradient_clip)))
        optimizer.step()
    if case.activation == "relu" and not network.smallest_relu_input >= RELU_MARGIN:
        raise SystemExit(f"{case.name}, {run.optimizer}: a ReLU's input is {network.smallest_relu_input:.1e}: new seed")
    if run.gradient_clip and not (min(norms) < run.gradient_clip < max(norms)):
        raise SystemExit(f"{case.name}: clipping at {run.gradient_clip}, norms from {min(norms)} to {max(norms)}")
    print(f"{case.name}, {run.optimizer}: loss {losses[0]:.6f} -> {losses[-1]:.6f} in {len(losses)} steps")
    final = {f"final/{name}": p.detach().numpy().copy() for name, p in network.parameters.items()}
    return {"loss": np.array(losses)} | final, first_gradient


def make() -> Content:
    """Every dataset of the golden file by its path."""
    content: Content = {}
    for case in CASES:
        generator = np.random.RandomState(case.seed)  # its stream is frozen by numpy's compatibility policy
        initial = initial_parameters(case, generator)
        tokens, targets = draw_tokens(case, generator)
        made = {"tokens": tokens, "target_tokens": targets}
        made |= {f"initial/{name}": values for name, values in initial.items()}
        for run in case.runs:
            trained, gradient = train(case, run, initial, tokens, targets)
            made |= {f"gradient/{name}": values for name, values in gradient.items()}
            made |= {f"runs/{run.optimizer}/{name}": values for name, values in trained.items()}
        content |= {f"{case.name}/{name}": values for name, values in made.items()}
    return content


def write(path: Path, content: Content) -> None:
    # The newest format keeps little beside the data; of several hundred small datasets the oldest doubles the size.
    with h5py.File(path, "w", libver="latest", track_order=True) as file:
        for name, values in content.items():
            file.create_dataset(name, data=values, shuffle=True, compression="gzip", compression_opts=9)
        for case in CASES:
            attributes = asdict(case)
            for run in attributes.pop("runs"):
                file[f"{case.name}/runs/{run['optimizer']}"].attrs.update(run)
            attributes.pop("name")
            file[case.name].attrs.update(attributes | {"tied_embeddings": np.uint8(case.tied_embeddings)})


def relative_error(actual: np.ndarray, expected: np.ndarray) -> float:
    """L2 norm of the difference over that of `expected`; 0 for equal arrays."""
    distance = float(np.linalg.norm(np.subtract(actual, expected)))
    return 0.0 if distance == 0.0 else distance / float(np.linalg.norm(expected))


def check(path: Path, content: Content) -> bool:
    """Compares `content` with the stored file, dataset by dataset; says what differs."""
    agrees = True
    worst = 0.0
    with h5py.File(path, "r") as file:
        stored: list[str] = []
        file.visititems(lambda name, item: stored.append(name) if isinstance(item, h5py.Dataset) else None)
        for name in sorted(set(stored) ^ set(content)):
            print(f"{name}: only in the {'file' if name in stored else 'script'}")
            agrees = False
        for name in sorted(set(stored) & set(content)):
            same_shape = file[name].shape == content[name].shape
            error = relative_error(content[name], file[name][()]) if same_shape else float("inf")
            worst = max(worst, error)
            if not error <= STORED_TOLERANCE:
                print(f"{name}: differs by {error:.2e}, relative")
                agrees = False
    print(f"largest relative difference {worst:.1e}")
    return agrees


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the stored file instead of writing it")
    parser.add_argument("--file", type=Path, default=GOLDEN_FOLDER / "transformer.h5")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # sums in one order, whatever the machine
    content = make()
    if not arguments.check:
        write(arguments.file, content)
        return 0
    agrees = check(arguments.file, content)
    print(f"{arguments.file}: {'agrees' if agrees else 'DIFFERS'}")
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main())
