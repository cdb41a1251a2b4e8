"""Configs and command lines that cannot be meant: exit 2, one line that says where and what is allowed, no files."""

from pathlib import Path

import pytest

from conftest import Program
from inputs import Changes, hdf5_changes, line_of, write_config, write_hdf5
from refusal import assert_mentions, refused

_HUGE = "9" * 30


def case(name: str, changes: Changes, key: str, *mentions: str) -> object:
    return pytest.param(changes, key, mentions, id=name)


def bad_value(key: str, value: str, *mentions: str) -> object:
    return case(f"{key}={value[:12]}", {key: value}, key, f'found "{value}"', "allowed: ", *mentions)


def bad_backend(value: str, *mentions: str) -> object:
    return case(f"backend = {value}", {"sweep.backend": value}, "sweep.backend", *mentions)


NOT_A_RATE = ("-0.1", "0", "nan", "inf", "1e999", "fast", "0.1x")
NOT_A_BATCH_SIZE = ("-1", "0", "1.5", "nan", "many", _HUGE)
NOT_EPOCHS = ("-1", "0", "nan", _HUGE)
# Between them those of backends that a build may be without.
SECTIONS = ("experiment, dataset, model, training, measure, record, ranks, scaling, backend.tbb_openblas, backend.tbb, ", ", sweep")
FITTING = ("4 features", "3 classes", "allowed: 4,...,3")
SWEPT_SIZE = "sweep.training.batch_size"
SWEPT_RATE = "sweep.training.learning_rate"

# Each with what is changed, the key (or section) whose line is named, and words of the message.
CONFIGS = [
    case("unknown key", {"training.batchsize": 1}, "training.batchsize", 'did you mean "training.batch_size"?'),
    case("key of another section", {"model.epochs": 1}, "model.epochs", 'did you mean "training.epochs"?'),
    case("key like no other", {"training.zzzzzz": 1}, "training.zzzzzz", "unknown key", "stepbench list keys"),
    case("unknown section", {"trainning.epochs": 1}, "trainning", "unknown section", 'did you mean "training"?'),
    case("section like no other", {"zzzzzz.epochs": 1}, "zzzzzz", "unknown section", f"allowed: {SECTIONS[0]}", SECTIONS[1]),
    bad_value("dataset.kind", "blob", "mnist, hdf5, spirals, blobs", 'did you mean "blobs"?'),
    bad_value("training.optimizer", "adamm", "sgd, momentum, adam, adamw", "did you mean"),
    *(bad_value("training.learning_rate", value, "a number above 0") for value in NOT_A_RATE),
    *(bad_value("training.batch_size", value, "an integer from 1") for value in NOT_A_BATCH_SIZE),
    *(bad_value("training.epochs", value, "an integer from 1") for value in NOT_EPOCHS),
    bad_value("dataset.samples", "-5", "an integer from 1"),
    bad_value("measure.rounds", "0", "an integer from 1"),
    bad_value("measure.evaluate_every", "0 steps", "1 epoch"),
    bad_value("training.target", "validation_accuracy>=2", "from 0 to 1"),
    bad_value("sweep.threads", "0", "an integer from 1"),
    bad_value("scaling.kind", "strange", "strong, weak, throughput"),
    case("scaling of one number", {"scaling.kind": "strong"}, "scaling.kind", "allowed: several, such as sweep.threads = 1,2"),
    case("throughput of threads", {"scaling.kind": "throughput", "sweep.backend": "blas", "sweep.threads": "1,2"}, "scaling.kind",
         "two numbers of ranks", "sweep.ranks = 1,2"),
    case("weak by epochs", {"scaling.kind": "weak", "sweep.backend": "blas", "sweep.threads": "1,2"}, "training.epochs",
         "scaling.kind = weak", "allowed: training.steps"),
    case("predictions of nothing", {"scaling.predict": "64"}, "scaling.predict", "it applies with scaling.kind"),
    bad_value("sweep.seed", "-1", "an integer from 0"),
    case("bad value in a list", {"sweep.seed": "1,two"}, "sweep.seed", 'found "two"', "allowed: "),
    bad_value("model.layers", "4", "comma-separated integers"),
    bad_value("model.layers", "4,0,3", "comma-separated integers"),
    case("first layer does not fit", {"model.layers": "5,8,3"}, "model.layers", "5,8,3", *FITTING),
    case("last layer does not fit", {"model.layers": "4,8,2"}, "model.layers", "4,8,2", *FITTING),
    bad_backend("neuron,bals", 'found "bals"', "allowed: neuron, blas, ", 'did you mean "blas"?'),
    bad_backend("", "empty value", "allowed: "),
    bad_backend("neuron,,blas", "empty element"),
    case("empty list of sizes", {"training.batch_size": None, SWEPT_SIZE: ""}, SWEPT_SIZE, "empty value", "allowed: "),
    case("value twice in a list", {"sweep.seed": "1,2,1"}, "sweep.seed", '"1" stands twice'),
    case("equal values", {"training.learning_rate": None, SWEPT_RATE: "0.1,0.10"}, SWEPT_RATE, '"0.10" stands twice'),
    case("key set twice", {SWEPT_SIZE: "8,16"}, SWEPT_SIZE, "[training]", "[sweep]"),
    case("no effect", {"training.momentum": 0.5}, "training.momentum", "training.optimizer = momentum"),
    case("no cell can run", {"sweep.backend": "neuron", "sweep.threads": 2}, "sweep.backend", "at most 1 thread"),
    case("baseline outside the sweep", {"measure.baseline": "tbb-t4"}, "measure.baseline", "allowed: ", "tbb-t1"),
    case("epochs and steps", {"training.steps": 3}, "training.steps", "allowed: exactly one of training.epochs"),
    case("cross_entropy after ReLU", {"model.output": "relu"}, "model.output", "cross_entropy", "allowed: linear"),
    case("too few samples", {"dataset.train_samples": 1000}, "dataset.train_samples", "1000", "360"),
    case("more classes than samples", {"dataset.samples": 2}, "dataset.samples", "2", "3 classes"),
]


@pytest.mark.parametrize(("changes", "key", "mentions"), CONFIGS)
def test_bad_config_is_named_by_file_line_and_key(
    program: Program, tmp_path: Path, changes: Changes, key: str, mentions: tuple[str, ...]
) -> None:
    config = write_config(tmp_path, changes)
    message = refused(program, tmp_path, "run", config.name)
    assert message.startswith(f"small.cfg:{line_of(config, key)}: ")
    swept_by_full_name = key.count(".") > 1
    assert_mentions(message, key.removeprefix("sweep.") if swept_by_full_name else key, *mentions)


@pytest.mark.parametrize("command", [["check"], ["run", "--dry-run"]])
def test_commands_that_write_nothing_refuse_the_same_config(
    program: Program, tmp_path: Path, command: list[str]
) -> None:
    config = write_config(tmp_path, {"training.learning_rate": "nan"})
    line = line_of(config, "training.learning_rate")
    assert refused(program, tmp_path, *command, config.name).startswith(f"small.cfg:{line}: training.learning_rate: ")


@pytest.mark.parametrize("key", ["model.layers", "dataset.kind", "training.learning_rate", "sweep.backend"])
def test_missing_key_is_named_with_what_it_takes(program: Program, tmp_path: Path, key: str) -> None:
    config = write_config(tmp_path, {key: None})
    assert_mentions(refused(program, tmp_path, "run", config.name), "small.cfg: ", f"{key}: missing", "allowed: ")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("epochs", 1),
        ("[training", 1),
        ("epochs = 3", 1),
        ("[training]\nepochs\n", 2),
        ('[training]\nepochs = "3\n', 2),
    ],
)
def test_line_that_is_no_config_is_named(program: Program, tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / "small.cfg").write_text(text)
    assert refused(program, tmp_path, "run", "small.cfg").startswith(f"small.cfg:{line}: ")


def test_cross_entropy_on_targets_is_refused(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, hdf5_changes(write_hdf5(tmp_path, targets=True)))
    message = refused(program, tmp_path, "run", config.name)
    assert message.startswith(f"small.cfg:{line_of(config, 'model.loss')}: model.loss: ")
    assert_mentions(message, "cross_entropy", "targets", "allowed: squared_error")


def test_missing_config(program: Program, tmp_path: Path) -> None:
    assert_mentions(refused(program, tmp_path, "run", "absent.cfg"), "absent.cfg: ", "No such file")


@pytest.mark.parametrize(
    "command",
    [["check"], ["run"], ["run", "--dry-run"], ["export-data"], ["race", "old", "new"]],
    ids=" ".join,
)
def test_mistyped_name_of_an_experiment_gets_a_suggestion(
    program: Program, tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "quick.cfg").touch()
    assert refused(program, tmp_path, *command, "quikc") == (
        'quikc: there is no such file, and no shipped experiment of that name; did you mean "quick"?'
    )


def test_name_that_is_near_no_experiment_is_told_where_the_names_are(program: Program, tmp_path: Path) -> None:
    message = refused(program, tmp_path, "check", "zebra")
    assert message.startswith("zebra: there is no such file, and no shipped experiment of that name")
    assert_mentions(message, "`stepbench list experiments` lists them")


@pytest.mark.parametrize("path", ["quikc.cfg", "./quikc", "experiments/quikc"])
def test_mistyped_path_is_missing_as_a_file(program: Program, tmp_path: Path, path: str) -> None:
    message = refused(program, tmp_path, "check", path)
    assert_mentions(message, f"{path}: ", "No such file")
    assert "shipped experiment" not in message


def test_config_that_is_a_folder(program: Program, tmp_path: Path) -> None:
    (tmp_path / "folder.cfg").mkdir()
    assert_mentions(refused(program, tmp_path, "run", "folder.cfg"), "folder.cfg: is a folder")


def test_config_that_is_binary(program: Program, tmp_path: Path) -> None:
    (tmp_path / "binary.cfg").write_bytes(b"\x7fELF\x02\x01\x01\x00" + bytes(range(256)) * 8)
    assert_mentions(refused(program, tmp_path, "run", "binary.cfg"), "binary.cfg:1: ", "allowed: ")


@pytest.mark.parametrize(
    ("override", "mentions"),
    [
        ("training.epochs", ['has no "="', "allowed: section.key=value"]),
        ("=3", ['nothing before "="', "allowed: section.key=value"]),
        ("training.epochs=", ['nothing after "="', "allowed: section.key=value"]),
        ("training.epoch=3", ["unknown key", 'did you mean "training.epochs"?']),
        ("epochs=3", ["unknown key", 'did you mean "training.epochs"?']),
        ("training.epochs=x", ["training.epochs: ", 'found "x"', "allowed: an integer"]),
        ("training.batch_size=8,16", ["training.batch_size: ", "[sweep]"]),
    ],
)
def test_malformed_set(program: Program, tmp_path: Path, override: str, mentions: list[str]) -> None:
    config = write_config(tmp_path)
    message = refused(program, tmp_path, "run", config.name, "--set", override)
    assert message.startswith("--set")
    assert_mentions(message, *mentions)


@pytest.mark.parametrize(
    ("arguments", "mentions"),
    [
        (["rnu", "small.cfg"], ['unknown command "rnu"', "list, check, run, show", 'did you mean "run"?']),
        (["run", "small.cfg", "--outptu", "a.h5"], ['option "--outptu"', 'did you mean "--output"?', "usage: "]),
        (["run", "small.cfg", "-x"], ['unknown option "-x"', "usage: "]),
        (["run", "small.cfg", "--over"], ['unknown option "--over"', "usage: "]),
        (["show", "a.h5", "--set", "training.epochs=1"], ['unknown option "--set"', "usage: "]),
        (["run", "small.cfg", "-o"], ["output", "usage: "]),
        (["run"], ["CONFIG is missing", "usage: stepbench run CONFIG"]),
        (["check"], ["CONFIG is missing", "usage: stepbench check CONFIG"]),
        (["show"], ["FILE.h5 is missing", "usage: stepbench show FILE.h5"]),
        (["run", "small.cfg", "other.cfg"], ['unexpected "other.cfg"', "usage: "]),
        (["list", "backend"], ['found "backend"', "allowed: ", 'did you mean "backends"?']),
    ],
)
def test_bad_command_line(program: Program, tmp_path: Path, arguments: list[str], mentions: list[str]) -> None:
    write_config(tmp_path)
    assert_mentions(refused(program, tmp_path, *arguments), *mentions)
