"""Trials that do not fit the machine, and the model of memory against what a process touched."""

import json
import os
import subprocess
from pathlib import Path

import pytest

STEPBENCH = os.environ["STEPBENCH"]
TOLERANCE = 0.1

CONFIG = """
[experiment]
name = memory
[dataset]
{dataset}
[model]
{model}
[training]
steps = 3
batch_size = {batch}
{training}
optimizer = adam
learning_rate = 0.001
precision = {precision}
[measure]
rounds = 1
gate = false
evaluate_every = 3 steps
[sweep]
backend = {backends}
{more}
"""

# Of tensors that fill pages of 2 MB, and so are the same with huge pages and without: see experiments/measure/README.md.
MLPS = ["layers = 1024,4096,2048,10", "layers = 1024,2048,2048,1024,10", "layers = 1024,8192,10"]
TRANSFORMERS = ["d_model = 512\nheads = 8\nblocks = 2\ncontext = 64", "d_model = 512\nheads = 8\nblocks = 2\ncontext = 256",
                "d_model = 512\nheads = 8\nblocks = 1\ncontext = 128"]  # fmt: skip


def mlp(layers: str) -> dict[str, object]:
    dataset = "kind = blobs\nfeatures = 1024\nclasses = 10\nsamples = 2000"
    return {"model": f"kind = mlp\n{layers}", "dataset": dataset, "batch": 1024}


def transformer(shape: str) -> dict[str, object]:
    context = int(shape.split()[-1])
    dataset = f"kind = copy\nalphabet = 7\nlength = {context // 2}\nsamples = {3 * 4096 // context}"
    return {"model": f"kind = transformer\n{shape}", "dataset": dataset, "batch": 4096 // context}


def run(folder: Path, **values: object) -> subprocess.CompletedProcess[str]:
    config = folder / "memory.cfg"
    config.write_text(CONFIG.format(**{"more": "", "training": "", "precision": "float32", "backends": "blas"} | values))
    command = [STEPBENCH, "run", config, "-q", "--overwrite", "-o", folder / "out.h5"]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=folder)


def why(folder: Path) -> list[dict]:
    command = [STEPBENCH, "show", folder / "out.h5", "--why", "--format", "json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)


# The whole batch is a sixth of all, activations of a micro-batch next to nothing; the sum of gradients fills its pages.
IN_PARTS = mlp("layers = 1024,1012,10") | {"training": "micro_batch = 64"}


@pytest.mark.parametrize("values", [*map(mlp, MLPS), *map(transformer, TRANSFORMERS), IN_PARTS])
def test_the_model_of_memory_is_what_was_touched(values: dict[str, object], tmp_path: Path) -> None:
    done = run(tmp_path, **values)
    assert done.returncode == 0, done.stderr
    (trial,) = why(tmp_path)
    memory = trial["memory"]
    modelled = sum(value for name, value in memory.items() if name != "resident_peak")
    ratio = modelled / memory["resident_peak"]
    print(f"{values['model']!r}: model {modelled / 1e6:.1f} MB, touched {memory['resident_peak'] / 1e6:.1f} MB: {ratio:.3f}")
    assert abs(ratio - 1) <= TOLERANCE, memory


def test_a_trial_that_does_not_fit_is_refused_before_it_starts_and_the_sweep_goes_on(tmp_path: Path) -> None:
    total = 1024 * int(next(line for line in Path("/proc/meminfo").read_text().splitlines() if "MemTotal" in line).split()[1])
    if total > 300e9:  # 9,000 million parameters are the most that a model may have
        pytest.skip("this machine has memory for the largest model")
    done = run(tmp_path, model="kind = mlp", dataset="kind = blobs\nfeatures = 4\nclasses = 3\nsamples = 100", batch=10,
               precision="float64", backends="blas,tbb", more="model.layers = 4,300000,30000,3 | 4,8,3")  # fmt: skip
    assert done.returncode == 1
    refusals = [line for line in done.stderr.splitlines() if "needs" in line]
    assert len(refusals) == 2 and all("failed: its network needs" in line and "GB are free" in line for line in refusals)
    assert "samples/s" in done.stdout  # the table has the others
    assert [trial["limits"] is None for trial in why(tmp_path)] == [True, True, False, False]
