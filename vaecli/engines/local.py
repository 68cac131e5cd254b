"""Trials in processes of their own on this machine: one that dies takes no other with it.

Every worker has its own process group and log, and dies with its supervisor.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from vaecli.core.errors import VaeError
from vaecli.core.resources import cores
from vaecli.engines.copies import Nursery, can_copy
from vaecli.engines.engine import Engine, Outcome, Policy, Watcher
from vaecli.engines.supervisor import Launcher, Start, Supervisor
from vaecli.engines.worker import Command, Worker, spawn, trial_command, worker_environment
from vaecli.runs.experiment import Trial


def resolve_jobs(jobs: int, trials: int, gpus: int = 0) -> int:
    """Trials at a time.

    Args:
        jobs: As asked for; 0 is one a GPU where there are GPUs, otherwise one a core: small models gain more from
            trials side by side than from threads. Ask for fewer where memory is short.
        trials: How many there are.
        gpus: How many they may use.
    """
    return max(1, min(jobs or gpus or cores(), trials))


def visible_gpus(device: str) -> list[str]:
    """The GPUs that trials share out among themselves, as ``CUDA_VISIBLE_DEVICES`` names them."""
    import torch

    if device not in ("auto", "cuda") or not torch.cuda.is_available():
        return []
    named = [item for item in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if item]
    return named or [str(number) for number in range(torch.cuda.device_count())]


@dataclass(frozen=True)
class LocalEngine(Engine):
    """Runs trials on this machine.

    Attributes:
        command: Gives the command of a worker for its folder.
        gpus: Values of ``CUDA_VISIBLE_DEVICES`` that the workers share; without, those that there are.
        poll_seconds: Between two looks.
    """

    command: Command = trial_command
    gpus: Sequence[str] | None = None
    poll_seconds: float = 0.1

    def run(self, trials: Sequence[Trial], on_event: Watcher, policy: Policy) -> Outcome:
        """See `Engine`."""
        gpus = self.gpus
        if gpus is None:
            gpus = visible_gpus(trials[0].config.training.device) if trials else ()
        jobs = resolve_jobs(policy.jobs, len(trials), len(gpus))
        processes = _Processes(self, jobs, gpus)
        try:
            return Supervisor(trials, processes, on_event, policy).run()
        finally:
            processes.close()


class _Processes(Launcher):
    """Starts workers; see `Launcher`."""

    def __init__(self, engine: LocalEngine, jobs: int, gpus: Sequence[str]) -> None:
        self.command, self.jobs, self.gpus = engine.command, jobs, gpus
        self.poll_seconds = engine.poll_seconds
        self.threads = max(1, cores() // jobs)
        own = engine.command is trial_command and not gpus  # what else a command does, only a new process can
        self.nursery = Nursery(worker_environment(self.threads, None), self.threads) if own and can_copy() else None

    def close(self) -> None:
        """Lets go of what trials were copies of."""
        if self.nursery is not None:
            self.nursery.close()

    def capacity(self) -> int:
        return self.jobs

    def launch(self, starts: Sequence[Start]) -> list[Worker | VaeError]:
        return [self._worker(start) for start in starts]

    def _worker(self, start: Start) -> Worker | VaeError:
        gpu = self.gpus[start.slot % len(self.gpus)] if self.gpus else None
        try:
            if self.nursery is not None:
                return Worker(start, self.nursery.start)
            return Worker(start, spawn(self.command, worker_environment(self.threads, gpu)))
        except OSError as error:  # no more processes, or no log
            return VaeError(f"the worker can't be started: {error}")
