"""What scripts/slurm/ranks.sbatch hands to the program: a command that starts ranks within the job, of several trials at
once. In the program's place stands a script that starts them and trains nothing."""

from pathlib import Path

import pytest

from cluster import Cluster

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts" / "slurm"
# Two trials' ranks are there at once: each waits until those of the other have begun. Of `run --set ranks.launcher=...`.
_PROGRAM = """#!/bin/bash
launcher=${3#ranks.launcher=}
echo "$1 $2 ${*:4}"
start() {
  ${launcher/\\{ranks\\}/2} bash -c 'echo "trial '$1' rank $PMIX_RANK of $SLURM_STEP_NUM_TASKS"; touch begun-'$1'
    for ((i = 0; i < 300; ++i)); do [ -e begun-'$2' ] && exit 0; sleep 0.1; done; exit 1'
}
start a b & a=$!
start b a & b=$!
wait $a && wait $b
"""


def submitted(cluster: Cluster, folder: Path, environment: dict[str, str] = {}) -> tuple[set[str], list[str]]:
    """The states of the job and the lines of its log."""
    program = folder / "program"
    program.write_text(_PROGRAM)
    program.chmod(0o755)
    job = cluster.submit(
        "--nodes=1", "--ntasks=2", SCRIPTS / "ranks.sbatch", "my.cfg", "--set", "sweep.seed=1",
        cwd=folder, environment={"STEPBENCH": str(program)} | environment,
    )  # fmt: skip
    return cluster.end_of(job), (folder / f"slurm-{job}.out").read_text().splitlines()


RANKS = [f"trial {trial} rank {rank} of 2" for trial in "ab" for rank in range(2)]


def test_srun_starts_the_ranks_of_several_trials_at_once(cluster: Cluster, tmp_path: Path) -> None:
    if "pmix" not in cluster.command("srun", "--mpi=list", cwd=tmp_path):
        pytest.skip("this Slurm has no PMIx")
    states, log = submitted(cluster, tmp_path)
    assert states == {"COMPLETED"}, log
    assert sorted(line for line in log if line.startswith("trial")) == RANKS
    assert "run --set --resume my.cfg --set sweep.seed=1" in log


def test_another_launcher_takes_the_place_of_srun(cluster: Cluster, tmp_path: Path) -> None:
    launcher = tmp_path / "launcher"
    launcher.write_text('#!/bin/bash\nfor ((i = 0; i < $1; ++i)); do PMIX_RANK=$i SLURM_STEP_NUM_TASKS=$1 "${@:2}" & done\nwait\n')
    launcher.chmod(0o755)
    states, log = submitted(cluster, tmp_path, {"STEPBENCH_LAUNCHER": f"{launcher} {{ranks}}"})
    assert states == {"COMPLETED"}, log
    assert sorted(line for line in log if line.startswith("trial")) == RANKS


def test_both_scripts_take_signals_and_requeues_alike() -> None:
    """Each is to be copied and changed on its own, so each has all of it."""
    parts = [(SCRIPTS / f"{name}.sbatch").read_text() for name in ("sweep", "ranks")]
    alike = [part.partition("\nrun=$!\n")[2].replace("ranks.sbatch", "sweep.sbatch") for part in parts]
    assert alike[0] == alike[1] and "scontrol requeue" in alike[0]
