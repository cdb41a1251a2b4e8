"""A small sweep as an array of scripts/slurm/sweep.sbatch, in a folder of its own."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import h5py

from cluster import Cluster

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "slurm" / "sweep.sbatch"
_CONFIG = """
[experiment]
name = small
[dataset]
kind = blobs
features = 4
classes = 3
samples = 120
[model]
kind = mlp
layers = 4,8,3
[training]
steps = {steps}
batch_size = 16
learning_rate = 0.1
[measure]
rounds = 2
[sweep]
backend = neuron,blas
seed = {seeds}
"""
LONG = 120_000  # steps: a group takes long enough to be caught at its work


def digests(path: Path) -> dict[str, str]:
    with h5py.File(path) as file:
        return {trial: str(group.attrs["parameter_digest"]) for trial, group in file["trials"].items()}


@dataclass(frozen=True)
class Sweep:
    """A sweep in a folder of its own, as an array of `shards` tasks."""

    cluster: Cluster
    program: Path
    folder: Path
    shards: int

    def submit(self, *options: str, most_requeues: int = 3) -> str:
        environment = {"STEPBENCH": str(self.program), "STEPBENCH_MOST_REQUEUES": str(most_requeues)}
        return self.cluster.submit(
            f"--array=1-{self.shards}", *options, SCRIPT, "small.cfg", cwd=self.folder, environment=environment
        )

    def file(self, shard: int) -> Path:
        return self.folder / "results" / f"small-shard-{shard}-of-{self.shards}.h5"

    def wait_for_a_group(self, shard: int) -> None:
        """Until the first group of a shard is finished, and the next is under way."""
        trials = self.file(shard).with_suffix(".trials")
        self.cluster.wait_until(lambda: len(list(trials.glob("*.h5"))) >= 2, f"{trials.name} holds a group")

    def log(self, job: str, task: int) -> str:
        """Empty before it has one."""
        path = self.folder / f"slurm-{job}_{task}.out"
        return path.read_text() if path.exists() else ""

    def undisturbed(self) -> dict[str, str]:
        command = [self.program, "run", "small.cfg", "-q", "-o", "undisturbed.h5"]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True, timeout=300)
        return digests(self.folder / "undisturbed.h5")

    def collect_after(self, job: str) -> str:
        """The id of a job that waits for the array, as the README has it."""
        collect = f"{self.program} collect results/small-shard-*-of-{self.shards}.h5"
        return self.cluster.submit(f"--dependency=afterany:{job}", f"--wrap={collect}", cwd=self.folder)

    def collected(self) -> dict[str, str]:
        return digests(self.folder / "results" / "small.h5")


def make_sweep(cluster: Cluster, program: Path, folder: Path, shards: int, seeds: int, steps: int) -> Sweep:
    (folder / "small.cfg").write_text(_CONFIG.format(steps=steps, seeds=",".join(map(str, range(1, seeds + 1)))))
    return Sweep(cluster, program, folder, shards)
