"""The batch size that trains fastest, predicted and measured, of runs whose steps and times are planted."""

from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

import fastest_batch
from conftest import Modify, script
from fastest_batch import Law, Row, Run
from inputs import Changes

Table = dict[tuple[str, int], list[str]]

SWEEP: Changes = {
    "training.batch_size": None, "training.target": "train_loss<=5", "sweep.training.batch_size": "8,16,32,64",
    "sweep.backend": "neuron,blas", "sweep.threads": "1,2", "sweep.seed": "1,2", "measure.rounds": 1,
    "measure.twin": "false",
}  # fmt: skip
STEP_TIME = {8: 1e-3, 16: 1.2e-3, 32: 1.5e-3, 64: 3e-3}  # s


@pytest.fixture(scope="module")
def sweep(run: Callable[[Changes], Path]) -> Path:
    return run(SWEEP)


def planted(steps: Callable[[int], float], slower: float = 1) -> Callable[[h5py.File], None]:
    """Each trial reaches its target at its first evaluation, after so many steps of STEP_TIME, `slower` at batch size 32."""

    def change(file: h5py.File) -> None:
        for i, name in enumerate(file["summary/id"].asstr()):
            trial = file["trials"][name]
            if "epochs" not in trial:
                continue  # unsupported
            batch_size = int(trial.attrs["training.batch_size"])
            time = steps(batch_size) * STEP_TIME[batch_size] * (slower if batch_size == 32 else 1)
            trial["epochs/step"][0], trial["epochs/train_time"][0] = steps(batch_size), time
            file["summary/time_to_target"][i] = time
            file["summary/step_time_median"][i] = STEP_TIME[batch_size]

    return change


def law(batch_size: int) -> int:
    return 100 + 3200 // batch_size


def table_of(path: Path, folder: Path) -> tuple[Table, list[str]]:
    """The cells behind arm and batch size, and the lines of verdicts."""
    done = script("fastest_batch.py", path, cwd=folder)
    assert done.returncode == 0, done
    lines = done.stdout.splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return {(row[0], int(row[1])): row[2:] for row in rows[2:]}, [line for line in lines if line.startswith("- ")]


def refusal(path: Path, folder: Path) -> str:
    done = script("fastest_batch.py", path, cwd=folder)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done
    return done.stderr


def test_a_planted_law_is_found_and_predicts_each_batch_size(sweep: Path, modified: Modify, tmp_path: Path) -> None:
    rows, verdicts = table_of(modified(sweep, planted(law)), tmp_path)
    assert {batch_size: rows["blas-t1", batch_size] for batch_size in STEP_TIME} == {
        8: ["500 ± 0", "500", "1", "0.5", "0.5", "+0%"],
        16: ["300 ± 0", "300", "1.2", "0.36", "0.36", "+0%"],
        32: ["200 ± 0", "200", "1.5", "0.3", "0.3", "+0%"],
        64: ["150 ± 0", "150", "3", "0.45", "0.45", "+0%"],
    }
    assert verdicts[0].startswith("- neuron-t1: fastest by prediction is batch size 32, by measurement 32: the two are one.")
    assert "S = 100 + 3200 / B, so the critical batch size b / a is 32 (32 to 32 where" in verdicts[0]


def test_each_arm_has_its_rows_and_a_trial_that_cannot_run_has_none(sweep: Path, modified: Modify, tmp_path: Path) -> None:
    rows, verdicts = table_of(modified(sweep, planted(law)), tmp_path)
    assert {arm for arm, _ in rows} == {"neuron-t1", "blas-t1", "blas-t2"}
    assert len(rows) == 12 and len(verdicts) == 3


def test_the_steps_of_a_batch_size_are_no_part_of_its_own_prediction(sweep: Path, modified: Modify, tmp_path: Path) -> None:
    outlier = planted(lambda batch_size: 2 * law(batch_size) if batch_size == 32 else law(batch_size))
    rows, _ = table_of(modified(sweep, outlier), tmp_path)
    assert rows["blas-t1", 32] == ["400 ± 0", "200", "1.5", "0.3", "0.6", "-50%"]
    assert rows["blas-t1", 16][1] != "300"  # of the others' it is


def test_what_the_choice_by_prediction_costs_is_told(sweep: Path, modified: Modify, tmp_path: Path) -> None:
    """At batch size 32 the steps on the way take half as long again as the median says: 0.45 s, where 16 takes 0.36 s."""
    _, verdicts = table_of(modified(sweep, planted(law, slower=1.5)), tmp_path)
    assert "by prediction is batch size 32, by measurement 16: the predicted one is 25.0% slower." in verdicts[0]


def test_means_and_deviations_are_over_seeds(sweep: Path, modified: Modify, tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        planted(law)(file)
        file["trials/blas-t1-s2-batch_size8/epochs/step"][0] = 600

    rows, _ = table_of(modified(sweep, change), tmp_path)
    assert rows["blas-t1", 8][0] == "550 ± 71"


def test_another_swept_setting_parts_the_arms(run: Callable[[Changes], Path], tmp_path: Path) -> None:
    rows, _ = table_of(run({**SWEEP, "sweep.backend": "blas", "sweep.threads": "1", "sweep.seed": "1",
                            "training.learning_rate": None, "sweep.training.learning_rate": "0.1,0.2"}), tmp_path)  # fmt: skip
    assert {arm for arm, _ in rows} == {"blas-t1, learning_rate 0.1", "blas-t1, learning_rate 0.2"}


@pytest.mark.parametrize("steps, samples", [(150, 7200), (0, 5000), (300, 0), (1e-2, 1e5)])
def test_the_fit_finds_the_law_down_to_either_bound(steps: float, samples: float) -> None:
    expected = Law(steps, samples)
    runs = [Run(size, expected.steps(size), 1, 1) for size in (8, 16, 64, 1024)]
    found = fastest_batch.fit(runs)
    assert found.steps(32) == pytest.approx(expected.steps(32), rel=1e-4)
    assert found.fewest_steps == pytest.approx(steps, rel=1e-3, abs=1e-3)


def test_the_fit_counts_relative_deviations_alike_at_both_ends() -> None:
    """By plain least squares the few steps of large batches would count for nothing."""
    runs = [Run(size, Law(100, 100_000).steps(size) * factor, 1, 1) for size in (1, 10_000) for factor in (0.8, 1.25)]
    found = fastest_batch.fit(runs)
    assert found.steps(1) == pytest.approx(100_100, rel=1e-3) and found.steps(10_000) == pytest.approx(110, rel=1e-3)


NOISE: Changes = {**SWEEP, "sweep.training.batch_size": "16", "sweep.backend": "blas", "sweep.threads": "1",
                  "sweep.training.micro_batch": "2,4", "record.gradient_noise": "true"}  # fmt: skip


@pytest.fixture(scope="module")
def noisy(run: Callable[[Changes], Path]) -> Path:
    return run(NOISE)


def planted_noise(scales: list[float]) -> Callable[[h5py.File], None]:
    """Of seed 1 these noise scales at its evaluations, of the same mean square each, of seed 2 twice them; the target is met at the
    second of three."""

    def change(file: h5py.File) -> None:
        for i, name in enumerate(file["summary/id"].asstr()):
            epochs = file["trials"][name]["epochs"]
            epochs["gradient_square"][...] = 0.5
            epochs["gradient_variance"][...] = [0.5 * scale * (2 if "-s2" in name else 1) for scale in scales]
            file["summary/time_to_target"][i] = epochs["train_time"][1]

    return change


def test_the_noise_scale_on_the_way_to_the_target_stands_beside_the_critical_batch_size(
    sweep: Path, noisy: Path, modified: Modify, tmp_path: Path
) -> None:
    known = modified(sweep, planted(law)).rename(tmp_path / "sweep.h5")
    told = modified(noisy, planted_noise([20, 60, 1e6]))  # to the target 40, of the second seed 80
    done = script("fastest_batch.py", known, "--noise", told, cwd=tmp_path)
    assert done.returncode == 0, done
    assert "| 16 | 2 | 30 ± 14 | 60 ± 28 |\n| 16 | 4 | 30 ± 14 | 60 ± 28 |\n" in done.stdout
    # (1 + 60 / B) times the step's time: 8.5, 5.7, 4.3, 5.8 ms.
    assert ("- blas-t1: the noise scale 60 is 1.9 times the critical batch size; by it alone, fastest is batch size 32, "
            "which it is.\n") in done.stdout  # fmt: skip


def test_a_noise_scale_that_misleads_is_told_with_its_cost(sweep: Path, noisy: Path, modified: Modify, tmp_path: Path) -> None:
    known = modified(sweep, planted(law)).rename(tmp_path / "sweep.h5")
    done = script("fastest_batch.py", known, "--noise", modified(noisy, planted_noise([1, 1, 1])), cwd=tmp_path)
    # 8 samples: 0.5 s; 32: 0.3 s.
    assert "by it alone, fastest is batch size 8, which is 66.7% slower than 32." in done.stdout, done


def test_runs_without_moments_or_target_tell_no_noise_scale(
    sweep: Path, noisy: Path, modified: Modify, run: Callable[[Changes], Path], tmp_path: Path
) -> None:
    done = script("fastest_batch.py", sweep, "--noise", sweep, cwd=tmp_path)
    assert done.returncode == 2 and "no moments of its gradients: run it with --set record.gradient_noise=true" in done.stderr, done
    without = run({key: value for key, value in NOISE.items() if key != "training.target"})
    done = script("fastest_batch.py", sweep, "--noise", without, cwd=tmp_path)
    assert done.returncode == 2 and "has or reached no training.target" in done.stderr, done


def test_without_a_target_it_says_how_to_get_one(run: Callable[[Changes], Path], tmp_path: Path) -> None:
    without = {key: value for key, value in SWEEP.items() if key != "training.target"}
    assert "has no target: run it with --set 'training.target=" in refusal(run(without), tmp_path)


def test_a_target_that_was_not_reached_is_named_with_its_trial(run: Callable[[Changes], Path], tmp_path: Path) -> None:
    said = refusal(run({**SWEEP, "training.target": "train_loss<=0"}), tmp_path)
    assert "trial neuron-t1-s1-batch_size8 (completed) never reached train_loss<=0: train longer" in said


def test_one_batch_size_is_too_few(run: Callable[[Changes], Path], tmp_path: Path) -> None:
    said = refusal(run({"training.target": "train_loss<=5"}), tmp_path)
    assert "neuron-t1: has 1 batch size(s), at least 3 are needed" in said


def test_a_file_that_does_not_tell_steps_of_evaluations_is_refused(sweep: Path, modified: Modify, tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        del file["trials/blas-t1-s1-batch_size8/epochs/step"]

    assert "does not tell at which steps it was evaluated" in refusal(modified(sweep, change), tmp_path)


def test_a_choice_that_costs_less_than_seeds_differ_by_is_said_to_be_open() -> None:
    def told(deviation: float) -> str:
        chosen = Row(16, [1], Law(1, 0), step_time=1, measured=1.05, deviation=deviation)
        return fastest_batch.verdict("arm", Law(1, 1), [chosen, Row(32, [1], Law(2, 0), step_time=1, measured=1, deviation=0.01)])

    assert "5.0% slower, less than the standard deviation" in told(0.1) and "which is faster is not told" in told(0.1)
    assert "5.0% slower. S =" in told(0.02)
