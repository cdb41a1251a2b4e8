"""A Slurm cluster of this machine's own: a controller and two nodes on the loopback, gone when the tests are.

Knows nothing of stepbench.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PACKAGES = "slurmctld slurmd slurm-client munge"
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "scancel", "sinfo")
NODES = ("n0", "n1")
PATIENCE = 120  # s; far above any wait, so that a hang is a failure
_PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"  # where Debian has the daemons

# `cred_expire`: a requeued job starts again after seconds in place of two minutes. The addresses: it listens on the
# loopback alone. A node has more CPUs than this machine may have (`config_overrides`): two jobs of one CPU fit on it.
_CONFIG = """
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ReturnToService=2
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2,batch_sched_delay=0,bf_interval=2
KillWait=3
{nodes}
PartitionName=main Nodes={names} Default=YES MaxTime=INFINITE State=UP
"""


def what_is_missing() -> str:
    """Why there can be no cluster here; empty when there can."""
    missing = [program for program in PROGRAMS if shutil.which(program, path=_PATH) is None]
    if missing:
        return f"no {', '.join(missing)}: apt-get install {PACKAGES}"
    if os.geteuid() != 0:
        return "Slurm's daemons must be started as root"
    return ""


def can_tell_nodes_apart() -> bool:
    """Whether each node can have a folder of its own under a common name, where MPI's ranks meet."""
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [taken.getsockname()[1] for taken in sockets]
    for taken in sockets:
        taken.close()
    return ports


class Cluster:
    """Up from when it is made until stop(). All that it writes is in its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._daemons: list[subprocess.Popen[bytes]] = []
        self.config = folder / "slurm.conf"
        self._write_config()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _write_config(self) -> None:
        self._folder.chmod(0o755)  # munged asks for it
        for name in ("munge", "state", "pmix", *(f"{name}.{node}" for name in ("spool", "pmix") for node in NODES)):
            (self._folder / name).mkdir(mode=0o755)
        controller_port, *ports = _free_ports(1 + len(NODES))
        nodes = [
            f"NodeName={node} NodeAddr=127.0.0.1 NodeHostname=localhost Port={port} CPUs=4 RealMemory=1000"
            for node, port in zip(NODES, ports, strict=True)
        ]
        self.config.write_text(
            _CONFIG.format(
                folder=self._folder, controller_port=controller_port, nodes="\n".join(nodes), names=",".join(NODES)
            )
        )
        (self._folder / "mpi.conf").write_text(f"PMIxCliTmpDirBase={self._folder}/pmix\n")

    def _start(self) -> None:
        munge = self._folder / "munge"
        (munge / "key").write_bytes(os.urandom(128))
        (munge / "key").chmod(0o600)
        self._daemon(
            "munged", "--foreground", "--force", f"--key-file={munge}/key", f"--socket={munge}/socket",
            f"--pid-file={munge}/pid", f"--log-file={munge}/log", f"--seed-file={munge}/seed",
        )  # fmt: skip
        self.wait_until((munge / "socket").exists, "munged is up")
        self._daemon("slurmctld", "-D", "-c", "-f", str(self.config))
        for node in NODES:
            self._daemon(*self._node_command(node))
        self.wait_until(lambda: self._idle_nodes() == len(NODES), "the nodes are idle")

    def _node_command(self, node: str) -> list[str]:
        slurmd = ["slurmd", "-D", "-c", "-N", node, "-f", str(self.config)]
        if not can_tell_nodes_apart():
            return slurmd
        mount = f"mount --bind {self._folder}/pmix.{node} {self._folder}/pmix"
        return ["unshare", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh", *slurmd]

    def _daemon(self, *command: str) -> None:
        log = self._folder / f"{len(self._daemons)}-{command[0]}.log"
        with log.open("wb") as output:
            self._daemons.append(
                subprocess.Popen(command, env=self._environment(), stdout=output, stderr=subprocess.STDOUT)
            )

    def _environment(self) -> dict[str, str]:
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SBATCH_"))}
        return outside | {"SLURM_CONF": str(self.config), "PATH": _PATH}

    def _idle_nodes(self) -> int:
        done = subprocess.run(
            ["sinfo", "-h", "-o", "%D", "-t", "idle"], env=self._environment(), capture_output=True, encoding="utf-8"
        )
        return sum(map(int, done.stdout.split())) if done.returncode == 0 else 0

    def stop(self) -> None:
        """Ends the jobs with their nodes, then the daemons; waits for each."""
        if len(self._daemons) > 1:
            subprocess.run(["scancel", "--user=root"], env=self._environment(), capture_output=True, timeout=PATIENCE)
        for daemon in reversed(self._daemons):  # munged last: the others sign their farewells
            daemon.terminate()
            try:
                daemon.wait(timeout=15)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self._daemons.clear()

    def command(self, *command: str, cwd: Path, environment: dict[str, str] = {}) -> str:
        """What a command of Slurm prints; fails when the command does."""
        done = subprocess.run(
            command, cwd=cwd, env=self._environment() | environment, capture_output=True, encoding="utf-8",
            timeout=PATIENCE,
        )  # fmt: skip
        assert done.returncode == 0, done
        return done.stdout.strip()

    def submit(self, *arguments: object, cwd: Path, environment: dict[str, str] = {}) -> str:
        """Its job id."""
        return self.command("sbatch", "--parsable", *map(str, arguments), cwd=cwd, environment=environment)

    def states(self, job: str) -> set[str]:
        """Of all tasks of an array, as `scontrol` has them: PENDING, RUNNING, COMPLETED, FAILED, ..."""
        shown = self.command("scontrol", "--oneliner", "show", "job", job, cwd=self._folder)
        return {word.partition("=")[2] for word in shown.split() if word.startswith("JobState=")}

    def end_of(self, job: str) -> set[str]:
        """The states in which its tasks have come to rest."""
        unsettled = {"PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "REQUEUED", "RESIZING", "SUSPENDED"}
        self.wait_until(lambda: not self.states(job) & unsettled, f"job {job} has ended")
        return self.states(job)

    @staticmethod
    def wait_until(holds: Callable[[], bool], what: str) -> None:
        give_up = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < give_up, f"waited {PATIENCE} s in vain until {what}"
            time.sleep(0.1)
