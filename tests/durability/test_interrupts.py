"""Signals: the quick part of the campaign of interrupts, and what each signal means."""

import os
import pty
import signal
import time

import campaigns
import h5py
import pytest
from campaigns import Bench
from sweep import end_of, start, start_and_wait_for

# A step of some tenths of a second.
LONG_STEPS = (
    "--set", "model.layers=4,4000,4000,3", "--set", "measure.gate_samples=1", "--set", "training.learning_rate=1e-9",
)  # fmt: skip


def test_interrupt_at_random_times_stops_and_resumes_with_the_same_bits(bench: Bench) -> None:
    campaigns.interrupt_at_random_times(bench, 8, seed=1).assert_kept(at_least=8)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_signal_ends_a_run_in_order(bench: Bench, number: signal.Signals) -> None:
    sweep = bench.sweep("sweep", seeds=(1,), steps=2_000_000, rounds=1000)
    child = start_and_wait_for(sweep, "blas-t1-s1: passed the gate")
    time.sleep(1)
    child.send_signal(number)
    ended = end_of(child)
    assert ended.code == 130 and ended.complaints()[0].startswith("stepbench: interrupted: "), ended
    assert "--resume goes on" in ended.stderr
    with h5py.File(sweep.trials / "blas-t1-s1.h5") as file:
        assert file["trials/blas-t1-s1"].attrs["status"] == "interrupted"


def test_second_sigterm_of_a_batch_system_does_not_stop_the_round(bench: Bench) -> None:
    sweep = bench.sweep("sweep", seeds=(1,), backends=("neuron",), steps=30_000, rounds=10_000)
    child = start_and_wait_for(sweep, "neuron-t1-s1: passed the gate", *LONG_STEPS)
    time.sleep(2)  # so that it knows its steps
    child.send_signal(signal.SIGTERM)
    assert child.stderr is not None and "stopping after this round" in child.stderr.readline()
    child.send_signal(signal.SIGTERM)
    ended = end_of(child)
    assert ended.code == 130 and "interrupted: " in ended.stderr, ended
    with h5py.File(sweep.trials / "neuron-t1-s1.h5") as file:
        assert file["trials/neuron-t1-s1"].attrs["status"] == "interrupted"


@pytest.mark.parametrize("at", [1, 60], ids=["measuring the machine", "training"])
def test_sigterm_ends_a_run_whose_library_hangs(bench: Bench, at: int) -> None:
    sweep = bench.sweep("sweep", seeds=(1,), rounds=1)
    child = start(sweep, environment=bench.faults(sweep, "cblas_sgemm", at, "hang", good=True))
    give_up = time.monotonic() + 60
    while "fault" not in bench.calls_logged():
        assert time.monotonic() < give_up and child.poll() is None, "it does not hang"
        time.sleep(0.05)
    child.send_signal(signal.SIGTERM)
    ended = end_of(child)
    assert ended.code == 130, ended
    assert ended.complaints() == ["stepbench: interrupted: no trial is finished yet; the same command with --resume goes on"]
    assert sweep.run("--resume").code == 0


def test_closed_terminal_ends_a_run_in_order(bench: Bench) -> None:
    """The window or the ssh of a run is gone: SIGHUP, and nobody to write to."""
    sweep = bench.sweep("sweep", seeds=(1,), steps=2_000_000, rounds=2)
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(sweep.folder)
        os.execv(sweep.program, [str(sweep.program), "run", "small.cfg", "-v", "-o", str(sweep.output)])
    seen = b""
    while b"blas-t1-s1: passed the gate" not in seen:
        seen += os.read(terminal, 4096)
    time.sleep(1)
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 130
    with h5py.File(sweep.trials / "blas-t1-s1.h5") as file:
        assert file["trials/blas-t1-s1"].attrs["status"] == "interrupted"
