#!/usr/bin/env python3
"""Trains a sweep of many small trials, makes its report, loads that in Chromium, and prints sizes and times.

    tests/scripts/measure_large_report.py build/release/stepbench [--trials 1600]

For 1,600 trials it takes about 3 minutes on 2 cores. Times are of this machine, and only worth writing down when it does
nothing else; that the page has all that it should is tests/scripts/test_large_report.py's to say.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[2] / "scripts")]

from browser import Browser, find_chromium  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[2]
LOADS = 5
_LONGEST_LOAD = 3.0  # s: what the page was made to stay under
_PER_SETTING = 20  # trials: 5 seeds, 2 backends, 2 numbers of threads
_RATES, _SIZES = 4, ("2,8,2", "2,16,2", "2,32,2", "2,8,8,2")

_CONFIG = """[experiment]
name = large
[dataset]
kind = blobs
samples = 64
[model]
kind = mlp
loss = cross_entropy
[training]
epochs = 8
optimizer = sgd
[measure]
rounds = 8
warmup_steps = 0
gate = false
[sweep]
model.layers = {layers}
training.batch_size = {batches}
training.learning_rate = {rates}
backend = blas,tbb
threads = 1,2
seed = 1,2,3,4,5
"""


def config_text(trials: int) -> str:
    """Of that many trials, or a few more: one more batch size makes 16 settings."""
    settings = -(-trials // _PER_SETTING)
    layers = _SIZES[: min(len(_SIZES), settings)]
    rates = min(_RATES, -(-settings // len(layers)))
    batches = -(-settings // (len(layers) * rates))
    return _CONFIG.format(layers=" | ".join(layers), rates=",".join(f"0.0{i}" for i in range(1, 1 + rates)),
                          batches=",".join(str(4 * i) for i in range(1, 1 + batches)))  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path, help="stepbench's path")
    parser.add_argument("--trials", type=int, default=1600, help="at least so many; default 1600")
    options = parser.parse_args()
    chromium = find_chromium()
    if chromium is None:
        parser.error("there is no Chromium (Debian: apt install chromium)")
    with tempfile.TemporaryDirectory() as folder:
        config, page = Path(folder, "large.cfg"), Path(folder, "large.html")
        config.write_text(config_text(options.trials))
        subprocess.run([options.program.resolve(), "run", config, "-q", "-o", "large.h5"], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip
        begin = time.monotonic()
        subprocess.run([sys.executable, REPOSITORY / "scripts" / "report.py", "large.h5", "-o", page], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip
        made = time.monotonic() - begin
        with Browser(chromium) as browser:
            loads = []
            for _ in range(LOADS):
                begin = time.monotonic()
                browser.open(page, 1000)
                loads.append(time.monotonic() - begin)
            rows = browser.evaluate("document.querySelectorAll('#trials tbody tr').length")
            begin = time.monotonic()
            browser.evaluate("(() => { const search = document.querySelector('#pick input'); search.value = 'tbb 0.02'; "
                             "search.dispatchEvent(new Event('input', {bubbles: true})); document.body.offsetHeight; })()")  # fmt: skip
            searched = time.monotonic() - begin
        print(f"trials: {rows}\npage: {page.stat().st_size / 1e6:.1f} MB, made in {made:.0f} s")
        print(f"load: {statistics.median(loads):.2f} s, the median of {LOADS}; {max(loads):.2f} s at most")
        print(f"search: {searched:.2f} s")
    return 0 if max(loads) < _LONGEST_LOAD else 1


if __name__ == "__main__":
    sys.exit(main())
