"""What `show --why` says of four networks whose limit is known: by hand, on a machine that does nothing else.

    STEPBENCH=build/release/stepbench /usr/bin/python3 tests/limits/planted_cases.py

Not a test: it asserts times. It takes a minute, 3 GB of memory, and exits with 1 where a verdict is another than expected.
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

# What is expected, and the step that it is expected of.
CASES = {
    # 67 million weights, each read for one sample.
    "memory": {"layers": "4096,8192,4096,10", "batch": 1, "steps": 24, "rounds": 3, "threads": 1, "samples": 64},
    # 2048^2 weights, each used for 512 samples.
    "compute": {"layers": "2048,2048,2048,10", "batch": 512, "steps": 12, "rounds": 3, "threads": 1, "samples": 1024},
    # Two shards for 16 threads.
    "parallel work": {"layers": "512,64,10", "batch": 1024, "steps": 60, "rounds": 3, "threads": 16, "samples": 2048,
                      "more": "[backend.tbb]\nshard_rows = 512"},
    "overhead": {"layers": "8,8,8", "batch": 8, "steps": 6000, "rounds": 3, "threads": 1, "samples": 512},
}  # fmt: skip


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
        for expected, case in CASES.items():
            found, table = verdict(program, Path(folder), case)
            wrong += found != expected
            print(f"{case['layers']} at batch {case['batch']}, {case['threads']} threads: {found}"
                  f"{'' if found == expected else f', expected: {expected}'}\n\n{table.split(chr(10) * 2)[0]}\n")  # fmt: skip
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
