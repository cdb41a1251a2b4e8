"""scripts/slurm/sweep.sbatch near its time limit. Apart from the others, since Slurm looks at limits every 30 s only."""

from pathlib import Path

from cluster import Cluster
from sweep import LONG, make_sweep

ENDLESS = 1000  # groups: more than a minute's work, the shortest limit that there is


def test_a_task_near_its_time_limit_is_told_so_requeues_itself_and_goes_on(
    cluster: Cluster, program: Path, tmp_path: Path
) -> None:
    sweep = make_sweep(cluster, program, tmp_path, shards=1, seeds=ENDLESS, steps=LONG)
    job = sweep.submit("--time=1", "--signal=B:USR1@50")  # at the limit itself, it would end for good
    goes_on = f"of {2 * ENDLESS} trials are finished and kept\n"
    cluster.wait_until(lambda: sweep.log(job, 1).count(goes_on) > 1, f"job {job} runs again")
    first, second = (line for line in sweep.log(job, 1).splitlines(True) if line.endswith(goes_on))
    cluster.command("scancel", job, cwd=tmp_path)
    assert first.startswith("stepbench: 0 of ") and not second.startswith("stepbench: 0 of ")
