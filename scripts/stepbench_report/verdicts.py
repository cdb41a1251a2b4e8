"""What the numbers say, a sentence per question. The verdicts are those of `stepbench compare`."""

import math
from dataclasses import dataclass

import pandas

from stepbench_report.arms import ranks_of
from stepbench_report.collection import Collection, Comparison
from stepbench_report.learned import Learning, LearningVerdict, learned
from stepbench_report.margins import Margins
from stepbench_report.speed_charts import arm_rate, rate_unit
from stepbench_report.speed_verdict import Verdict, speed_reason, speed_verdict
from stepbench_report.table import same_bits, worst_gradient_error
from stepbench_report.target import TimesToTarget, target_of, times_to_target
from stepbench_report.words import listed, listed_groups, percent_text, seconds_text, signed_text, times_text
from stepbench_results import Trial


@dataclass(frozen=True)
class Answer:
    question: str
    sentences: list[tuple[str, list[str]]]  # by condition


def all_answers(trials: Collection) -> list[Answer]:
    questions = {
        "Which is fastest, and by how much?": fastest,
        "Is it faster than other frameworks?": frameworks,
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


def compared(name: str, other: str, comparison: Comparison, margin: float) -> str:
    """tbb (2 threads) is 1.93x faster than blas (1 thread) [1.88, 1.98]"""
    evidence, unpaired = comparison.evidence, "" if comparison.paired else ", unpaired"
    if evidence.speed.value < 1:
        evidence, name, other = evidence.inverse(), other, name
    ratio = evidence.speed
    verdict, reason = speed_verdict(evidence, margin), speed_reason(evidence, margin)
    if verdict is Verdict.FASTER:
        factor, _, interval = times_text(ratio).partition(" ")
        return f"{name} is {factor} faster than {other} {interval}{unpaired}"
    if verdict is Verdict.SAME:
        return f"{name} and {other} are equally fast ({times_text(ratio)}{unpaired}: {reason} of {percent_text(margin)})"
    return f"{name} ran {times_text(ratio)} as fast as {other}{unpaired}: cannot tell which is faster; what would: {reason}"


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
        return [f"{compared(first, ranked[1], against, trials.margins.speed)}; no other trial ran faster."]
    against = compared(first, baseline, trials.compare(condition, first, baseline), trials.margins.speed)
    how = _LEARNS[learned(trials, condition, first, baseline).verdict].format(name=first)
    sentences = [f"{against}; {how}."]
    seen = {trials.row(condition, name)["variant"] for name in (first, baseline)}
    for arm in ranked[1:]:
        variant = trials.row(condition, arm)["variant"]
        if variant not in seen:
            seen.add(variant)
            sentences.append(f"{compared(first, arm, trials.compare(condition, first, arm), trials.margins.speed)}.")
    return sentences


def frameworks(trials: Collection, condition: str) -> list[str]:
    """On each number of threads, the fastest of our backends against every peer, by the name of its library."""
    rows = trials.timed[trials.timed["condition"] == condition].drop_duplicates("arm")
    libraries = {row["arm"]: _library(trials.trial(row)) for _, row in rows.iterrows()}
    sentences = []
    for _, same_threads in rows.groupby("threads", sort=True):
        arms = same_threads.sort_values("step_time")["arm"].tolist()
        ours = [arm for arm in arms if not libraries[arm]]
        for peer in [arm for arm in arms if libraries[arm]] if ours else []:
            backend = str(trials.row(condition, peer)["backend"])
            name = peer.replace(backend, libraries[peer].partition(";")[0], 1)
            text = compared(ours[0], name, trials.compare(condition, ours[0], peer), trials.margins.speed)
            how = _LEARNS[learned(trials, condition, ours[0], peer).verdict].format(name=ours[0])
            sentences.append(f"{text}; {how}.")
    return sentences


def _library(trial: Trial) -> str:
    """Of a peer; ours on ranks are told what their MPI is, too."""
    return "" if ranks_of(trial) else str(trial.attrs.get("library", ""))


_LEARNS = {
    LearningVerdict.SAME: "{name} learns the same",
    LearningVerdict.DIFFERENT: "{name} learns something else",
    LearningVerdict.CANNOT_TELL: "whether {name} learns the same cannot be told",
}


def learning(trials: Collection, condition: str) -> list[str]:
    """Against the baseline, arms of one verdict and reason together."""
    baseline = trials.baseline(condition)
    found: dict[tuple[LearningVerdict, bool, str], dict[str, Learning]] = {}
    for arm in trials.arms(condition):
        if arm != baseline:
            how = learned(trials, condition, arm, baseline)
            found.setdefault((how.verdict, how.worse, how.because), {})[arm] = how
    order = list(LearningVerdict)
    return [_learning_sentence(arms, baseline, trials.margins)
            for _, arms in sorted(found.items(), key=lambda entry: order.index(entry[0][0]))]  # fmt: skip


def _learning_sentence(arms: dict[str, Learning], baseline: str, margins: Margins) -> str:
    how = next(iter(arms.values()))
    names, learn = listed(list(arms)), "learns" if len(arms) == 1 else "learn"
    reason = how.because.replace("_", " ").replace("train ", "training ")
    detail = _learning_detail(list(arms.values()), margins)
    detail = f" ({detail})" if detail else ""
    if how.verdict is LearningVerdict.SAME:
        return f"{names} {learn} the same as {baseline}: {reason}{detail}."
    if how.verdict is LearningVerdict.DIFFERENT:
        return f"{names} {learn} something else than {baseline}: {reason}{detail}."
    advice = "; several seeds would tell (sweep.seed = 1,2,3)" if len(how.seeds) == 1 else ""
    return f"Whether {names} {learn} the same as {baseline} cannot be told: {reason}{detail}{advice}."


def _learning_detail(found: list[Learning], margins: Margins) -> str:
    """What arms of the same verdict have in common, in ranges."""
    if found[0].because == "identical":
        return "every loss, to the bit"
    tolerance = percent_text(margins.loss_tolerance)
    partings = [parting for how in found for parting in how.partings]
    steps = [parting.step for parting in partings if parting.step is not None]
    parts = []
    if steps:
        parts.append(f"curves within {tolerance} of each other until step {_span(steps, 'd')}")
    elif all(parting.known for parting in partings):
        parts.append(f"every step's loss stays within {tolerance}, to the end")
    # The metric that the verdict names, else the first that another verdict could have come from.
    named = [metric for how in found for metric in how.metrics if how.because.startswith(metric.name)]
    metrics = named or [metric for how in found for metric in how.metrics if metric.name == how.metrics[0].name]
    if metrics:
        name = metrics[0].name.replace("_", " ").replace("train ", "training ")
        text = f"{name} {_span([metric.value for metric in metrics], '.4g')} against {metrics[0].reference:.4g}"
        widest = max(metrics, key=lambda metric: abs(metric.difference.value))
        if widest.difference.has_interval:
            text += f"; the largest mean difference, paired by seed, is {signed_text(widest.difference)}"
            text += f", the margin {widest.margin:.2g}"
        parts.append(text)
    return "; ".join(parts)


def _span(values: list[float], form: str) -> str:
    low, high = format(min(values), form), format(max(values), form)
    return low if low == high else f"{low} to {high}"


def threads(trials: Collection, condition: str) -> list[str]:
    own = trials.timed[trials.timed["condition"] == condition]
    sentences = []
    for _, rows in own.groupby(["variant", "file"], sort=False):
        arms = rows.drop_duplicates("threads").sort_values("threads")["arm"].tolist()
        if len(arms) > 1:
            comparison = trials.compare(condition, arms[-1], arms[0])
            sentences.append(f"{compared(arms[-1], arms[0], comparison, trials.margins.speed)}.")
    return sentences


def target(trials: Collection, condition: str) -> list[str]:
    wanted = target_of(trials, condition)
    if wanted is None:
        return []
    times = {arm: times_to_target(trials, condition, arm) for arm in trials.arms(condition)}
    ranked = sorted((arm for arm in times if math.isfinite(times[arm].median)), key=lambda arm: times[arm].median)
    missed = [arm for arm in times if arm not in ranked]
    name = f"{wanted[0].replace('_', ' ')} {wanted[1]:g}"
    if not ranked:
        some = [f"{arm} with {_seeds(times[arm])}" for arm in missed if times[arm].reached]
        return [f"Nobody reached {name} with more than half of the seeds: {listed(some)} did." if some
                else f"Nobody reached {name}."]  # fmt: skip
    by = ", ".join(_time_text(arm, times[arm]) for arm in ranked[1:])
    first = times[ranked[0]]
    before_others = " first" if len(times) > 1 else ""
    sentence = f"{ranked[0]} reached {name}{before_others}, after {seconds_text(first.median)} of training"
    sentence += f" ({_seeds(first)})" if _is_median(first) else ""
    sentence += f"; then {by}" if by else ""
    for arm in missed:
        sentence += f"; {arm} did not" + (f" but with {_seeds(times[arm])}" if times[arm].reached else "")
    medians = " Times are medians over the seeds; not reached is later than any." if any(
        len(of.seconds) > 1 for of in times.values()) else ""  # fmt: skip
    return [f"{sentence}. (Evaluations are the only times at which it can be seen.{medians})"]


def _time_text(arm: str, times: TimesToTarget) -> str:
    return f"{arm} {seconds_text(times.median)}" + (f" ({_seeds(times)})" if _is_median(times) else "")


def _is_median(times: TimesToTarget) -> bool:
    """Whether a seed did not reach it, which the reader has to know."""
    return len(times.reached) < len(times.seconds)


def _seeds(times: TimesToTarget) -> str:
    return f"{len(times.reached)} of {len(times.seconds)} seeds"


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
                     "a smaller difference cannot be told from noise."]  # fmt: skip
    else:
        sentences = ["How much noise alone would change is not known: there is no A/A twin with enough rounds."]
    sentences += _disturbances(trials, condition)
    errors = pandas.Series([worst_gradient_error(trials, row) for _, row in timed.iterrows()], timed["id"], dtype=float)
    if errors.notna().any():
        sentences.append(f"Gradients were checked before timing; the worst tensor was {errors.max():.1e} from the "
                         f"reference ({errors.idxmax()}).")  # fmt: skip
    if errors.isna().any():
        sentences.append(f"Not checked at the gate: {listed_groups(list(dict.fromkeys(errors.index[errors.isna()])))}.")
    broken = [row["id"] for _, row in timed.iterrows() if same_bits(trials, row) is False]
    if broken:
        sentences.append(f"{listed(broken)} promised the same bits on every number of threads and broke the promise.")
    for _, row in rows[rows["status"].isin(["failed", "diverged", "interrupted"])].iterrows():
        message = str(trials.trial(row).attrs.get("message", "")).removesuffix(".")
        sentences.append(f"{row['id']} {row['status']}: {message}.")
    return sentences


def _disturbances(trials: Collection, condition: str) -> list[str]:
    hit, blocks = trials.of_condition(condition).disturbed_blocks()
    if blocks == 0:
        return []
    if hit == 0:
        return [f"The noise watch saw none of {blocks} blocks disturbed."]
    return [f"The noise watch saw {hit} of {blocks} blocks disturbed; `stepbench doctor` says what to do about it."]
