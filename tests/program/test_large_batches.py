"""A batch of more samples than the data has: everything that is told of a step is told of the step that was made."""

import h5py
import pytest

from conftest import Program, Run, RunConfig, without_warnings
from inputs import TRANSFORMER, write_config
from results import summary

SAMPLES = 360  # that the blobs leave for training
WARNING = f"training.batch_size = 7200 is more than the {SAMPLES} training samples: a step trains on all {SAMPLES}"


@pytest.fixture(scope="module")
def run(run_config: RunConfig) -> Run:
    return run_config({"training.batch_size": 7200, "training.epochs": 40, "measure.rounds": 8})


def test_rates_are_of_the_samples_that_a_step_trains_on(run: Run) -> None:
    with h5py.File(run.file) as file:
        medians = summary(file, "step_time_median")
        for trial, rate in summary(file, "samples_per_second").items():
            assert rate * medians[trial] == pytest.approx(SAMPLES, rel=1e-12)
        assert set(summary(file, "batch_size").values()) == {SAMPLES}


def test_operations_are_those_of_the_step_that_is_made(run: Run) -> None:
    expected = 2 * SAMPLES * (2 * 4 * 8 + 3 * 8 * 3)
    with h5py.File(run.file) as file:
        assert set(summary(file, "flops_per_step").values()) == {expected}
        medians, gflops = summary(file, "step_time_median"), summary(file, "gflops")
        for trial, value in gflops.items():
            assert value == pytest.approx(expected / medians[trial] * 1e-9, rel=1e-12)


def test_it_trains_as_a_batch_of_all_samples_does(run: Run, run_config: RunConfig) -> None:
    whole = run_config({"training.batch_size": SAMPLES, "training.epochs": 40, "measure.rounds": 8})
    with h5py.File(run.file) as large, h5py.File(whole.file) as exact:
        for trial in large["trials"]:
            for series in ("steps/train_loss", "epochs/validation_loss"):
                assert list(large[f"trials/{trial}/{series}"]) == list(exact[f"trials/{trial}/{series}"])


def test_tokens_per_second_are_of_the_step_that_is_made(run_config: RunConfig, tmp_path_factory) -> None:
    text = tmp_path_factory.mktemp("text") / "text.txt"
    text.write_text("to be or not to be, that is the question " * 40)
    run = run_config({**TRANSFORMER, "dataset.path": text, "training.batch_size": 5000, "training.steps": 24,
                      "sweep.backend": "blas"})  # fmt: skip
    with h5py.File(run.file) as file:
        samples = (int(0.9 * len(text.read_text())) - 1) // 8
        tokens = summary(file, "tokens_per_second")["blas-t1-s1"] * summary(file, "step_time_median")["blas-t1-s1"]
        assert tokens == pytest.approx(8 * samples, rel=1e-12)


@pytest.mark.parametrize("command", [["check"], ["run", "--dry-run"]])
def test_the_plan_counts_the_operations_of_the_step_that_will_be_made(
    command: list[str], program: Program, tmp_path
) -> None:
    config = write_config(tmp_path, {"training.batch_size": 7200})
    large = program(*command, config, cwd=tmp_path)
    exact = program(*command, config, "--set", f"training.batch_size={SAMPLES}", cwd=tmp_path)
    assert large.code == exact.code == 0
    plan = slice(2, 2 + 4)  # heading and three trials; further down the memory may differ
    assert large.stdout.splitlines()[plan] == exact.stdout.splitlines()[plan]
    assert WARNING in large.stderr and exact.stderr == ""


def test_the_run_says_so(run: Run) -> None:
    assert f"stepbench: warning: {WARNING}\n" in run.outcome.stderr
    assert without_warnings(run.outcome.stderr).count("batch") == 0
