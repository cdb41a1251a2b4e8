"""Runs stepbench_micro as a user would. Its path is in the environment variable STEPBENCH_MICRO."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

_PROGRAM = Path(os.environ.get("STEPBENCH_MICRO", "")).resolve()
_LONGEST_RUN = 300  # s; far above any run of these tests, so that a hang is a failure
_FAMILIES = {"attention", "gelu", "gemm", "layer_norm", "optimizer", "softmax_cross_entropy"}
_BRIEFLY = ("--benchmark_min_time=0.0001", "--benchmark_repetitions=1")
# One small kernel of each family at least, matrix products on one thread and, on several cores, on two.
_FEW = (
    "--benchmark_filter=gemm/mlp/layers.[12]/batch:32/|attention/transformer-D128/.*/float32|"
    "(gelu|layer_norm)/transformer-D128/.*/float32|softmax_cross_entropy/|optimizer/.*/mlp/float32"
)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    if not _PROGRAM.is_file():
        pytest.fail("set STEPBENCH_MICRO to the program's path")
    return subprocess.run([_PROGRAM, *arguments], capture_output=True, encoding="utf-8", timeout=_LONGEST_RUN)


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """What a brief run over some kernels of every family prints as JSON."""
    done = run(*_BRIEFLY, _FEW, "--benchmark_format=json", "--benchmark_display_aggregates_only=false")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_kernels_of_every_family_are_checked_and_timed(report: dict[str, Any]) -> None:
    assert {one["name"].split("/")[0] for one in report["benchmarks"]} == _FAMILIES
    assert [one["name"] for one in report["benchmarks"] if "error_message" in one or not one["real_time"] > 0] == []


def test_matrix_products_have_their_share_of_the_peak_and_the_other_passes_a_bandwidth(report: dict[str, Any]) -> None:
    for one in report["benchmarks"]:
        if one["name"].split("/")[0] in ("gemm", "attention"):
            assert one["GFLOP/s"] > 0 and one["percent_of_peak"] > 0 and "GB/s" not in one, one
        else:
            assert one["GB/s"] > 0 and "GFLOP/s" not in one and "percent_of_peak" not in one, one


def test_rate_is_the_work_over_the_time(report: dict[str, Any]) -> None:
    """Counters and time are of the same loop and of one clock."""
    work = {"gemm/mlp/layers.1/batch:32/forward/float32/blas_threads:1/manual_time": ("GFLOP/s", 2 * 32 * 512 * 256)}
    work["optimizer/adamw/mlp/float32/manual_time"] = ("GB/s", 7 * 4 * 535818)
    measured = {one["name"]: one for one in report["benchmarks"]}
    for name, (counter, amount) in work.items():
        assert measured[name]["time_unit"] == "ns"
        assert measured[name][counter] == pytest.approx(amount / measured[name]["real_time"], rel=1e-6), name


def test_context_says_what_openblas_runs_and_what_the_peak_is(report: dict[str, Any]) -> None:
    context = report["context"]
    assert context["blas_core"] and context["openblas_version"]
    assert context["denormals_flushed"] == "true"
    assert float(context["fma_peak_gflops/float32/threads:1"]) > 0


def test_by_default_a_kernel_is_repeated_nine_times_with_statistics() -> None:
    done = run("--benchmark_filter=layer_norm/transformer-D128/dW/float32", "--benchmark_format=json")
    assert done.returncode == 0, done.stderr
    kinds = [(one["run_type"], one.get("aggregate_name"), one["repetitions"]) for one in json.loads(done.stdout)["benchmarks"]]
    assert kinds == [("aggregate", name, 9) for name in ("mean", "median", "stddev", "cv")]


@pytest.mark.parametrize("argument", ["--benchmark_filter=no such kernel", "--nonsense"])
def test_bad_command_line_exits_with_2(argument: str) -> None:
    assert run(*_BRIEFLY, argument).returncode == 2


def test_table_that_does_not_arrive_is_a_failure() -> None:
    with open("/dev/full", "w") as full:
        command = [_PROGRAM, *_BRIEFLY, "--benchmark_filter=layer_norm/transformer-D128/dW/float32"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, encoding="utf-8", timeout=_LONGEST_RUN)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("stepbench_micro: the standard output cannot be written")
