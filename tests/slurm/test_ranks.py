"""scripts/slurm/ranks.sbatch: what it hands to the program, a command that starts ranks within the job, of several
trials at once; and a run on ranks, where the program has them.
"""

import subprocess
from pathlib import Path

import h5py
import pytest

from cluster import Cluster, can_tell_nodes_apart

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts" / "slurm"
# In the program's place, called as `run --set ranks.launcher=... --resume ...`. Two trials' ranks are there at once: each
# waits until those of the other have begun.
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


@pytest.mark.parametrize("name", ["sweep", "ranks"])
def test_a_program_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    done = subprocess.run(
        ["bash", SCRIPTS / f"{name}.sbatch", "my.cfg"], cwd=tmp_path, env={"STEPBENCH": "no/such", "PATH": "/usr/bin:/bin"},
        capture_output=True, encoding="utf-8",
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f'{name}.sbatch: there is no program "no/such": put it on the PATH, or its path into STEPBENCH\n'


def test_both_scripts_take_signals_and_requeues_alike() -> None:
    """Each is to be copied and changed on its own, so each has all of it."""
    parts = [(SCRIPTS / f"{name}.sbatch").read_text() for name in ("sweep", "ranks")]
    alike = [part.partition("\nrun=$!\n")[2].replace("ranks.sbatch", "sweep.sbatch") for part in parts]
    assert alike[0] == alike[1] and "scontrol requeue" in alike[0]


_CONFIG = """
[experiment]
name = small
[dataset]
kind = blobs
features = 4
classes = 3
samples = 480
[model]
kind = mlp
layers = 4,8,3
[training]
steps = 24
batch_size = 64
learning_rate = 0.1
[measure]
rounds = 2
[sweep]
backend = tbb
ranks = 1,2
"""


@pytest.mark.parametrize("nodes", [1, 2])
def test_ranks_in_a_job_end_with_the_bits_of_one(cluster: Cluster, program: Path, tmp_path: Path, nodes: int) -> None:
    keys = subprocess.run([program, "list", "keys"], capture_output=True, encoding="utf-8", check=True).stdout
    if "sweep.ranks" not in keys:
        pytest.skip("this build has no ranks")
    if nodes > 1 and not can_tell_nodes_apart():
        pytest.skip("the nodes of one machine are one for MPI, where mount namespaces are refused")
    (tmp_path / "small.cfg").write_text(_CONFIG)
    # Over TCP, as between two machines: these two nodes have a name and a memory in common.
    apart = {"OMPI_MCA_btl": "tcp,self", "OMPI_MCA_pml": "ob1"} if nodes > 1 else {}
    job = cluster.submit(
        f"--nodes={nodes}", f"--ntasks-per-node={2 // nodes}", SCRIPTS / "ranks.sbatch", "small.cfg",
        cwd=tmp_path, environment={"STEPBENCH": str(program)} | apart,
    )  # fmt: skip
    assert cluster.end_of(job) == {"COMPLETED"}, (tmp_path / f"slurm-{job}.out").read_text()
    with h5py.File(tmp_path / "results" / "small.h5") as file:
        digests = {trial: group.attrs["parameter_digest"] for trial, group in file["trials"].items()}
    assert list(digests) == ["tbb-r1-t1-s1", "tbb-r2-t1-s1"] and len(set(digests.values())) == 1
