"""A peer in Python: everything but the training. Speaks PROTOCOL.md to stepbench, times the steps, needs numpy only.

Write a class with the methods of Network and end the script with `serve(Yours, library=...)`: see example.py. Import
this module before numpy or anything that starts threads: denormals are flushed in the threads that start after it.

What a script prints goes to stderr. An exception is told to stepbench in one line and ends the trial, not the process.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, NamedTuple, NoReturn

VERSION = 1  # of the protocol
_DESCRIBE = "--describe"


def flush_denormals() -> None:
    """FTZ and DAZ in this thread and those it will start, as in stepbench; glibc on x86-64, elsewhere nothing."""
    if os.uname().machine != "x86_64":
        return
    environment = (ctypes.c_uint32 * 8)()  # fenv_t; its last word is MXCSR
    libm = ctypes.CDLL("libm.so.6")
    libm.fegetenv(environment)
    environment[7] |= 0x8040
    libm.fesetenv(environment)


def describe(
    packages: Sequence[str] = (),
    missing: str = "",
    obstacle: Callable[[dict[str, str]], str] | None = None,
    environments: Callable[[], list[dict[str, str]]] | None = None,
) -> None:
    """With --describe as an argument: prints in a line of JSON whether the peer can run here, and ends the script.

    Call it before the packages are imported. `packages`: what is needed besides numpy; `missing`: what to say where one
    is not installed; `obstacle`: why it cannot run with these versions, empty: it can; `environments`: sets of
    environment variables of which stepbench takes the fastest.
    """
    if _DESCRIBE not in sys.argv[1:]:
        return
    versions = {package: _version(package) for package in (*packages, "numpy")}
    why = missing if not all(versions[package] for package in packages) else obstacle(versions) if obstacle else ""
    said: dict[str, Any] = {"available": False, "why": why}
    if not why:
        said = {"available": True, "versions": versions, "environments": environments() if environments else [{}]}
    print(json.dumps(said))
    sys.exit(0)


def _version(package: str) -> str:
    """Of an installed package, without importing it; empty: not installed."""
    if importlib.util.find_spec(package) is None:
        return ""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _need_numpy() -> None:
    if importlib.util.find_spec("numpy") is not None:
        return
    why = f"needs numpy, which {sys.executable} has not: scripts/peers/install, or Debian's python3-numpy"
    if _DESCRIBE not in sys.argv[1:]:
        sys.exit(why)
    print(json.dumps({"available": False, "why": why}))
    sys.exit(0)


_need_numpy()
flush_denormals()  # before numpy starts the threads of its BLAS

import numpy as np  # noqa: E402

Phases = tuple[float, float, float, float, float]  # s: forward, loss, backward, joining of threads' gradients, update
Named = dict[str, np.ndarray]  # by the canonical names of parameters
UNKNOWN: Phases = (np.nan,) * 5


@dataclass(frozen=True)
class Job:
    """The network that is asked for."""

    settings: dict[str, Any]  # by their full keys: settings["model.layers"] == [784, 512, 10]; absent where not set
    threads: int
    scalar: type[np.floating]  # np.float32 or np.float64
    outputs: int  # K: classes, width of the targets, or size of the vocabulary
    shapes: dict[str, tuple[int, ...]]  # of the parameters, in canonical order

    @property
    def squared_error(self) -> bool:
        return self.settings["model.loss"] == "squared_error"

    @property
    def is_transformer(self) -> bool:
        return self.settings["model.kind"] == "transformer"


class Samples(NamedTuple):
    inputs: Any  # features (N, F), uint8 (pixels: value / 255) or scalar; or tokens (N, T) int32
    expected: Any  # labels (N) int32; targets (N, K) scalar of the squared error; next tokens (N, T) int32, -1: none


class Network:
    """What a peer does. A batch is what gather() gives: usually features (B, F) and labels (B), as in Samples."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def load(self, parameters: Named) -> None:
        """A fresh start from these values, which are the network's to keep: the optimiser's state too."""
        raise NotImplementedError

    def parameters(self) -> Named:
        raise NotImplementedError

    def outputs(self, inputs: Any) -> np.ndarray:
        """(B, K) or (B, T, K) of a batch's inputs; changes nothing."""
        raise NotImplementedError

    def gradients(self, inputs: Any, expected: Any) -> tuple[float, Named]:
        """The loss of a batch and its gradients, which update() will use."""
        raise NotImplementedError

    def update(self, learning_rate: float, number: int) -> None:
        """The optimiser's step, from 1 on, with the gradients of the last batch."""
        raise NotImplementedError

    def train_step(
        self, inputs: Any, expected: Any, learning_rate: float, number: int
    ) -> float | tuple[float, Phases]:
        """One whole step, and the loss before it; what is timed. All its work is done when it returns."""
        loss, _ = self.gradients(inputs, expected)
        self.update(learning_rate, number)
        return loss

    def prepare(self, samples: Samples) -> Any:
        """The samples as gather() wants them; once for all training samples, in memory that stays as it is."""
        return samples

    def gather(self, samples: Any, rows: np.ndarray) -> tuple[Any, Any]:
        """The batch of these samples; timed, as the beginning of a step."""
        inputs = samples.inputs[rows]
        if inputs.dtype == np.uint8:
            inputs = np.divide(inputs, self.job.scalar(255), dtype=self.job.scalar)
        return inputs, samples.expected[rows]


def mean_loss(outputs: np.ndarray, expected: np.ndarray) -> float:
    """Cross entropy over what counts, or, where as many targets as outputs are expected, squared error."""
    outputs = outputs.astype(np.float64)
    if outputs.shape == expected.shape:
        return float(np.mean((outputs - expected) ** 2))
    counts = expected >= 0
    outputs, labels = outputs[counts], expected[counts]
    largest = outputs.max(axis=1)
    sums = np.exp(outputs - largest[:, None]).sum(axis=1)
    return float(np.mean(np.log(sums) + largest - outputs[np.arange(len(labels)), labels]))


def count_correct(outputs: np.ndarray, labels: np.ndarray) -> int:
    """Rows whose largest output, of equal ones the first, is their label's and finite."""
    return int(np.sum((outputs.argmax(axis=-1) == labels) & np.isfinite(outputs.max(axis=-1))))


def one_hot(labels: np.ndarray, outputs: int, scalar: type[np.floating]) -> np.ndarray:
    targets = np.zeros((len(labels), outputs), dtype=scalar)
    targets[np.arange(len(labels)), labels] = 1
    return targets


def decays(name: str) -> bool:
    """AdamW decays the matrices of linear layers: not biases, norms or embeddings."""
    return name.endswith(".weight") and "norm" not in name and "embedding" not in name


def _map(arrays: dict[str, dict[str, Any]], mode: str) -> Named:
    return {
        name: np.memmap(of["file"], of["type"], mode, of["offset"], tuple(of["shape"])).view(np.ndarray)
        for name, of in arrays.items()
    }


class _Server:
    """The requests, by the names of their methods."""

    def __init__(self, make: Callable[[Job], Network], library: str, unsupported: Callable[[dict[str, Any]], str]):
        self._make, self._library, self._unsupported = make, library, unsupported
        self._network: Network | None = None
        self._data: Any = None

    def make(self, request: dict[str, Any]) -> dict[str, Any]:
        why = self._unsupported(request["settings"])
        if why:
            return {"unsupported": why}
        shapes = {of["name"]: tuple(of["shape"]) for of in request["parameters"]}
        scalar = {"float32": np.float32, "float64": np.float64}[request["precision"]]
        self._job = Job(request["settings"], request["threads"], scalar, request["outputs"], shapes)
        self._arrays = _map(request["arrays"], "r+")
        self._network = self._make(self._job)
        return {"ok": True, "library": self._library}

    def write(self, _: dict[str, Any]) -> dict[str, Any]:
        values, first = {}, 0
        for name, shape in self._job.shapes.items():
            size = int(np.prod(shape))
            values[name] = self._arrays["parameters"][first : first + size].reshape(shape).copy()
            first += size
        self._network.load(values)
        return {"ok": True}

    def read(self, _: dict[str, Any]) -> dict[str, Any]:
        self._put("parameters", self._network.parameters())
        return {"ok": True}

    def gradients(self, request: dict[str, Any]) -> dict[str, Any]:
        loss, gradients = self._network.gradients(*self._batch(request["samples"]))
        self._arrays["losses"][0] = loss
        self._put("gradients", gradients)
        return {"ok": True}

    def update(self, request: dict[str, Any]) -> dict[str, Any]:
        self._network.update(request["learning_rate"], request["number"])
        return {"ok": True}

    def step(self, request: dict[str, Any]) -> dict[str, Any]:
        result = self._network.train_step(*self._batch(request["samples"]), request["learning_rate"], request["number"])
        self._arrays["losses"][0] = result[0] if isinstance(result, tuple) else result
        return {"ok": True}

    def evaluate(self, request: dict[str, Any]) -> dict[str, Any]:
        count = request["samples"]
        inputs, _ = self._batch(count)
        outputs = np.asarray(self._network.outputs(inputs))
        arrays = {name: values[:count] for name, values in self._arrays.items() if name.startswith("batch.")}
        labels = arrays.get("batch.target_tokens", arrays.get("batch.labels"))
        self._arrays["losses"][0] = mean_loss(outputs, self._samples(arrays, "batch").expected)
        return {"ok": True, "correct": 0 if labels is None else count_correct(outputs, labels)}

    def data(self, request: dict[str, Any]) -> dict[str, Any]:
        # Private copies where written to, which no library does: some only refuse to take what cannot be written.
        self._data = self._network.prepare(self._samples(_map(request["arrays"], "c"), "train"))
        return {"ok": True}

    def train(self, request: dict[str, Any]) -> dict[str, Any]:
        rows, sizes, rates, losses, times, phases, stop = (
            self._arrays[name] for name in ("rows", "sizes", "rates", "losses", "times", "phases", "stop")
        )
        network, samples, first, done = self._network, self._data, 0, 0
        while done < request["steps"]:
            chosen, rate, number = rows[first : first + sizes[done]], float(rates[done]), request["number"] + done
            begin = perf_counter()
            inputs, expected = network.gather(samples, chosen)
            result = network.train_step(inputs, expected, rate, number)
            times[done] = perf_counter() - begin
            losses[done], phases[done] = result if isinstance(result, tuple) else (result, UNKNOWN)
            first += len(chosen)
            done += 1
            if stop[0] != 0 or not np.isfinite(losses[done - 1]):
                break
        return {"ok": True, "steps": done}

    def _samples(self, arrays: Named, of: str) -> Samples:
        """Their arrays as a network is to see them: in the trial's scalar, labels as targets where those are wanted."""
        scalar = self._job.scalar
        if f"{of}.tokens" in arrays:
            return Samples(arrays[f"{of}.tokens"], arrays[f"{of}.target_tokens"])
        features = arrays[f"{of}.features"]
        if features.dtype != np.uint8:
            features = features.astype(scalar, copy=False)
        if not self._job.squared_error:
            return Samples(features, arrays[f"{of}.labels"])
        if f"{of}.targets" in arrays:
            return Samples(features, arrays[f"{of}.targets"].astype(scalar, copy=False))
        return Samples(features, one_hot(arrays[f"{of}.labels"], self._job.outputs, scalar))

    def _batch(self, count: int) -> tuple[Any, Any]:
        """The first samples of the batch's arrays, in the way that those of a training step come."""
        arrays = {name: values[:count].copy() for name, values in self._arrays.items() if name.startswith("batch.")}
        return self._network.gather(self._network.prepare(self._samples(arrays, "batch")), np.arange(count))

    def _put(self, array: str, named: Named) -> None:
        first = 0
        for name, shape in self._job.shapes.items():
            values = np.asarray(named[name])
            if values.shape != shape:
                raise ValueError(f"{array} of {name}: shape {values.shape}, expected {shape}")
            self._arrays[array][first : first + values.size] = values.reshape(-1)
            first += values.size


_REQUESTS = ("make", "write", "read", "gradients", "update", "step", "evaluate", "data", "train")


def _answer(server: _Server, line: str) -> dict[str, Any]:
    try:
        request = json.loads(line)
        what = request.get("do") if isinstance(request, dict) else None
        if what not in _REQUESTS:
            raise ValueError(f"no such request: {line.strip()[:80]}")
        if what != "make" and server._network is None:
            raise ValueError(f"{what} before make")
        if what == "train" and server._data is None:
            raise ValueError("train before data")
        with np.errstate(all="ignore"):  # a network that diverges does so without remarks
            return getattr(server, what)(request)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]}


def serve(
    make: Callable[[Job], Network],
    library: str = f"numpy {np.__version__}",
    unsupported: Callable[[dict[str, Any]], str] = lambda settings: "",
) -> NoReturn:
    """The whole of a peer's life. `make`: its class; `unsupported`: of settings, why it cannot train what they ask for;
    empty: it can."""
    describe()
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: not to outlive stepbench, whatever a library does
    requests, answers = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # what a library starts has neither of them
    os.dup2(2, 1)

    def say(message: dict[str, Any]) -> None:
        print(json.dumps(message), file=answers, flush=True)

    try:
        say({"stepbench_peer": VERSION})
        server = _Server(make, library, unsupported)
        for line in requests:
            say(_answer(server, line))
    except BrokenPipeError:
        pass
    os._exit(0)  # without waiting for threads of a library
