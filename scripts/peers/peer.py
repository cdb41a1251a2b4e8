"""What the peers have in common: the command line, the settings that each gets the best of, and what is recorded.

A peer trains the network of a stepbench trial in another library: same data, same initial parameters, same order of
samples, same optimiser. Every number of threads and every setting of the environment is measured in a process of its
own, and for each number of threads the best setting is recorded. A peer whose first losses are not those of the trial
gets no times.

Not here: the networks (one script per peer), their training (training.py), files (peer_files.py). Peers run one after
the other and alone: they are not paired with the backends, and the file says so.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import peer_files  # before what it finds the folder of
import stepbench_results
import stepbench_script
from peer_files import Data, InputProblem, OutputProblem, PeerTrial, Reference, np, refuse
from stepbench_results import Results, ResultsError
from training import Network, Plan, flush_denormals, thread_run_times, threads_that_worked, train

REPOSITORY = Path(__file__).resolve().parents[2]
CHECKED_STEPS = 10
# Relative, of the losses of the first steps. float32 adds rounding, which training amplifies; float64 does too, less.
LOSS_TOLERANCE = {"float32": 1e-3, "float64": 1e-9}


@dataclass(frozen=True)
class Peer:
    name: str
    describe: Callable[[], str]  # library and version
    unsupported: Callable[[dict[str, object]], str]  # why it cannot train a trial of these settings; empty: it can
    make: Callable[[Reference, Data, int], Network]  # int: threads
    most_threads: int = 0  # 0: any
    openmp: bool = False  # runs on OpenMP: takes OpenBLAS's OpenMP build
    settings: tuple[dict[str, str], ...] = ({},)  # of environment variables; it gets the best of them


def blas_description() -> str:
    """What OpenBLAS of this process says of itself, with the kernels that run."""
    libraries = re.findall(r"(/\S*openblas\S*\.so\S*)", Path("/proc/self/maps").read_text())
    if not libraries:
        return "no OpenBLAS found"
    library = ctypes.CDLL(libraries[-1])
    library.openblas_get_config.restype = ctypes.c_char_p
    return library.openblas_get_config().decode()


def measure(peer: Peer, job: dict) -> None:
    """In a process of its own: trains one trial with one setting and leaves what was recorded in a file."""
    flush_denormals()
    [reference] = peer_files.read_references(Path(job["file"]), job["trial"])
    data = peer_files.read_data(Path(job["data"]))
    plan = Plan(reference, data, job["steps"])
    network = peer.make(reference, data, job["threads"])
    before = thread_run_times()
    series = train(network, plan, data)
    observed = threads_that_worked(before, thread_run_times(), job["threads"])
    parameters = {f"parameters/{name}": values for name, values in network.parameters().items()}
    library = f"{peer.describe()}; {blas_description()}"
    np.savez(job["output"], threads_observed=observed, library=library, **series, **parameters)


def openmp_blas() -> str:
    """The folder of Debian's OpenBLAS on OpenMP; empty where it is not installed."""
    return next((str(path.parent) for path in Path("/usr/lib").glob("*/openblas-openmp/libblas.so.3")), "")


def child_environment(peer: Peer, threads: int, setting: dict[str, str], core: str) -> dict[str, str]:
    environment = os.environ | setting
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        environment[variable] = str(threads)
    if core and "OPENBLAS_CORETYPE" not in os.environ:
        # In float and double their kernels are SkylakeX's, and that name every OpenBLAS takes.
        environment["OPENBLAS_CORETYPE"] = "SkylakeX" if core in ("Cooperlake", "SapphireRapids") else core
    if peer.openmp and openmp_blas():
        environment["LD_LIBRARY_PATH"] = ":".join(filter(None, [openmp_blas(), os.environ.get("LD_LIBRARY_PATH")]))
    return environment


def run_child(peer: Peer, job: dict, environment: dict[str, str], folder: Path) -> dict[str, np.ndarray]:
    job = job | {"output": str(folder / "measured.npz")}
    (folder / "job.json").write_text(json.dumps(job))
    command = [sys.executable, sys.argv[0], "--measure", str(folder / "job.json")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise OutputProblem(f"{peer.name} failed on {job['trial']}: {reason}")
    with np.load(job["output"]) as arrays:
        return {name: arrays[name] for name in arrays.files}


def median_step_time(plan: Plan, measured: dict[str, np.ndarray]) -> tuple[float, float, float]:
    """Median, median absolute deviation and interquartile range over the steps that count; NaN where none does."""
    wall = measured["steps/wall_time"]
    times = wall[[plan.counts(step) for step in range(len(wall))]]
    if len(times) == 0:
        return math.nan, math.nan, math.nan
    middle = float(np.median(times))
    return middle, float(np.median(np.abs(times - middle))), float(np.subtract(*np.percentile(times, [75, 25])))


def loss_difference(reference: Reference, losses: np.ndarray) -> float:
    """The largest relative difference of the first losses; NaN where one is."""
    count = min(CHECKED_STEPS, len(losses), len(reference.losses))
    expected = reference.losses[:count]
    return float(np.max(np.abs(losses[:count] - expected) / np.abs(expected)))


def summary_number(results: Results, trial: str, column: str) -> float:
    return float(results.summary_column(column)[list(results.summary_column("id")).index(trial)])


def peak_of(results: Results, reference: Reference, threads: int) -> float:
    """GFLOP/s of the FMA peak that the file's trials of the group with as many threads were held against (the same
    precision); else, for float32, what its environment has."""
    for trial in map(results.trial, results.trials):
        if trial.group == reference.group and trial.attrs["threads"] == threads:
            percent = summary_number(results, trial.id, "percent_of_peak")
            if percent > 0:
                return 100 * summary_number(results, trial.id, "gflops") / percent
    if reference.scalar is not np.float32:
        return math.nan
    return float(results.environment.get("peak_gflops_1" if threads == 1 else "peak_gflops_all", math.nan))


def time_to_target(settings: dict[str, object], measured: dict[str, np.ndarray]) -> float:
    target = re.fullmatch(r"(\w+)\s*([<>]=)\s*(\S+)", str(settings.get("training.target", "")))
    if not target:
        return math.nan
    values, bound = measured[f"epochs/{target[1]}"], float(target[3])
    met = values >= bound if target[2] == ">=" else values <= bound
    return float(measured["epochs/train_time"][np.argmax(met)]) if met.any() else math.nan


def blank_trial(peer: Peer, reference: Reference, threads: int, message: str = "") -> PeerTrial:
    """A trial that trained nothing yet: `unsupported` where a message says why."""
    kept = {"seed", "dataset_digest", "parameters", "flops_per_step", "vocabulary"}
    trial_id = f"{peer.name}-t{threads}-{reference.group}"
    attributes: dict[str, object] = {
        "id": trial_id, "group": reference.group, "backend": peer.name, "threads": threads,
        "status": "unsupported" if message else "completed", "message": message, "parameter_digest": "",
        "same_bits_for_any_threads": False, "is_baseline": False, "threads_observed": 0, "network_bytes": 0,
        "unpaired": True, "reference": reference.id,
    }  # fmt: skip
    kept |= {key for key in reference.settings if key != "measure.pin"}  # where a peer's threads run is its own affair
    attributes |= {key: value for key, value in reference.attributes.items() if key in kept}
    summary = {
        "id": trial_id, "backend": peer.name, "threads": threads, "seed": attributes["seed"],
        "precision": attributes["training.precision"], "batch_size": attributes["training.batch_size"],
        "status": attributes["status"], "parameters": attributes["parameters"],
        "flops_per_step": attributes["flops_per_step"],
    }  # fmt: skip
    return PeerTrial(trial_id, attributes, summary)


def fill_summary(trial: PeerTrial, plan: Plan, measured: dict[str, np.ndarray], peak: float, baseline: float) -> None:
    median, deviation, spread = median_step_time(plan, measured)
    gflops = float(trial.attributes["flops_per_step"]) / median * 1e-9
    accuracy = measured["epochs/validation_accuracy"]
    trial.summary |= {
        "batch_size": plan.batch_size, "threads_observed": int(measured["threads_observed"]),
        "step_time_median": median, "step_time_mad": deviation, "step_time_iqr": spread,
        "samples_per_second": plan.batch_size / median,
        "tokens_per_second": plan.batch_size * float(plan.settings.get("model.context", math.nan)) / median,
        "gflops": gflops, "percent_of_peak": 100 * gflops / peak,
        "final_train_loss": measured["epochs/train_loss"][-1],
        "best_validation_loss": np.fmin.reduce(measured["epochs/validation_loss"]),
        "best_validation_accuracy": np.fmax.reduce(accuracy),
        "time_to_target": time_to_target(plan.settings, measured), "speed_ratio": baseline / median,
    }  # fmt: skip


def finished_trial(
    trial: PeerTrial, reference: Reference, plan: Plan, measured: dict[str, np.ndarray], peak: float, baseline: float
) -> PeerTrial:
    """The trial with what was measured; without times where its losses are not the reference's."""
    difference = loss_difference(reference, measured["steps/train_loss"])
    tolerance = LOSS_TOLERANCE[str(plan.settings["training.precision"])]
    finite = np.isfinite(measured["steps/train_loss"])
    trial.attributes |= {"loss_difference": difference, "library": str(measured["library"]), "peak_gflops": peak,
                         "threads_observed": int(measured["threads_observed"])}  # fmt: skip
    if not difference <= tolerance:
        trial.attributes["cause"] = "gate"
        status, message = "failed", f"its first losses differ from {reference.id}'s by {difference:.1e}, relative"
    elif not finite.all():
        step = int(np.argmin(finite))
        status, message = "diverged", f"the training loss is not finite at step {step}"
        trial.attributes["diverged_at_step"] = step
    else:
        status, message = "completed", ""
    trial.attributes |= {"status": status, "message": message}
    trial.summary["status"] = status
    final = {name: measured[f"parameters/{name}"] for name in reference.initial}
    flat = b"".join(values.tobytes() for values in final.values())
    trial.attributes["parameter_digest"] = peer_files.xxhash.xxh3_128(flat).hexdigest()
    if status == "failed":
        return trial
    for name, values in measured.items():
        section, _, column = name.partition("/")
        if section in ("steps", "epochs"):
            getattr(trial, section)[column] = values
    trial.parameters = {"initial": reference.initial, "final": final}
    fill_summary(trial, plan, measured, peak, baseline)
    return trial


def baseline_time(results: Results, group: str) -> float:
    """Median step time of the group's baseline; NaN without one."""
    for trial in map(results.trial, results.trials):
        if trial.group == group and trial.attrs["is_baseline"]:
            return summary_number(results, trial.id, "step_time_median")
    return math.nan


def measured_trial(
    peer: Peer, results: Results, arguments: argparse.Namespace, reference: Reference, data_path: Path, threads: int,
    folder: Path,
) -> PeerTrial:
    """The best of the peer's settings for one number of threads."""
    plan = Plan(reference, peer_files.read_data(data_path), arguments.steps)
    core = str(results.environment.get("blas_core", ""))
    job = {"file": str(arguments.file), "trial": reference.id, "data": str(data_path), "threads": threads,
           "steps": arguments.steps}  # fmt: skip
    best: dict[str, np.ndarray] = {}
    best_setting, best_time, tried = "", math.inf, []
    for variables in peer.settings:
        measured = run_child(peer, job, child_environment(peer, threads, variables, core), folder)
        time, _, _ = median_step_time(plan, measured)
        setting = " ".join(f"{name}={value}" for name, value in variables.items()) or "as it comes"
        tried.append(f"{setting}: {time * 1e3:.4g} ms")
        stepbench_script.remark(f"{peer.name}, {threads} threads, {reference.group}: {tried[-1]}")
        if not best or time < best_time:
            best, best_setting, best_time = measured, setting, time
    trial = blank_trial(peer, reference, threads)
    trial.attributes |= {"setting": best_setting, "settings_tried": "; ".join(tried)}
    peak, baseline = peak_of(results, reference, threads), baseline_time(results, reference.group)
    return finished_trial(trial, reference, plan, best, peak, baseline)


def config_of(reference: Reference) -> str:
    """A config that names the trial's data set."""

    def spelled(key: str, value: object) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if key == "dataset.path" and not Path(str(value)).exists() and (REPOSITORY / str(value)).exists():
            return str(REPOSITORY / str(value))
        return ",".join(map(str, value)) if isinstance(value, list) else str(value)

    sections: dict[str, list[str]] = {"dataset": [], "model": [], "training": []}
    for key, value in reference.settings.items():
        section, name = key.split(".", 1)
        if section in sections and key != "model.init":  # where parameters come from is no matter of the data
            sections[section].append(f"{name} = {spelled(key, value)}")
    sections["sweep"] = [f"backend = {reference.attributes['backend']}"]
    return "".join(f"[{section}]\n" + "\n".join(lines) + "\n" for section, lines in sections.items())


def find_stepbench() -> str:
    named = os.environ.get("STEPBENCH") or shutil.which("stepbench")
    if named:
        return named
    # Built in the repository, or installed beside these scripts (PREFIX/share/stepbench/scripts).
    for program in (REPOSITORY / "build" / "release" / "stepbench", REPOSITORY.parents[1] / "bin" / "stepbench"):
        if program.is_file():
            return str(program)
    raise InputProblem("no stepbench program to export the data with: set STEPBENCH to its path, or give --data")


def export_data(reference: Reference, folder: Path) -> Path:
    """The trial's data in a file, from stepbench itself."""
    config, output = folder / "data.cfg", folder / f"{reference.attributes['dataset_digest']}.h5"
    if not output.exists():
        config.write_text(config_of(reference), encoding="utf-8")
        command = [find_stepbench(), "export-data", str(config), "--output", str(output)]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except OSError as error:
            raise InputProblem(f"{command[0]}: cannot be run: {error.strerror}") from error
        if done.returncode != 0:
            raise InputProblem(f"the data of {reference.id} cannot be exported: {done.stderr.strip()}")
    return output


def data_of(arguments: argparse.Namespace, reference: Reference, folder: Path) -> Path:
    """A file with the trial's data, and proof that it is."""
    path = arguments.data or export_data(reference, folder)
    if peer_files.digest_of(peer_files.read_data(path)) != reference.attributes["dataset_digest"]:
        raise InputProblem(f"{path}: is not the data that {reference.id} was trained on")
    return path


def run_peer(peer: Peer, arguments: argparse.Namespace) -> list[PeerTrial]:
    references = peer_files.read_references(arguments.file, arguments.trial)
    trials = []
    with (
        tempfile.TemporaryDirectory(prefix="stepbench-peer-") as name,
        stepbench_results.open(arguments.file) as results,
    ):
        for reference in references:
            for threads in arguments.threads:
                reason = peer.unsupported(reference.settings)
                if not reason and peer.most_threads and threads > peer.most_threads:
                    reason = f"{peer.name} runs on at most {peer.most_threads} thread"
                trial = blank_trial(peer, reference, threads, reason)
                if trial.id in results.trials:
                    raise InputProblem(f"{arguments.file}: has a trial {trial.id} already")
                if not reason:
                    data = data_of(arguments, reference, Path(name))
                    trial = measured_trial(peer, results, arguments, reference, data, threads, Path(name))
                trials.append(trial)
    if all(trial.attributes["status"] == "unsupported" for trial in trials):
        raise InputProblem(f"{arguments.file}: not supported: {trials[0].attributes['message']}")
    return trials


def thread_counts(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = [0]
    if min(counts) < 1 or len(set(counts)) != len(counts):
        raise argparse.ArgumentTypeError(f'found "{text}", allowed: different whole numbers from 1, as in 1,2')
    return counts


def step_count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'found "{text}", allowed: a whole number, 1 or more')
    return int(text)


def parse_arguments(peer: Peer, description: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.error = lambda message: refuse(message)  # one line, like the program's own
    parser.add_argument("file", type=Path, help="result of a run with --set record.parameters=all record.order=true")
    parser.add_argument("-o", "--output", type=Path, required=True, help="FILE with the peer's trials added")
    parser.add_argument("--trial", metavar="ID", help="repeat this trial only; default: one of each group")
    threads = "1" if peer.most_threads == 1 else "1,2"
    parser.add_argument("--threads", type=thread_counts, default=threads, help="a trial for each; default: %(default)s")
    parser.add_argument("--steps", type=step_count, metavar="N", help="train only the first N steps")
    parser.add_argument("--data", type=Path, help="from `stepbench export-data`; default: ask the program for it")
    parser.add_argument("--slim", action="store_true", help="leave parameters and orders out of the output")
    parser.add_argument("--overwrite", action="store_true", help="replace the output")
    return parser.parse_args()


def main(peer: Peer, description: str) -> NoReturn:
    """The whole of a peer's script."""
    stepbench_script.leave(lambda: run_command_line(peer, description))


def run_command_line(peer: Peer, description: str) -> int:
    """The exit code: 2 for an input that is not usable, 1 for an output that cannot be written, each with one line."""
    if sys.argv[1:2] == ["--measure"]:
        measure(peer, json.loads(Path(sys.argv[2]).read_text()))
        return 0
    arguments = parse_arguments(peer, description)
    try:
        stepbench_script.check_output(arguments.output)
        if not arguments.overwrite:
            peer_files.refuse_existing(arguments.output)
        if peer.openmp and not openmp_blas():
            stepbench_script.remark(f"{peer.name}: warning: without libopenblas0-openmp OpenBLAS's threads and OpenMP's "
                                    "fight over the cores (Debian: apt install libopenblas0-openmp)")  # fmt: skip
        trials = run_peer(peer, arguments)
        image = peer_files.with_trials(stepbench_results.read_image(arguments.file), trials)
        if arguments.slim:
            image = peer_files.without_parameters(image)
        peer_files.publish(image, arguments.output, arguments.overwrite)
    except ResultsError as problem:
        return stepbench_script.said(str(problem), 2)
    for trial in trials:
        if trial.attributes["status"] != "completed":
            stepbench_script.remark(f"{trial.id} {trial.attributes['status']}: {trial.attributes['message']}")
    stepbench_script.show(f"results: {arguments.output}\n")
    return 5 if any(trial.attributes["status"] == "failed" for trial in trials) else 0
