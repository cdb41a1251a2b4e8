"""The other end of the peer protocol: what stepbench does to a peer, from Python, for the tests."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy

REPOSITORY = Path(__file__).resolve().parents[2]
PEERS = REPOSITORY / "scripts" / "peers"
STEPS, ROWS = 64, 4096  # the most of a request

MLP = {
    "model.kind": "mlp", "model.layers": [6, 16, 12, 4], "model.output": "linear", "model.loss": "cross_entropy",
    "training.batch_size": 8, "training.learning_rate": 0.1, "training.optimizer": "sgd", "training.weight_decay": 0.0,
    "training.update_order": "simultaneous",
}  # fmt: skip
ORIGINAL = MLP | {"model.output": "relu", "model.loss": "squared_error"}
TRANSFORMER = MLP | {
    "model.kind": "transformer", "model.d_model": 16, "model.heads": 4, "model.blocks": 2, "model.context": 8,
    "model.position": "learned", "model.activation": "gelu", "model.tied_embeddings": False,
}  # fmt: skip
MOMENTUM = {"training.optimizer": "momentum", "training.momentum": 0.9}
ADAM = {"training.optimizer": "adam", "training.beta1": 0.9, "training.beta2": 0.99, "training.epsilon": 1e-8}
ADAMW = ADAM | {"training.optimizer": "adamw"}


def python() -> str:
    """The interpreter that stepbench would take."""
    installed = REPOSITORY / "build" / "peers" / "bin" / "python"
    return os.environ.get("STEPBENCH_PYTHON") or (str(installed) if installed.exists() else "/usr/bin/python3")


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
                         "PYTHONDONTWRITEBYTECODE": "1"}  # fmt: skip


@cache
def described(script: str) -> dict[str, Any]:
    """What `pytorch.py --compiled`, say, says of itself."""
    name, *arguments = script.split()
    command = [python(), PEERS / name, *arguments, "--describe"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment(), check=True)
    [line] = done.stdout.splitlines()
    return json.loads(line)


def layout(settings: dict[str, Any], outputs: int) -> dict[str, tuple[int, ...]]:
    """Canonical names and shapes of the parameters, in their order."""
    shapes: dict[str, tuple[int, ...]] = {}

    def linear(name: str, out: int, inputs: int) -> None:
        shapes.update({f"{name}.weight": (out, inputs), f"{name}.bias": (out,)})

    def norm(name: str, width: int) -> None:
        shapes.update({f"{name}.weight": (width,), f"{name}.bias": (width,)})

    if settings["model.kind"] == "mlp":
        sizes = settings["model.layers"]
        for index, (inputs, out) in enumerate(zip(sizes, sizes[1:])):
            linear(f"layers.{index}", out, inputs)
        return shapes
    width = settings["model.d_model"]
    shapes["token_embedding.weight"] = (outputs, width)
    if settings["model.position"] == "learned":
        shapes["position_embedding.weight"] = (settings["model.context"], width)
    for block in range(settings["model.blocks"]):
        norm(f"blocks.{block}.norm1", width)
        linear(f"blocks.{block}.attention.qkv", 3 * width, width)
        linear(f"blocks.{block}.attention.output", width, width)
        norm(f"blocks.{block}.norm2", width)
        linear(f"blocks.{block}.mlp.up", 4 * width, width)
        linear(f"blocks.{block}.mlp.down", width, 4 * width)
    norm("final_norm", width)
    if not settings["model.tied_embeddings"]:
        shapes["head.weight"] = (outputs, width)
    return shapes


class Parent:
    """One peer's process. As a context manager it ends with the peer's exit."""

    def __init__(self, script: str | Path) -> None:
        name, *arguments = str(script).split()
        self.process = subprocess.Popen(
            [python(), PEERS / name, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=environment(),
        )  # fmt: skip
        self.folder = tempfile.TemporaryDirectory(prefix="stepbench-peer-test-")
        self.greeting = self.receive()

    def __enter__(self) -> Parent:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if not self.process.stdin.closed:
                self.process.stdin.close()
            self.process.wait(timeout=30)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.folder.cleanup()

    def receive(self) -> dict[str, Any]:
        return json.loads(self.process.stdout.readline())

    def send(self, text: str) -> dict[str, Any]:
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        return self.receive()

    def ask(self, what: str, **more: Any) -> dict[str, Any]:
        return self.send(json.dumps({"do": what} | more))

    def do(self, what: str, **more: Any) -> dict[str, Any]:
        """The answer to a request that must succeed."""
        answer = self.ask(what, **more)
        assert answer.get("ok") is True, answer
        return answer

    def share(self, name: str, arrays: dict[str, tuple[str, tuple[int, ...]]]) -> dict[str, Any]:
        """Arrays in one file, as the messages tell of them; they stand in self.arrays."""
        path, told, end = Path(self.folder.name, name), {}, 0
        for array, (kind, shape) in arrays.items():
            told[array] = {"file": str(path), "offset": end, "type": kind, "shape": list(shape)}
            end += -(-numpy.dtype(kind).itemsize * int(numpy.prod(shape)) // 64) * 64
        path.write_bytes(bytes(end))
        for array, of in told.items():
            self.arrays[array] = numpy.memmap(path, of["type"], "r+", of["offset"], tuple(of["shape"]))
        return told

    def make(self, settings: dict[str, Any], precision: str = "float64", batch: int = 8) -> dict[str, Any]:
        """A network of four outputs with its arrays; the answer."""
        self.settings, self.precision, self.outputs = settings, precision, 4
        self.arrays: dict[str, numpy.ndarray] = {}
        self.shapes = layout(settings, self.outputs)
        self.size = sum(int(numpy.prod(shape)) for shape in self.shapes.values())
        arrays = {"parameters": (precision, (self.size,)), "gradients": (precision, (self.size,))}
        if settings["model.kind"] == "mlp":
            arrays |= {"batch.features": (precision, (batch, settings["model.layers"][0])),
                       "batch.labels": ("int32", (batch,)),
                       "batch.targets": (precision, (batch, self.outputs))}  # fmt: skip
        else:
            context = settings["model.context"]
            arrays |= {f"batch.{name}": ("int32", (batch, context)) for name in ("tokens", "target_tokens")}
        arrays |= {"rows": ("int64", (ROWS,)), "sizes": ("int64", (STEPS,)), "rates": ("float64", (STEPS,)),
                   "losses": ("float64", (STEPS,)), "times": ("float64", (STEPS,)),
                   "phases": ("float64", (STEPS, 5)), "stop": ("int64", (1,))}  # fmt: skip
        told = self.share("network", arrays)
        parameters = [{"name": name, "shape": list(shape)} for name, shape in self.shapes.items()]
        return self.ask("make", settings=settings, threads=1, precision=precision, outputs=self.outputs,
                        parameters=parameters, arrays=told)  # fmt: skip

    def start_values(self) -> numpy.ndarray:
        return 0.3 * numpy.random.default_rng(1).standard_normal(self.size) + 0.05

    def write(self, values: numpy.ndarray) -> None:
        self.arrays["parameters"][...] = values
        self.do("write")

    def read(self) -> numpy.ndarray:
        self.arrays["parameters"][...] = numpy.nan
        self.do("read")
        return numpy.array(self.arrays["parameters"])

    def samples(self, count: int, pixels: bool = False) -> dict[str, numpy.ndarray]:
        """Random ones, as a data set has them."""
        rng = numpy.random.default_rng(2)
        if self.settings["model.kind"] == "transformer":
            shape = count, self.settings["model.context"]
            targets = rng.integers(-1, self.outputs, shape).astype("int32")
            targets[:, 0] = numpy.maximum(targets[:, 0], 0)
            return {"tokens": rng.integers(0, self.outputs, shape).astype("int32"), "target_tokens": targets}
        shape = count, self.settings["model.layers"][0]
        features = rng.integers(0, 256, shape).astype("uint8") if pixels else rng.standard_normal(shape)
        return {"features": features, "labels": rng.integers(0, self.outputs, count).astype("int32")}

    def put(self, samples: dict[str, numpy.ndarray], rows: Any) -> int:
        """These samples into the batch's arrays; how many."""
        for name, values in samples.items():
            chosen = values[rows]
            self.arrays[f"batch.{name}"][: len(chosen)] = chosen / 255 if chosen.dtype == numpy.uint8 else chosen
        if "labels" in samples and self.settings["model.loss"] == "squared_error":
            self.arrays["batch.targets"][: len(rows)] = numpy.eye(self.outputs)[samples["labels"][rows]]
        return len(rows)

    def give(self, samples: dict[str, numpy.ndarray]) -> None:
        told = self.share("data", {f"train.{name}": (values.dtype.name, values.shape)
                                   for name, values in samples.items()})  # fmt: skip
        for name, values in samples.items():
            self.arrays[f"train.{name}"][...] = values
        self.do("data", arrays=told)

    def loss(self) -> float:
        return float(self.arrays["losses"][0])

    def train(self, batches: list[Any], rate: float, first: int = 1) -> int:
        """How many steps were trained."""
        self.arrays["rows"][: sum(map(len, batches))] = numpy.concatenate(batches)
        self.arrays["sizes"][: len(batches)] = [len(rows) for rows in batches]
        self.arrays["rates"][...] = rate
        for name in ("losses", "times", "phases"):
            self.arrays[name][...] = -1
        return self.do("train", steps=len(batches), number=first)["steps"]
