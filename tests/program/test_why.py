"""`show --why`: what limited each phase of a trial's steps, and what the trial took of memory."""

import json
from pathlib import Path

import h5py
import pytest

from conftest import Program, Run, RunConfig

LIMITS = {"compute", "memory", "parallel work", "overhead"}
SCHEMA_1 = Path(__file__).parents[1] / "golden" / "schema-1.h5"


@pytest.fixture(scope="module")
def run(run_config: RunConfig) -> Run:
    return run_config({"training.optimizer": "adam", "training.learning_rate": 0.01, "record.steps": "false"})


def test_every_trial_and_phase_has_a_verdict_with_its_numbers(run: Run, program: Program) -> None:
    shown = program("show", run.file, "--why", "--format", "json", cwd=run.file.parent)
    assert shown.code == 0 and shown.stderr == ""
    trials = json.loads(shown.stdout)
    with h5py.File(run.file) as file:
        assert [trial["id"] for trial in trials] == list(file["trials"])
        medians = dict(zip(file["summary/id"].asstr()[:], file["summary/step_time_median"][:], strict=True))
    for trial in trials:
        phases = {phase["phase"]: phase for phase in trial["limits"]["phases"]}
        assert list(phases)[-1] == "step" and {"forward", "loss"} <= set(phases)
        assert phases["step"]["seconds"] == medians[trial["id"]]
        for phase in phases.values():
            assert phase["limited_by"] in LIMITS
            parts = {"compute": phase["compute_time"], "memory": phase["memory_time"], "parallel work": phase["idle_time"],
                     "overhead": phase["other_time"]}  # fmt: skip
            assert parts[phase["limited_by"]] == max(parts.values())
        memory = trial["memory"]
        assert memory["moments"] == 2 * memory["parameters"] == 2 * memory["gradients"]


def test_the_table_names_every_trial_and_says_how_to_read_it(run: Run, program: Program) -> None:
    shown = program("show", run.file, "--why", cwd=run.file.parent)
    assert shown.code == 0
    with h5py.File(run.file) as file:
        for trial in file["trials"]:
            assert shown.stdout.count(trial) == 3  # its phases, its roof, its memory
    assert "limited by" in shown.stdout and "attainable: GFLOP/s" in shown.stdout


def test_a_file_from_before_says_so(program: Program, tmp_path: Path) -> None:
    shown = program("show", SCHEMA_1, "--why", cwd=tmp_path)
    assert shown.code == 0 and "no trial says what limited it" in shown.stdout
    as_json = program("show", SCHEMA_1, "--why", "--format", "json", cwd=tmp_path)
    assert all(trial["limits"] is None for trial in json.loads(as_json.stdout))


def test_json_is_of_why_alone(run: Run, program: Program) -> None:
    refused = program("show", run.file, "--format", "json", cwd=run.file.parent)
    assert refused.code == 2 and refused.stderr == 'stepbench: show: --format: found "json", allowed: text, latex, and with --why json\n'


def test_check_tells_bytes_and_memory_by_the_model(run: Run, program: Program) -> None:
    checked = program("check", run.config, cwd=run.config.parent)
    assert checked.code == 0
    plan, gates = checked.stdout.split("memory in MB, by the model")
    assert "MB/step" in plan and "memory MB" in plan
    assert {"gradients", "moments", "activations", "copies"} <= set(gates.split())
