"""Pictures of what trials learned: which lines there are, what they mean over, and what cannot be drawn."""

from collections.abc import Callable
from pathlib import Path

import pytest

import plot_learning
import stepbench_results
from conftest import script
from inputs import Changes


def test_lines_are_of_the_settings_asked_for_and_mean_over_all_else(swept: Path) -> None:
    results = stepbench_results.open(swept)
    table = plot_learning.points(results, "validation_loss", None, ["training.batch_size", "threads"])
    assert set(table["line"]) == {f"batch_size {size}, threads {threads}" for size in (16, 32) for threads in (1, 2)}
    trained = [results.trial(name) for name in results.trials if not results.trial(name).epochs.empty]
    assert len(table) == sum(len(trial.epochs) for trial in trained)
    assert table["y"].sum() == pytest.approx(sum(trial.epochs["validation_loss"].sum() for trial in trained))


def test_against_a_setting_stands_the_last_evaluation(swept: Path) -> None:
    results = stepbench_results.open(swept)
    table = plot_learning.points(results, "train_loss", "training.batch_size", ["backend"])
    assert set(table["x"]) == {16, 32}
    trained = [results.trial(name) for name in results.trials if not results.trial(name).epochs.empty]
    assert sorted(table["y"]) == pytest.approx(sorted(trial.epochs["train_loss"].iloc[-1] for trial in trained))


def test_a_picture_is_drawn_of_numbers_and_of_words(swept: Path, tmp_path: Path) -> None:
    for i, more in enumerate([["--log"], ["--against", "training.batch_size"], ["--against", "backend"]]):
        done = script("plot_learning.py", swept, "--value", "validation_loss", "--by", "threads", *more, "-o", f"{i}.svg",
                      cwd=tmp_path)  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "<!-- threads 2 -->" in (tmp_path / f"{i}.svg").read_text()


def test_a_noise_scale_is_drawn_where_it_was_measured(run: Callable[[Changes], Path], plain: Path, tmp_path: Path) -> None:
    results = stepbench_results.open(run({"training.micro_batch": 4, "record.gradient_noise": "true"}))
    table = plot_learning.points(results, "gradient_noise_scale", None, ["backend"])
    first = results.trial(results.trials[0]).epochs
    assert table["y"].iloc[0] == first["gradient_variance"].iloc[0] / first["gradient_square"].iloc[0] > 0
    done = script("plot_learning.py", plain, "--value", "gradient_noise_scale", "-o", "a.svg", cwd=tmp_path)
    assert done.returncode == 2 and "no evaluation has a noise scale (--set record.gradient_noise=true)" in done.stderr, done


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--by", "training.batchsize"], "no trial has a setting training.batchsize"),
     (["--against", "nothing"], "no trial has a setting nothing"), (["-o", "a.txt"], "must end in .png, .svg, .pdf")],
)  # fmt: skip
def test_what_cannot_be_drawn_is_said_in_a_line(swept: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    done = script("plot_learning.py", swept, "--value", "train_loss", "-o", "a.svg", *arguments, cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr.splitlines()[-1], done
    assert not list(tmp_path.iterdir())
