"""stepbench_statistics agrees with the program's numbers on a real file, and with known answers."""

import json
import math
import subprocess
from pathlib import Path

import numpy
import pytest

import stepbench_results
from inputs import write_config
from stepbench_report.chart import Styles
from stepbench_report.collection import Collection
from stepbench_report.speed_charts import first_rounds_after_restart, first_rounds_of_processes, noise
from stepbench_report.speed_verdict import SpeedEvidence, speed_reason, speed_verdict
from stepbench_report.table import could_find
from stepbench_statistics import (Estimate, first_parting, largest_p_value_told, noise_floor, paired_difference, paired_ratio,
                                  process_mean, relative_difference, sequence_mean, smallest_difference,
                                  unpaired_ratio)  # fmt: skip


def test_ratios_and_noise_floors_are_those_of_the_summary(swept: Path) -> None:
    results = stepbench_results.open(swept)
    compared = 0
    for name, row in results.summary[results.summary["speed_ratio"].notna()].iterrows():
        rounds = results.rounds(results.trial(name).group).pivot(index="round", columns="trial", values="step_time")
        baseline = next(trial.removesuffix("~twin") for trial in rounds if trial.endswith("~twin"))
        floor = noise_floor(rounds[baseline], rounds[f"{baseline}~twin"])
        assert floor == pytest.approx(row["noise_floor"], rel=1e-8)  # scipy's quantiles of t are Boost's to 2e-9
        if name == baseline:
            continue
        ratio = paired_ratio(rounds[baseline], rounds[name])
        stored = (row["speed_ratio"], row["speed_ratio_low"], row["speed_ratio_high"])
        assert (ratio.value, ratio.low, ratio.high) == pytest.approx(stored, rel=1e-8)
        compared += 1
    assert compared == 16  # 2 seeds x 2 batch sizes x (blas, tbb with 1 and 2 threads)


@pytest.fixture(scope="module")
def repeated(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three processes."""
    folder = tmp_path_factory.mktemp("repeated")
    config = write_config(folder, {"measure.rounds": 4, "sweep.seed": "1,2"})
    subprocess.run([program, "run", config.name, "-q", "-o", "out.h5", "--repeat", "3"], cwd=folder, check=True, timeout=240,
                   capture_output=True)  # fmt: skip
    return folder / "out.h5"


def test_ratios_of_several_processes_are_those_of_the_summary(repeated: Path) -> None:
    results = stepbench_results.open(repeated)
    compared = 0
    for name, row in results.summary[results.summary["speed_ratio_low"].notna()].iterrows():
        table = results.rounds(results.trial(name).group)
        rounds = table.pivot(index="round", columns="trial", values="step_time")
        processes = table.groupby("round")["process"].first()
        assert processes.tolist() == [0] * 4 + [1] * 4 + [2] * 4
        baseline = next(trial.removesuffix("~twin") for trial in rounds if trial.endswith("~twin"))
        floor = noise_floor(rounds[baseline], rounds[f"{baseline}~twin"], processes)
        assert floor == pytest.approx(row["noise_floor"], rel=1e-8)
        ratio = paired_ratio(rounds[baseline], rounds[name], processes)
        stored = (row["speed_ratio"], row["speed_ratio_low"], row["speed_ratio_high"])
        assert (ratio.value, ratio.low, ratio.high) == pytest.approx(stored, rel=1e-8)
        assert ratio.processes == 3 and ratio.degrees == 2
        compared += 1
    assert compared == 4  # 2 seeds x (blas, tbb)


def test_what_compare_says_of_several_processes_is_what_the_report_says(program: Path, repeated: Path) -> None:
    command = [program, "compare", repeated, "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    rows = [row for row in json.loads(done.stdout)["speed"] if row["decides"]]
    trials = Collection([stepbench_results.open(repeated)])
    (condition,) = trials.conditions
    arms = {trial.id.removesuffix(f"-{trial.group}"): trial.arm for trial in trials.trials.itertuples()}
    assert len(rows) == 2  # blas and tbb
    for row in rows:
        evidence = trials.compare(condition, arms[row["trial"]], arms[row["baseline"]]).evidence
        said = [row[f"speed_ratio{end}"] for end in ("", "_low", "_high")] + [row["noise_floor"]]
        speed = evidence.speed
        assert said == pytest.approx([speed.value, speed.low, speed.high, evidence.floor], rel=1e-8)
        assert row["verdict"] == speed_verdict(evidence, trials.margins.speed).value
        assert row["because"] == speed_reason(evidence, trials.margins.speed)


def test_the_chart_of_noise_says_where_processes_begin_and_calls_that_no_checkpoint(repeated: Path) -> None:
    trials = Collection([stepbench_results.open(repeated)])
    rounds = trials.rounds(trials.trials.iloc[0])
    assert first_rounds_of_processes(rounds) == [4, 8] and first_rounds_after_restart(rounds) == []
    caption = noise(trials, Styles(trials)).caption
    assert "Other processes began with round 4, 8; " in caption and "checkpoint" not in caption


def test_the_report_says_what_show_says_of_processes(program: Path, repeated: Path) -> None:
    shown = subprocess.run([program, "show", "--all", repeated], capture_output=True, text=True, check=True, timeout=60).stdout
    (line,) = [line for line in shown.splitlines() if line.startswith("3 processes: ")]
    assert could_find(Collection([stepbench_results.open(repeated)])).endswith(line)


def test_the_mean_over_processes_is_that_of_their_means_with_an_error_of_as_many_degrees() -> None:
    # The numbers of tests/base/test_process_mean.cpp.
    of = process_mean([0, 2, 3, 5, 5, 7], [0, 0, 1, 1, 2, 2])
    assert (of.mean.mean, of.mean.error, of.mean.degrees) == pytest.approx((11 / 3, math.sqrt(19 / 9), 2))
    assert (of.within, of.between, of.processes) == pytest.approx((math.sqrt(2), math.sqrt((38 / 3 - 2) / 2), 3))
    assert process_mean([1, 1, 1, 1, 3], [7, 7, 7, 7, 9]).mean.mean == pytest.approx(2)
    assert process_mean([0, 2, 2, 0], [0, 0, 1, 1]).between == 0
    assert math.isnan(process_mean([0, 2, 1], [0, 1, 2]).within)
    one = process_mean([0.1, 0.3, 0.2, 0.25], [3] * 4)
    assert one.processes == 1 and one.mean == sequence_mean([0.1, 0.3, 0.2, 0.25])


@pytest.mark.parametrize(("now", "needed"), [(3, 5), (2, 3), (30, 90)])
def test_a_doubtful_ratio_of_few_processes_asks_for_processes(now: int, needed: int) -> None:
    """The numbers of tests/base/test_speed_verdict.cpp."""
    few = Estimate(1.04, 0.97, 1.115, pairs=12, processes=now)
    assert speed_reason(SpeedEvidence(few), 0.05) == f"about {needed} processes (run --repeat, now {now})"


def test_more_processes_than_anyone_would_run_are_a_quieter_machine() -> None:
    quieter = "a quieter machine (or more than 1000 rounds, now 12)"
    assert speed_reason(SpeedEvidence(Estimate(1.04, 0.97, 1.115, pairs=12, processes=34)), 0.05) == quieter
    assert speed_reason(SpeedEvidence(Estimate(1, 0.9, 1 / 0.9, pairs=12, processes=3)), 0) == quieter


def test_a_constant_ratio_has_an_interval_of_no_width() -> None:
    times = numpy.linspace(1, 2, 9)
    ratio = paired_ratio(3 * times, times)
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((3, 3, 3)) and ratio.pairs == 9


def test_the_interval_of_a_known_sample() -> None:
    # Logarithms 0 and 0.2 four times each: mean 0.1, standard error 0.1/sqrt(7), t quantile of 7 degrees 2.364624.
    logs = numpy.array([0, 0.2] * 4)
    ratio = paired_ratio(numpy.exp(logs), numpy.ones(8))
    half = 2.3646242510 * 0.1 / math.sqrt(7)
    assert (ratio.low, ratio.high) == pytest.approx((math.exp(0.1 - half), math.exp(0.1 + half)), rel=1e-9)


def test_seven_pairs_give_no_interval() -> None:
    assert not paired_ratio([2.0] * 7 + [math.nan], [1.0] * 8).has_interval


def test_unpaired_samples_get_the_wider_interval() -> None:
    drift = numpy.exp(numpy.linspace(0, 1, 10))
    paired, unpaired = paired_ratio(2 * drift, drift), unpaired_ratio(2 * drift, drift)
    assert paired.value == pytest.approx(unpaired.value) == pytest.approx(2)
    assert unpaired.low < 1.5 < paired.low


def test_welch_interval_of_a_known_sample() -> None:
    # Both have 8 logarithms of variance 0.04 * 8/7 / 4 around 0 and 0.5: 14 degrees of freedom, t quantile 2.144787.
    logs = numpy.array([-0.1, 0.1] * 4)
    ratio = unpaired_ratio(numpy.exp(logs + 0.5), numpy.exp(logs))
    half = 2.1447866879 * math.sqrt(2 * (0.08 / 7) / 8)
    assert (ratio.low, ratio.high) == pytest.approx((math.exp(0.5 - half), math.exp(0.5 + half)), rel=1e-9)


def test_differences_pair_what_is_finite() -> None:
    difference = paired_difference([1.0, 2.0, math.nan], [0.5, 1.5, 1.0])
    assert difference.value == pytest.approx(0.5) and difference.pairs == 2


def test_curves_part_where_they_differ_by_more_than_the_tolerance_of_the_larger() -> None:
    reference = numpy.array([2.0, 1.0, 0.5, 0.0])
    assert first_parting(reference * 1.0009, reference, 1e-3) is None
    assert first_parting([2.0, 1.0, 0.5006, 0.0], reference, 1e-3) == 2
    assert first_parting([2.0, 1.0, 0.5006, 0.0], reference, 1e-2) is None
    assert first_parting([2.0, 1.0, 0.5], reference, 1e-3) == 3
    for own, other in ((1.0, 2.0), (2.0, 1.0)):  # half of the larger, whichever that is
        assert first_parting([own], [other], 0.5) is None and first_parting([own], [other], 0.499) == 0


@pytest.mark.parametrize("lost", [math.inf, -math.inf, math.nan])
def test_a_loss_that_is_not_finite_parts_from_a_finite_one_and_goes_with_one_that_is_not(lost: float) -> None:
    assert first_parting([2.0, lost], [2.0, 1.0], 1e-3) == first_parting([2.0, 1.0], [2.0, lost], 1e-3) == 1
    assert first_parting([2.0, lost], [2.0, math.inf], 1e-3) is None


def test_zero_against_zero_is_no_difference() -> None:
    assert relative_difference([0.0, 1.0], [0.0, 2.0]).tolist() == [0.0, 0.5]


def test_a_sequence_that_wanders_tells_little_of_its_mean() -> None:
    steps = [1.0] * 10 + [2.0] * 10
    mean = sequence_mean(steps)
    assert mean.effective == 3 and mean.correlation > 0.8 and mean.error == pytest.approx(0.5 / math.sqrt(2))
    assert sequence_mean([1.0, 2.0] * 10).effective == 20  # never more than there are


def test_the_p_values_of_benjamini_and_hochbergs_example_are_told_up_to_the_fourth() -> None:
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
                0.7590, 1.0, math.nan]  # fmt: skip
    assert 0.0095 <= largest_p_value_told(p_values) < 0.0201
    assert largest_p_value_told([0.5]) == pytest.approx(0.05)
    assert math.isnan(largest_p_value_told([math.nan]))


def test_the_smallest_difference_of_a_known_sample() -> None:
    # Logarithms of 0 and 0.2 in turns: a standard error of 0.1/sqrt(7); t of 7 degrees, 2.364624 and 1.414924.
    ratio = paired_ratio(numpy.exp([0, 0.2] * 4), numpy.ones(8))
    error = 0.1 / math.sqrt(7)
    assert ratio.p_value == pytest.approx(0.0331, abs=1e-3)
    assert smallest_difference(ratio, math.nan, 1) == pytest.approx(math.expm1((2.364624 + 1.414924) * error), rel=1e-5)
    assert smallest_difference(ratio, 0.3, 1) == pytest.approx(1.3 * math.exp(1.414924 * error) - 1, rel=1e-5)
