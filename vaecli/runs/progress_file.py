"""``progress.json``: where a run stands inside its epoch, for whoever looks at its folder from outside.

A few hundred bytes, replaced every few seconds while the run works and removed when it ends. Nothing reads it but
displays: no figure, no checkpoint and no table depends on it, so it is written without waiting for the disk, and a
folder that can't take it costs nothing.
"""

from __future__ import annotations

import json
import math
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vaecli.core.errors import VaeError
from vaecli.core.files import write_atomic

if TYPE_CHECKING:
    from vaecli.training.progress import Progress

PROGRESS = "progress.json"

SECONDS = 2.0
"""Between two writes, at least."""

LARGEST_SHARE = 0.0005
"""Of the run's time that goes into writing, at most: on a slow disk the writes are further apart."""


@dataclass(frozen=True)
class Stand:
    """Where a run stands.

    Attributes:
        doing: ``training``, ``validating``, ``measuring on test`` and the like.
        epoch: The current one, from 1; 0 before the first.
        epochs: Planned.
        step: Updates done in the epoch.
        steps: Updates of an epoch; 0 before they are known.
        begun: Epochs that were done when this process began to train.
        seconds: Since it began to train, validations included.
    """

    doing: str = ""
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    begun: float = 0.0
    seconds: float = 0.0

    @property
    def done(self) -> float:
        """Epochs done, the part of the current one included."""
        return max(0, self.epoch - 1) + self.share

    @property
    def share(self) -> float:
        """Of the current epoch's updates that are done."""
        return min(1.0, self.step / self.steps) if self.steps else 0.0

    @property
    def seconds_per_epoch(self) -> float | None:
        """As this process has measured it; None before it has done a hundredth of an epoch."""
        done = self.done - self.begun
        return self.seconds / done if done >= 0.01 and self.seconds > 0 else None


class ProgressFile:
    """Writes it.

    Args:
        folder: Of the run.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / PROGRESS
        self.stand = Stand()
        self.trains_since: float | None = None
        self.written, self.cost = -SECONDS, math.inf

    def doing(self, what: str) -> None:
        """The run has come to something that takes a while."""
        now = time.monotonic()
        trained = round(now - self.trains_since, 3) if self.trains_since is not None else 0.0
        self.stand = replace(self.stand, doing=what, seconds=trained)
        self._write(now)

    def plan(self, epochs: int, steps: int) -> None:
        """What is known before the first update.

        Args:
            epochs: Planned.
            steps: Updates of an epoch.
        """
        self.stand = replace(self.stand, epochs=epochs, steps=steps)

    def step(self, progress: Progress) -> None:
        """After an update; the last of an epoch, before a validation, is written as soon as it may be."""
        now, steps = time.monotonic(), self.stand.steps
        if self.trains_since is None:  # the first update of this process has passed, and the kernels are compiled
            self.trains_since = now
            begun = progress.total_epochs + progress.step_in_epoch / steps
            self.stand = replace(self.stand, begun=begun)
        ended = progress.step_in_epoch >= steps
        since = now - self.written
        if since < (0.0 if ended else SECONDS) or (self.cost > LARGEST_SHARE * since and self.cost < math.inf):
            return
        self.stand = replace(
            self.stand,
            doing="validating" if ended else "training",
            epoch=progress.total_epochs + 1,
            step=progress.step_in_epoch,
            seconds=round(now - self.trains_since, 3),
        )
        self._write(now)

    def remove(self) -> None:
        """The run has ended; its status says how."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _write(self, now: float) -> None:
        with suppress(VaeError):  # a full disk is told by what must be written
            write_atomic(self.path, json.dumps(asdict(self.stand)) + "\n", lasting=False)
        self.written = time.monotonic()
        self.cost = min(self.cost, self.written - now)  # the least: others' work on the machine is no cost of ours


def read_stand(folder: Path) -> Stand | None:
    """What a run's progress.json says; None where there is none, or it isn't ours."""
    try:
        data = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
        return Stand(**{name: type(value)(data[name]) for name, value in asdict(Stand()).items()})
    except (OSError, ValueError, TypeError, KeyError, OverflowError):
        return None
