"""Trials as jobs of SLURM, through submitit: one array for a grid, requeued where their time is up.

The experiment's folder has to be on a disk that all machines share: the jobs write their run folders themselves. What
a trial says in its run.json counts; submitit calls jobs finished whose trial failed.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import submitit
from submitit.core.utils import FailedJobError, FailedSubmissionError

from vaecli.core.errors import UsageError, VaeError
from vaecli.core.files import dump_json, load_json, write_atomic
from vaecli.engines.engine import Engine, Outcome, Policy, Watcher
from vaecli.engines.interpreter import PYTHON, safe_children
from vaecli.engines.silence import Silence
from vaecli.engines.slurm_trial import SlurmTrial
from vaecli.engines.supervisor import Attempt, End, Launcher, Start, Supervisor
from vaecli.engines.worker import Command, HistoryTail, last_line, thread_variables, trial_command
from vaecli.runs.experiment import Trial
from vaecli.runs.folder import RunFolder
from vaecli.runs.history import Row

OWN_FOLDER = "slurm"
"""Folder of submitit's files inside the experiment's; it may be deleted when no job is left."""
JOBS = "jobs.json"
"""Which job is whose, for a driver that comes after this one."""
LARGEST_ARRAY = 1000
"""SLURM's own bound, unless its administrator has raised it."""
LOOK_SECONDS = 5.0
"""Between two looks at the queue."""
DEFAULTS: Mapping[str, Any] = {"name": "vae", "timeout_min": 60, "cpus_per_task": 1}
SHARED = (
    "name",
    "nodes",
    "mem_gb",
    "timeout_min",
    "tasks_per_node",
    "cpus_per_task",
    "gpus_per_node",
    "stderr_to_stdout",
)
"""Parameters that submitit has for every kind of cluster; all others are SLURM's."""
OWN = ("array_parallelism", "nodes", "tasks_per_node", "setup", "srun_args", "additional_parameters")
"""What can't be chosen: one trial is one task on one machine, and --jobs says how many run at a time."""


@dataclass(frozen=True)
class SlurmEngine(Engine):
    """Runs trials as jobs of SLURM.

    Attributes:
        options: Parameters of the jobs, ``KEY=VALUE``: those of submitit, which has most of ``sbatch``'s.
        cluster: submitit's name of what runs the jobs.
        command: Gives the command of a trial for its folder.
    """

    options: tuple[str, ...] = ()
    cluster: str = "slurm"
    command: Command = trial_command

    def run(self, trials: Sequence[Trial], on_event: Watcher, policy: Policy) -> Outcome:
        """See `Engine`."""
        return Supervisor(trials, Jobs(self, own_folder(trials), policy.jobs), on_event, policy).run()

    def at_work(self, trials: Sequence[Trial]) -> frozenset[str]:
        """See `Engine`: those whose jobs are in the queue."""
        known, waiting = read_jobs(own_folder(trials)), Queue()
        return frozenset(trial.name for trial in trials if waiting.holds(known.get(trial.name, "")))


def own_folder(trials: Sequence[Trial]) -> Path:
    """Where submitit's files are."""
    return (trials[0].path.parent.parent / OWN_FOLDER).resolve()


def read_jobs(folder: Path) -> dict[str, str]:
    """Numbers of the jobs last submitted, by the names of their trials."""
    try:
        return {str(name): str(job) for name, job in (load_json(folder / JOBS) or {}).items()}
    except (OSError, ValueError):  # then nothing is known of them, as after the file was deleted
        return {}


def job_parameters(options: Sequence[str]) -> dict[str, Any]:
    """``KEY=VALUE`` texts as submitit's parameters, with `DEFAULTS`.

    Raises:
        UsageError: One has no value, or can't be chosen.
    """
    parameters = dict(DEFAULTS)
    for option in options:
        key, equals, value = option.partition("=")
        if not (key and equals):
            raise UsageError(f"--slurm {option}: give KEY=VALUE, such as partition=gpu")
        if key in OWN:
            raise UsageError(
                f"--slurm {option}: {key} can't be chosen; a trial is one task, and --jobs is the throttle"
            )
        parameters[key] = int(value) if value.isdecimal() else value
    return {key if key in SHARED else f"slurm_{key}": value for key, value in parameters.items()}


def make_executor(engine: SlurmEngine, folder: Path, jobs: int) -> Any:
    """The executor of submitit.

    Raises:
        UsageError: There is no SLURM on this machine, or it has no such parameter.
    """
    parameters = job_parameters(engine.options)
    if jobs:
        parameters["slurm_array_parallelism"] = jobs
    python = shlex.join(PYTHON)
    try:
        executor = submitit.AutoExecutor(folder, engine.cluster, slurm_python=python)
        executor.update_parameters(**parameters)
    except (RuntimeError, ValueError, NameError, TypeError, AssertionError) as error:
        raise UsageError(f"--engine slurm: {error}") from None
    return executor


class Jobs(Launcher):
    """Starts trials as jobs; see `Launcher`.

    Args:
        engine: What a job takes.
        folder: Of submitit's files.
        jobs: That run at a time; 0 leaves it to SLURM.
    """

    poll_seconds = 0.5

    def __init__(self, engine: SlurmEngine, folder: Path, jobs: int) -> None:
        self.command = engine.command
        self.executor = make_executor(engine, folder, jobs)
        self.variables = thread_variables(job_parameters(engine.options)["cpus_per_task"])
        self.folder, self.jobs, self.submitted = folder, jobs, False
        self.queue = Queue()
        self.is_done = self.queue.is_done if engine.cluster == "slurm" else _says_done
        self.known = read_jobs(folder)

    def capacity(self) -> int:
        """As many as an array takes, which SLURM throttles; what comes later waits until fewer than `jobs` are left."""
        return self.jobs if self.jobs and self.submitted else LARGEST_ARRAY

    def left_at_work(self, trial: Trial) -> bool:
        """Whether its job is in the queue."""
        return self.queue.holds(self.known.get(trial.name, ""))

    def launch(self, starts: Sequence[Start]) -> Sequence[SlurmAttempt | VaeError]:
        """One array, but for those that are at work."""
        left = {start.trial.name: self.known[start.trial.name] for start in starts if self.left_at_work(start.trial)}
        jobs = {name: submitit.SlurmJob(self.folder, number) for name, number in left.items()}
        fresh = [start.trial for start in starts if start.trial.name not in left]
        try:
            jobs |= self._submit(fresh) if fresh else {}
        except (FailedJobError, FailedSubmissionError, OSError) as error:
            refused = VaeError(f"SLURM refused the job: {error}")
            return [self._attempt(start, jobs) if start.trial.name in jobs else refused for start in starts]
        return [self._attempt(start, jobs) for start in starts]

    def _attempt(self, start: Start, jobs: Mapping[str, Any]) -> SlurmAttempt:
        return SlurmAttempt(start, jobs[start.trial.name], self.is_done)

    def _submit(self, trials: Sequence[Trial]) -> dict[str, Any]:
        """The jobs of trials by their names, which are written down at once."""
        with safe_children(), self.executor.batch():
            jobs = {trial.name: self.executor.submit(self._work(trial)) for trial in trials}
        self.submitted = True
        self.folder.mkdir(parents=True, exist_ok=True)
        self.known |= {name: job.job_id for name, job in jobs.items()}
        write_atomic(self.folder / JOBS, dump_json(self.known))
        return jobs

    def _work(self, trial: Trial) -> SlurmTrial:
        path = trial.path.resolve()
        return SlurmTrial(self.command(path), self.variables, str(RunFolder(path).log_path))


def _says_done(job: Any) -> bool:
    return bool(job.done())


class Queue:
    """SLURM's queue as ``squeue`` lists it, which needs no accounting."""

    def __init__(self) -> None:
        self.looked = -LOOK_SECONDS
        self.looks = 0
        self.waiting: set[str] = set()
        self.missing: dict[str, int] = {}

    def holds(self, number: str) -> bool:
        """Whether a job waits or runs."""
        self._look()
        return number in self.waiting

    def is_done(self, job: Any) -> bool:
        """Whether a job has left the queue; one look may miss a job that is being requeued."""
        self._look()
        if job.job_id in self.waiting:
            self.missing.pop(job.job_id, None)
            return False
        return self.looks - self.missing.setdefault(job.job_id, self.looks) >= 2

    def _look(self) -> None:
        now = time.monotonic()
        if now - self.looked < LOOK_SECONDS:
            return
        self.looked = now
        if shutil.which("squeue") is None:
            return
        command = ["squeue", "--noheader", "--array", "--format=%i", f"--user={os.getuid()}"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode == 0:  # else the controller is away, and nothing is known
            self.waiting = set(result.stdout.split())
            self.looks += 1


class SlurmAttempt(Attempt):
    """A trial in a job; see `Attempt`.

    Args:
        start: Which trial.
        job: Of submitit.
        is_done: Whether a job has ended.
    """

    def __init__(self, start: Start, job: Any, is_done: Callable[[Any], bool]) -> None:
        self.start, self.job, self.is_done = start, job, is_done
        self.given_up = False
        self.folder = RunFolder(start.trial.path)
        self.silence, self.tail = Silence(self.folder), HistoryTail(self.folder)
        self.log_start = self.folder.log_path.stat().st_size if self.folder.log_path.exists() else 0

    def poll(self) -> End | None:
        """How it ended; None while it waits or works."""
        if not self.given_up and not self.is_done(self.job):
            return None
        unfinished = self._told() in ("pending", "running")
        return End(killed=f"its job {self.job.job_id} ended before the trial did," if unfinished else "")

    def news(self) -> Row | None:
        """The last row of the history, if there is a new one since the last call."""
        return self.tail.news()

    def trouble(self) -> str:
        """Why it may hang, once each time; a job that waits for its turn is none."""
        return self.silence.words() if self._told() == "running" else ""

    def _told(self) -> str:
        """The trial's status by its own word; empty where its folder has none, as after it was removed."""
        try:
            return str(self.folder.run()["status"])
        except VaeError:
            return ""

    def ask(self, number: int) -> None:
        """Calls the job off: SLURM sends the trial SIGTERM, whatever the signal was, and kills it after a while."""
        self.job.cancel(check=False)

    def kill(self) -> None:
        """Calls the job off, and waits for it no longer: the controller may be away."""
        self.job.cancel(check=False)
        self.given_up = True

    def last_words(self) -> str:
        """The last line of the trial, or of its job."""
        return last_line(self.folder.log_path, self.log_start) or last_line(self.job.paths.stderr)
