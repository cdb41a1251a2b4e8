"""One run of all backends on real digits: what its result file holds agrees with itself and with the table.

What a run does with other settings is in test_settings.py.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator

import h5py
import numpy
import pytest

from conftest import Program, Run, RunConfig
from inputs import DIGITS
from results import (
    LOSSES,
    batch_sizes,
    counted_times,
    digests,
    largest_relative_difference,
    losses,
    round_medians,
    summary,
    texts,
    trained_ids,
)

SAMPLES, BATCH, INPUTS, HIDDEN, CLASSES = 500, 32, 784, 16, 10
STEPS_PER_EPOCH, EPOCHS, ROUNDS = 16, 4, 8
CHANGES = {
    **DIGITS,
    "dataset.train_samples": SAMPLES,
    "training.epochs": EPOCHS,
    "training.target": "validation_accuracy>=0.5",
    "measure.rounds": ROUNDS,
    "record.parameters": "final",
    "record.order": "true",
    "sweep.threads": "1,2,3",
    "sweep.seed": "1,2",
}
COLUMNS = (
    "id backend threads seed precision batch_size status parameters flops_per_step threads_observed step_time_median "
    "samples_per_second gflops percent_of_peak final_train_loss best_validation_loss best_validation_accuracy "
    "time_to_target network_bytes"
).split()


@pytest.fixture(scope="module")
def run(run_config: RunConfig) -> Run:
    return run_config(CHANGES)


@pytest.fixture(scope="module")
def file(run: Run) -> Iterator[h5py.File]:
    with h5py.File(run.file) as opened:
        yield opened


def trained(file: h5py.File) -> Iterator[tuple[str, h5py.Group]]:
    for trial in trained_ids(file):
        yield trial, file[f"trials/{trial}"]


def test_table_has_a_row_for_both_seeds_of_every_trial(run: Run) -> None:
    rows = [line.split() for line in run.outcome.stdout.splitlines()]
    for backend in ("neuron", "blas", "tbb"):
        for threads in ("1", "2", "3"):
            seeds = ["0", "of", "2"] if backend == "neuron" and threads != "1" else ["2"]
            assert [row for row in rows if row[: len(seeds) + 2] == [*seeds, backend, threads]]


def test_ncdump_reads_the_header(run: Run) -> None:
    ncdump = shutil.which("ncdump")
    if ncdump is None:
        pytest.skip("ncdump is not installed")
    done = subprocess.run([ncdump, "-h", run.file], capture_output=True, check=True)
    assert b"step_time_median(trial)" in done.stdout


def test_no_trial_files_are_left(run: Run) -> None:
    assert sorted(path.name for path in run.file.parent.iterdir()) == ["out.h5", "small.cfg"]


def test_root_says_what_was_run(run: Run, file: h5py.File) -> None:
    assert file.attrs["config_text"] == run.config.read_text()
    assert file.attrs["experiment"] == "small"
    assert file.attrs["status"] == "completed"


def test_summary_has_all_columns_with_units(file: h5py.File) -> None:
    for column in COLUMNS:
        assert file["summary"][column].attrs["units"], column
        assert len(file["summary"][column]) == 18, column


def test_summary_agrees_with_the_trials(file: h5py.File) -> None:
    assert sorted(file["trials"]) == sorted(summary(file, "id"))
    for name in ("id", "backend", "threads", "seed", "status", "parameters", "flops_per_step", "network_bytes"):
        for trial, value in summary(file, name).items():
            assert file[f"trials/{trial}"].attrs[name] == value, (trial, name)
    for name, key in (("precision", "training.precision"), ("batch_size", "training.batch_size")):
        for trial, value in summary(file, name).items():
            assert file[f"trials/{trial}"].attrs[key] == value, (trial, key)


def test_only_neuron_with_more_than_one_thread_is_unsupported(run: Run, file: h5py.File) -> None:
    for trial, status in summary(file, "status").items():
        expected = "unsupported" if trial.startswith(("neuron-t2", "neuron-t3")) else "completed"
        assert status == expected, trial
        named = re.search(rf"^.*\b{trial}\b.* unsupported: ", run.outcome.stdout, re.MULTILINE) is not None
        assert named == (status == "unsupported")
    for column in ("step_time_median", "gflops", "final_train_loss", "time_to_target", "speed_ratio"):
        assert numpy.isnan(summary(file, column)["neuron-t2-s1"]), column


def test_step_time_is_the_median_of_the_steps_that_count(file: h5py.File) -> None:
    for trial, group in trained(file):
        times = numpy.concatenate(list(counted_times(group, SAMPLES).values()))
        assert summary(file, "step_time_median")[trial] == numpy.median(times), trial


def test_phases_do_not_exceed_their_step(file: h5py.File) -> None:
    for trial, group in trained(file):
        assert group["steps/phase_time"].shape == (EPOCHS * STEPS_PER_EPOCH, len(group["steps/phase"]))
        assert numpy.all(group["steps/phase_time"][:].sum(axis=1) <= group["steps/wall_time"][:] * (1 + 1e-9)), trial


def test_flops_are_those_of_the_matrix_products(file: h5py.File) -> None:
    first, second = 2 * BATCH * INPUTS * HIDDEN, 2 * BATCH * HIDDEN * CLASSES
    expected = 2 * first + 3 * second  # no input gradient in the first layer
    assert set(summary(file, "flops_per_step").values()) == {expected}


def test_speeds_follow_from_the_step_time(file: h5py.File) -> None:
    cores = int(file["environment"].attrs["cores"])
    best, peaks = 0.0, {}  # the groups of a run share what was taken within half a minute
    for name, group in file["groups"].items():
        rounds = group["rounds"]
        taken = [*rounds["peak_gflops"][:], rounds.attrs["peak_gflops_after"]]
        best = peaks[name] = max([best, *(peak for peak in taken if peak > 0)])
    for trial, group in trained(file):
        median = summary(file, "step_time_median")[trial]
        assert summary(file, "samples_per_second")[trial] == pytest.approx(BATCH / median, rel=1e-12)
        gflops = summary(file, "gflops")[trial]
        assert gflops == pytest.approx(group.attrs["flops_per_step"] / median * 1e-9, rel=1e-12)
        if group.attrs["threads"] >= cores:
            peak = peaks[group.attrs["group"]]
            assert summary(file, "percent_of_peak")[trial] == pytest.approx(100 * gflops / peak, rel=1e-12)


def test_rounds_hold_the_medians_of_their_steps(file: h5py.File) -> None:
    for name in ("s1", "s2"):
        for trial, medians in round_medians(file[f"groups/{name}"]).items():
            if trial.endswith("~twin"):
                continue
            counted = counted_times(file[f"trials/{trial}"], SAMPLES)
            assert len(counted) == ROUNDS
            assert [numpy.median(times) for times in counted.values()] == list(medians), trial


def test_every_round_has_an_order_of_its_members(file: h5py.File) -> None:
    positions = file["groups/s1/rounds/position"][:]
    members = list(range(positions.shape[1]))
    assert all(sorted(row) == members for row in positions.tolist())
    assert len({tuple(row) for row in positions.tolist()}) > 1


def half_width(values: numpy.ndarray) -> float:
    """Student's, of as many independent values as these correlated ones tell as much as: core/sequence_mean.hpp."""
    stats = pytest.importorskip("scipy.stats")
    count, about = len(values), values - values.mean()
    correlation = ((about[1:] * about[:-1]).sum() / (about**2).sum() + 1 / count) / (1 - 3 / count)
    correlation = min(max(correlation, 0), 0.9)
    effective = max(count * (1 - correlation) / (1 + correlation), 3)
    error = numpy.sqrt((about**2).mean() / (effective - 1))
    return float(stats.t.ppf(0.975, max(effective - 1, (count - 1) / 2)) * error)


def test_speed_ratio_is_the_mean_of_the_rounds_paired_with_the_baseline(file: h5py.File) -> None:
    ratios, low, high = (summary(file, name) for name in ("speed_ratio", "speed_ratio_low", "speed_ratio_high"))
    for name in ("s1", "s2"):
        medians = round_medians(file[f"groups/{name}"])
        for trial in (t for t in medians if not t.endswith("~twin")):
            logs = numpy.log(medians[f"neuron-t1-{name}"] / medians[trial])
            assert ratios[trial] == pytest.approx(numpy.exp(logs.mean()), rel=1e-9), trial
            if not trial.startswith("neuron"):
                half = half_width(logs)
                assert low[trial] == pytest.approx(numpy.exp(logs.mean() - half), rel=1e-8), trial
                assert high[trial] == pytest.approx(numpy.exp(logs.mean() + half), rel=1e-8), trial


def test_every_trained_trial_passed_the_gate(file: h5py.File) -> None:
    for trial, group in trained(file):
        names = [f"layers.{i}.{part}" for i in range(2) for part in ("weight", "bias")]
        assert texts(group["checks/tensor"]) == names, trial
        for check in ("gradient_error", "gradient_max_error", "update_error"):
            assert numpy.all(group["checks"][check][:] <= 1e-3), (trial, check)
        assert numpy.all(group["checks/gradient_cosine"][:] > 0.999), trial


def test_epoch_loss_is_the_mean_over_its_samples(file: h5py.File) -> None:
    for trial, group in trained(file):
        weights = batch_sizes(group, SAMPLES).reshape(EPOCHS, STEPS_PER_EPOCH)
        step_losses = group["steps/train_loss"][:].reshape(EPOCHS, STEPS_PER_EPOCH)
        expected = (step_losses * weights).sum(axis=1) / SAMPLES
        numpy.testing.assert_allclose(group["epochs/train_loss"][:], expected, rtol=1e-12, err_msg=trial)
        assert list(group["epochs/epoch"]) == [1, 2, 3, 4]


def test_train_time_is_the_sum_of_the_steps(file: h5py.File) -> None:
    for trial, group in trained(file):
        expected = numpy.cumsum(group["steps/wall_time"][:])[STEPS_PER_EPOCH - 1 :: STEPS_PER_EPOCH]
        numpy.testing.assert_allclose(group["epochs/train_time"][:], expected, rtol=1e-9, err_msg=trial)


def test_summary_holds_the_final_and_best_values(file: h5py.File) -> None:
    for trial, group in trained(file):
        assert summary(file, "final_train_loss")[trial] == group["epochs/train_loss"][-1]
        assert summary(file, "best_validation_loss")[trial] == group["epochs/validation_loss"][:].min()
        assert summary(file, "best_validation_accuracy")[trial] == group["epochs/validation_accuracy"][:].max()


def test_time_to_target_is_that_of_the_first_epoch_that_meets_it(file: h5py.File) -> None:
    for trial, group in trained(file):
        met = numpy.flatnonzero(group["epochs/validation_accuracy"][:] >= 0.5)
        assert len(met) > 0, "the target is too high to test with"
        assert summary(file, "time_to_target")[trial] == group["epochs/train_time"][met[0]]


@pytest.mark.parametrize("seed", [1, 2])
def test_losses_of_all_backends_agree(file: h5py.File, seed: int) -> None:
    reference = file[f"trials/neuron-t1-s{seed}"]
    for trial, group in trained(file):
        if group.attrs["seed"] == seed:
            for name in LOSSES:
                numpy.testing.assert_allclose(group[name][:], reference[name][:], rtol=1e-4, err_msg=f"{trial} {name}")


def test_final_parameters_have_the_shapes_of_the_layers(file: h5py.File) -> None:
    shapes = {
        "layers.0.weight": (HIDDEN, INPUTS),
        "layers.0.bias": (HIDDEN,),
        "layers.1.weight": (CLASSES, HIDDEN),
        "layers.1.bias": (CLASSES,),
    }
    for trial, group in trained(file):
        assert {name: data.shape for name, data in group["parameters/final"].items()} == shapes, trial
        assert all(data.dtype == numpy.float32 for data in group["parameters/final"].values()), trial
        assert group.attrs["parameters"] == sum(int(numpy.prod(shape)) for shape in shapes.values())


def test_tbb_learns_the_same_bits_with_any_number_of_threads(run: Run) -> None:
    found = digests(run.file)
    for seed in (1, 2):
        assert len({found[f"tbb-t{threads}-s{seed}"] for threads in (1, 2, 3)}) == 1
    assert found["tbb-t1-s1"] != found["tbb-t1-s2"]


def test_equal_digests_mean_equal_parameters(file: h5py.File) -> None:
    for name, data in file["trials/tbb-t1-s1/parameters/final"].items():
        numpy.testing.assert_array_equal(data[:], file[f"trials/tbb-t3-s1/parameters/final/{name}"][:])


def test_every_epoch_visits_every_sample_once(file: h5py.File) -> None:
    for trial, group in trained(file):
        order = group["order/permutation"][:]
        assert order.shape == (EPOCHS, SAMPLES), trial
        assert numpy.array_equal(numpy.sort(order, axis=1), numpy.tile(numpy.arange(SAMPLES), (EPOCHS, 1))), trial


def test_order_depends_on_seed_and_epoch_alone(file: h5py.File) -> None:
    orders = {seed: file[f"trials/neuron-t1-s{seed}/order/permutation"][:] for seed in (1, 2)}
    for trial, group in trained(file):
        assert numpy.array_equal(group["order/permutation"], orders[int(group.attrs["seed"])]), trial
    rows = [tuple(row) for order in orders.values() for row in order]
    assert len(set(rows)) == 2 * EPOCHS


def test_repeated_run_learns_the_same_bits(run: Run, run_config: RunConfig) -> None:
    again = run_config({**CHANGES, "measure.rounds": 1, "sweep.threads": "1,2", "sweep.seed": "1"})
    first_digests, first_losses = digests(run.file), losses(run.file)
    assert digests(again.file) == {trial: first_digests[trial] for trial in digests(again.file)}
    for key, values in losses(again.file).items():
        numpy.testing.assert_array_equal(values, first_losses[key], err_msg=str(key))


def test_float64_backends_agree_to_rounding(run_config: RunConfig) -> None:
    changes = {**CHANGES, "training.precision": "float64", "measure.rounds": 1, "sweep.threads": "1", "sweep.seed": "1"}
    done = run_config(changes)
    assert largest_relative_difference(done.file, "neuron-t1-s1") <= 1e-10
    with h5py.File(done.file) as file:
        for trial, group in trained(file):
            assert group["parameters/final/layers.0.weight"].dtype == numpy.float64, trial
            assert numpy.all(group["checks/gradient_error"][:] <= 1e-9), trial


def test_show_prints_the_table_again(program: Program, run: Run) -> None:
    shown = program("show", run.file, cwd=run.file.parent)
    assert shown.code == 0 and shown.stderr == ""
    assert shown.stdout + "\nresults: out.h5\n" == run.outcome.stdout


def rows(table: str) -> dict[str, list[str]]:
    """The rows of a table that has no blank lines, by backend: the cells from `seeds` on."""
    lines = table.split("\n\n")[1].splitlines()
    assert lines[0].split()[:3] == ["seeds", "backend", "threads"]
    return {cells[1]: cells for cells in (re.split(r" {2,}", line.strip()) for line in lines[1:])}


def test_three_seeds_are_a_row_and_all_prints_each(program: Program, run_config: RunConfig) -> None:
    done = run_config({"sweep.backend": "blas,tbb", "sweep.seed": "1,2,3", "measure.rounds": 4})
    shown = program("show", done.file, cwd=done.file.parent)
    assert shown.stdout + "\nresults: out.h5\n" == done.outcome.stdout
    found = rows(shown.stdout)
    assert set(found) == {"blas", "tbb"} and {cells[0] for cells in found.values()} == {"3"}
    with h5py.File(done.file) as file:
        of_tbb = [trial for trial in trained_ids(file) if trial.startswith("tbb")]
        reached = numpy.array([summary(file, "final_train_loss")[trial] for trial in of_tbb])
        medians = [round_medians(file[f"groups/s{seed}"]) for seed in (1, 2, 3)]
    assert f"{reached.mean():.4f} ±{reached.std(ddof=1):.4f}" in found["tbb"]
    logs = numpy.concatenate([
        numpy.log(times[f"blas-t1-s{seed}"] / times[f"tbb-t1-s{seed}"]) for seed, times in enumerate(medians, 1)
    ])  # fmt: skip
    assert found["tbb"][4].startswith(f"{numpy.exp(logs.mean()):.2f}x [")
    every = program("show", done.file, "--all", cwd=done.file.parent).stdout
    assert [line.split()[:2] for line in every.splitlines() if re.match(r" +\d  (blas|tbb) ", line)] == [
        [str(seed), backend] for seed in (1, 2, 3) for backend in ("blas", "tbb")
    ]
