"""`stepbench race`: the program against itself, and against workers that break the protocol. No time is asserted."""

import os
import signal
import stat
import time
from pathlib import Path

import pytest

from conftest import Outcome, Program
from inputs import Changes, write_config
from refusal import assert_mentions, refused

CHANGES: Changes = {"training.epochs": None, "training.steps": 40, "measure.rounds": 9, "sweep.backend": "neuron,blas"}
GREETING = "print('stepbench-race 1 0.1.0 abc', flush=True)"


def script(folder: Path, body: str, name: str = "fake") -> Path:
    """A program in Python; `say(line)` and `hear()` are there."""
    path = folder / name
    path.write_text(
        "#!/usr/bin/python3\nimport os, sys, time\n"
        "def say(line): print(line, flush=True)\n"
        "def hear(): return sys.stdin.readline().split()\n" + body + "\n"
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def relay(folder: Path, program: Program, change: str, name: str = "changed") -> Path:
    """The real worker with what it says passed through `change(words)`, which gives the words to pass on."""
    return script(
        folder,
        f"import subprocess\n"
        f"real = subprocess.Popen([{str(program.binary)!r}, *sys.argv[1:]], stdout=subprocess.PIPE, encoding='utf-8')\n"
        f"{change}\n"
        f"for line in real.stdout: say(' '.join(change(line.split())))\n"
        f"sys.exit(real.wait())",
        name,
    )


def rows(outcome: Outcome) -> dict[str, str]:
    return {line.split()[0]: line for line in outcome.stdout.splitlines() if "-t1-s1" in line.split(" ")[0]}


@pytest.fixture(scope="module")
def against_itself(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("race")
    return program("race", program.binary, program.binary, write_config(folder, CHANGES), "-q", cwd=folder)


def test_a_race_against_itself_succeeds(against_itself: Outcome) -> None:
    assert against_itself.code == 0, against_itself
    assert against_itself.stderr == "" or "OpenBLAS" in against_itself.stderr


def test_a_race_against_itself_learns_the_same_bits(against_itself: Outcome) -> None:
    table = rows(against_itself)
    assert set(table) == {"neuron-t1-s1", "blas-t1-s1"}
    assert all(row.endswith("  yes") for row in table.values()), against_itself.stdout


def test_a_race_writes_nothing(program: Program, tmp_path: Path) -> None:
    config = write_config(tmp_path, {**CHANGES, "sweep.backend": "blas"})
    assert program("race", program.binary, program.binary, config.name, "-q", cwd=tmp_path).code == 0
    assert list(tmp_path.iterdir()) == [config]


def test_overrides_reach_the_workers(program: Program, tmp_path: Path) -> None:
    write_config(tmp_path, CHANGES)
    options = ("--set", "sweep.backend=blas", "--set", "training.learning_rate=0.2", "--set", "sweep.seed=7", "-q")
    outcome = program("race", program.binary, program.binary, "small.cfg", *options, cwd=tmp_path)
    assert outcome.code == 0 and "\nblas-t1-s7 " in outcome.stdout, outcome


def test_repeats_pool_their_rounds(program: Program, tmp_path: Path) -> None:
    write_config(tmp_path, {**CHANGES, "measure.rounds": 4, "sweep.backend": "blas"})
    race = ("race", program.binary, program.binary, "small.cfg", "-q")
    assert "at least 8 rounds" in rows(program(*race, cwd=tmp_path))["blas-t1-s1"]
    assert "at least 8 rounds" not in rows(program(*race, "--repeat", 2, cwd=tmp_path))["blas-t1-s1"]


def test_too_few_rounds_for_a_limit_exit_with_4(program: Program, tmp_path: Path) -> None:
    write_config(tmp_path, {**CHANGES, "measure.rounds": 2, "sweep.backend": "blas"})
    race = ("race", program.binary, program.binary, "small.cfg", "-q", "--fail-if", "slower:5%")
    assert program(*race, cwd=tmp_path).code == 4


# Times are what the relay makes of them, so that the verdict depends on no machine.
HALF_AS_FAST = """
import random
def change(words, factor=FACTOR, draw=random.Random(1)):
    return ['block', str(factor * draw.uniform(0.99, 1.01)), *words[2:]] if words[0] == 'block' else words
"""


@pytest.mark.parametrize(
    ("new_time", "limit", "code", "verdict"),
    [(2, "slower:5%", 3, "slower"), (2, "slower:200%", 0, "slower"), (0.5, "slower:5%", 0, "faster")],
)
def test_a_change_of_speed_is_found(
    program: Program, tmp_path: Path, new_time: float, limit: str, code: int, verdict: str
) -> None:
    write_config(tmp_path, {**CHANGES, "sweep.backend": "blas"})
    old = relay(tmp_path, program, HALF_AS_FAST.replace("FACTOR", "1.0"), "old")
    new = relay(tmp_path, program, HALF_AS_FAST.replace("FACTOR", str(new_time)), "new")
    outcome = program("race", old, new, "small.cfg", "-q", "--fail-if", limit, cwd=tmp_path)
    assert (outcome.code, outcome.stderr) == (code, ""), outcome
    assert f"  {verdict} " in rows(outcome)["blas-t1-s1"]


def test_the_step_at_which_losses_part_is_named(program: Program, tmp_path: Path) -> None:
    write_config(tmp_path, {**CHANGES, "sweep.backend": "blas"})
    change = """
seen = 0
def change(words):
    global seen
    if words[0] == 'block':
        seen += len(words) - 2
        if seen > 10: words[-1] = '9'
    return words
"""
    outcome = program("race", program.binary, relay(tmp_path, program, change), "small.cfg", "-q", cwd=tmp_path)
    assert outcome.code == 0, outcome
    # 40 steps in 9 rounds: blocks of 4, 4, 5, ...: the last step of the third is the first that is changed.
    assert "no: losses part at step 12 " in rows(outcome)["blas-t1-s1"], outcome.stdout


def test_a_failed_gate_is_not_timed_and_exits_with_5(program: Program, tmp_path: Path) -> None:
    write_config(tmp_path, {**CHANGES, "sweep.backend": "blas"})
    new = script(tmp_path, GREETING + "\nprint('stepbench: gate: all wrong', file=sys.stderr)\nsys.exit(5)")
    outcome = program("race", program.binary, new, "small.cfg", "-q", cwd=tmp_path)
    assert outcome.code == 5, outcome
    assert "blas-t1-s1 failed: NEW: gate: all wrong\n" in outcome.stdout


READY = GREETING + "\nsay('ready 40')"
BROKEN = {
    "too old": ("print('stepbench: unknown command \"race-worker\"', file=sys.stderr)\nsys.exit(2)", 2, ["too old"]),
    "another program": ("say('hello world')\ntime.sleep(1000)", 2, ["hello world"]),
    "another protocol": ("say('stepbench-race 2 9.0 abc')\ntime.sleep(1000)", 2, ["version 2", "version 1"]),
    "ends at once": ("sys.exit(7)", 2, ["exit code 7"]),
    "refuses the config": (GREETING + "\nprint('stepbench: x.cfg:1: no', file=sys.stderr)\nsys.exit(2)", 2, ["x.cfg:1: no"]),
    "has other steps": (GREETING + "\nsay('ready 41')\nhear()", 2, ["40", "41"]),
    "nonsense for ready": (GREETING + "\nsay('ready or not')\nhear()", 1, ["ready or not"]),
    "nonsense for a block": (READY + "\nhear()\nsay('block fast')\nhear()", 1, ["block fast"]),
    "too many losses": (READY + "\nhear()\nsay('block 1' + ' 1' * 5)\nhear()", 1, ["losses of a block"]),
    "an endless line": (READY + "\nhear()\nwhile True: sys.stdout.write('block ')", 1, ["block block"]),
    "dies in a block": (READY + "\nhear()\nos.kill(os.getpid(), 11)", 1, ["signal 11"]),
    "dies between blocks": (READY, 1, ["in the middle"]),
    "fails in a block": (READY + "\nhear()\nprint('stepbench: out of luck', file=sys.stderr)\nsys.exit(1)", 1, ["out of luck"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_worker_that_breaks_the_protocol_is_one_clear_line(program: Program, tmp_path: Path, case: str) -> None:
    body, code, words = BROKEN[case]
    write_config(tmp_path, {**CHANGES, "sweep.backend": "blas"})
    fake = script(tmp_path, body)
    message = refused(program, tmp_path, "race", program.binary, fake, "small.cfg", "-q", code=code)
    assert_mentions(message, "race: NEW", fake) if case != "has other steps" else None
    assert_mentions(message, *words)


def test_an_old_build_that_changes_while_it_starts_is_refused(program: Program, tmp_path: Path) -> None:
    write_config(tmp_path, {**CHANGES, "sweep.backend": "blas"})
    old = script(tmp_path, "say(f'stepbench-race 1 0.1.0 {os.getpid()}')\nsay('ready 40')\nhear()")
    message = refused(program, tmp_path, "race", old, program.binary, "small.cfg", "-q", code=1)
    assert_mentions(message, "must not change")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["SELF", "SELF", "missing.cfg"], ["missing.cfg"]),
        (["missing", "SELF", "small.cfg"], ["OLD", "missing"]),
        (["SELF", "small.cfg", "small.cfg"], ["NEW", "small.cfg"]),
        (["SELF", "SELF"], ["usage: stepbench race OLD NEW CONFIG"]),
        (["SELF", "SELF", "small.cfg", "more"], ["more"]),
        (["SELF", "SELF", "small.cfg", "--fail-if", "slow"], ["--fail-if", "slower:5%"]),
        (["SELF", "SELF", "small.cfg", "--repeat", "0"], ["--repeat", "from 1"]),
        (["SELF", "SELF", "small.cfg", "--set", "training.batch_size=x"], ["training.batch_size"]),
    ],
)
def test_a_bad_command_line_is_refused(
    program: Program, tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    write_config(tmp_path, {**CHANGES, "sweep.backend": "blas"})
    command = [str(program.binary) if word == "SELF" else word for word in arguments]
    assert_mentions(refused(program, tmp_path, "race", *command), *words)


def test_the_worker_is_no_command_for_people(program: Program, tmp_path: Path) -> None:
    assert "race-worker" not in program("help", cwd=tmp_path).stdout
    assert "race-worker" not in program("nonsense", cwd=tmp_path).stderr
    assert "\n  race  " in program("help", cwd=tmp_path).stdout


def processes_in(folder: Path) -> list[int]:
    """Of those whose command line names the folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes()
        except OSError:
            continue
        if str(folder).encode() in command:
            found.append(int(entry.parent.name))
    return found


_MORE_THAN_A_START = 0.5  # s of CPU time: a worker that has spent it is in a block


def cpu_seconds(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_its_race(program: Program, tmp_path: Path, how: signal.Signals) -> None:
    # Blocks far longer than the test, so that only a signal can end the workers.
    config = write_config(tmp_path, {**CHANGES, "training.steps": 100_000_000, "sweep.backend": "blas"})
    race = program.start("race", program.binary, program.binary, config, "-q", cwd=tmp_path)
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline and max(map(cpu_seconds, processes_in(tmp_path)), default=0) < _MORE_THAN_A_START:
            time.sleep(0.02)
        assert len(processes_in(tmp_path)) == 4
        race.send_signal(how)
        assert race.wait(timeout=60) == -how
        race.communicate()
        while processes_in(tmp_path) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert processes_in(tmp_path) == []
    finally:
        race.kill()
        for process in processes_in(tmp_path):
            os.kill(process, signal.SIGKILL)
