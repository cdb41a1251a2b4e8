"""[expect] as a user meets it: check, run, show, resume, shards; verdicts in table, file and exit code.

What a claim means and when it holds is in tests/expect.
"""

from pathlib import Path

import h5py
import pytest

from conftest import Program, Run, RunConfig, without_warnings
from inputs import write_config

REPRODUCED, NOT_REPRODUCED, CANNOT_TELL = "reproduced", "not reproduced", "cannot tell"
# Of the small config's blobs, whose seeds differ: a bound that is far off on one side, on the other, and amid them.
LEARNS = "best_validation_accuracy >= 0.5"
WRONG = "best_validation_accuracy <= 0.1"
CLOSE = "final_train_loss <= {}"
BASE = {"sweep.backend": "blas,tbb", "sweep.seed": "1,2,3"}


def verdicts(path: Path) -> dict[str, str]:
    with h5py.File(path) as file:
        group = file["expectations"]
        return dict(zip(group["expectation"].asstr()[()], group["verdict"].asstr()[()], strict=True))


@pytest.fixture(scope="module")
def run(run_config: RunConfig) -> Run:
    return run_config({**BASE, "expect.learns": LEARNS, "expect.learns.published": "Nobody 1900, Table 1: 0.99",
                       "expect.learns.tolerance": "0.02", "expect.wrong": WRONG})  # fmt: skip


def middle(run: Run) -> float:
    """A bound that the losses of the seeds lie on either side of."""
    with h5py.File(run.file) as file:
        summary = file["summary"]
        losses = summary["final_train_loss"][()][summary["backend"].asstr()[()] == "blas"]
    assert losses.min() < losses.mean() < losses.max()
    return float(losses.mean())


def test_verdicts_stand_in_the_table_and_in_the_file(run: Run) -> None:
    lines = run.outcome.stdout.splitlines()
    (learns,) = (line for line in lines if line.startswith("learns "))
    (wrong,) = (line for line in lines if line.startswith("wrong "))
    assert REPRODUCED in learns and LEARNS in learns and "3 runs" in learns and "not reproduced" not in learns
    assert NOT_REPRODUCED in wrong
    assert "Nobody 1900, Table 1: 0.99" in run.outcome.stdout
    assert verdicts(run.file) == {"learns": REPRODUCED, "wrong": NOT_REPRODUCED}
    with h5py.File(run.file) as file:
        group = file["expectations"]
        assert group["published"].asstr()[0] == "Nobody 1900, Table 1: 0.99"
        assert group["low"][0] <= group["value"][0] <= group["high"][0]
        assert group["runs"][0] == 3 and group["cells"][0] == 2


def test_show_prints_what_run_printed(program: Program, run: Run) -> None:
    shown = program("show", run.file, cwd=run.file.parent)
    assert shown.code == 0 and shown.stdout[shown.stdout.index("expectations:") :] in run.outcome.stdout


def test_fail_if_turns_verdicts_into_exit_codes(program: Program, run: Run) -> None:
    config = run.config.read_text()
    close = CLOSE.format(middle(run))
    for kept, code in ((["learns"], 0), (["learns", "wrong"], 3), (["learns", "close"], 4), (["close", "wrong"], 3)):
        lines = {"learns": LEARNS, "wrong": WRONG, "close": close}
        changed = config[: config.index("[expect]")] + "[expect]\n" + "".join(f"{name} = {lines[name]}\n" for name in kept)
        (run.file.parent / "judged.cfg").write_text(changed)
        shown = program("show", run.file, "--expect", "judged.cfg", "--fail-if", "not-reproduced", cwd=run.file.parent)
        assert shown.code == code, (kept, shown)
        assert (CANNOT_TELL in shown.stdout.split("expectations:")[1].split("\n\n")[0]) == ("close" in kept)
    assert program("show", run.file, "--expect", "judged.cfg", cwd=run.file.parent).code == 0


def test_run_has_the_exit_codes_too(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, {**BASE, "expect.learns": LEARNS})
    common = ("run", config.name, "-q", "--fail-if", "not-reproduced")
    assert program(*common, "-o", "a.h5", cwd=tmp_path).code == 0
    assert program(*common, "-o", "b.h5", "--set", f"expect.learns={WRONG}", cwd=tmp_path).code == 3


def test_one_run_is_judged_by_its_value_and_said_to_be_one(run_config: RunConfig) -> None:
    one = run_config({"sweep.backend": "blas", "expect.learns": LEARNS})
    assert "one run" in one.outcome.stdout and verdicts(one.file) == {"learns": REPRODUCED}


def test_check_and_dry_run_print_what_is_expected(program: Program, run: Run) -> None:
    for command in (("check",), ("run", "--dry-run")):
        outcome = program(*command, run.config.name, cwd=run.file.parent)
        assert f"learns: {LEARNS}, tolerance 0.02 (Nobody 1900, Table 1: 0.99)" in outcome.stdout


def test_a_claim_that_cannot_be_meant_is_refused_before_anything_is_trained(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, {**BASE, "expect.learns": "best_validation_acuracy >= 0.5"})
    for command in (("check",), ("run", "-o", "out.h5")):
        outcome = program(*command, config.name, cwd=tmp_path)
        assert outcome.code == 2 and outcome.stdout == ""
        message = without_warnings(outcome.stderr)
        assert message.count("\n") == 1 and "expect.learns" in message and "did you mean" in message
    assert not (tmp_path / "out.h5").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "small.cfg", "--fail-if", "not-reproduced"), "has no [expect]"),
        (("run", "small.cfg", "--fail-if", "slower:5%"), "allowed: not-reproduced"),
        (("run", "small.cfg", "--set", "expect.x=final_train_loss <= 1", "--fail-if", "not-reproduced", "--shard", "1/2"), "collect"),
    ],
)
def test_fail_if_without_what_it_needs_is_refused(
    program: Program, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    write_config(tmp_path, BASE)
    outcome = program(*arguments, cwd=tmp_path)
    assert outcome.code == 2 and words in outcome.stderr


def test_show_of_a_file_without_expectations_has_no_verdicts(program: Program, run_config: RunConfig) -> None:
    plain = run_config({"sweep.backend": "blas"})
    shown = program("show", plain.file, cwd=plain.file.parent)
    assert shown.code == 0 and "expectations" not in shown.stdout
    assert program("show", plain.file, "--fail-if", "not-reproduced", cwd=plain.file.parent).code == 2


def test_a_finished_run_is_judged_by_what_its_config_says_now(program: Program, run: Run) -> None:
    resumed = ("run", run.config.name, "-o", run.file.name, "--resume", "--fail-if", "not-reproduced")
    before = run.file.read_bytes()
    assert program(*resumed, cwd=run.file.parent).code == 3
    assert program(*resumed, "--set", "expect.wrong=", cwd=run.file.parent).code == 0
    assert run.file.read_bytes() == before


def test_a_shard_is_not_judged_and_the_whole_is(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, {**BASE, "expect.learns": LEARNS, "expect.wrong": WRONG})
    for shard in ("1", "2"):
        outcome = program("run", config.name, "-q", "--shard", f"{shard}/2", "-o", f"part{shard}.h5", cwd=tmp_path)
        assert outcome.code == 0
        assert verdicts(tmp_path / f"part{shard}.h5") == {"learns": "not judged", "wrong": "not judged"}
    collect = ("collect", "part1.h5", "part2.h5", "--fail-if", "not-reproduced")
    assert program(*collect, "-o", "whole.h5", cwd=tmp_path).code == 3
    assert verdicts(tmp_path / "whole.h5") == {"learns": REPRODUCED, "wrong": NOT_REPRODUCED}


def test_what_set_leaves_without_trials_cannot_be_told(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, {**BASE, "expect.same": "ratio(final_train_loss; backend = tbb; blas) <= 1.1"})
    common = ("run", config.name, "-q", "--fail-if", "not-reproduced")
    assert program(*common, "-o", "both.h5", cwd=tmp_path).code == 0
    outcome = program(*common, "-o", "one.h5", "--set", "sweep.backend=tbb", cwd=tmp_path)
    assert outcome.code == 4 and "no trial has backend = blas" in outcome.stdout


def test_evaluations_say_at_which_step_they_were(run: Run) -> None:
    with h5py.File(run.file) as file:
        epochs = file["trials/blas-t1-s1/epochs"]
        assert epochs["step"][()].tolist() == [12, 24, 36]  # 360 samples in batches of 32, 3 epochs
