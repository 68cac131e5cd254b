"""Where a run stands, and who is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from vaecli.objective import Terms

Row = dict[str, float | int | str | None]


class Observer(Protocol):
    """Who watches a run: a progress display, a history file."""

    def step(self, progress: Progress, terms: Terms) -> None:
        """After an update."""

    def evaluated(self, row: Row) -> None:
        """After a validation; the row of history.csv."""


class Unwatched:
    """An observer that tells nobody."""

    def step(self, progress: Progress, terms: Terms) -> None:
        """Tells nobody of an update."""

    def evaluated(self, row: Row) -> None:
        """Tells nobody of a row."""


@dataclass
class Progress:
    """Where a run stands; all of it is in every checkpoint.

    Attributes:
        phase: Index of the phase.
        epoch: Epochs done in this phase.
        step_in_epoch: Updates done in the current epoch.
        total_epochs: Epochs done in all phases.
        total_steps: Updates done in all phases.
        learning_rate: Current.
        stalls: Validations since the best one.
        decays: Decays so far in this phase.
        best: Lowest validation figure of this phase; None before the first.
        best_epoch: `total_epochs` when it was found.
        kl_weight: Of the last update.
        best_kl_weight: Of the last update before the best validation.
        train_seconds: In updates.
        tokens: Predicted tokens trained on.
        seconds: Wall time of the run up to this checkpoint, all of its parts together; 0 where nobody tells it.
        stopped: Whether this phase ended.
        planned: Epochs of each phase; empty in a checkpoint of an earlier version.
        sums: Sums over the sentences of this epoch, for the history.
    """

    phase: int = 0
    epoch: int = 0
    step_in_epoch: int = 0
    total_epochs: int = 0
    total_steps: int = 0
    learning_rate: float = 0.0
    stalls: int = 0
    decays: int = 0
    best: float | None = None
    best_epoch: int = 0
    kl_weight: float = 1.0
    best_kl_weight: float = 1.0
    train_seconds: float = 0.0
    tokens: int = 0
    seconds: float = 0.0
    stopped: bool = False
    planned: list[int] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)


def selection(values: Mapping[str, float | int | None], column: str = "neg_elbo") -> float:
    """The figure that decides the best checkpoint: neg_elbo at weight 1, rec without a KL, or what the phase says."""
    figure = values[column] if values.get(column) is not None else values["rec"]
    assert figure is not None
    return float(figure)
