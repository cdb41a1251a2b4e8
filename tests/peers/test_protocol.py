"""What a peer answers, request by request: the same for every one of them that is installed."""

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import numpy
import pytest

from parent import ADAM, ADAMW, MLP, MOMENTUM, ORIGINAL, PEERS, TRANSFORMER, Parent, described, environment, python

# What each trains, of all that it can, the plainest.
PLAIN = {
    "example.py": MLP, "numpy_vectorised.py": MLP, "numpy_original.py": ORIGINAL, "pytorch.py": MLP,
    "pytorch.py --compiled": MLP, "jax_peer.py": MLP,
}  # fmt: skip
ALL = ["numpy_vectorised.py", "pytorch.py", "pytorch.py --compiled", "jax_peer.py"]  # every MLP and optimiser
SEQUENCES = ALL[1:]
BATCHES = [numpy.arange(first, first + 8) % 30 for first in range(0, 48, 8)]
RATE = 0.1

Start = Callable[..., Parent]


@pytest.fixture
def start() -> Iterator[Start]:
    """start(script, settings): a peer that has made a network and has its parameters; skips where it cannot run."""
    running: list[Parent] = []

    def begin(script: str, settings: dict[str, Any], **more: Any) -> Parent:
        said = described(script)
        if not said["available"]:
            pytest.skip(said["why"])
        running.append(parent := Parent(script).__enter__())
        answer = parent.make(settings, **more)
        assert answer.get("ok") is True, answer
        parent.write(parent.start_values())
        return parent

    yield begin
    for parent in running:
        parent.__exit__()


def gradients(parent: Parent, count: int) -> tuple[float, numpy.ndarray]:
    parent.arrays["gradients"][...] = numpy.nan
    parent.do("gradients", samples=count)
    return parent.loss(), numpy.array(parent.arrays["gradients"])


def relative(actual: numpy.ndarray, expected: numpy.ndarray) -> float:
    return float(numpy.linalg.norm(actual - expected) / numpy.linalg.norm(expected))


def objective(parent: Parent, count: int) -> float:
    """What is optimised: of the squared error the sum over outputs."""
    parent.do("evaluate", samples=count)
    return parent.loss() * (parent.outputs if parent.settings["model.loss"] == "squared_error" else 1)


def assert_gradients_are_differences(parent: Parent) -> None:
    """Along random directions, of central differences of the objective."""
    count = parent.put(parent.samples(8), numpy.arange(7))
    at = parent.start_values()
    loss, slope = gradients(parent, count)
    parent.do("evaluate", samples=count)
    assert loss == pytest.approx(parent.loss(), rel=1e-12)
    rng = numpy.random.default_rng(3)
    for _ in range(3):
        direction = rng.standard_normal(parent.size)
        sides = []
        for sign in (1, -1):
            parent.write(at + sign * 1e-5 * direction)
            sides.append(objective(parent, count))
        assert (sides[0] - sides[1]) / 2e-5 == pytest.approx(float(slope @ direction), rel=1e-6, abs=1e-8)


def assert_step_is_gradients_and_update(parent: Parent) -> None:
    """Three steps, so that the optimiser's state counts."""
    count = parent.put(parent.samples(8), numpy.arange(8))
    for number in (1, 2, 3):
        parent.do("gradients", samples=count)
        parent.do("update", learning_rate=RATE, number=number)
    apart = parent.read()
    parent.write(parent.start_values())
    for number in (1, 2, 3):
        parent.do("step", samples=count, learning_rate=RATE, number=number)
    assert relative(parent.read(), apart) < 1e-12


@pytest.mark.parametrize("script", PLAIN)
def test_a_description_is_one_line_that_says_whether_it_can_run(script: str) -> None:
    said = described(script)
    if said["available"]:
        assert all(said["versions"].values()) and "numpy" in said["versions"]
        assert said["environments"] and all(isinstance(variables, dict) for variables in said["environments"])
    else:
        assert set(said) == {"available", "why"} and said["why"]


@pytest.mark.parametrize("script", PLAIN)
def test_a_peer_greets_and_says_what_it_computes_with(start: Start, script: str) -> None:
    parent = start(script, PLAIN[script])
    assert parent.greeting == {"stepbench_peer": 1}
    assert parent.make(PLAIN[script])["library"].split()[0] in ("numpy", "PyTorch", "JAX")


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("script", PLAIN)
def test_what_is_written_is_read(start: Start, script: str, precision: str) -> None:
    parent = start(script, PLAIN[script], precision=precision)
    assert numpy.array_equal(parent.read(), parent.start_values().astype(precision))


@pytest.mark.parametrize("script", PLAIN)
def test_gradients_are_those_of_the_loss(start: Start, script: str) -> None:
    assert_gradients_are_differences(start(script, PLAIN[script]))


@pytest.mark.parametrize("script", ALL)
def test_gradients_of_the_squared_error_are_those_of_the_loss(start: Start, script: str) -> None:
    assert_gradients_are_differences(start(script, ORIGINAL))


@pytest.mark.parametrize(
    "changes",
    [{}, {"model.position": "sinusoidal", "model.tied_embeddings": True, "model.activation": "relu"}],
    ids=["learned-gelu", "sinusoidal-tied-relu"],
)
@pytest.mark.parametrize("script", SEQUENCES)
def test_gradients_of_a_transformer_are_those_of_the_loss(start: Start, script: str, changes: dict[str, Any]) -> None:
    assert_gradients_are_differences(start(script, TRANSFORMER | changes))


@pytest.mark.parametrize("script", SEQUENCES)
def test_transformers_are_the_same_in_every_library(start: Start, script: str) -> None:
    peers = [start(name, TRANSFORMER) for name in ("pytorch.py", script)]
    results = [gradients(peer, peer.put(peer.samples(8), numpy.arange(8))) for peer in peers]
    assert results[1][0] == pytest.approx(results[0][0], rel=1e-12)
    assert relative(results[1][1], results[0][1]) < 1e-11


@pytest.mark.parametrize("script", PLAIN)
def test_plain_descent_takes_the_gradient_times_the_rate(start: Start, script: str) -> None:
    parent = start(script, PLAIN[script])
    _, slope = gradients(parent, parent.put(parent.samples(8), numpy.arange(8)))
    parent.do("update", learning_rate=RATE, number=1)
    assert relative(parent.read() - parent.start_values(), -RATE * slope) < 1e-12


@pytest.mark.parametrize("script", PLAIN)
def test_a_step_is_gradients_and_update(start: Start, script: str) -> None:
    assert_step_is_gradients_and_update(start(script, PLAIN[script]))


OPTIMIZERS = {"momentum": MOMENTUM, "adam": ADAM, "adamw": ADAMW, "sgd": {}}
EXTRAS = {"training.weight_decay": 0.05, "training.gradient_clip": 0.2}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("script", ALL)
def test_a_step_of_every_optimiser_is_gradients_and_update(start: Start, script: str, optimizer: str) -> None:
    assert_step_is_gradients_and_update(start(script, MLP | EXTRAS | OPTIMIZERS[optimizer]))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("script", ALL[1:])
def test_optimisers_are_the_same_in_every_library(start: Start, script: str, optimizer: str) -> None:
    ends = []
    for name in ("numpy_vectorised.py", script):
        parent = start(name, MLP | EXTRAS | OPTIMIZERS[optimizer])
        parent.give(parent.samples(30))
        assert parent.train(BATCHES, 0.01) == len(BATCHES)
        ends.append((numpy.array(parent.arrays["losses"][: len(BATCHES)]), parent.read()))
    assert relative(ends[1][0], ends[0][0]) < 1e-11
    assert relative(ends[1][1], ends[0][1]) < 1e-11


def assert_training_is_repeated_steps(parent: Parent, pixels: bool) -> None:
    samples = parent.samples(30, pixels)
    batches = [*BATCHES, numpy.array([3, 29])]  # as an epoch ends: a short one
    expected = []
    for number, rows in enumerate(batches, 1):
        parent.do("step", samples=parent.put(samples, rows), learning_rate=RATE, number=number)
        expected.append(parent.loss())
    stepped = parent.read()
    parent.write(parent.start_values())
    parent.give(samples)
    assert parent.train(batches, RATE) == len(batches)
    count = len(batches)
    assert relative(parent.arrays["losses"][:count], numpy.array(expected)) < 1e-12
    assert relative(parent.read(), stepped) < 1e-12
    assert (parent.arrays["times"][:count] > 0).all() and (parent.arrays["times"][count:] == -1).all()
    phases = parent.arrays["phases"][:count]
    assert not (phases < 0).any()
    assert (numpy.nansum(phases, axis=1) <= parent.arrays["times"][:count]).all()


@pytest.mark.parametrize("pixels", [True, False])
@pytest.mark.parametrize("script", PLAIN)
def test_training_is_repeated_steps(start: Start, script: str, pixels: bool) -> None:
    assert_training_is_repeated_steps(start(script, PLAIN[script]), pixels)


@pytest.mark.parametrize("script", SEQUENCES)
def test_training_a_transformer_is_repeated_steps(start: Start, script: str) -> None:
    assert_training_is_repeated_steps(start(script, TRANSFORMER), False)


@pytest.mark.parametrize("script", ALL)
def test_targets_are_trained_on(start: Start, script: str) -> None:
    parent = start(script, ORIGINAL | {"model.output": "linear"})
    samples = parent.samples(30)
    del samples["labels"]
    samples["targets"] = samples["features"][:, :4] * 2
    parent.do("step", samples=parent.put(samples, BATCHES[0]), learning_rate=RATE, number=1)
    loss, stepped = parent.loss(), parent.read()
    parent.write(parent.start_values())
    parent.give(samples)
    assert parent.train(BATCHES[:1], RATE) == 1
    assert parent.loss() == pytest.approx(loss, rel=1e-12)
    assert relative(parent.read(), stepped) < 1e-12


@pytest.mark.parametrize("script", ALL)
def test_writing_forgets_the_optimisers_state(start: Start, script: str) -> None:
    parent = start(script, MLP | ADAM)
    count = parent.put(parent.samples(8), numpy.arange(8))
    ends = []
    for _ in range(2):
        parent.write(parent.start_values())
        for number in (1, 2):
            parent.do("step", samples=count, learning_rate=RATE, number=number)
        ends.append(parent.read())
    assert numpy.array_equal(*ends)


@pytest.mark.parametrize("script", PLAIN)
def test_evaluation_changes_nothing_and_counts_the_largest(start: Start, script: str) -> None:
    parent = start(script, PLAIN[script])
    parent.write(numpy.zeros(parent.size))  # all outputs are the same: the first is the largest
    samples = parent.samples(8)
    answer = parent.do("evaluate", samples=parent.put(samples, numpy.arange(8)))
    assert answer["correct"] == int(numpy.sum(samples["labels"] == 0))
    assert parent.loss() == pytest.approx(0.25 if PLAIN[script] is ORIGINAL else numpy.log(4))
    assert not parent.read().any()


@pytest.mark.parametrize("script", PLAIN)
def test_nothing_that_is_not_a_number_is_correct(start: Start, script: str) -> None:
    parent = start(script, PLAIN[script])
    parent.write(numpy.full(parent.size, numpy.nan))
    assert parent.do("evaluate", samples=parent.put(parent.samples(8), numpy.arange(8)))["correct"] == 0
    assert numpy.isnan(parent.loss())


@pytest.mark.parametrize("script", PLAIN)
def test_training_ends_after_the_step_when_it_is_to_stop(start: Start, script: str) -> None:
    parent = start(script, PLAIN[script])
    parent.give(parent.samples(30))
    parent.arrays["stop"][0] = 1
    assert parent.train(BATCHES, RATE) == 1


@pytest.mark.parametrize("script", PLAIN)
def test_training_ends_with_a_loss_that_is_no_number(start: Start, script: str) -> None:
    parent = start(script, PLAIN[script])
    samples = parent.samples(30)
    samples["features"][10] = numpy.nan  # in the second batch
    parent.give(samples)
    assert parent.train(BATCHES, RATE) == 2
    assert numpy.isfinite(parent.arrays["losses"][0]) and numpy.isnan(parent.arrays["losses"][1])


@pytest.mark.parametrize("script", [script for script in PLAIN if script != "numpy_original.py"])
def test_what_a_peer_cannot_do_is_said(start: Start, script: str) -> None:
    parent = start(script, PLAIN[script])
    answer = parent.make(PLAIN[script] | {"training.update_order": "layerwise"})
    assert "layerwise" in answer.pop("unsupported") and not answer


def test_the_original_updates_layer_by_layer(start: Start) -> None:
    layerwise = start("numpy_original.py", ORIGINAL | {"training.update_order": "layerwise"})
    simultaneous = start("numpy_original.py", ORIGINAL)
    ends = []
    for parent in (layerwise, simultaneous):
        count = parent.put(parent.samples(8), numpy.arange(8))
        parent.do("step", samples=count, learning_rate=RATE, number=1)
        ends.append(parent.read())
    last = 12 * 4 + 4  # of the parameters: their layer is the first to be updated, by the same gradients
    assert relative(ends[0][-last:], ends[1][-last:]) < 1e-12 < relative(ends[0][:-last], ends[1][:-last])


@pytest.mark.parametrize("text", ["", "rubbish", "[]", "{}", '{"do": "fly"}', '{"do": "_batch"}', '{"do": "train"}'])
@pytest.mark.parametrize("script", ["example.py"])
def test_rubbish_is_answered_with_an_error(start: Start, script: str, text: str) -> None:
    parent = start(script, PLAIN[script])
    answer = parent.send(text)
    assert list(answer) == ["error"] and answer["error"]
    parent.read()  # it goes on


def test_a_request_before_the_network_is_made_is_an_error() -> None:
    with Parent("example.py") as parent:
        assert "before make" in parent.ask("read")["error"]


@pytest.mark.parametrize("script", PLAIN)
def test_a_peer_ends_when_its_input_does(start: Start, script: str) -> None:
    parent = start(script, PLAIN[script])
    parent.process.stdin.close()
    assert parent.process.wait(timeout=30) == 0


def test_what_a_peer_prints_is_no_answer(tmp_path: Any) -> None:
    chatty = tmp_path / "chatty.py"
    chatty.write_text(
        f"import sys\nsys.path.insert(0, {str(PEERS)!r})\nimport os\nfrom example import Example\n"
        "from stepbench_peer import serve\n"
        "def make(job):\n    print('hello')\n    os.system('echo hello')\n    return Example(job)\nserve(make)\n"
    )
    with Parent(chatty) as parent:
        assert parent.make(MLP)["ok"] is True


def test_a_peer_without_numpy_says_so(tmp_path: Any) -> None:
    command = [python(), "-S", PEERS / "example.py", "--describe"]  # no site-packages
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=60)
    said = json.loads(done.stdout)
    assert not said["available"] and "numpy" in said["why"]
