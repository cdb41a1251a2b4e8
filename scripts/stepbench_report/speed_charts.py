"""Charts of time: speed, phases, scaling with threads and batches, percent of peak, and the noise over the rounds."""

import math

import pandas

from stepbench_report.chart import (DASHED, DASHES, Absent, Chart, Panel, Reference, Series, Style, Styles,
                                    drawn_conditions, left_out_note, with_arms)  # fmt: skip
from stepbench_report.collection import Collection, counted_phases
from stepbench_report.speed_verdict import speed_verdict
from stepbench_report.words import percent_text
from stepbench_statistics import Estimate, geometric_mean


def rate_unit(trials: Collection) -> str:
    timed = trials.timed["tokens_per_second"]
    return "tokens/s" if len(timed) > 0 and timed.notna().all() else "samples/s"


def _rate_per_step(trials: Collection, row: pandas.Series) -> float:
    """Samples or tokens of a full batch."""
    column = "tokens_per_second" if rate_unit(trials) == "tokens/s" else "samples_per_second"
    return float(row[column] * row["step_time"])


def arm_rate(trials: Collection, condition: str, arm: str) -> Estimate:
    """Samples or tokens per second, the rounds' geometric mean, as in the table; low and high: their middle half."""
    rows = trials.rows(condition, arm)
    work = _rate_per_step(trials, rows.iloc[0])
    times = trials.step_times(condition, arm).dropna()
    if len(times) < 2:
        return Estimate(work / geometric_mean(rows["step_time"]).value)
    value = work / geometric_mean(times).value
    low, high = work / times.quantile(0.75), work / times.quantile(0.25)
    return Estimate(value, min(low, value), max(high, value), len(times))


def row_name(condition: str, arm: str) -> str:
    return f"{arm}\n{condition}" if condition else arm


def speed(trials: Collection, styles: Styles) -> Chart | Absent:
    title = "Speed"
    arms = with_arms(trials, drawn_conditions(trials))
    if not arms:
        return Absent("speed", title, "no trial was timed")
    names = [row_name(*arm) for arm in arms]
    rates, ratios, lines = [], [], []
    for place, (condition, arm) in enumerate(arms):
        rate, baseline = arm_rate(trials, condition, arm), trials.baseline(condition)
        is_baseline = arm == baseline
        against = trials.compare(condition, arm, baseline)
        ratio = Estimate(1.0) if is_baseline else against.ratio
        rates.append(Series("", styles[arm], [rate.value], [place], [rate.low], [rate.high], True, False))
        ratios.append(Series("", styles[arm], [ratio.value], [place], [ratio.low], [ratio.high], True, False))
        verdict = speed_verdict(against.evidence, trials.margins.speed)
        lines.append([condition, arm, rate.value, rate.low, rate.high, ratio.value, ratio.low, ratio.high,
                      "baseline" if is_baseline else "by round" if against.paired else "unpaired",
                      "baseline" if is_baseline else verdict.value])  # fmt: skip
    unit = rate_unit(trials)
    references = [Reference("as fast as the baseline", 1.0)]
    floors = [floor for floor in map(trials.noise_floor, drawn_conditions(trials)) if math.isfinite(floor)]
    if floors:
        references.append(Reference("noise floor", 1 / (1 + max(floors)), 1 + max(floors)))
    columns = ["setting", "trial", unit, f"{unit} low", f"{unit} high", "ratio", "ratio low", "ratio high", "pairing",
               "verdict"]  # fmt: skip
    table = pandas.DataFrame(lines, columns=columns)
    caption = (
        "First: throughput, the geometric mean of the rounds; the bar is their middle half. Then: speed relative to the "
        "baseline with its 95 % interval, paired by round, which cancels what hits both alike: the comparison to trust. "
        f"Two speeds are the same when interval and noise floor lie within {percent_text(trials.margins.speed)}."
    )
    panels = [
        Panel(unit, unit, "", rates, from_zero=True, rows=names),
        Panel("Speed relative to the baseline", "times as fast", "", ratios, x_log=True, rows=names,
              references=references),
    ]
    return Chart("speed", title, caption + left_out_note(trials), panels, table)


_PHASE_STYLES = [Style(0), Style(4), Style(1), Style(3), Style(2), Style(7)]


def phases(trials: Collection, styles: Styles) -> Chart | Absent:
    title = "Where a step's time goes"
    medians: dict[str, pandas.Series] = {}
    for condition, arm in with_arms(trials, drawn_conditions(trials)):
        times = counted_phases(trials.trial(trials.row(condition, arm)))
        if not times.empty:
            medians[row_name(condition, arm)] = times.median() * 1e3
    if not medians:
        return Absent("phases", title, "no steps were recorded (record.steps = false)")
    table = pandas.DataFrame(medians).T.fillna(0.0)
    table = table.loc[:, (table > 0).any()]
    names, places = list(table.index), list(range(len(table)))
    shares = table.div(table.sum(axis=1), axis=0) * 100

    def stack(values: pandas.DataFrame) -> list[Series]:
        return [
            Series(phase, _PHASE_STYLES[i % len(_PHASE_STYLES)], values[phase].tolist(), places)
            for i, phase in enumerate(values.columns)
        ]

    caption = (
        "Medians over the steps that count, of the first seed. Left in milliseconds, right as shares, as the slowest "
        "backend dwarfs the others. “rest” is what no phase took: gathering the batch, mostly."
    )
    panels = [
        Panel("Per step", "ms per step", "", stack(table), from_zero=True, rows=names, stacked=True),
        Panel("Share", "% of the step", "", stack(shares), from_zero=True, rows=names, stacked=True),
    ]
    shown = table.rename(columns=lambda phase: f"{phase} (ms)").rename_axis("trial").reset_index()
    shown["trial"] = shown["trial"].str.replace("\n", ", ")
    return Chart("phases", title, caption + left_out_note(trials), panels, shown)


def prediction(trials: Collection, arms: pandas.DataFrame) -> pandas.Series:
    """Speed by number of cores, relative to the arm's fewest threads, from the most that it was measured on, and that the
    machine has cores for, on; empty where none is stored, as in files from before."""
    stored = (trials.trial(row).scaling["predicted_speedup"] for _, row in arms.iterrows())
    speeds = next((own for own in stored if not own.empty), pandas.Series(dtype=float))
    speeds = pandas.concat([pandas.Series({1: 1.0}), speeds[speeds.index > 1]]) if not speeds.empty else speeds
    fewest = arms["threads"].min()
    if fewest not in speeds.index:
        return pandas.Series(dtype=float)
    cores = trials.cores(arms.iloc[0])
    measured = arms["threads"][arms["threads"] <= cores].max() if (arms["threads"] <= cores).any() else fewest
    beyond = speeds[speeds.index >= measured] / speeds[fewest]
    return beyond if (beyond.index > measured).any() else pandas.Series(dtype=float)


def _speeds_over_fewest(trials: Collection, condition: str, arms: pandas.DataFrame) -> list[Estimate]:
    """Of the arms, the one that is to be 1 first."""
    first = arms["arm"].iloc[0]
    return [Estimate(1.0) if arm == first else trials.compare(condition, arm, first).ratio for arm in arms["arm"]]


def _measured(label: str, style: Style, counts: list[int], speeds: list[Estimate]) -> Series:
    values, low, high = ([getattr(speed, name) for speed in speeds] for name in ("value", "low", "high"))
    return Series(label, style, counts, values, low, high, True)


def _ideal(series: list[Series]) -> Series:
    every = sorted({count for one in series for count in one.x})
    return Series("ideal", Style(-1, DASHED), every, [count / every[0] for count in every])


def threads(trials: Collection, styles: Styles) -> Chart | Absent:
    title = "Scaling with threads"
    panels, lines = [], []
    predicted = False
    for condition in drawn_conditions(trials):
        series: list[Series] = []
        predictions: list[Series] = []
        own = trials.timed[trials.timed["condition"] == condition]
        for (variant, file), rows in own.groupby(["variant", "file"], sort=False):
            arms = rows.drop_duplicates("threads").sort_values("threads")
            if len(arms) < 2:
                continue
            estimates = _speeds_over_fewest(trials, condition, arms)
            counts = arms["threads"].tolist()
            label = variant if own.groupby("variant")["file"].nunique()[variant] == 1 else f"{variant} in {file}"
            colour = styles[arms["arm"].iloc[0]].colour
            series.append(_measured(label, Style(colour, DASHES * len(series)), counts, estimates))
            for count, estimate in zip(counts, estimates, strict=True):
                ideal = count / counts[0]
                lines.append([condition, label, count, estimate.value, estimate.low, estimate.high, ideal])
            beyond = prediction(trials, arms)
            if beyond.empty:
                continue
            cores = beyond.index.tolist()
            predictions.append(Series(f"{label}, predicted", Style(colour, DASHED), cores, beyond.tolist()))
            lines += [[condition, f"{label}, predicted", count, speed, math.nan, math.nan, count / counts[0]]
                      for count, speed in beyond.items()]  # fmt: skip
        if series:
            series += predictions
            series.append(_ideal(series))
            fewest = min(series[-1].x)
            label = f"speed relative to {fewest} thread{'s' if fewest > 1 else ''}"
            far = bool(predictions)  # to 128 cores, where a linear axis would leave the measured points a corner
            predicted = predicted or far
            panels.append(Panel(condition, "threads", label, series, x_log=far, y_log=far, from_zero=not far,
                                integer_x=True))  # fmt: skip
    if not panels:
        return Absent("threads", title, "every backend ran with one number of threads only (sweep.threads = 1,2)")
    table = pandas.DataFrame(lines, columns=["setting", "backend", "threads", "speed", "low", "high", "ideal"])
    caption = "Speed relative to the same backend with the fewest threads, paired by round, with 95 % intervals."
    if predicted:
        caption += (" Dashed beyond them: what a greedy schedule of the step's tasks, as one core took them, predicts for "
                    "so many cores.")  # fmt: skip
    return Chart("threads", title, caption + left_out_note(trials), panels, table)


def ranks(trials: Collection, styles: Styles) -> Chart | Absent:
    title = "Scaling with ranks"
    panels, lines = [], []
    for condition in drawn_conditions(trials):
        own = trials.timed[(trials.timed["condition"] == condition) & (trials.timed["ranks"] > 0)]
        series: list[Series] = []
        for (name, each, _), rows in own.groupby(["on_any_ranks", "threads", "file"], sort=False):
            arms = rows.drop_duplicates("ranks").sort_values("ranks")
            if len(arms) < 2:
                continue
            estimates = _speeds_over_fewest(trials, condition, arms)
            counts = arms["ranks"].tolist()
            label = f"{name}, {each} thread{'s' if each > 1 else ''} each"
            style = Style(styles[arms["arm"].iloc[0]].colour, DASHES * len(series))
            series.append(_measured(label, style, counts, estimates))
            for count, estimate in zip(counts, estimates, strict=True):
                ideal = count / counts[0]
                lines.append([condition, label, count, estimate.value, estimate.low, estimate.high, ideal,
                              100 * estimate.value / ideal])  # fmt: skip
        if series:
            series.append(_ideal(series))
            fewest = min(series[-1].x)
            label = f"speed relative to {fewest} rank{'s' if fewest > 1 else ''}"
            panels.append(Panel(condition, "ranks", label, series, from_zero=True, integer_x=True))
    if not panels:
        return Absent("ranks", title, "nothing ran on several numbers of ranks (sweep.ranks = 1,2,4)")
    columns = ["setting", "backend", "ranks", "speed", "low", "high", "ideal", "efficiency (%)"]
    caption = ("Speed relative to the same backend on the fewest ranks, with as many threads each, paired by round, with "
               "95 % intervals. Efficiency: of the ideal.")  # fmt: skip
    return Chart("ranks", title, caption + left_out_note(trials), panels, pandas.DataFrame(lines, columns=columns))


def batch(trials: Collection, styles: Styles) -> Chart | Absent:
    title = "Scaling with the batch"
    settings = {row["condition"]: _without_batch(row["condition"]) for _, row in trials.timed.iterrows()}
    panels, lines, unit = [], [], rate_unit(trials)
    for rest in list(dict.fromkeys(settings.values())):
        own = trials.timed[trials.timed["condition"].map(settings) == rest]
        series: list[Series] = []
        for arm in dict.fromkeys(own["arm"]):
            rows = own[own["arm"] == arm].drop_duplicates("batch_size").sort_values("batch_size")
            if len(rows) < 2:
                continue
            rates = [arm_rate(trials, row["condition"], arm) for _, row in rows.iterrows()]
            sizes = rows["batch_size"].tolist()
            values, low, high = ([getattr(rate, name) for rate in rates] for name in ("value", "low", "high"))
            series.append(Series(arm, styles[arm], sizes, values, low, high, True))
            lines += [[rest, arm, size, r.value, r.low, r.high] for size, r in zip(sizes, rates, strict=True)]
        if not series:
            continue
        first = own.iloc[0]
        sizes = sorted(set(own["batch_size"]))
        peak = _machine_best(trials, own, "peak_gflops")
        if math.isfinite(peak):
            limit = peak * 1e9 / float(first["flops_per_step"]) * _rate_per_step(trials, first)
            series.append(Series("ideal: all cores at their peak", Style(-1, 1), sizes, [limit] * len(sizes)))
            lines += [[rest, "ideal: all cores at their peak", size, limit, math.nan, math.nan] for size in sizes]
        panels.append(Panel(rest, "batch size", unit, series, x_log=True, y_log=True, integer_x=True))
    if not panels:
        return Absent("batch", title, "there is one batch size only (sweep.training.batch_size = 32,128)")
    table = pandas.DataFrame(lines, columns=["setting", "trial", "batch size", unit, "low", "high"])
    caption = (
        "Throughput, the geometric mean of the rounds, with the middle half of the rounds, on logarithmic axes. The ideal is the FMA "
        "peak of all cores, the best of the rounds."
    )
    return Chart("batch", title, caption, panels, table)


def _machine_best(trials: Collection, rows: pandas.DataFrame, column: str) -> float:
    """GFLOP/s, the best that was taken in the rounds of these trials; NaN: not taken."""
    best = [trials.rounds(row)[column].max() for _, row in rows.iterrows() if not trials.rounds(row).empty]
    return float(pandas.Series(best, dtype=float).max())


def _without_batch(condition: str) -> str:
    return ", ".join(part for part in condition.split(", ") if not part.startswith("batch size "))


def peak(trials: Collection, styles: Styles) -> Chart | Absent:
    title = "Percent of the machine's peak"
    rows = trials.timed[trials.timed["percent_of_peak"].notna()]
    arms = [arm for arm in with_arms(trials, drawn_conditions(trials))
            if ((rows["condition"] == arm[0]) & (rows["arm"] == arm[1])).any()]  # fmt: skip
    if not arms:
        return Absent("peak", title, "the files hold no percent of peak")
    series, lines = [], []
    for place, (condition, arm) in enumerate(arms):
        own = trials.rows(condition, arm)
        value, gflops = float(own["percent_of_peak"].median()), float(own["gflops"].median())
        series.append(Series("", styles[arm], [value], [place], [0.0], [value], True, False))
        lines.append([condition, arm, gflops, value])
    references = [Reference("FMA peak", 100.0)]
    gemm, fma = (_machine_best(trials, rows, column) for column in ("gemm_gflops", "peak_gflops"))
    if math.isfinite(gemm / fma):
        references.append(Reference("a large matrix product on all cores", 100 * gemm / fma))
    table = pandas.DataFrame(lines, columns=["setting", "trial", "GFLOP/s", "% of peak"])
    caption = (
        "Matrix products only, against a register-only multiply-add loop on as many cores as the trial has threads, "
        "the best of the rounds."
    )
    panel = Panel("", "% of FMA peak", "", series, from_zero=True, rows=[row_name(*arm) for arm in arms],
                  references=references)  # fmt: skip
    return Chart("peak", title, caption + left_out_note(trials), [panel], table, columns=1)


# core/results/trial_record.hpp's Disturbance.
_DISTURBANCES = {1: "stolen time", 2: "waited for a core", 4: "involuntary switches", 8: "slow sentinel"}


def _disturbance(bits: float) -> str:
    if math.isnan(bits):
        return "not watched"
    return ", ".join(text for bit, text in _DISTURBANCES.items() if int(bits) & bit)


def first_rounds_of_processes(rounds: pandas.DataFrame) -> list[int]:
    """Of all but the first of `run --repeat`."""
    step = rounds.sort_values("round").groupby("trial")["process"].diff()
    return sorted(set(rounds.loc[step[step > 0].index, "round"]))


def first_rounds_after_restart(rounds: pandas.DataFrame) -> list[int]:
    """Those that began a new segment in some trial, but for that which a process begins with."""
    step = rounds.sort_values("round").groupby("trial")["segment"].diff()
    return sorted(set(rounds.loc[step[step > 0].index, "round"]) - set(first_rounds_of_processes(rounds)))


def noise(trials: Collection, styles: Styles) -> Chart | Absent:
    """A panel per group: each trial's round over its own median, its twin, and the machine's peak."""
    title = "Noise over the rounds"
    panels, lines, restarts, processes = [], [], [], []
    for condition in drawn_conditions(trials):
        first = trials.timed[trials.timed["condition"] == condition].drop_duplicates("file")
        for _, start in first.iterrows():
            rounds = trials.rounds(start)
            if rounds.empty or rounds["round"].nunique() < 2:
                continue
            own = trials.timed[(trials.timed["file"] == start["file"]) & (trials.timed["group"] == start["group"])]
            arms = dict(zip(own["id"], own["arm"], strict=True))
            series: list[Series] = []
            marked_x: list[float] = []
            marked_y: list[float] = []
            for trial, part in rounds.groupby("trial", sort=False):
                arm = arms.get(trial.removesuffix("~twin"))
                if arm is None or part["step_time"].isna().all():
                    continue
                twin = bool(part["twin"].iloc[0])
                relative = part["step_time"] / part.groupby("segment")["step_time"].transform("median")
                label = f"{arm}, again (A/A)" if twin else arm
                style = Style(styles[arm].colour, 3) if twin else styles[arm]
                series.append(Series(label, style, part["round"].tolist(), relative.tolist(), marked=True))
                hit = part["disturbed"].fillna(0) > 0
                marked_x += part["round"][hit].tolist()
                marked_y += relative[hit].tolist()
                for number, value, bits in zip(part["round"], relative, part["disturbed"], strict=True):
                    lines.append([condition, label, number, value, _disturbance(bits)])
            if marked_x:
                series.append(Series("disturbed", Style(-1), marked_x, marked_y, marked=True, line=False, ring=True))
            peaks = rounds.drop_duplicates("round").dropna(subset="peak_gflops")
            if len(peaks) > 0:
                best = peaks["peak_gflops"] / peaks["peak_gflops"].max()
                series.append(Series("machine's peak / its best", Style(-1, 1), peaks["round"].tolist(), best.tolist(),
                                     marked=True))  # fmt: skip
            restarts += first_rounds_after_restart(rounds)
            processes += first_rounds_of_processes(rounds)
            panels.append(Panel(condition, "round", "step time / own median", series, y_log=True, integer_x=True,
                                references=[Reference("", 1.0)]))  # fmt: skip
    if not panels:
        return Absent("noise", title, "no trial was measured in two rounds or more")
    table = pandas.DataFrame(lines, columns=["setting", "trial", "round", "step time / median", "disturbed"])
    caption = (
        "Each trial's median step of a round over its median round: flat at 1 is a quiet machine, lines that rise "
        "together are a disturbance that hit all alike and cancels in the paired ratios. "
    )
    has_twin = any("(A/A)" in one.label for panel in panels for one in panel.series)
    caption += "The baseline runs twice per round; the two lines differ by noise alone." if has_twin else (
        "There is no A/A twin in this file: the noise floor is not known.")  # fmt: skip
    ringed = any(one.ring for panel in panels for one in panel.series)
    caption += " Rings: the noise watch saw that block disturbed." if ringed else ""
    if restarts:
        caption += (
            f" The run went on from a checkpoint before round {', '.join(map(str, restarts))}; a round is held against the "
            "median of those between two restarts."
        )
    if processes:
        caption += (
            f" Other processes began with round {', '.join(map(str, sorted(set(processes))))}; a round is held against the "
            "median of its process."
        )
    return Chart("noise", title, caption + left_out_note(trials), panels, table, columns=1 if len(panels) == 1 else 2)
