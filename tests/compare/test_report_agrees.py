"""One verdict: `stepbench compare` and the report say the same of speed, target and learning, in numbers and in words."""

import json
import math
import re
import sys
from pathlib import Path

import pytest

from conftest import compare, run

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "scripts"))

import stepbench_results  # noqa: E402
from stepbench_report.collection import Collection  # noqa: E402
from stepbench_report.learned import learned  # noqa: E402
from stepbench_report.margins import Margins  # noqa: E402
from stepbench_report.speed_verdict import Basis, SpeedEvidence, speed_reason, speed_verdict  # noqa: E402
from stepbench_report.table import results_table  # noqa: E402
from stepbench_report.target import times_to_target  # noqa: E402
from stepbench_report.verdicts import all_answers, compared  # noqa: E402
from stepbench_statistics import Estimate, smallest_difference  # noqa: E402

# What write_compare_files.cpp writes.
PLANTED = [
    "base", "slow", "few", "fast", "faster", "inside", "inside-twin-too", "floor", "floor-fast", "wide", "very-wide", "no-twin",
    "not-interleaved", "unpaired", "one-seed-coincides", "one-seed-parts", "one-seed-coincides-elsewhere",
    "one-seed-unrecorded", "learns-worse", "learns-better", "learns-inside", "learns-scattered", "accuracy-alone",
    "learns-nearly-inside", "better-and-worse", "evaluations-alone", "evaluations-part", "close-losses",
    "lost-loss", "no-validation", "diverged", "baseline-diverged", "both-diverged", "missed-targets", "batches", "kinds",
]  # fmt: skip
REFERENCES = sorted((REPOSITORY / "results" / "reference").glob("*.h5"))

# What the report's sentences say for each verdict, and in them the names that it is said of.
SPEED_WORDS = {"faster": " faster than ", "slower": " faster than ", "same": " are equally fast ",
               "cannot tell": ": cannot tell which is faster; what would: "}  # fmt: skip
LEARNING_WORDS = {"same": r"^(?!Whether)(?P<names>.*?) learns? the same as ", "different": r"^(?P<names>.*?) learns? something else than ",
                  "cannot tell": r"^Whether (?P<names>.*?) learns? the same as .* cannot be told: "}  # fmt: skip


def test_all_planted_files_are_compared(folder: Path) -> None:
    assert sorted(path.stem for path in folder.glob("*.h5")) == sorted(PLANTED)


@pytest.fixture(scope="session", params=[*PLANTED, *REFERENCES], ids=lambda name: Path(name).stem)
def path(request: pytest.FixtureRequest, folder: Path) -> Path:
    return request.param if isinstance(request.param, Path) else folder / f"{request.param}.h5"


@pytest.fixture(scope="session")
def said(path: Path, folder: Path) -> dict:
    """What compare says."""
    done = compare(folder, path, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def trials(path: Path) -> Collection:
    """What the report is made from."""
    return Collection([stepbench_results.open(path)])


def place(trials: Collection, row: dict) -> tuple[str, str, str]:
    """Where the report has a row of compare's: condition, arm, baseline."""
    settings = set(row["settings"].replace("_", " ").split(", "))  # which each has in an order of its own
    (condition,) = [name for name in trials.conditions if settings <= set(name.replace("_", " ").split(", "))]
    arms = {trial.id.removesuffix(f"-{trial.group}"): trial.arm for trial in trials.trials.itertuples()}
    return condition, arms[row["trial"]], arms[row["baseline"]]


def number(value: float | None) -> float:
    return math.nan if value is None else value


def close(*values: float) -> object:
    """As far as scipy's quantile of Student's t and Boost's agree: 2e-9 where degrees of freedom are no integer."""
    return pytest.approx(values, rel=1e-8, abs=1e-12, nan_ok=True)


def test_speed(said: dict, trials: Collection) -> None:
    comparisons = sum(row["decides"] and row["speed_ratio_low"] is not None for row in said["speed"])
    for row in said["speed"]:
        if not row["decides"]:
            continue
        evidence = trials.compare(*place(trials, row)).evidence
        speed, margin = evidence.speed, trials.margins.speed
        assert close(*(number(row[f"speed_ratio{end}"]) for end in ("", "_low", "_high"))) == (
            speed.value, speed.low, speed.high), row  # fmt: skip
        assert close(number(row["noise_floor"])) == (evidence.floor,), row
        found = smallest_difference(speed, evidence.floor, comparisons)
        assert close(number(row["p_value"]), number(row["smallest_difference"])) == (speed.p_value, found), row
        assert row["rounds"] == speed.pairs and row["margin"] == margin, row
        assert row["verdict"] == speed_verdict(evidence, margin).value, row
        assert row["because"] == speed_reason(evidence, margin), row
        assert row["unpaired"] == (evidence.basis is Basis.UNPAIRED), row


def test_sentences_on_speed(said: dict, trials: Collection) -> None:
    for row in said["speed"]:
        if not row["decides"]:
            continue
        condition, arm, baseline = place(trials, row)
        sentence = compared(arm, baseline, trials.compare(condition, arm, baseline), trials.margins.speed)
        assert {words for words in SPEED_WORDS.values() if words in sentence} == {SPEED_WORDS[row["verdict"]]}, sentence
        names = (baseline, arm) if row["speed_ratio"] < 1 else (arm, baseline)
        assert sentence.index(names[0]) < sentence.index(names[1]), sentence
        if row["verdict"] == "cannot tell":
            assert sentence.endswith(row["because"]), sentence


def test_learning(said: dict, trials: Collection) -> None:
    for row in said["learning"]:
        how = learned(trials, *place(trials, row))
        assert (row["verdict"], row["worse"], row["because"]) == (how.verdict.value, how.worse, how.because), row
        assert row["seeds"] == how.seeds
        assert [(part["seed"], part["recorded"], part["step"]) for part in row["losses_part"]] == [
            (part.seed, part.known, part.step) for part in how.partings]  # fmt: skip
        assert [metric["metric"] for metric in row["metrics"]] == [metric.name for metric in how.metrics], row
        for metric, own in zip(row["metrics"], how.metrics, strict=True):
            names = ("mean", "baseline_mean", "difference", "baseline_spread", "margin")
            assert close(*(number(metric[name]) for name in names)) == (
                own.value, own.reference, own.difference.value, own.seed_spread, own.margin), metric  # fmt: skip
            # An end that is close to 0 has fewer digits than its distance from the middle, which is what a quantile makes.
            middle = number(metric["difference"])
            assert close(*(number(metric[f"difference_{end}"]) - middle for end in ("low", "high"))) == (
                own.difference.low - own.difference.value, own.difference.high - own.difference.value), metric  # fmt: skip
            assert metric["seeds"] == own.difference.pairs
            assert (metric["verdict"], metric["worse"], metric["because"]) == (own.verdict.value, own.worse, own.because)


def test_sentences_on_learning(said: dict, trials: Collection) -> None:
    answers = {answer.question: dict(answer.sentences) for answer in all_answers(trials)}
    for row in said["learning"]:
        condition, arm, _ = place(trials, row)
        (found,) = [verdict for sentence in answers["Do they learn the same?"][condition]
                    for verdict, form in LEARNING_WORDS.items()
                    if (names := re.search(form, sentence))
                    and re.search(rf"(^|, | and ){re.escape(arm)}($|, | and )", names["names"])]  # fmt: skip
        assert found == row["verdict"], row


def test_times_to_target(said: dict, trials: Collection) -> None:
    for row in said["time_to_target"]:
        condition, arm, baseline = place(trials, row)
        for name, times in ((arm, row["time"]), (baseline, row["baseline_time"])):
            own = times_to_target(trials, condition, name)
            assert list(own.seconds) == row["seeds"]
            assert close(*map(number, times["seconds"])) == tuple(own.seconds.values())
            assert times["reached"] == len(own.reached)
            assert close(math.inf if times["median"] is None else times["median"]) == (own.median,)


def test_who_reaches_the_target_first(said: dict, trials: Collection) -> None:
    answers = {answer.question: dict(answer.sentences) for answer in all_answers(trials)}
    for condition, sentences in answers.get("Who reaches the target first?", {}).items():
        medians = {}
        for row in said["time_to_target"]:
            where, arm, baseline = place(trials, row)
            if where == condition:
                medians |= {arm: number(row["time"]["median"]), baseline: number(row["baseline_time"]["median"])}
        reached = {arm: median for arm, median in medians.items() if math.isfinite(median)}
        first = re.search(r"^(.*?) reached .* first, ", sentences[0])
        assert (first is not None) == bool(reached), sentences
        if first:
            assert reached[first[1]] == min(reached.values()), sentences
        for arm in set(medians) - set(reached):
            assert f"{arm} did not" in sentences[0] or sentences[0].startswith("Nobody reached"), sentences


def test_the_tables_have_the_same_speeds_and_marks(path: Path, trials: Collection) -> None:
    shown, table = run("show", "--all", path).stdout, results_table(trials)
    lines = [line for line in shown.splitlines() if re.search(r"±[\d.]+%  ", line)]
    rate_column = next(name for name in table.columns if name.endswith("/s"))
    cells = [(row[rate_column], row["vs baseline"]) for _, row in table.iterrows() if row["vs baseline"] != "–"]
    assert len(lines) == len(cells) > 0, shown
    for line, (rate, ratio) in zip(lines, cells, strict=True):
        assert re.search(rf"  {re.escape(rate)} +{re.escape(ratio)}  ", line), (line, rate, ratio)


def test_the_verdict_on_speed_is_one_rule_in_one_wording(folder: Path) -> None:
    grid = json.loads((folder / "verdicts.json").read_text())
    assert {row["verdict"] for row in grid} == {"faster", "slower", "same", "cannot tell"}
    for row in grid:
        speed = Estimate(row["ratio"], number(row["low"]), number(row["high"]), row["rounds"])
        evidence = SpeedEvidence(speed, number(row["noise_floor"]), list(Basis)[row["basis"]], row["withheld_among"])
        assert row["verdict"] == speed_verdict(evidence, row["margin"]).value, row
        assert row["because"] == speed_reason(evidence, row["margin"]), row


def test_the_margins_are_the_same_by_default(folder: Path) -> None:
    said, own = json.loads(compare(folder, "base.h5", "--format", "json").stdout), Margins()
    assert said["speed_margin"] == own.speed and said["loss_tolerance"] == own.loss_tolerance
    assert said["loss_margin"] == vars(own.loss) and said["accuracy_margin"] == vars(own.accuracy)


def test_two_files_of_one_experiment_are_compared_alike(folder: Path) -> None:
    """Unpaired, with Welch's interval and the larger noise floor."""
    said = json.loads(compare(folder, "fast.h5", "slow.h5", "--format", "json").stdout)
    trials = Collection([stepbench_results.open(folder / name) for name in ("fast.h5", "slow.h5")])
    for row in said["speed"]:
        if row["decides"]:
            arms = [f"{row['trial'].removesuffix('-t1')} (1 thread) in {name}" for name in ("fast.h5", "slow.h5")]
            evidence = trials.compare("", *arms).evidence
            assert close(row["speed_ratio"], row["speed_ratio_low"], row["noise_floor"]) == (
                evidence.speed.value, evidence.speed.low, evidence.floor)  # fmt: skip
            assert row["because"] == speed_reason(evidence, trials.margins.speed)
