"""The report says in words what the numbers say: on real files, and on files in which a known answer was planted."""

import html
import re
import subprocess
from pathlib import Path

import h5py
import numpy
import pytest

import stepbench_results
from conftest import Modify, script
from stepbench_report.collection import Collection
from stepbench_report.decision import decision
from stepbench_report.speed_charts import arm_rate
from stepbench_report.table import results_table
from stepbench_report.verdicts import all_answers

FASTEST, LEARNING = "Which is fastest, and by how much?", "Do they learn the same?"


def sentences(question: str, *paths: Path) -> str:
    trials = Collection([stepbench_results.open(path) for path in paths])
    (found,) = [answer for answer in all_answers(trials) if answer.question == question]
    return " ".join(sentence for _, said in found.sentences for sentence in said)


def plant_times(file: h5py.File, blas: float, tbb: float, twin: float = 1.0) -> None:
    """Step times of a drifting machine: neuron's 1 ms, the others' multiples of it."""
    rounds = file["groups/s1/rounds"]
    names = list(rounds["trial"].asstr()[:])
    drift = numpy.exp(numpy.linspace(0, 1, len(rounds["round"])))
    factors = {"neuron-t1-s1": 1.0, "neuron-t1-s1~twin": twin, "blas-t1-s1": blas, "tbb-t1-s1": tbb}
    rounds["step_time"][...] = numpy.stack([1e-3 * factors[name] * drift for name in names], axis=1)


def plant_losses(file: h5py.File, tbb: float) -> None:
    """tbb's training loss is neuron's times `tbb` from step 10 on; blas's is neuron's."""
    losses = file["trials/neuron-t1-s1/steps/train_loss"][:]
    file["trials/blas-t1-s1/steps/train_loss"][...] = losses
    losses[10:] *= tbb
    file["trials/tbb-t1-s1/steps/train_loss"][...] = losses


def test_a_planted_speed_is_found_through_drift(plain: Path, modified: Modify) -> None:
    def plant(file: h5py.File) -> None:
        plant_times(file, blas=1 / 2, tbb=1 / 4)
        plant_losses(file, tbb=1)

    said = sentences(FASTEST, modified(plain, plant))
    assert "tbb (1 thread) is 4.00x faster than neuron (1 thread) [4.00, 4.00]; tbb (1 thread) learns the same." in said
    assert "tbb (1 thread) is 2.00x faster than blas (1 thread) [2.00, 2.00]." in said


def test_a_rival_is_named_by_its_library(plain: Path, modified: Modify) -> None:
    def plant(file: h5py.File) -> None:
        plant_times(file, blas=1 / 2, tbb=1 / 4)
        plant_losses(file, tbb=1)
        file["trials/blas-t1-s1"].attrs["library"] = "PyTorch 9.9; MKL"

    said = sentences("Is it faster than other frameworks?", modified(plain, plant))
    assert said == ("tbb (1 thread) is 2.00x faster than PyTorch 9.9 (1 thread) [2.00, 2.00]; "
                    "tbb (1 thread) learns the same.")  # fmt: skip


def test_a_difference_within_the_noise_floor_cannot_be_told(plain: Path, modified: Modify) -> None:
    said = sentences(FASTEST, modified(plain, lambda file: plant_times(file, blas=1 / 2, tbb=1 / 2.1, twin=1.1)))
    assert "tbb (1 thread) ran 1.05x [1.05, 1.05] as fast as blas (1 thread): cannot tell which is faster" in said
    assert "a quieter machine or more rounds (noise floor 10.0%)" in said


def test_a_difference_within_the_margin_is_the_same_speed(plain: Path, modified: Modify) -> None:
    said = sentences(FASTEST, modified(plain, lambda file: plant_times(file, blas=1 / 2, tbb=1 / 2.04)))
    assert "are equally fast (1.02x [1.02, 1.02]: real, but inside the margin of 5 %)" in said


def test_too_few_rounds_cannot_tell_and_say_how_many_would(plain: Path, modified: Modify) -> None:
    def plant(file: h5py.File) -> None:
        plant_times(file, blas=1 / 2, tbb=1 / 4)
        file["groups/s1/rounds/step_time"][1:] = numpy.nan

    said = sentences(FASTEST, modified(plain, plant))
    assert "cannot tell which is faster; what would: at least 8 rounds (measure.rounds)" in said


def test_curves_that_part_with_one_seed_give_no_verdict(plain: Path, modified: Modify) -> None:
    said = sentences(LEARNING, modified(plain, lambda file: plant_losses(file, tbb=1.002)))
    assert "blas (1 thread) learns the same as neuron (1 thread)" in said
    assert "Whether tbb (1 thread) learns the same as neuron (1 thread) cannot be told: one seed" in said
    assert "until step 10" in said and "sweep.seed" in said


def test_a_difference_that_every_seed_shows_is_one(run_three_seeds: Path, modified: Modify) -> None:
    def plant(file: h5py.File) -> None:
        ids = list(file["summary/id"].asstr()[:])
        best = file["summary/best_validation_loss"]
        for seed in (1, 2, 3):
            file[f"trials/tbb-t1-s{seed}/steps/train_loss"][...] *= 1.5
            best[ids.index(f"tbb-t1-s{seed}")] = best[ids.index(f"neuron-t1-s{seed}")] + 0.5 + 0.001 * seed

    said = sentences(LEARNING, modified(run_three_seeds, plant))
    assert "tbb (1 thread) learns something else than neuron (1 thread): best validation loss: worse" in said
    assert "+0.5 [" in said


@pytest.fixture(scope="session")
def run_three_seeds(run) -> Path:  # noqa: ANN001, a fixture of conftest.py
    return run({"sweep.seed": "1,2,3", "sweep.backend": "neuron,tbb", "training.epochs": 1})


def unpair(file: h5py.File) -> None:
    """tbb as a peer: in the group, but not in its rounds, and with a ratio that has no interval."""
    rounds, ids = file["groups/s1/rounds"], list(file["summary/id"].asstr()[:])
    rounds["step_time"][:, list(rounds["trial"].asstr()[:]).index("tbb-t1-s1")] = numpy.nan
    for name in ("speed_ratio_low", "speed_ratio_high"):
        file["summary"][name][ids.index("tbb-t1-s1")] = numpy.nan


def test_an_unpaired_trial_is_labelled(plain: Path, modified: Modify) -> None:
    trials = Collection([stepbench_results.open(modified(plain, unpair))])
    cells = dict(zip(trials.trials["id"], results_table(trials)["vs baseline"], strict=True))
    assert cells["tbb-t1-s1"].endswith("x unpaired ?") and "unpaired" not in cells["blas-t1-s1"]
    assert trials.compare("", "tbb (1 thread)", "neuron (1 thread)").paired is False


def test_the_table_has_the_program_s_speeds_and_ratios(program: Path, swept: Path) -> None:
    shown = subprocess.run([program, "show", "--all", swept], capture_output=True, encoding="utf-8", check=True).stdout
    trials = Collection([stepbench_results.open(swept)])
    table = results_table(trials)
    assert len(table) == 24
    for _, row in table[table["vs baseline"] != "–"].iterrows():
        assert f"{row['samples/s']}  " in shown and row["vs baseline"] in shown, row


def test_conditions_are_what_varies_besides_backend_threads_and_seed(swept: Path) -> None:
    trials = Collection([stepbench_results.open(swept)])
    assert trials.conditions == ["batch size 16", "batch size 32"]
    assert trials.arms("batch size 16") == [
        "neuron (1 thread)", "blas (1 thread)", "blas (2 threads)", "tbb (1 thread)", "tbb (2 threads)"
    ]  # fmt: skip


def test_a_file_of_two_kinds_of_data_has_a_condition_for_each(run) -> None:  # noqa: ANN001
    kinds = {"dataset.kind": None, "sweep.dataset.kind": "blobs,spirals", "dataset.features": None, "model.layers": "2,8,3"}
    trials = Collection([stepbench_results.open(run(kinds | {"sweep.backend": "blas,tbb"}))])
    assert trials.conditions == ["small, dataset.kind blobs", "small, dataset.kind spirals"]
    assert all(len(trials.rows(condition, "tbb (1 thread)")) == 1 for condition in trials.conditions)


def test_rounds_of_all_seeds_count_together(swept: Path) -> None:
    trials = Collection([stepbench_results.open(swept)])
    comparison = trials.compare("batch size 16", "tbb (2 threads)", "neuron (1 thread)")
    assert comparison.paired and comparison.ratio.pairs == 16


def test_the_page_has_every_chart_or_the_reason_why_not(plain: Path, tmp_path: Path) -> None:
    done = script("report.py", plain, "-o", "page.html", cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == "" and done.stdout == "report: page.html\n"
    page = (tmp_path / "page.html").read_text()
    for name in ("speed", "loss", "time", "phases", "roofline", "peak", "noise"):
        assert page.count(f'id="chart-{name}"') == 1
    for name, reason in (("batch", "one batch size only"), ("threads", "one number of threads only"), ("ranks", "several numbers of ranks")):
        assert re.search(rf'id="absent-{name}">[^<]*{reason}', page)


def test_the_page_needs_nothing_but_itself(plain: Path, tmp_path: Path) -> None:
    script("report.py", plain, "-o", "page.html", cwd=tmp_path)
    page = (tmp_path / "page.html").read_text()
    assert not re.search(r'(?:src|href)="(?!data:|#)', page) and "@import" not in page and "<script" not in page
    assert not re.search(r"url\((?!#)", page)


def test_names_from_the_file_are_escaped(plain: Path, modified: Modify, tmp_path: Path) -> None:
    def plant(file: h5py.File) -> None:
        file.attrs["experiment"] = "<b>&x"

    script("report.py", modified(plain, plant), "-o", "page.html", cwd=tmp_path)
    page = (tmp_path / "page.html").read_text()
    assert "<b>&x" not in page and html.escape("<b>&x") in page


def test_several_files_are_told_apart(plain: Path, swept: Path, tmp_path: Path) -> None:
    copy = tmp_path / "again.h5"
    copy.write_bytes(plain.read_bytes())
    assert script("report.py", plain, copy, "-o", "page.html", cwd=tmp_path).returncode == 0
    page = (tmp_path / "page.html").read_text()
    assert "tbb (1 thread) in out.h5" in page and "tbb (1 thread) in again.h5" in page
    assert script("report.py", plain, swept, "-o", "both.html", cwd=tmp_path).returncode == 0


def test_three_files_have_their_history(plain: Path, modified: Modify, tmp_path: Path) -> None:
    files = []
    for name, speed in (("first", 4), ("second", 4), ("third", 2)):
        changed = modified(plain, lambda file, speed=speed: plant_times(file, blas=1 / 2, tbb=1 / speed))
        files.append(changed.rename(tmp_path / f"{name}.h5"))
    assert script("report.py", *files, "-o", "page.html", cwd=tmp_path).returncode == 0
    page = (tmp_path / "page.html").read_text()
    assert "<h3>What changed over the files?</h3>" in page and page.count('id="chart-history"') == 1
    assert "tbb (1 thread) is 2.00x [2.00, 2.00] slower, over neuron (1 thread), in third.h5 than in second.h5." in page
    assert script("plot.py", *files, "--chart", "history", "-o", "history.pdf", cwd=tmp_path).returncode == 0
    assert (tmp_path / "history.pdf").read_bytes().startswith(b"%PDF")
    assert "all else is of the last, third.h5" in page and "in first.h5 is" not in page  # times of two files, or machines
    done = script("plot.py", *files[:2], "--chart", "history", "-o", "two.pdf", cwd=tmp_path)
    assert done.returncode == 2 and "it takes three files" in done.stderr


def test_the_first_sentence_names_the_fastest_and_the_second_what_was_learned(plain: Path, modified: Modify) -> None:
    def plant(file: h5py.File) -> None:
        plant_times(file, blas=1 / 2, tbb=1 / 4)
        plant_losses(file, tbb=1.002)

    fastest, learned, spoiled = decision(Collection([stepbench_results.open(modified(plain, plant))]))
    assert fastest == "tbb (1 thread) is 4.00x faster than neuron (1 thread) [4.00, 4.00]; none of 3 ran faster."
    assert learned == ("Of 2 compared, 1 learned the same as the baseline and of 1 it cannot be told (tbb (1 thread): one seed, "
                       "and the curves do not coincide; several seeds would tell).")  # fmt: skip
    assert spoiled.startswith("What could spoil it: noise alone makes up to 0 %"), spoiled


def test_files_that_share_some_seeds_keep_each_arm_whole(run, tmp_path: Path) -> None:  # noqa: ANN001
    paths = [run({"sweep.backend": "blas,tbb", "sweep.seed": seeds, "training.epochs": 1, "measure.rounds": 8}).rename(
        tmp_path / f"{i}.h5") for i, seeds in enumerate(("1", "1,2"))]  # fmt: skip
    trials = Collection([stepbench_results.open(path) for path in paths])
    assert len(trials.rows("", "tbb (1 thread) in 1.h5")) == 2


def test_a_page_without_a_reached_target_or_a_trial_s_rounds_is_made_without_a_warning(
    run, modified: Modify, tmp_path: Path  # noqa: ANN001
) -> None:
    path = modified(run({"measure.rounds": 8, "training.target": "validation_loss<=1e-9"}), unpair)
    done = script("report.py", path, "-o", "page.html", cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == ""
    assert "Nobody reached validation loss 1e-09." in (tmp_path / "page.html").read_text()


def test_margins_are_given_as_the_program_takes_them(plain: Path, tmp_path: Path) -> None:
    done = script("report.py", plain, "-o", "page.html", "--speed-margin", "7%", "--loss-margin", "2%", cwd=tmp_path)
    assert done.returncode == 0 and "lie within 7 %" in (tmp_path / "page.html").read_text()
    for option, text in (("--speed-margin", "5"), ("--speed-margin", "x%"), ("--loss-tolerance", "nan")):
        done = script("report.py", plain, "-o", "other.html", option, text, cwd=tmp_path)
        assert done.returncode == 2 and f'{option}: found "' in done.stderr.splitlines()[-1], done.stderr
        assert not (tmp_path / "other.html").exists()


def test_rates_have_the_ratios_that_stand_beside_them(plain: Path, modified: Modify) -> None:
    """Where one round of three is disturbed, the median step and the mean of the rounds disagree."""

    def plant(file: h5py.File) -> None:
        plant_times(file, blas=1 / 2, tbb=1 / 4)
        rounds = file["groups/s1/rounds"]
        rounds["step_time"][:3, list(rounds["trial"].asstr()[:]).index("tbb-t1-s1")] *= 5

    trials = Collection([stepbench_results.open(modified(plain, plant))])
    rates = {arm: arm_rate(trials, "", arm).value for arm in trials.arms("")}
    ratio = trials.compare("", "tbb (1 thread)", "neuron (1 thread)").ratio.value
    assert rates["tbb (1 thread)"] / rates["neuron (1 thread)"] == pytest.approx(ratio, rel=1e-9)


def test_an_interrupted_file_is_shown_with_a_warning(plain: Path, modified: Modify, tmp_path: Path) -> None:
    def interrupt(file: h5py.File) -> None:
        file.attrs["status"] = "interrupted"

    done = script("report.py", modified(plain, interrupt), "-o", "page.html", cwd=tmp_path)
    assert done.returncode == 0 and done.stderr.count("\n") == 1 and "--resume" in done.stderr
    assert "the run was interrupted" in (tmp_path / "page.html").read_text()


def test_a_diverged_trial_is_reported(run, tmp_path: Path) -> None:  # noqa: ANN001
    diverging = {"model.loss": "squared_error", "training.learning_rate": "1e10", "measure.rounds": 8}
    assert script("report.py", run(diverging), "-o", "page.html", cwd=tmp_path).returncode == 0
    assert "diverged" in (tmp_path / "page.html").read_text()
