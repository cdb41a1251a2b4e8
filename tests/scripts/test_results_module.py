"""stepbench_results gives what h5py finds in the file, and refuses what is no result file in one clear line."""

import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy
import pytest

import stepbench_results
import stepbench_sealed
from conftest import Modify
from inputs import Changes
from stepbench_results import ResultsError

TRIAL = "tbb-t2-s2-batch_size16"


def refusal(path: Path) -> str:
    with pytest.raises(ResultsError) as caught:
        results = stepbench_results.open(path)
        results.summary, results.environment, [results.trial(name).steps for name in results.trials]
    message = str(caught.value)
    assert "\n" not in message and str(path) in message
    return message


def test_summary_has_every_column_and_row_of_the_file(swept: Path) -> None:
    summary = stepbench_results.open(swept).summary.reset_index()
    with h5py.File(swept) as file:
        assert set(summary.columns) == set(file["summary"]) - {"trial"}
        for name, column in file["summary"].items():
            if name == "trial":
                continue
            expected = column.asstr()[:] if h5py.check_string_dtype(column.dtype) else column[:]
            numpy.testing.assert_array_equal(summary[name].to_numpy(), expected, err_msg=name)


def test_steps_have_losses_and_phases_by_step(swept: Path) -> None:
    steps = stepbench_results.open(swept).trial(TRIAL).steps
    with h5py.File(swept) as file:
        group = file[f"trials/{TRIAL}/steps"]
        numpy.testing.assert_array_equal(steps["train_loss"], group["train_loss"][:])
        numpy.testing.assert_array_equal(steps["phase_backward"], group["phase_time"][:, 2])
        numpy.testing.assert_array_equal(steps.index, group["step"][:])


def test_epochs_and_checks_are_indexed_by_their_scales(swept: Path) -> None:
    trial = stepbench_results.open(swept).trial(TRIAL)
    assert list(trial.epochs.index) == [1, 2, 3] and trial.epochs["validation_accuracy"].between(0, 1).all()
    assert "layers.0.weight" in trial.checks.index and (trial.checks["gradient_error"] < 1e-3).all()


def test_moments_of_gradients_are_there_where_they_were_asked_for(run: Callable[[Changes], Path], swept: Path) -> None:
    assert stepbench_results.open(swept).trial(TRIAL).epochs["gradient_square"].isna().all()
    assert stepbench_results.open(swept).summary["gradient_noise_scale"].isna().all()
    results = stepbench_results.open(run({"training.micro_batch": 4, "record.gradient_noise": "true"}))
    for name in results.trials:
        epochs = results.trial(name).epochs  # of as many steps each
        scale = results.summary.loc[name, "gradient_noise_scale"]
        assert scale == pytest.approx(epochs["gradient_variance"].sum() / epochs["gradient_square"].sum()) and scale > 0


def test_rounds_flag_the_twin(swept: Path) -> None:
    results = stepbench_results.open(swept)
    rounds = results.rounds(results.trial(TRIAL).group)
    twins = set(rounds.loc[rounds["twin"], "trial"])
    assert twins == {"neuron-t1-s2-batch_size16~twin"}
    assert not rounds.loc[~rounds["twin"], "trial"].str.contains("~").any()


def test_rounds_hold_each_cell_in_its_place(swept: Path) -> None:
    results = stepbench_results.open(swept)
    group = results.trial(TRIAL).group
    rounds = results.rounds(group).pivot(index="round", columns="trial", values="step_time")
    with h5py.File(swept) as file:
        stored = file[f"groups/{group}/rounds"]
        for i, name in enumerate(stored["trial"].asstr()[:]):
            numpy.testing.assert_array_equal(rounds[name], stored["step_time"][:, i])


def test_parameters_have_canonical_names_and_shapes(swept: Path) -> None:
    results = stepbench_results.open(swept)
    initial, final = (results.parameters(TRIAL, which) for which in ("initial", "final"))
    assert {name: values.shape for name, values in final.items()} == {
        "layers.0.weight": (8, 4), "layers.0.bias": (8,), "layers.1.weight": (3, 8), "layers.1.bias": (3,)
    }  # fmt: skip
    assert not numpy.array_equal(initial["layers.0.weight"], final["layers.0.weight"])


def test_environment_and_settings_are_plain_python(swept: Path) -> None:
    results = stepbench_results.open(swept)
    settings = results.trial(TRIAL).settings
    assert type(results.environment["cores"]) is int and type(results.environment["cpu_model"]) is str
    assert settings["model.layers"] == [4, 8, 3] and settings["dataset.shuffle"] is True
    assert settings["training.batch_size"] == 16 and "sweep" in results.config_text


def test_what_was_not_recorded_is_empty_or_said(plain: Path, modified: Modify) -> None:
    def drop_steps(file: h5py.File) -> None:
        del file["trials/blas-t1-s1/steps"]

    trial = stepbench_results.open(modified(plain, drop_steps)).trial("blas-t1-s1")
    assert trial.steps.empty and "train_loss" in trial.steps
    with pytest.raises(ResultsError, match="--set record.parameters=final"):
        trial.parameters()


def test_a_seed_from_two_to_the_63_on_is_positive(plain: Path, modified: Modify) -> None:
    def set_seed(file: h5py.File) -> None:
        file["summary/seed"][...] = -1
        file["trials/blas-t1-s1"].attrs["seed"] = numpy.int64(-1)

    results = stepbench_results.open(modified(plain, set_seed))
    assert results.summary["seed"].iloc[0] == 2**64 - 1 == results.trial("blas-t1-s1").attrs["seed"]


def test_a_file_from_before_the_noise_watch_has_nan_in_its_columns(plain: Path, modified: Modify) -> None:
    def make_old(file: h5py.File) -> None:
        for path in ("summary/noise_floor", "summary/disturbed_rounds", "groups/s1/rounds/disturbed"):
            if path in file:
                del file[path]

    results = stepbench_results.open(modified(plain, make_old))
    assert results.summary["noise_floor"].isna().all() and results.rounds("s1")["disturbed"].isna().all()


def test_arrays_need_no_pandas_and_tables_say_that_they_do(swept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    results = stepbench_results.open(swept)
    trial = results.trial(TRIAL)
    with h5py.File(swept) as file:
        numpy.testing.assert_array_equal(trial.losses, file[f"trials/{TRIAL}/steps/train_loss"][:])
        numpy.testing.assert_array_equal(trial.order, file[f"trials/{TRIAL}/order/permutation"][:])
        numpy.testing.assert_array_equal(results.summary_column("gflops"), file["summary/gflops"][:])
    assert trial.parameters("initial").keys() == trial.parameters().keys()
    for table in (lambda: results.summary, lambda: trial.steps, lambda: trial.epochs, lambda: results.rounds(trial.group)):
        with pytest.raises(ResultsError, match="tables need pandas"):
            table()


def test_an_image_is_sealed_as_the_program_does(plain: Path) -> None:
    pytest.importorskip("xxhash", reason="without python3-xxhash nothing is sealed")
    assert stepbench_sealed.sealed(stepbench_sealed.read_image(plain)) == plain.read_bytes()


def test_unknown_names_are_answered_with_those_there_are(plain: Path) -> None:
    results = stepbench_results.open(plain)
    with pytest.raises(ResultsError, match="no trial nobody; there are: neuron-t1-s1, blas-t1-s1, tbb-t1-s1"):
        results.trial("nobody")
    with pytest.raises(ResultsError, match="no group nowhere; there are: s1"):
        results.rounds("nowhere")


def test_an_unknown_schema_version_is_refused(plain: Path, modified: Modify) -> None:
    def set_version(file: h5py.File) -> None:
        file.attrs["schema_version"] = numpy.int64(99)

    assert "schema version 99, these scripts read versions 1 to 2" in refusal(modified(plain, set_version))


def test_a_missing_column_is_named(plain: Path, modified: Modify) -> None:
    def drop_column(file: h5py.File) -> None:
        del file["trials/blas-t1-s1/steps/wall_time"]

    message = refusal(modified(plain, drop_column))
    assert "blas-t1-s1" in message and "`wall_time` is missing" in message


def test_other_hdf5_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        file["x"] = [1, 2, 3]
    assert "not a stepbench result file" in refusal(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is empty"), (b"id,backend\n", "is not an HDF5 file"), (b"\x89HDF\r\n\x1a\n", "damaged or truncated")],
)
def test_what_is_not_hdf5_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "bad.h5"
    path.write_bytes(content)
    assert said in refusal(path)


@pytest.mark.parametrize("missing", [1, 20, 32, 40, 5000])
def test_a_truncated_file_is_refused(plain: Path, tmp_path: Path, missing: int) -> None:
    path = tmp_path / "cut.h5"
    path.write_bytes(plain.read_bytes()[:-missing])
    assert "truncated" in refusal(path) or "last 32 bytes" in refusal(path)


def test_a_flipped_bit_is_found(plain: Path, tmp_path: Path) -> None:
    pytest.importorskip("xxhash", reason="without python3-xxhash the length alone is checked")
    content = bytearray(plain.read_bytes())
    content[len(content) // 2] ^= 1
    path = tmp_path / "flipped.h5"
    path.write_bytes(content)
    assert "does not match its checksum" in refusal(path) or "do not match its checksum" in refusal(path)


def test_an_absent_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "absent.h5")
    assert "is a folder" in refusal(tmp_path)


def test_an_interrupted_run_says_how_to_go_on(plain: Path, tmp_path: Path) -> None:
    (tmp_path / "run.trials").mkdir()
    trial = tmp_path / "run.trials" / "blas-t1-s1.h5"
    trial.write_bytes(plain.read_bytes())
    message = refusal(tmp_path / "run.h5")
    assert "--resume" in message and str(trial) in message
