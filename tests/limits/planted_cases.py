"""What `show --why` says of networks whose limit is known: by hand, on a machine that does nothing else.

    STEPBENCH=build/release/stepbench /usr/bin/python3 tests/limits/planted_cases.py

Not a test: it asserts times. It takes a minute, 3 GB of memory and two cores, and exits with 1 where a verdict is another than
expected.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

CONFIG = """
[experiment]
name = case
[dataset]
kind = blobs
features = {features}
classes = {classes}
samples = {samples}
[model]
kind = mlp
layers = {layers}
loss = cross_entropy
init = he
[training]
steps = {steps}
batch_size = {batch}
optimizer = sgd
learning_rate = 0.001
[measure]
rounds = {rounds}
gate_samples = 1
evaluate_every = {steps} steps
{more}
[sweep]
backend = tbb
threads = {threads}
"""

CORES = len(os.sched_getaffinity(0))
SHARDS = {"layers": "512,64,10", "batch": 1024, "steps": 60, "rounds": 3, "samples": 2048}  # and too little work for many
# What may be said, and the step that it is to be said of.
CASES = [
    # 67 million weights, each read for one sample.
    ({"memory"}, {"layers": "4096,8192,4096,10", "batch": 1, "steps": 24, "rounds": 3, "threads": 1, "samples": 64}),
    # 2048^2 weights, each used for 512 samples.
    ({"compute"}, {"layers": "2048,2048,2048,10", "batch": 512, "steps": 12, "rounds": 3, "threads": 1, "samples": 1024}),
    # One shard for as many threads as there are cores: its core alone cannot reach more than half of the peak of two.
    ({"parallel work"}, SHARDS | {"threads": CORES, "more": "[backend.tbb]\nshard_rows = 1024"}),
    ({"overhead"}, {"layers": "8,8,8", "batch": 8, "steps": 6000, "rounds": 3, "threads": 1, "samples": 512}),
]  # fmt: skip
# Two shards for 16 threads: too little for 16 cores, but both of two cores are busy, whatever limits them. What lies between
# is a matter of how the shards' products are cut.
TWO_SHARDS = SHARDS | {"threads": 16, "more": "[backend.tbb]\nshard_rows = 512"}
if CORES >= 16:
    CASES.append(({"parallel work"}, TWO_SHARDS))
elif CORES <= 2:
    CASES.append(({"compute", "memory", "overhead"}, TWO_SHARDS))


def verdict(program: str, folder: Path, case: dict[str, object]) -> tuple[str, str]:
    """Of the whole step, and the table behind it."""
    layers = str(case["layers"]).split(",")
    config, results = folder / "case.cfg", folder / "case.h5"
    config.write_text(CONFIG.format(**{"more": ""} | case | {"features": layers[0], "classes": layers[-1]}))
    subprocess.run([program, "run", config, "--output", results, "--overwrite", "-q"], check=True, stdout=subprocess.DEVNULL)
    show = [program, "show", results, "--why"]
    trial = json.loads(subprocess.run([*show, "--format", "json"], check=True, capture_output=True, text=True).stdout)[0]
    table = subprocess.run(show, check=True, capture_output=True, text=True).stdout
    return trial["limits"]["phases"][-1]["limited_by"], table


def main() -> int:
    program = os.environ.get("STEPBENCH", "build/release/stepbench")
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for expected, case in CASES:
            found, table = verdict(program, Path(folder), case)
            wrong += found not in expected
            told = "" if found in expected else f", expected: {' or '.join(sorted(expected))}"
            print(f"{case['layers']} at batch {case['batch']}, {case['threads']} threads: {found}{told}\n")
            print(table.split("\n\n")[0] + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
