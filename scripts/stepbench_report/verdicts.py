"""What the numbers say, a sentence per question. What noise could explain is called no difference."""

import math
from dataclasses import dataclass
from enum import Enum

import pandas

from stepbench_report.collection import Collection, Comparison
from stepbench_report.learning_charts import losses, target_of
from stepbench_report.speed_charts import arm_rate, rate_unit
from stepbench_report.table import same_bits, worst_gradient_error
from stepbench_report.words import listed, percent_text, seconds_text, signed_text, times_text
from stepbench_statistics import COINCIDE, Estimate, Verdict, first_parting, paired_difference, speed_verdict


@dataclass(frozen=True)
class Answer:
    question: str
    sentences: list[tuple[str, list[str]]]  # by condition


class Outcome(Enum):
    """Of one arm's learning against another's."""

    COINCIDE = "learns the same"
    NO_DIFFERENCE = "shows no difference in what it learns"
    DIFFERENT = "learns something else"
    UNKNOWN = "one seed cannot tell whether it learns the same"


@dataclass(frozen=True)
class Learning:
    outcome: Outcome
    parting: int | None  # the first step, of any seed, at which the curves differ by more than COINCIDE
    measure: str  # what the rest is about
    value: float  # mean over the seeds
    reference: float
    difference: Estimate  # value - reference, paired by seed
    seed_spread: float  # standard deviation of the reference over the seeds


def all_answers(trials: Collection) -> list[Answer]:
    questions = {
        "Which is fastest, and by how much?": fastest,
        "Do they learn the same?": learning,
        "What do more threads bring?": threads,
        "Who reaches the target first?": target,
        "How close is it to the machine's limit?": limit,
        "Can these numbers be trusted?": trust,
    }
    answers = []
    for question, answer in questions.items():
        sentences = [(condition, answer(trials, condition)) for condition in trials.conditions]
        sentences = [(condition, found) for condition, found in sentences if found]
        if sentences:
            answers.append(Answer(question, sentences))
    return answers


def compared(name: str, other: str, comparison: Comparison) -> str:
    """tbb (2 threads) is 1.93x faster than blas (1 thread) [1.88, 1.98]"""
    ratio, unpaired = comparison.ratio, "" if comparison.paired else ", unpaired"
    if ratio.value < 1:
        inverse = Estimate(1 / ratio.value, 1 / ratio.high, 1 / ratio.low, ratio.pairs)
        ratio, name, other = inverse, other, name
    verdict = speed_verdict(ratio, comparison.floor)
    factor, _, interval = times_text(ratio).partition(" ")
    if verdict is Verdict.FASTER:
        return f"{name} is {factor} faster than {other} {interval}{unpaired}"
    if verdict is Verdict.NO_VERDICT:
        return f"{name} ran {factor} as fast as {other} (no interval{unpaired}: no verdict)"
    return f"{name} and {other}: no difference that noise could not explain ({times_text(ratio)}{unpaired})"


def fastest(trials: Collection, condition: str) -> list[str]:
    """The fastest against the baseline, and against the best of every other backend."""
    arms, baseline = trials.arms(condition), trials.baseline(condition)
    if len(arms) < 2:
        return [f"Only {arms[0]} was timed: there is nothing to compare."]
    speeds = {arm: 1.0 if arm == baseline else trials.compare(condition, arm, baseline).ratio.value for arm in arms}
    ranked = sorted(arms, key=lambda arm: -speeds[arm])
    first = ranked[0]
    if first == baseline:
        against = trials.compare(condition, first, ranked[1])
        return [f"{compared(first, ranked[1], against)}; no other trial ran faster."]
    how = learned(trials, condition, first, baseline).outcome
    against = compared(first, baseline, trials.compare(condition, first, baseline))
    sentences = [f"{against}{'; ' if how is Outcome.UNKNOWN else ' and '}{how.value}."]
    seen = {trials.row(condition, name)["backend"] for name in (first, baseline)}
    for arm in ranked[1:]:
        backend = trials.row(condition, arm)["backend"]
        if backend not in seen:
            seen.add(backend)
            sentences.append(f"{compared(first, arm, trials.compare(condition, first, arm))}.")
    return sentences


def learned(trials: Collection, condition: str, arm: str, reference: str) -> Learning:
    """By the curves of each seed and, where they part, by the seeds' best validation (else final training) losses."""
    own, other = losses(trials, condition, arm), losses(trials, condition, reference)
    partings = [first_parting(own[seed], other[seed]) for seed in sorted(set(own) & set(other))]
    first = min((step for step in partings if step is not None), default=None)
    rows = [trials.rows(condition, name).drop_duplicates("seed").set_index("seed") for name in (arm, reference)]
    column = "best_validation_loss" if rows[0]["best_validation_loss"].notna().any() else "final_train_loss"
    seeds = rows[0].index.intersection(rows[1].index)
    values, expected = (row.loc[seeds, column] for row in rows)
    difference = paired_difference(values, expected)
    if partings and first is None:
        outcome = Outcome.COINCIDE
    elif not difference.has_interval:
        outcome = Outcome.UNKNOWN
    else:
        outcome = Outcome.NO_DIFFERENCE if difference.low <= 0 <= difference.high else Outcome.DIFFERENT
    measure = column.replace("_", " ").replace("train ", "training ")
    return Learning(outcome, first, measure, values.mean(), expected.mean(), difference, expected.std())


def learning(trials: Collection, condition: str) -> list[str]:
    """Against the baseline, arms of one outcome together."""
    baseline = trials.baseline(condition)
    found = {arm: learned(trials, condition, arm, baseline) for arm in trials.arms(condition) if arm != baseline}
    sentences = []
    for outcome, form in _LEARNING.items():
        arms = {arm: how for arm, how in found.items() if how.outcome is outcome}
        if not arms:
            continue
        seeds = next(iter(arms.values())).difference.pairs
        learn = "learns" if len(arms) == 1 else "learn"
        sentence = form.format(names=listed(list(arms)), learn=learn, baseline=baseline, seeds=seeds)
        sentences.append(f"{sentence} ({_learning_detail(list(arms.values()))}).")
    return sentences


_LEARNING = {
    Outcome.COINCIDE: "{names} {learn} the same as {baseline}",
    Outcome.NO_DIFFERENCE: "No difference from {baseline} shows over {seeds} seeds in {names}",
    Outcome.DIFFERENT: "Not the same as {baseline}: {names}",
    Outcome.UNKNOWN: "One seed cannot tell whether {names} {learn} the same as {baseline}: "
    "several would (sweep.seed = 1,2,3)",
}


def _learning_detail(found: list[Learning]) -> str:
    """What arms of the same outcome have in common, in ranges."""
    if found[0].outcome is Outcome.COINCIDE:
        return f"every step's loss stays within {percent_text(COINCIDE)}, to the end"
    steps = [how.parting for how in found if how.parting is not None]
    parts = [f"curves within {percent_text(COINCIDE)} of each other until step {_span(steps, 'd')}"] if steps else []
    measure = f"{found[0].measure} {_span([how.value for how in found], '.4g')} against {found[0].reference:.4g}"
    if found[0].difference.has_interval:
        widest = max(found, key=lambda how: abs(how.difference.value))
        measure += f"; the largest mean difference, paired by seed, is {signed_text(widest.difference)}"
        if widest.seed_spread > 0:
            measure += f", {abs(widest.difference.value) / widest.seed_spread:.2g} times what the seed changes"
    return "; ".join([*parts, measure])


def _span(values: list[float], form: str) -> str:
    low, high = format(min(values), form), format(max(values), form)
    return low if low == high else f"{low} to {high}"


def threads(trials: Collection, condition: str) -> list[str]:
    own = trials.timed[trials.timed["condition"] == condition]
    sentences = []
    for _, rows in own.groupby(["backend", "file"], sort=False):
        arms = rows.drop_duplicates("threads").sort_values("threads")["arm"].tolist()
        if len(arms) > 1:
            sentences.append(f"{compared(arms[-1], arms[0], trials.compare(condition, arms[-1], arms[0]))}.")
    return sentences


def target(trials: Collection, condition: str) -> list[str]:
    wanted = target_of(trials, condition)
    if wanted is None:
        return []
    times = {arm: float(trials.rows(condition, arm)["time_to_target"].median()) for arm in trials.arms(condition)}
    reached = sorted((arm for arm in times if math.isfinite(times[arm])), key=times.__getitem__)
    name = f"{wanted[0].replace('_', ' ')} {wanted[1]:g}"
    if not reached:
        return [f"Nobody reached {name}."]
    by = ", ".join(f"{arm} {seconds_text(times[arm])}" for arm in reached[1:])
    missed = [arm for arm in times if arm not in reached]
    sentence = f"{reached[0]} reached {name} first, after {seconds_text(times[reached[0]])} of training"
    sentence += f"; then {by}" if by else ""
    sentence += f"; {listed(missed)} did not" if missed else ""
    return [f"{sentence}. (Evaluations are the only times at which it can be seen.)"]


def limit(trials: Collection, condition: str) -> list[str]:
    own = trials.timed[trials.timed["condition"] == condition]
    if own["percent_of_peak"].notna().sum() == 0:
        return []
    best = own.loc[own["percent_of_peak"].idxmax()]
    rate = arm_rate(trials, condition, best["arm"]).value
    return [
        f"{best['arm']} comes closest, with {best['percent_of_peak']:.0f} % of the multiply-add peak of its cores "
        f"({best['gflops']:.0f} GFLOP/s, {rate:,.0f} {rate_unit(trials)})."
    ]


def trust(trials: Collection, condition: str) -> list[str]:
    rows = trials.trials[trials.trials["condition"] == condition]
    timed = rows[rows["step_time_median"].notna()]
    floor = trials.noise_floor(condition)
    if math.isfinite(floor):
        sentences = [f"The baseline run twice per round differs from itself by up to {percent_text(floor)}: "
                     "smaller differences count as none."]  # fmt: skip
    else:
        sentences = ["How much noise alone would change is not known: there is no A/A twin with enough rounds."]
    sentences += _disturbances(trials, timed)
    errors = pandas.Series([worst_gradient_error(trials, row) for _, row in timed.iterrows()], timed["id"], dtype=float)
    if errors.notna().any():
        sentences.append(f"Gradients were checked before timing; the worst tensor was {errors.max():.1e} from the "
                         f"reference ({errors.idxmax()}).")  # fmt: skip
    if errors.isna().any():
        sentences.append(f"Not checked at the gate: {listed(list(dict.fromkeys(errors.index[errors.isna()])))}.")
    broken = [row["id"] for _, row in timed.iterrows() if same_bits(trials, row) is False]
    if broken:
        sentences.append(f"{listed(broken)} promised the same bits on every number of threads and broke the promise.")
    for _, row in rows[rows["status"].isin(["failed", "diverged", "interrupted"])].iterrows():
        message = str(trials.trial(row).attrs.get("message", "")).removesuffix(".")
        sentences.append(f"{row['id']} {row['status']}: {message}.")
    return sentences


def _disturbances(trials: Collection, timed: pandas.DataFrame) -> list[str]:
    hit = blocks = 0
    for file, group in set(zip(timed["file"], timed["group"], strict=True)):
        rounds = trials.rounds(timed[(timed["file"] == file) & (timed["group"] == group)].iloc[0])
        known = rounds["disturbed"].dropna() if not rounds.empty else pandas.Series(dtype=float)
        hit, blocks = hit + int((known > 0).sum()), blocks + len(known)
    if blocks == 0:
        return []
    if hit == 0:
        return [f"The noise watch saw none of {blocks} blocks disturbed."]
    return [f"The noise watch saw {hit} of {blocks} blocks disturbed; `stepbench doctor` says what to do about it."]
