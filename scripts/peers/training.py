"""The training of a peer's network on a stepbench trial's data, timed as stepbench times its own.

Gathering the batch is part of a step; the first measure.warmup_steps and short last batches do not count; evaluation is
outside. Here too is what the numpy networks share: gathering, and the losses with their gradients. Not here: networks.
"""

from __future__ import annotations

import ctypes
import math
import os
from pathlib import Path
from time import perf_counter
from typing import Protocol

from peer_files import Data, Reference, np

Stamps = tuple[float, float, float, float, float]  # perf_counter after gather, forward, loss, backward, update


class Network(Protocol):
    """A network made from initial parameters and data. `rows`: indices of samples."""

    def train_step(self, rows: np.ndarray, learning_rate: float, number: int) -> tuple[float, Stamps]:
        """One step, from 1 on; the loss of the batch before it as stepbench records it."""

    def evaluate(self, rows: np.ndarray) -> tuple[float, int, int]:
        """Of validation samples: mean loss, how many are right, how many count."""

    def parameters(self) -> dict[str, np.ndarray]: ...


def scheduled_learning_rate(settings: dict[str, object], step: int, total: int) -> float:
    peak = float(settings["training.learning_rate"])
    if settings.get("training.schedule") != "cosine":
        return peak
    warmup = int(settings["training.warmup_steps"])
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / (total - 1 - warmup) if total - 1 > warmup else 1.0
    last = float(settings["training.final_learning_rate"])
    return last + (peak - last) * (1 + math.cos(math.pi * progress)) / 2


def decays(name: str) -> bool:
    """AdamW decays the matrices of linear layers: not biases, norms or embeddings."""
    return name.endswith(".weight") and "norm" not in name and "embedding" not in name


def flush_denormals() -> None:
    """FTZ and DAZ in this thread and those it will start, as in stepbench; glibc on x86-64, elsewhere nothing."""
    if os.uname().machine != "x86_64":
        return
    environment = (ctypes.c_uint32 * 8)()  # fenv_t; its last word is MXCSR
    libm = ctypes.CDLL("libm.so.6")
    libm.fegetenv(environment)
    environment[7] |= 0x8040
    libm.fesetenv(environment)


class Plan:
    """The steps of a trial, from its settings and its data."""

    def __init__(self, reference: Reference, data: Data, steps: int | None) -> None:
        settings = reference.settings
        self.settings = settings
        self.order = reference.order
        self.samples = len(next(iter(data.train.values())))
        self.batch_size = min(int(settings["training.batch_size"]), self.samples)
        self.per_epoch = -(-self.samples // self.batch_size)
        self.total = int(settings.get("training.steps", int(settings.get("training.epochs", 1)) * self.per_epoch))
        self.steps = self.total if steps is None else min(steps, self.total)
        count, unit = str(settings["measure.evaluate_every"]).split()
        self.evaluate_every = int(count) * (1 if unit.startswith("step") else self.per_epoch)

    def rows(self, step: int) -> np.ndarray:
        epoch, batch = divmod(step, self.per_epoch)
        order = np.arange(self.samples) if self.order is None else self.order[epoch]
        return order[batch * self.batch_size : (batch + 1) * self.batch_size]

    def learning_rate(self, step: int) -> float:
        return scheduled_learning_rate(self.settings, step, self.total)

    def evaluates_after(self, step: int) -> bool:
        return step + 1 == self.steps or (step + 1) % self.evaluate_every == 0

    def counts(self, step: int) -> bool:
        """Whether the step's time does: its batch is full and it is no warm-up."""
        short = self.per_epoch > 1 and self.samples % self.batch_size != 0 and (step + 1) % self.per_epoch == 0
        return step >= int(self.settings["measure.warmup_steps"]) and not short


def evaluate(network: Network, data: Data, batch_size: int) -> tuple[float, float]:
    """Loss and accuracy over the validation split; accuracy is NaN for data with targets."""
    samples = len(next(iter(data.validation.values())))
    parts = [network.evaluate(np.arange(first, min(first + batch_size, samples)))
             for first in range(0, samples, batch_size)]  # fmt: skip
    counted = sum(count for _, _, count in parts)
    loss = sum(loss * count for loss, _, count in parts) / counted
    known = "targets" not in data.validation and math.isfinite(loss)
    return loss, sum(right for _, right, _ in parts) / counted if known else math.nan


def count_right(outputs: np.ndarray, labels: np.ndarray) -> int:
    """Rows whose largest output is their label's; a row without a finite largest is never right."""
    return int(np.sum((outputs.argmax(axis=1) == labels) & np.isfinite(outputs.max(axis=1))))


def counted_samples(data: Data, rows: np.ndarray) -> int:
    return int(np.sum(data.train["target_tokens"][rows] >= 0)) if data.context else len(rows)


def train(network: Network, plan: Plan, data: Data) -> dict[str, np.ndarray]:
    """Trains to the end or to a loss that is not finite; the series, by `steps/...` and `epochs/...`."""
    losses, walls, phases, epochs, weights = [], [], [], [], []
    for step in range(plan.steps):
        rows, learning_rate = plan.rows(step), plan.learning_rate(step)
        begin = perf_counter()
        loss, (gathered, forward, lost, backward, updated) = network.train_step(rows, learning_rate, step + 1)
        walls.append(perf_counter() - begin)
        losses.append(loss)
        phases.append((forward - gathered, lost - forward, backward - lost, 0.0, updated - backward))
        weights.append(counted_samples(data, rows))
        finite = math.isfinite(loss)
        if plan.evaluates_after(step) or not finite:
            since = int(epochs[-1][0]) if epochs else 0
            mean = float(np.average(losses[since:], weights=weights[since:]))
            epochs.append((step + 1, mean, *evaluate(network, data, plan.batch_size), sum(walls)))
        if not finite:
            break
    done, train_loss, validation_loss, validation_accuracy, train_time = np.array(epochs, dtype=np.float64).T
    return {
        "steps/train_loss": np.array(losses), "steps/wall_time": np.array(walls), "steps/phase_time": np.array(phases),
        "epochs/epoch": done / plan.per_epoch, "epochs/train_loss": train_loss,
        "epochs/validation_loss": validation_loss, "epochs/validation_accuracy": validation_accuracy,
        "epochs/train_time": train_time,
    }  # fmt: skip


def threads_that_worked(before: dict[str, int], after: dict[str, int], threads: int) -> int:
    """Threads that ran for a tenth of an equal share at least."""
    spent = [time - before.get(thread, 0) for thread, time in after.items()]
    return sum(own > 0 and own * 10 * threads >= sum(spent) for own in spent)


def thread_run_times() -> dict[str, int]:
    tasks = Path("/proc/self/task").glob("*/schedstat")
    return {str(task): int(task.read_text().split()[0]) for task in tasks}


def gather(
    data: Data, split: dict[str, np.ndarray], rows: np.ndarray, scalar: type, squared_error: bool
) -> tuple[np.ndarray, np.ndarray]:
    """A batch's features (B, F), pixels divided by 255, and its labels (B) or, for a squared error, targets (B, K)."""
    features = split["features"][rows]
    if features.dtype == np.uint8:
        features = np.divide(features, scalar(255), dtype=scalar)
    else:
        features = features.astype(scalar, copy=False)
    if not squared_error:
        return features, split["labels"][rows]
    if "targets" in split:
        return features, split["targets"][rows].astype(scalar)
    targets = np.zeros((len(rows), data.outputs), dtype=scalar)
    targets[np.arange(len(rows)), split["labels"][rows]] = 1
    return features, targets


def loss_and_gradient(outputs: np.ndarray, expected: np.ndarray, squared_error: bool) -> tuple[float, np.ndarray]:
    """The loss as stepbench records it, and the gradient of what is optimised, for `expected` as gather gives it."""
    batch = len(outputs)
    if squared_error:
        difference = outputs - expected
        return float(np.mean(difference * difference)), difference * (2 / batch)
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    sums = exponentials.sum(axis=1, keepdims=True)
    picked = np.arange(batch), expected
    loss = float(np.mean(np.log(sums[:, 0]) - shifted[picked]))
    gradient = np.divide(exponentials, sums, out=exponentials)
    gradient[picked] -= 1
    gradient /= batch
    return loss, gradient
