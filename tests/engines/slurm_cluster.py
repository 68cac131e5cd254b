"""A real SLURM of one node on this machine, in a folder of its own: ``munged``, ``slurmctld`` and ``slurmd``.

Needs Debian's packages munge, slurmctld, slurmd and slurm-client, and root, under whom the daemons run here.
"""

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0,defer
ReturnToService=2
KillWait=5
MinJobAge=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def obstacle():
    """Why it can't run here; empty where it may."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=search_path()) is None]
    if missing:
        return f"no {missing[0]}; needs Debian's packages munge, slurmctld, slurmd and slurm-client"
    return "" if os.getuid() == 0 else "the daemons of SLURM need root"


def search_path():
    return os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(folder, cpus=2):
    """Runs the daemons; gives the environment in which ``sbatch`` and the like find them.

    Raises:
        RuntimeError: They don't come up, with the last words of their logs.
    """
    for name in ("state", "spool"):
        (folder / name).mkdir()
    host = socket.gethostname().partition(".")[0]
    (folder / "slurm.conf").write_text(
        CONFIGURATION.format(host=host, folder=folder, cpus=cpus, controller_port=free_port(), node_port=free_port())
    )
    (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o400)
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "PATH": search_path()}
    munge = [f"--{name}={folder}/munge.{name.partition('-')[0]}" for name in ("socket", "pid-file", "log-file")]
    commands = [
        ["munged", "--foreground", "--force", f"--key-file={folder}/munge.key", f"--seed-file={folder}/seed", *munge],
        ["slurmctld", "-D", "-c"],
        ["slurmd", "-D"],
    ]
    daemons = []
    try:
        for command in commands:
            output = open(folder / f"{command[0]}.out", "wb")  # noqa: SIM115  (it lives as long as the daemon)
            daemons.append(subprocess.Popen(command, env=environment, stdout=output, stderr=output, cwd=folder))
            time.sleep(0.5)
        wait_until_idle(folder, environment)
        yield environment
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in daemons:
            try:
                daemon.wait(timeout=10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


def wait_until_idle(folder, environment, seconds=30.0):
    deadline, state = time.monotonic() + seconds, ""
    while time.monotonic() < deadline:
        command = ["sinfo", "--noheader", "--format=%T"]
        state = subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout.strip()
        if state == "idle":
            return
        time.sleep(0.5)
    logs = "\n".join(
        f"{path.name}: {path.read_text()[-1500:]}"
        for path in sorted(folder.glob("*.*"))
        if path.suffix in (".log", ".out")
    )
    raise RuntimeError(f"the node is {state or 'unknown'}, not idle:\n{logs}")
