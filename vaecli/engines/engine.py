"""What every engine takes and gives: prepared trials in, events on the way, an outcome at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from vaecli.runs.experiment import Trial
from vaecli.runs.folder import Status
from vaecli.runs.history import Row


@dataclass(frozen=True)
class Event:
    """Something happened to a trial.

    Attributes:
        kind: ``started``, ``progress`` (a new row in its history), ``silent`` (it lives, and gives no sign of it),
            ``stopping`` (it was asked to save and stop), ``retried`` or ``finished``.
        trial: Which one.
        status: Where it stands now.
        row: The new row of its history, for ``progress``.
        message: Why it failed, is retried, or seems to hang.
    """

    kind: Literal["started", "progress", "silent", "stopping", "retried", "finished"]
    trial: Trial
    status: Status
    row: Row | None = None
    message: str = ""


Watcher = Callable[[Event], None]
"""Told of every event, in the thread that runs the engine."""


@dataclass
class Outcome:
    """How all trials ended.

    Attributes:
        statuses: By run name; trials that were never started are ``pending``.
        signal_number: The first signal that stopped the work, or None.
    """

    statuses: dict[str, Status] = field(default_factory=dict)
    signal_number: int | None = None


@dataclass(frozen=True)
class Policy:
    """What holds for a grid wherever it runs.

    Attributes:
        jobs: Trials at a time; 0 leaves it to the engine.
        max_retries: New attempts at a trial whose process was killed or whose machine was lost.
        fail_fast: Stop all others when one fails or diverges; they save and can be gone on with.
    """

    jobs: int = 0
    max_retries: int = 1
    fail_fast: bool = False


class Engine(Protocol):
    """A way to run trials; the trial itself is the same everywhere, ``vae train --folder``."""

    def at_work(self, trials: Sequence[Trial]) -> frozenset[str]:
        """Names of those that an earlier `vae compare`, now gone, has left at work; `run` takes them over."""
        return frozenset()

    def run(self, trials: Sequence[Trial], on_event: Watcher, policy: Policy) -> Outcome:
        """Runs trials whose folders are prepared, in their order.

        Returns:
            When every trial has ended, or those that ran have after a signal.

        Raises:
            UsageError: The machines that it needs aren't there.
        """
