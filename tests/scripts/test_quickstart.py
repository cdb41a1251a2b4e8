"""What a newcomer's first run says, as far as it takes seconds."""

import re
import shlex
import subprocess
from pathlib import Path

import stepbench_results
from conftest import REPOSITORY, SCRIPTS


def test_the_transformer_reaches_its_target_half_way(program: Path, tmp_path: Path) -> None:
    """With one backend of those that the quickstart runs: their losses agree to 1e-4."""
    text = (SCRIPTS / "quickstart").read_text().replace("\\\n", " ")
    (line,) = re.findall(r"stepbench (run experiments/names-transformer\.cfg .*)", text)
    one = ["--set", "sweep.backend=tbb", "--set", "sweep.threads=1", "-q", "-o", tmp_path / "names.h5"]
    subprocess.run([program, *shlex.split(line), *one], cwd=REPOSITORY, check=True, capture_output=True, timeout=240)
    results = stepbench_results.open(tmp_path / "names.h5")
    reached = float(results.summary["time_to_target"].iloc[0])
    times = results.trial("tbb-t1-s1").epochs["train_time"].tolist()
    assert len(times) == 4 and reached == times[1]
