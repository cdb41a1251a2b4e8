"""Groups that ran on different machines are told apart, by the scripts and by the program alike."""

import csv
import subprocess
from pathlib import Path

import h5py
import pytest

import stepbench_results
from conftest import Modify, script

FACTS = stepbench_results.MACHINE_FACTS
MEASURED = ("peak_gflops_1", "sgemm_gflops")


def move(file: h5py.File, group: str, fact: str) -> None:
    """Gives a group an environment of its own, which differs in one fact."""
    here = file["environment"]
    del file[f"groups/{group}/environment"]
    there = file[f"groups/{group}"].create_group("environment")
    for name, value in here.attrs.items():
        there.attrs.create(name, value + 1 if name == fact and not isinstance(value, str) else
                           f"other {value}" if name == fact else value)  # fmt: skip


def shown(program: Path, path: Path) -> str:
    return subprocess.run([program, "show", path], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("fact", [fact for fact in FACTS if fact != "cpu_quota"])
def test_a_machine_differs_where_a_fact_does(program: Path, swept: Path, modified: Modify, fact: str) -> None:
    group = stepbench_results.open(swept).groups[1]
    changed = modified(swept, lambda file: move(file, group, fact))
    machines = stepbench_results.open(changed).machines
    assert [len(groups) for _, groups in machines] == [len(stepbench_results.open(swept).groups) - 1, 1]
    assert "on 2 machines, whose times are not to be compared:" in shown(program, changed)


def test_a_group_that_went_on_elsewhere_ran_on_both_machines(program: Path, swept: Path, modified: Modify) -> None:
    groups = stepbench_results.open(swept).groups

    def go_on(file: h5py.File) -> None:
        move(file, groups[1], "hostname")
        file[f"groups/{groups[1]}"].create_group("earlier_environments")["0"] = file["environment"]

    changed = modified(swept, go_on)
    assert [of for _, of in stepbench_results.open(changed).machines] == [groups, [groups[1]]]
    assert "on 2 machines, whose times are not to be compared:" in shown(program, changed)


@pytest.mark.parametrize("name", MEASURED)
def test_what_was_measured_of_a_machine_makes_no_other_one(
    program: Path, swept: Path, modified: Modify, name: str
) -> None:
    group = stepbench_results.open(swept).groups[1]
    changed = modified(swept, lambda file: move(file, group, name))
    results = stepbench_results.open(changed)
    assert len(results.machines) == 1 and len(results.environments) == 2
    assert "machines" not in shown(program, changed)


def test_the_report_says_which_groups_ran_where(swept: Path, modified: Modify, tmp_path: Path) -> None:
    group = stepbench_results.open(swept).groups[1]
    changed = modified(swept, lambda file: move(file, group, "hostname"))
    assert script("report.py", changed, "-o", "page.html", cwd=tmp_path).returncode == 0
    page = (tmp_path / "page.html").read_text()
    assert "groups ran on different machines, whose times are not to be compared" in page
    assert f"Machine and libraries of {group}" in page
    assert script("report.py", swept, "-o", "one.html", cwd=tmp_path).returncode == 0
    assert "different machines" not in (tmp_path / "one.html").read_text()


def test_every_environment_is_exported_with_its_groups(swept: Path, modified: Modify, tmp_path: Path) -> None:
    group = stepbench_results.open(swept).groups[1]
    changed = modified(swept, lambda file: move(file, group, "hostname"))
    done = script("export.py", changed, "--table", "environment", "--format", "csv", "-o", "e.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "e.csv", newline="") as text:
        hosts = {row["groups"]: row["value"] for row in csv.DictReader(text) if row["name"] == "hostname"}
    assert hosts[group] == f"other {next(value for groups, value in hosts.items() if groups != group)}"
