"""What a run does with the settings and options that change it, on a network of 67 parameters."""

from pathlib import Path

import h5py
import numpy
import pytest

from conftest import Program, Run, RunConfig, without_warnings
from inputs import hdf5_changes, mnist_changes, write_config, write_hdf5, write_mnist
from refusal import contents, refused
from results import LOSSES, largest_relative_difference, round_medians, summary, texts

BLAS = {"sweep.backend": "blas"}
DIVERGING = {
    "model.loss": "squared_error",
    "training.learning_rate": None,
    "sweep.training.learning_rate": "1e10,0.01",
}


def permutation(done: Run, trial: str = "blas-t1-s1") -> numpy.ndarray:
    with h5py.File(done.file) as file:
        return file[f"trials/{trial}/order/permutation"][:]


def test_without_shuffle_the_order_is_that_of_the_file(run_config: RunConfig) -> None:
    order = permutation(run_config({**BLAS, "dataset.shuffle": "false", "record.order": "true"}))
    assert numpy.array_equal(order, numpy.tile(numpy.arange(360), (3, 1)))


def test_record_keeps_what_is_asked_for(run_config: RunConfig) -> None:
    changes = {**BLAS, "record.parameters": "all", "record.steps": "false", "measure.gate": "false"}
    with h5py.File(run_config(changes).file) as file:
        trial = file["trials/blas-t1-s1"]
        assert list(trial) == ["epochs", "limits", "memory", "parameters"]
        assert set(trial["parameters"]) == {"initial", "final"}
        initial, final = (trial[f"parameters/{when}/layers.0.weight"][:] for when in ("initial", "final"))
        assert initial.shape == (8, 4) and not numpy.array_equal(initial, final)
        assert summary(file, "step_time_median")["blas-t1-s1"] > 0


def test_kept_trial_files_can_be_shown(program: Program, run_config: RunConfig) -> None:
    done = run_config({**BLAS, "record.keep_trial_files": "true"})
    shown = program("show", "out.trials/blas-t1-s1.h5", cwd=done.file.parent)
    assert shown.code == 0 and "blas" in shown.stdout


def test_set_overrides_the_config_and_is_recorded(run_config: RunConfig) -> None:
    done = run_config(BLAS, "--set", "training.epochs=1", "--set", "sweep.seed=5,6")
    with h5py.File(done.file) as file:
        assert set(file["trials"]) == {"blas-t1-s5", "blas-t1-s6"}
        assert file["trials/blas-t1-s5"].attrs["training.epochs"] == 1
        text = file.attrs["config_text"]
        assert text.startswith(done.config.read_text())
        assert "training.epochs=1" in text and "sweep.seed=5,6" in text


def test_swept_batch_sizes_are_groups_of_their_own(run_config: RunConfig) -> None:
    changes = {"training.batch_size": None, "sweep.training.batch_size": "16,32,64", "sweep.backend": "blas,tbb"}
    with h5py.File(run_config(changes).file) as file:
        assert len(file["groups"]) == 3
        assert sorted(summary(file, "batch_size").values()) == [16, 16, 32, 32, 64, 64]
        assert all(len(set(round_medians(group))) >= 2 for group in file["groups"].values())


def test_diverging_trials_are_recorded_and_the_sweep_goes_on(run_config: RunConfig) -> None:
    done = run_config(DIVERGING)
    with h5py.File(done.file) as file:
        statuses = summary(file, "status")
        assert len(statuses) == 6
        for trial, status in statuses.items():
            group = file[f"trials/{trial}"]
            if group.attrs["training.learning_rate"] == 0.01:
                assert status == "completed", trial
                assert "diverged_at_step" not in group.attrs
                continue
            assert status == "diverged", trial
            losses = group["steps/train_loss"][:]
            assert group.attrs["diverged_at_step"] == len(losses) - 1
            assert numpy.all(numpy.isfinite(losses[:-1])) and not numpy.isfinite(losses[-1])
            assert f"{trial} diverged: " in done.outcome.stdout


def test_target_that_is_never_met_has_no_time(run_config: RunConfig) -> None:
    with h5py.File(run_config({**BLAS, "training.target": "train_loss<=0.0001"}).file) as file:
        assert numpy.isnan(summary(file, "time_to_target")["blas-t1-s1"])


@pytest.mark.parametrize("target", ["train_loss<=1000", "validation_loss<=1000"])
def test_target_on_a_loss_is_timed(run_config: RunConfig, target: str) -> None:
    with h5py.File(run_config({**BLAS, "training.target": target}).file) as file:
        assert summary(file, "time_to_target")["blas-t1-s1"] == file["trials/blas-t1-s1/epochs/train_time"][0]


def test_evaluation_every_few_steps(run_config: RunConfig) -> None:
    changes = {**BLAS, "training.epochs": None, "training.steps": 25, "measure.evaluate_every": "10 steps"}
    with h5py.File(run_config(changes).file) as file:
        assert len(file["trials/blas-t1-s1/steps/train_loss"]) == 25
        numpy.testing.assert_allclose(file["trials/blas-t1-s1/epochs/epoch"], numpy.array([10, 20, 25]) / 12)


def test_without_interleaving_members_follow_each_other_and_no_interval_is_claimed(run_config: RunConfig) -> None:
    with h5py.File(run_config({"measure.interleave": "false", "measure.rounds": 9}).file) as file:
        positions = file["groups/s1/rounds/position"][:]
        assert positions.shape[0] == 9 and numpy.all(positions == positions[0])
        assert numpy.all(numpy.isfinite(list(summary(file, "speed_ratio").values())))
        assert numpy.all(numpy.isnan(list(summary(file, "speed_ratio_low").values())))


def test_more_rounds_than_the_steps_allow_are_warned_of(run_config: RunConfig) -> None:
    done = run_config({**BLAS, "training.epochs": 1, "measure.rounds": 50})
    warnings = [line for line in done.outcome.stderr.splitlines() if line.startswith("stepbench: warning: ")]
    assert any("12 steps" in line and "4 rounds" in line and "50" in line for line in warnings)
    with h5py.File(done.file) as file:
        assert len(file["groups/s1/rounds/round"]) == 4


def test_named_baseline_is_the_one_compared_with(run_config: RunConfig) -> None:
    with h5py.File(run_config({"measure.baseline": "tbb"}).file) as file:
        baselines = {trial: group.attrs["is_baseline"] for trial, group in file["trials"].items()}
        assert baselines == {"neuron-t1-s1": 0, "blas-t1-s1": 0, "tbb-t1-s1": 1}
        assert summary(file, "speed_ratio")["tbb-t1-s1"] == 1


def test_quiet_run_says_nothing_but_warnings_on_stderr(run_config: RunConfig) -> None:
    done = run_config({}, "-q")
    assert without_warnings(done.outcome.stderr) == "" and "results: out.h5" in done.outcome.stdout


@pytest.mark.parametrize("command", [("run", "--dry-run"), ("check",)])
def test_looking_writes_nothing(program: Program, tmp_path: Path, command: tuple[str, ...]) -> None:
    config = write_config(tmp_path, {"sweep.threads": "1,2"})
    before = contents(tmp_path)
    done = program(*command, config.name, cwd=tmp_path)
    assert done.code == 0 and contents(tmp_path) == before
    trials = [f"{backend}-t{threads}-s1" for backend in ("neuron", "blas", "tbb") for threads in (1, 2)]
    assert all(trial in done.stdout for trial in trials)


def test_check_shows_a_passed_gate_for_every_trial_that_can_run(program: Program, tmp_path: Path) -> None:
    done = program("check", write_config(tmp_path, {"sweep.threads": "1,2"}).name, cwd=tmp_path)
    assert [line.split()[0] for line in done.stdout.splitlines() if line.endswith("  passed")] == [
        "neuron-t1-s1", "blas-t1-s1", "blas-t2-s1", "tbb-t1-s1", "tbb-t2-s1"
    ]  # fmt: skip


def test_overwrite_replaces_the_old_result_and_leftover_trials(program: Program, run_config: RunConfig) -> None:
    done = run_config(BLAS)
    folder = done.file.parent
    (folder / "out.trials").mkdir()
    (folder / "out.trials" / "left.h5").write_text("left")
    replaced = program("run", "small.cfg", "-o", "out.h5", "--overwrite", "--set", "sweep.seed=9", cwd=folder)
    assert replaced.code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["out.h5", "small.cfg"]
    with h5py.File(done.file) as file:
        assert list(file["trials"]) == ["blas-t1-s9"]


def test_refused_overwrite_keeps_the_old_result(program: Program, run_config: RunConfig) -> None:
    done = run_config(BLAS)
    refused(program, done.file.parent, "run", "small.cfg", "-o", "out.h5", "--overwrite", "--set", "model.layers=4,8,2")


def test_default_output_is_named_after_the_experiment(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, BLAS)
    assert program("run", config.name, cwd=tmp_path).code == 0
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == ["small.h5"]


def test_data_is_found_beside_the_config(program: Program, tmp_path: Path) -> None:
    (tmp_path / "inputs").mkdir()
    write_mnist(tmp_path / "inputs")
    write_config(tmp_path / "inputs", {**mnist_changes(Path("digits")), **BLAS})
    assert program("run", "inputs/small.cfg", "-o", "out.h5", cwd=tmp_path).code == 0


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_hdf5_data_trains_on_every_backend(run_config: RunConfig, tmp_path: Path, loss: str) -> None:
    data = write_hdf5(tmp_path, targets=loss == "squared_error")
    done = run_config({**hdf5_changes(data), "model.loss": loss, "training.precision": "float64"})
    assert largest_relative_difference(done.file, "neuron-t1-s1") <= 1e-10
    with h5py.File(done.file) as file:
        units = {file[f"trials/blas-t1-s1/{name}"].attrs["units"] for name in LOSSES}
        assert units == ({"nat"} if loss == "cross_entropy" else {"1"})
        assert texts(file["summary/status"]) == ["completed"] * 3


@pytest.mark.parametrize("optimizer", ["momentum", "adam", "adamw"])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_every_optimizer_learns_the_same_on_every_backend(run_config: RunConfig, optimizer: str, schedule: str) -> None:
    changes = {
        "training.optimizer": optimizer,
        "training.learning_rate": 0.01,
        "training.weight_decay": 0.01,
        "training.gradient_clip": 0.5,
        "training.schedule": schedule,
        "training.precision": "float64",
    }
    assert largest_relative_difference(run_config(changes).file, "neuron-t1-s1") <= 1e-10


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_layerwise_updates_learn_the_same_on_every_backend(run_config: RunConfig, loss: str) -> None:
    changes = {
        "training.update_order": "layerwise",
        "training.learning_rate": 0.01,
        "training.precision": "float64",
        "model.loss": loss,
    }
    assert largest_relative_difference(run_config(changes).file, "neuron-t1-s1") <= 1e-10


@pytest.mark.parametrize("what", ["backends", "datasets", "models", "keys"])
def test_list_names_what_configs_may_use(program: Program, tmp_path: Path, what: str) -> None:
    expected = {"backends": "tbb", "datasets": "spirals", "models": "mlp", "keys": "training.update_order"}
    done = program("list", what, cwd=tmp_path)
    assert done.code == 0 and expected[what] in done.stdout and done.stderr == ""


@pytest.mark.parametrize("command", [[], ["run"], ["check"], ["show"], ["list"]])
def test_help_goes_to_stdout(program: Program, tmp_path: Path, command: list[str]) -> None:
    done = program(*command, "--help", cwd=tmp_path)
    assert done.code == 0 and "stepbench" in done.stdout and done.stderr == ""
