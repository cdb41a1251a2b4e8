"""`stepbench sample` on transformers that the program has just trained, and a run that starts from one of them."""

from pathlib import Path

import pytest

from conftest import Program, Run, RunConfig
from inputs import TRANSFORMER
from refusal import assert_mentions, refused

_TEXT = "the cat sat on the mat; the dog – été – ran.\n" * 30
_SETTINGS = TRANSFORMER | {
    "training.steps": 60,
    "training.optimizer": "adam",
    "training.learning_rate": 0.01,
    "training.precision": "float64",
    "record.parameters": "final",
}


@pytest.fixture(scope="module")
def trained(run_config: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> Run:
    text = tmp_path_factory.mktemp("text") / "text.txt"
    text.write_text(_TEXT, encoding="utf-8")
    return run_config(_SETTINGS | {"dataset.path": text})


def text_of(program: Program, run: Run, *options: object) -> str:
    outcome = program("sample", run.file.name, *options, cwd=run.file.parent)
    assert outcome.code == 0, outcome
    assert outcome.stderr == ""
    assert outcome.stdout.endswith("\n")
    return outcome.stdout


def test_a_text_is_of_the_vocabulary(program: Program, trained: Run) -> None:
    text = text_of(program, trained, "--temperature", 2)
    assert set(text) <= set(_TEXT)
    assert 300 <= len(text) <= 301


def test_a_prompt_begins_the_text(program: Program, trained: Run) -> None:
    text = text_of(program, trained, "--prompt", "été the", "--tokens", 20)
    assert text.startswith("été the")
    assert len(text.removesuffix("\n")) >= 26


def test_the_seed_decides(program: Program, trained: Run) -> None:
    assert text_of(program, trained, "--seed", 5) == text_of(program, trained, "--seed", 5)
    assert text_of(program, trained, "--seed", 5) != text_of(program, trained, "--seed", 6)


def test_every_backend_gives_the_same_text_in_float64(program: Program, trained: Run) -> None:
    texts = {text_of(program, trained, "--trial", f"{backend}-t1-s1") for backend in ("neuron", "blas", "tbb")}
    assert len(texts) == 1


def test_what_was_learned_is_in_the_text(program: Program, trained: Run) -> None:
    assert "the " in text_of(program, trained, "--temperature", 0, "--prompt", "on ")


@pytest.mark.parametrize(
    ("options", "mentions"),
    [
        (["--trial", "x"], ["--trial", "neuron-t1-s1, blas-t1-s1, tbb-t1-s1"]),
        (["--prompt", "the Cat"], ["--prompt", 'no "C"']),
        (["--prompt", ""], ["--prompt"]),
        (["--prompt="], ["prompt"]),
        (["--temperature", "-1"], ["temperature"]),
        (["--temperature", "hot"], ["--temperature", '"hot"']),
        (["--top-k", "0"], ["--top-k", '"0"', "1 or more"]),
        (["--tokens", "0"], ["--tokens", '"0"', "1 or more"]),
        (["--seed", "1.5"], ["--seed", '"1.5"']),
        (["--heat", "1"], ["--heat"]),
    ],
)
def test_bad_options(program: Program, trained: Run, options: list[str], mentions: list[str]) -> None:
    assert_mentions(refused(program, trained.file.parent, "sample", trained.file.name, *options), *mentions)


def test_a_file_that_is_not_there(program: Program, tmp_path: Path) -> None:
    assert_mentions(refused(program, tmp_path, "sample", "absent.h5"), "absent.h5")


def test_a_damaged_file(program: Program, trained: Run, tmp_path: Path) -> None:
    (tmp_path / "cut.h5").write_bytes(trained.file.read_bytes()[:-100])
    assert_mentions(refused(program, tmp_path, "sample", "cut.h5"), "cut.h5")


def test_no_transformer(program: Program, run_config: RunConfig) -> None:
    run = run_config({"record.parameters": "final"})
    message = refused(program, run.file.parent, "sample", run.file.name)
    assert_mentions(message, "neuron-t1-s1", "not a transformer")


def test_parameters_not_stored(program: Program, trained: Run) -> None:
    folder = trained.file.parent
    options = ("-o", "bare.h5", "--set", "record.parameters=none", "--set", "training.steps=2")
    assert program("run", trained.config.name, *options, cwd=folder).code == 0
    message = refused(program, folder, "sample", "bare.h5")
    assert_mentions(message, "neuron-t1-s1", "record.parameters = final")
    assert_mentions(refused(program, folder, "sample", "bare.h5", "--trial", "blas-t1-s1"), "record.parameters = final")


def test_training_goes_on_from_a_stored_trial(program: Program, trained: Run) -> None:
    options = ("-o", "on.h5", "--set", f"model.init=file:{trained.file.name}#blas-t1-s1")
    outcome = program("run", trained.config.name, *options, cwd=trained.file.parent)
    assert outcome.code == 0, outcome
    wider = ("-o", "off.h5", "--set", "model.d_model=32", *options[2:])
    message = refused(program, trained.file.parent, "run", trained.config.name, *wider)
    assert_mentions(message, "model.init: ", "token_embedding.weight", "16", "32")
