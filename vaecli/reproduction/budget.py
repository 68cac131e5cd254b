"""How many epochs the rows of a table may take within a time, by one rule.

The first updates of each row are timed, and the evaluation of a few sentences. Every row may then take the same time,
and what a row doesn't need for all of its epochs is shared among the others; within its time it gets as many whole
epochs as fit, and never less than one a stage of its training. The epochs before the first decay are shortened in
proportion, and warm-ups follow, for they take a share of the planned epochs. Nothing else changes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from vaecli.reporting.forecast import makespan
from vaecli.training.timing import Pace

MARGIN = 0.9
"""Share of the budget that is planned with, for measured seconds are those of the moment."""

STARTUP = 4.0
"""Seconds of a trial before its first update, about."""

HALVINGS = 60


@dataclass(frozen=True)
class Planned:
    """What is planned for a row.

    Attributes:
        epochs: As the table has them.
        decay_start: Of the table.
        trials: Of the row: seeds, under each protocol or other variant.
        pace: Measured, the mean over variants; None where no budget asked for it.
        stages: Of a trial, each of which has an epoch at least, whatever is planned.
    """

    epochs: int
    decay_start: int
    trials: int
    pace: Pace | None = None
    stages: int = 1

    def seconds(self, epochs: int) -> float:
        """What all of its trials take, one after the other."""
        assert self.pace is not None
        return self.trials * (max(epochs, self.stages) * self.epoch_seconds + self.pace.final + STARTUP)

    @property
    def epoch_seconds(self) -> float:
        """What an epoch takes, with its validation."""
        assert self.pace is not None
        return self.pace.epoch + self.pace.validation

    def epochs_in(self, seconds: float) -> int:
        """The whole epochs that fit into a time, of its own at most; one a stage where not even these do."""
        assert self.pace is not None
        left = seconds - self.trials * (self.pace.final + STARTUP)
        each = self.trials * self.epoch_seconds or 1e-9
        return min(self.epochs, max(self.stages, math.floor(left / each + 1e-9)))


def total_seconds(rows: Mapping[str, Planned], epochs: Mapping[str, int], jobs: int) -> float:
    """What all rows take with so many trials side by side, about: until the last of them ends."""
    each = ((row.seconds(epochs[name]) / row.trials, row.trials) for name, row in rows.items())
    return makespan([], (seconds for seconds, trials in each for _ in range(trials)), jobs)


def epochs_within(rows: Mapping[str, Planned], budget: float, jobs: int = 1) -> dict[str, int]:
    """Epochs of each row, by name, so that all together take the budget at most.

    Args:
        rows: By name, each with its pace.
        budget: In seconds.
        jobs: Trials at a time.

    Returns:
        The table's own epochs where these fit; one epoch a stage of each where not even that fits.
    """
    most = budget * MARGIN

    def with_share(share: float) -> dict[str, int]:
        return {name: row.epochs_in(share) for name, row in rows.items()}

    low, high = 0.0, max(row.seconds(row.epochs) for row in rows.values()) + 1
    if total_seconds(rows, with_share(high), jobs) <= most:
        return with_share(high)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if total_seconds(rows, with_share(middle), jobs) <= most else (low, middle)
    return with_share(low)


def decay_start_of(row: Planned, epochs: int) -> int:
    """Epochs before the first decay in a run of so many epochs."""
    return row.decay_start * epochs // row.epochs
