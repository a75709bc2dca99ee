"""A Slurm cluster on this machine alone: one node, declared GPUs, no accounting, nothing outside a folder in /tmp."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

DAEMONS = ("munged", "slurmctld", "slurmd")
COMMANDS = ("sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo", "sacct", "sacctmgr", "sshare")
CLIENTS = ("SLURM", "SBATCH", "SRUN")  # what variables that would lead elsewhere begin with
PACKAGES = ("slurm-wlm", "munge")  # Debian, Ubuntu
MARK = "KANREPRO_TEST_CLUSTER"  # in the environment of every process of the cluster: names its folder
PATHS = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/sbin"

SETTINGS = """\
ClusterName=local
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/completed.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=1,sched_interval=1
SlurmdParameters=config_overrides
MinJobAge=600
KillWait=2
ReturnToService=2
GresTypes=gpu,shard
NodeName={host} NodeAddr=127.0.0.1 Port={node} CPUs={cpus} Boards=1 SocketsPerBoard=1 CoresPerSocket={cpus} \
ThreadsPerCore=1 RealMemory=64000 Gres=gpu:h200:2,shard:8 State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes={host} MaxTime=INFINITE State=UP
"""
# two device files that every machine has: enough for Slurm to give them out
GRES = "Name=gpu Type=h200 File=/dev/null\nName=gpu Type=h200 File=/dev/zero\nName=shard Count=8\n"


class Unavailable(Exception):
    """Why there is no cluster here."""


def install() -> None:
    """Find Slurm and munge, or install them where that can be done.

    Raises:
        Unavailable: they are not here and cannot be installed.
    """
    missing = [name for name in (*DAEMONS, *COMMANDS) if shutil.which(name, path=PATHS) is None]
    if not missing:
        return
    if os.getuid() != 0 or shutil.which("apt-get") is None:
        raise Unavailable(f"{', '.join(missing)} not found; as root: apt-get install {' '.join(PACKAGES)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
        done = subprocess.run(["apt-get", "-qq", *words], env=environment, capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(f"apt-get {words[0]} failed: {done.stderr.strip().splitlines()[-1:]}")


class Cluster:
    """A running cluster; `stop` ends all that it started, jobs too.

    Attributes:
        folder: configuration, state and logs.
        environment: of whoever submits jobs; commands in it find this cluster, inside of jobs too.
    """

    def __init__(self, cpus: int = 4) -> None:
        # not pytest's folder: munge wants one that all may enter, and the name of a socket is short
        self.folder = Path(tempfile.mkdtemp(prefix="kanrepro-slurm-", dir="/tmp"))
        self.folder.chmod(0o755)
        own = {name: value for name, value in os.environ.items() if name.partition("_")[0] not in CLIENTS}
        self.environment = {**own, "PATH": f"{self.folder}/bin:{PATHS}", MARK: str(self.folder)}
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        try:
            self._configure(cpus)
            self._start()
        except BaseException:
            self.stop()
            raise

    def _configure(self, cpus: int) -> None:
        for name in ("state", "spool", "munge", "bin"):
            (self.folder / name).mkdir()
        host, control, node = socket.gethostname().split(".")[0], *free_ports(2)
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        settings = SETTINGS.format(folder=self.folder, host=host, user=user, cpus=cpus, control=control, node=node)
        (self.folder / "slurm.conf").write_text(settings)
        (self.folder / "gres.conf").write_text(GRES)
        key = self.folder / "munge/key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        # jobs find no SLURM_CONF in their environment (snakemake's jobstep takes SLURM_* out): the commands bring it
        for name in COMMANDS:
            wrapper = self.folder / "bin" / name
            program = shutil.which(name, path=PATHS)
            wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {program} "$@"\n')
            wrapper.chmod(0o755)

    def _start(self) -> None:
        munge = self.folder / "munge"
        paths = [f"--{name}-file={munge}/{name}" for name in ("key", "pid", "log", "seed")]
        self._daemon("munged", "--foreground", f"--socket={munge}/socket", *paths)
        self._wait_for((munge / "socket").exists, "socket of munged")
        self._daemon("slurmctld", "-D")
        self._wait_for(lambda: self.run("scontrol", "ping").returncode == 0, "answer of slurmctld")
        self.start_node()

    def start_node(self) -> None:
        """Start slurmd and wait until jobs can run."""
        self._daemon("slurmd", "-D")
        self._wait_for(lambda: self._node_state() in ("IDLE", "MIXED", "ALLOCATED"), "node that is up")

    def _node_state(self) -> str:
        """Such as IDLE or MIXED; DOWN* and the like keep what follows the word."""
        found = re.search(r"State=(\S+)", self.run("scontrol", "show", "node").stdout)
        return found[1] if found else ""

    def _daemon(self, name: str, *options: str) -> None:
        """Start a daemon that dies with this process."""
        program = shutil.which(name, path=PATHS) or name
        words = [program, *options]
        if keeper := shutil.which("setpriv"):
            words = [keeper, "--pdeathsig", "TERM", *words]
        environment = {**self.environment, "SLURM_CONF": f"{self.folder}/slurm.conf"}
        with (self.folder / f"{name}.out").open("ab") as out:
            self.daemons[name] = subprocess.Popen(words, env=environment, stdout=out, stderr=subprocess.STDOUT)

    def _wait_for(self, condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
        """Wait until `condition` holds; give up at once where a daemon has ended.

        Raises:
            Unavailable: it does not in time.
        """
        until = time.monotonic() + seconds
        while not condition():
            ended = [name for name, daemon in self.daemons.items() if daemon.poll() is not None]
            if ended or time.monotonic() > until:
                what = f"{ended[0]} ended" if ended else f"no {what} in {seconds:.0f} s"
                raise Unavailable(f"{what}. {self._why()}")
            time.sleep(0.2)

    def _why(self) -> str:
        """The last lines of every log."""
        logs = sorted(self.folder.glob("*.log")) + sorted(self.folder.glob("*.out")) + [self.folder / "munge/log"]
        tails = {log.name: log.read_text(errors="replace").splitlines()[-3:] for log in logs if log.exists()}
        return "; ".join(f"{name}: {' / '.join(tail)}" for name, tail in tails.items() if tail)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of Slurm."""
        return subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=60)

    def jobs(self) -> list[dict[str, str]]:
        """What Slurm knows of every job, by the names of `scontrol show job`."""
        shown = self.run("scontrol", "--oneliner", "--details", "show", "job").stdout.splitlines()
        return [dict(re.findall(r"(?:^| )([A-Za-z:]+)=(\S*)", line)) for line in shown if line.startswith("JobId=")]

    def completed(self) -> list[dict[str, str]]:
        """The log that Slurm writes when jobs end."""
        log = self.folder / "completed.log"
        return [dict(re.findall(r"(\w+)=(\S*)", line)) for line in log.read_text().splitlines()] if log.exists() else []

    def stop(self) -> None:
        """End all jobs and daemons, and remove the folder."""
        daemons = {name: psutil.Process(daemon.pid) for name, daemon in self.daemons.items() if daemon.poll() is None}
        if "slurmctld" in daemons:
            self.run("scancel", "--quiet", "--user", str(os.getuid()))
        for process in set(self.processes()) - set(daemons.values()):
            end(process)
        for name in ("slurmd", "slurmctld", "munged"):
            if name in daemons:
                end(daemons[name])
        shutil.rmtree(self.folder, ignore_errors=True)

    def processes(self) -> list[psutil.Process]:
        """Every process that belongs to the cluster: daemons, jobs, and what jobs started."""
        found = []
        for process in psutil.process_iter():
            try:
                mine = process.environ().get(MARK) == str(self.folder) or str(self.folder) in " ".join(
                    process.cmdline()
                )
            except psutil.Error:
                continue
            if mine and process.pid != os.getpid():
                found.append(process)
        return found


def end(process: psutil.Process, patience: float = 5.0) -> None:
    """Ask a process to end, and make it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            process.send_signal(number)
            process.wait(patience)
            return
        except psutil.TimeoutExpired:
            continue
        except psutil.NoSuchProcess:
            return


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
