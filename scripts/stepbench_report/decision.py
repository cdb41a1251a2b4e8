"""The report's first screen, in three sentences: who is fastest, whether all learned the same, what could spoil it."""

import math
from collections import Counter

from stepbench_report.collection import Collection, Comparison
from stepbench_report.learned import Learning, LearningVerdict, learned
from stepbench_report.speed_verdict import Verdict, speed_verdict
from stepbench_report.verdicts import compared
from stepbench_report.words import listed, percent_text, times_text

_MOST_NAMED = 3  # of what could be listed by the hundred


def decision(trials: Collection) -> list[str]:
    if not trials.conditions:
        return ["Nothing was timed.", "Whether all learned the same was not asked.", _spoilers(trials)]
    return [_fastest(trials), _learned(trials), _spoilers(trials)]


def _leader(trials: Collection, condition: str) -> tuple[str, Comparison] | None:
    """The fastest arm, and how it is held against the baseline, or against the next where it is the baseline itself."""
    arms, baseline = trials.arms(condition), trials.baseline(condition)
    if len(arms) < 2:
        return None
    against = {arm: trials.compare(condition, arm, baseline) for arm in arms if arm != baseline}
    first = max(against, key=lambda arm: against[arm].ratio.value)
    if against[first].ratio.value > 1:
        return first, against[first]
    return baseline, trials.compare(condition, baseline, first)


def _fastest(trials: Collection) -> str:
    leaders = {condition: _leader(trials, condition) for condition in trials.conditions}
    leaders = {condition: leader for condition, leader in leaders.items() if leader is not None}
    if not leaders:
        return "There is nothing to compare: one trial was timed."
    if len(leaders) == 1:
        [(condition, (first, against))] = leaders.items()
        baseline = trials.baseline(condition)
        other = baseline if first != baseline else "the next"
        said = compared(first, other, against, trials.margins.speed)
        return f"{said}; none of {len(trials.arms(condition))} ran faster."
    wins = Counter(first for first, _ in leaders.values())
    most, count = wins.most_common(1)[0]
    ratios = {condition: against for condition, (first, against) in leaders.items() if first == most}
    least, best = (pick(ratios, key=lambda condition: ratios[condition].ratio.value) for pick in (min, max))
    told = sum(speed_verdict(of.evidence, trials.margins.speed) is Verdict.FASTER for of in ratios.values())
    others = [f"{arm} in {times}" for arm, times in wins.most_common()[1 : 1 + _MOST_NAMED]]
    more = len(wins) - 1 - len(others)
    rest = f"; {listed([*others, *([f'{more} more'] if more else [])])}" if others else ""
    return (f"{most} is the fastest in {count} of {len(leaders)} settings, in {told} of them beyond interval and noise floor: "
            f"from {times_text(ratios[least].ratio)} ({least}) to {times_text(ratios[best].ratio)} ({best}) the speed of "
            f"{_rival(trials, best, most)}{rest}.")  # fmt: skip


def _rival(trials: Collection, condition: str, first: str) -> str:
    baselines = {trials.baseline(of) for of in trials.conditions}
    if first in baselines:
        return "the next"
    return f"the baseline {trials.baseline(condition)}" if len(baselines) == 1 else "the baseline"


def _learned(trials: Collection) -> str:
    found: dict[tuple[str, str], Learning] = {}
    for condition in trials.conditions:
        baseline = trials.baseline(condition)
        for arm in trials.arms(condition):
            if arm != baseline:
                found[condition, arm] = learned(trials, condition, arm, baseline)
    if not found:
        return "There is nothing to compare what was learned with."
    counts = Counter(how.verdict for how in found.values())
    same, different, unclear = (counts[verdict] for verdict in
                                (LearningVerdict.SAME, LearningVerdict.DIFFERENT, LearningVerdict.CANNOT_TELL))  # fmt: skip
    if same == len(found):
        return f"All learned the same as the baseline ({len(found)} compared)."
    if unclear == len(found):
        return f"Whether any of {unclear} learned the same as the baseline cannot be told{_example(found, LearningVerdict.CANNOT_TELL)}."
    parts = [f"{same} learned the same as the baseline"] if same else []
    if different:
        parts.append(f"{different} learned something else{_example(found, LearningVerdict.DIFFERENT)}")
    if unclear:
        parts.append(f"of {unclear} it cannot be told{_example(found, LearningVerdict.CANNOT_TELL)}")
    return f"Of {len(found)} compared, {listed(parts)}."


def _example(found: dict[tuple[str, str], Learning], verdict: LearningVerdict) -> str:
    """The first of that verdict, and why."""
    (condition, arm), how = next(of for of in found.items() if of[1].verdict is verdict)
    name = f"{arm}, {condition}" if condition else arm
    because = how.because.replace("_", " ").replace("train ", "training ")
    one = verdict is LearningVerdict.CANNOT_TELL and all(len(of.seeds) == 1 for of in found.values())
    return f" ({name}: {because}{'; several seeds would tell' if one else ''})"


def _spoilers(trials: Collection) -> str:
    """Noise, disturbed blocks, what did not finish, machines that were mixed."""
    floors = [floor for floor in map(trials.noise_floor, trials.conditions) if not math.isnan(floor)]
    parts = [f"noise alone makes up to {percent_text(max(floors))} (the baseline against its twin)" if floors
             else "how much noise alone makes is not known (no twin with enough rounds)"]  # fmt: skip
    hit, blocks = trials.disturbed_blocks()
    if hit:
        parts.append(f"{hit} of {blocks} blocks were disturbed")
    unfinished = trials.trials[trials.trials["status"].isin(["failed", "diverged", "interrupted"])]
    if len(unfinished):
        names = unfinished["id"].tolist()
        more = len(names) - _MOST_NAMED
        named = listed([*names[:_MOST_NAMED], *([f"{more} more"] if more > 0 else [])])
        parts.append(f"{len(names)} of {len(trials.trials)} trials did not complete ({named})")
    cut = [results.path.name for results in trials.files if results.status == "interrupted"]
    if cut:
        parts.append(f"{listed(cut)} {'is' if len(cut) == 1 else 'are'} of a run that was interrupted")
    mixed = [results.path.name for results in trials.files if len(results.machines) > 1]
    if mixed:
        parts.append(f"groups of {listed(mixed)} ran on different machines")
    return f"What could spoil it: {'; '.join(parts)}."
