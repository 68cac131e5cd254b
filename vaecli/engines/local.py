"""Trials in processes of their own on this machine: one that dies takes no other with it.

Every worker has its own process group and log, and dies with its supervisor. The first SIGINT or SIGTERM is passed on
once, so that the workers save and stop; the second kills them. A worker that a signal killed (out of memory, say) is
started again from its checkpoint; an ordinary failure is not repeated.
"""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Literal

from vaecli.core.errors import VaeError
from vaecli.core.resources import cores
from vaecli.engines.worker import Command, Worker, mark, signal_name, trial_command, worker_environment
from vaecli.runs.experiment import Trial
from vaecli.runs.folder import RunFolder, Status
from vaecli.runs.history import Row

GRACE_SECONDS = 10.0
"""What workers get to save and stop when the supervisor itself fails."""


@dataclass(frozen=True)
class Event:
    """Something happened to a trial.

    Attributes:
        kind: ``started``, ``progress`` (a new row in its history), ``retried`` or ``finished``.
        trial: Which one.
        status: Where it stands now.
        row: The new row of its history, for ``progress``.
        message: Why it failed or is retried.
    """

    kind: Literal["started", "progress", "retried", "finished"]
    trial: Trial
    status: Status
    row: Row | None = None
    message: str = ""


@dataclass
class Outcome:
    """How all trials ended.

    Attributes:
        statuses: By run name; trials that were never started are ``pending``.
        signal_number: The first signal that stopped the work, or None.
    """

    statuses: dict[str, Status] = field(default_factory=dict)
    signal_number: int | None = None


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


def run_trials(
    trials: Sequence[Trial],
    jobs: int = 0,
    on_event: Callable[[Event], None] = lambda event: None,
    *,
    max_retries: int = 1,
    fail_fast: bool = False,
    command: Command = trial_command,
    gpus: Sequence[str] = (),
    poll: float = 0.1,
) -> Outcome:
    """Runs trials whose folders are prepared.

    Args:
        trials: In the order in which they start.
        jobs: Trials at a time; see `resolve_jobs`.
        on_event: Told of what happens, in this thread.
        max_retries: New attempts at a trial whose worker a signal killed.
        fail_fast: Stop all others when one fails or diverges; they save and can be gone on with.
        command: Gives the command of a worker for its folder.
        gpus: Values of ``CUDA_VISIBLE_DEVICES`` that the workers share; none leaves the variable alone.
        poll: Seconds between two looks.
    """
    count = resolve_jobs(jobs, len(trials), len(gpus))
    return _Supervisor(trials, count, on_event, max_retries, fail_fast, command, gpus, poll).run()


class _Supervisor:
    """See `run_trials`."""

    def __init__(
        self,
        trials: Sequence[Trial],
        jobs: int,
        on_event: Callable[[Event], None],
        max_retries: int,
        fail_fast: bool,
        command: Command,
        gpus: Sequence[str],
        poll: float,
    ) -> None:
        self.queue = deque((trial, 1) for trial in trials)
        self.free = list(range(jobs))
        self.threads = max(1, cores() // jobs)
        self.on_event, self.max_retries, self.fail_fast = on_event, max_retries, fail_fast
        self.command, self.gpus, self.poll = command, gpus, poll
        self.running: list[Worker] = []
        self.received: list[int] = []
        self.answered = 0
        self.stopping = False
        self.outcome = Outcome({trial.name: "pending" for trial in trials})

    def run(self) -> Outcome:
        """Works until every trial has ended, or those that run have after a signal."""
        with self._signals():
            try:
                while self.running or (self.queue and not self.stopping):
                    self._answer_signals()
                    self._start()
                    self._look()
                    if self.running:
                        time.sleep(self.poll)
                self._answer_signals()
            finally:
                self._abandon()
        return self.outcome

    @contextmanager
    def _signals(self) -> Iterator[None]:
        before = {}
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                before[number] = signal.signal(number, self._receive)
            except ValueError:  # not in the main thread: whoever runs us there handles signals
                break
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received.append(number)

    def _answer_signals(self) -> None:
        """Passes the first signal on; kills at the second."""
        while self.answered < len(self.received):
            number = self.received[self.answered]
            self.answered += 1
            if self.outcome.signal_number is None:
                self.outcome.signal_number = number
                self._stop(number)
            else:
                for worker in self.running:
                    worker.kill()

    def _stop(self, number: int) -> None:
        """Starts nothing more, and asks what runs to save and stop."""
        if not self.stopping:
            self.stopping = True
            for worker in self.running:
                worker.ask(number)

    def _start(self) -> None:
        while self.queue and self.free and not self.stopping:
            trial, attempt = self.queue.popleft()
            obstacle = mark(RunFolder(trial.path), "pending", "")
            if obstacle:
                self._finish(trial, "failed", obstacle)
                continue
            slot = self.free[0]
            gpu = self.gpus[slot % len(self.gpus)] if self.gpus else None
            try:
                worker = Worker(trial, attempt, self.command, worker_environment(self.threads, gpu), slot)
            except OSError as error:  # no more processes, or no log
                self._finish(trial, "failed", f"the worker can't be started: {error}")
                continue
            self.free.remove(slot)
            self.running.append(worker)
            self.outcome.statuses[trial.name] = "running"
            self.on_event(Event("started", trial, "running"))

    def _look(self) -> None:
        """Reports new rows, and settles workers that have ended."""
        for worker in list(self.running):
            code = worker.process.poll()
            row = worker.news()
            if row is not None:
                self.on_event(Event("progress", worker.trial, "running", row))
            if code is not None:
                self.running.remove(worker)
                self.free = sorted([*self.free, worker.slot])
                self._settle(worker, code)

    def _settle(self, worker: Worker, code: int) -> None:
        """Decides what an ended worker means: its own word counts first, then how it ended."""
        trial, folder = worker.trial, worker.folder
        try:
            run = folder.run()
        except VaeError as error:
            self._finish(trial, "failed", str(error))
            return
        status, message = run["status"], str(run.get("message") or "")
        if status in ("done", "diverged"):
            self._finish(trial, status, message)
        elif self.stopping or status == "interrupted":
            if status == "running":  # it died before it could say so
                mark(folder, "interrupted", "stopped before it had saved; it goes on from the checkpoint before")
                status = "interrupted"
            self._finish(trial, status, message)
        elif code < 0 and worker.attempt <= self.max_retries:
            self.queue.appendleft((trial, worker.attempt + 1))
            self.on_event(Event("retried", trial, "pending", message=self._killed(worker, code)))
        elif code < 0:
            self._fail(worker, self._killed(worker, code))
        else:
            own = message if status == "failed" else ""
            self._fail(worker, own or worker.last_words() or f"the worker ended with code {code} and without a word")

    def _killed(self, worker: Worker, code: int) -> str:
        """``killed by SIGKILL, perhaps out of memory, in attempt 2; its last line: ...``."""
        hint = ", perhaps out of memory," if -code == signal.SIGKILL else ""
        words = worker.last_words()
        return f"killed by {signal_name(-code)}{hint} in attempt {worker.attempt}" + (
            f"; its last line: {words}" if words else ""
        )

    def _fail(self, worker: Worker, message: str) -> None:
        mark(worker.folder, "failed", message)
        self._finish(worker.trial, "failed", message)

    def _finish(self, trial: Trial, status: Status, message: str) -> None:
        self.outcome.statuses[trial.name] = status
        self.on_event(Event("finished", trial, status, message=message))
        if self.fail_fast and status in ("failed", "diverged"):
            self._stop(signal.SIGTERM)

    def _abandon(self) -> None:
        """Leaves no worker behind when the supervisor itself fails."""
        for worker in self.running:
            worker.ask(signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        for worker in self.running:
            while worker.process.poll() is None and time.monotonic() < deadline:
                time.sleep(self.poll)
            worker.kill()
            worker.process.wait()
