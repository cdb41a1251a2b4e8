"""The model of bytes (core/models/step_work.hpp) against a cache simulator: what a small step fetches into a cache that holds what one
operation reads again, and not the weights."""

import os
import re
import shutil
import subprocess

import pytest

LINE = 64  # bytes
# Size, ways, line. With one level behind a small first one, misses are lines fetched: those read, and those written.
CACHES = ["--I1=32768,8,64", "--D1=32768,8,64", f"--LL={1 << 19},16,{LINE}"]
TOLERANCE = 0.2
# Valgrind knows no AVX-512, and no program that executes itself anew, as those that link OpenBLAS do unless these are set.
ENVIRONMENT = os.environ | {"STEPBENCH_ISA": "avx2", "OPENBLAS_NUM_THREADS": "1", "OPENBLAS_CORETYPE": "Haswell",
                            "OMP_WAIT_POLICY": "passive"}  # fmt: skip


def fetched(model: str, steps: int) -> tuple[float, float]:
    """Bytes fetched by a whole run of so many steps, and those of a step by the model."""
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=yes", "--cachegrind-out-file=/dev/null", *CACHES,
               os.environ["ONE_STEP"], model, str(steps)]  # fmt: skip
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, env=ENVIRONMENT)
    assert run.returncode == 0, run.stderr
    misses = re.search(r"LLd misses:\s+([\d,]+)", run.stderr)
    assert misses, run.stderr
    return LINE * int(misses[1].replace(",", "")), float(run.stdout)


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is missing (Debian: apt install valgrind)")
@pytest.mark.parametrize("model", ["mlp", "transformer"])
def test_a_step_fetches_what_the_model_says(model: str) -> None:
    once, modelled = fetched(model, 1)
    twice, _ = fetched(model, 2)
    simulated = twice - once
    print(f"{model}: model {modelled / 1e6:.2f} MB, simulated {simulated / 1e6:.2f} MB: {modelled / simulated:.3f}")
    assert abs(modelled / simulated - 1) <= TOLERANCE
