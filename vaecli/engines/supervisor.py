"""Which trial starts when, and what its end means: the part that all engines share.

The first signal of `vaecli.core.signals` is passed on once, so that the trials save and stop; the second kills them. A
trial that was killed (out of memory, say) or whose machine was lost is started again from its checkpoint; an ordinary
failure is not repeated.
"""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, islice
from types import FrameType
from typing import Protocol

from vaecli.core.errors import VaeError
from vaecli.core.signals import handled
from vaecli.engines.engine import Event, Outcome, Policy, Watcher
from vaecli.runs.experiment import Trial
from vaecli.runs.folder import RunFolder, Status
from vaecli.runs.history import Row

GRACE_SECONDS = 10.0
"""What trials get to save and stop when the supervisor itself fails."""


@dataclass(frozen=True)
class Start:
    """A trial that is to be started.

    Attributes:
        trial: Its folder is prepared.
        number: Of the attempt, from 1.
        slot: Which of the trials at a time it is.
    """

    trial: Trial
    number: int
    slot: int


@dataclass(frozen=True)
class End:
    """How an attempt ended, apart from what the trial says of itself.

    Attributes:
        code: Exit code of its process, if it is known.
        killed: ``killed by SIGKILL``, or how else it was lost; such an attempt is repeated. Empty for one that ended by
            itself.
    """

    code: int | None = None
    killed: str = ""


class Attempt(Protocol):
    """A trial at work somewhere."""

    start: Start

    def poll(self) -> End | None:
        """How it ended; None while it works."""

    def news(self) -> Row | None:
        """The last row of the history, if there is a new one since the last call."""

    def trouble(self) -> str:
        """Why it may hang, once each time; empty while it gives signs of life."""

    def ask(self, number: int) -> None:
        """Sends it a signal to save and stop."""

    def kill(self) -> None:
        """Ends it and whatever it started."""

    def last_words(self) -> str:
        """The last line that this attempt printed."""


class Launcher(Protocol):
    """The part in which engines differ.

    Attributes:
        poll_seconds: Between two looks at what runs.
    """

    poll_seconds: float

    def capacity(self) -> int:
        """Trials at a time; it may change."""

    def left_at_work(self, trial: Trial) -> bool:
        """Whether somebody before has started it, so that `launch` has only to take it over."""
        return False

    def launch(self, starts: Sequence[Start]) -> Sequence[Attempt | VaeError]:
        """Starts trials; for each, in their order, the attempt, or why there is none."""


class Supervisor:
    """Runs trials through a launcher.

    Args:
        trials: In the order in which they start; their folders are prepared.
        launcher: Starts them.
        on_event: Told of what happens, in this thread.
        policy: Retries, and whether one failure stops all.
    """

    def __init__(self, trials: Sequence[Trial], launcher: Launcher, on_event: Watcher, policy: Policy) -> None:
        self.queue = deque((trial, 1) for trial in trials)
        self.launcher, self.on_event, self.policy = launcher, on_event, policy
        self.running: list[Attempt] = []
        self.received: list[int] = []
        self.answered = 0
        self.stopping = False
        self.outcome = Outcome({trial.name: "pending" for trial in trials})

    def run(self) -> Outcome:
        """Works until every trial has ended, or those that run have after a signal."""
        with handled(self._receive):
            try:
                while self.running or (self.queue and not self.stopping):
                    self._answer_signals()
                    self._start()
                    self._look()
                    if self.running or (self.queue and not self.stopping):
                        time.sleep(self.launcher.poll_seconds)
                self._answer_signals()
            finally:
                self._abandon()
        return self.outcome

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
                for attempt in self.running:
                    attempt.kill()

    def _stop(self, number: int) -> None:
        """Starts nothing more, and asks what runs to save and stop."""
        if not self.stopping:
            self.stopping = True
            for attempt in self.running:
                self._ask(attempt, number)

    def _ask(self, attempt: Attempt, number: int) -> None:
        attempt.ask(number)
        self.on_event(Event("stopping", attempt.start.trial, "running"))

    def _start(self) -> None:
        while starts := self._next():
            for start, attempt in zip(starts, self.launcher.launch(starts), strict=True):
                if isinstance(attempt, VaeError):
                    self._finish(start.trial, "failed", str(attempt))
                else:
                    self.running.append(attempt)
                    self.outcome.statuses[start.trial.name] = "running"
                    self.on_event(Event("started", start.trial, "running"))
                    if self.stopping:  # one that was to be launched beside it has failed
                        self._ask(attempt, signal.SIGTERM)

    def _next(self) -> list[Start]:
        """As many of the queue as there is room for; those whose folder can't be had fail."""
        taken = {attempt.start.slot for attempt in self.running}
        room = max(0, self.launcher.capacity() - len(taken))  # it may have shrunk below what runs
        free = islice((slot for slot in count() if slot not in taken), room)
        starts: list[Start] = []
        for slot in free if self.queue else ():
            while self.queue and not self.stopping:
                trial, number = self.queue.popleft()
                obstacle = "" if self.launcher.left_at_work(trial) else mark(RunFolder(trial.path), "pending", "")
                if not obstacle:
                    starts.append(Start(trial, number, slot))
                    break
                self._finish(trial, "failed", obstacle)
        if self.stopping:  # one of them was the failure that stops all
            self.queue.extendleft((start.trial, start.number) for start in reversed(starts))
            return []
        return starts

    def _look(self) -> None:
        """Reports new rows and silence, and settles attempts that have ended."""
        for attempt in list(self.running):
            end = attempt.poll()
            trial = attempt.start.trial
            row = attempt.news()
            if row is not None:
                self.on_event(Event("progress", trial, "running", row))
            if end is not None:
                self.running.remove(attempt)
                self._settle(attempt, end)
            elif trouble := attempt.trouble():
                self.on_event(Event("silent", trial, "running", message=trouble))

    def _settle(self, attempt: Attempt, end: End) -> None:
        """Decides what an ended attempt means: the trial's own word counts first, then how it ended."""
        trial, number = attempt.start.trial, attempt.start.number
        folder = RunFolder(trial.path)
        try:
            run = folder.run()
        except VaeError as error:
            self._finish(trial, "failed", str(error))
            return
        status, message = run["status"], str(run.get("message") or "")
        if status in ("done", "diverged"):
            self._finish(trial, status, message)
        elif self.stopping or (status == "interrupted" and not end.killed):
            if status == "running":  # it died before it could say so
                message = "stopped before it had saved; it goes on from the checkpoint before"
                mark(folder, "interrupted", message)
                status = "interrupted"
            self._finish(trial, status, message)
        elif end.killed and number <= self.policy.max_retries:
            self.queue.appendleft((trial, number + 1))
            self.outcome.statuses[trial.name] = "pending"
            self.on_event(Event("retried", trial, "pending", message=_loss(attempt, end)))
        elif end.killed:
            self._fail(attempt, _loss(attempt, end))
        else:
            own = message if status == "failed" else ""
            self._fail(attempt, own or attempt.last_words() or _silent_end(end))

    def _fail(self, attempt: Attempt, message: str) -> None:
        mark(RunFolder(attempt.start.trial.path), "failed", message)
        self._finish(attempt.start.trial, "failed", message)

    def _finish(self, trial: Trial, status: Status, message: str) -> None:
        self.outcome.statuses[trial.name] = status
        self.on_event(Event("finished", trial, status, message=message))
        if self.policy.fail_fast and status in ("failed", "diverged"):
            self._stop(signal.SIGTERM)

    def _abandon(self) -> None:
        """Leaves nothing at work behind when the supervisor itself fails."""
        for attempt in self.running:
            attempt.ask(signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        for attempt in self.running:
            while attempt.poll() is None and time.monotonic() < deadline:
                time.sleep(self.launcher.poll_seconds)
            attempt.kill()


def _loss(attempt: Attempt, end: End) -> str:
    """``killed by SIGKILL, perhaps out of memory, in attempt 2; its last line: ...``."""
    words = attempt.last_words()
    return f"{end.killed} in attempt {attempt.start.number}" + (f"; its last line: {words}" if words else "")


def _silent_end(end: End) -> str:
    return "it ended without a word" if end.code is None else f"it ended with code {end.code} and without a word"


def mark(folder: RunFolder, status: Status, message: str) -> str:
    """Sets a run's status; where that can't be done, as when another process has the run, gives the reason."""
    try:
        with folder.lock():
            folder.update(status=status, message=message)
    except VaeError as error:
        return str(error)
    return ""
