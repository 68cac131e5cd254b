"""What a tracker is, and what it is told of a run: its settings, the rows of its history and its final figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Scalar = bool | int | float | str
End = Literal["done", "diverged", "failed", "interrupted"]


@dataclass(frozen=True)
class TrackedRun:
    """A run as a tracker knows it.

    Attributes:
        folder: Of the run; what the tracker writes goes into a folder of its own in it, unless its variables say
            otherwise.
        experiment: The experiment's name.
        method: The method's.
        seed: Of initialisation, data order and noise.
        settings: All settings by key, hyper-parameters with their defaults included.
        known_as: What `start` gave when the run began; None for a run that begins.
        step: Updates made at the last figures that were logged; 0 before the first.
    """

    folder: Path
    experiment: str
    method: str
    seed: int
    settings: Mapping[str, Scalar]
    known_as: str | None = None
    step: int = 0

    @property
    def name(self) -> str:
        """``bn seed 0``."""
        return f"{self.method} seed {self.seed}"


class Tracker(Protocol):
    """Where the figures of a run are sent; made without arguments, in the process of the trial.

    Whatever a method raises ends the tracking of this run with one warning, and the training goes on.
    """

    def start(self, run: TrackedRun) -> str:
        """Begins the run, or goes on with the one that it is known as.

        Returns:
            What the run is known as from now on, for a process that goes on with it.
        """

    def log(self, figures: Mapping[str, float], step: int) -> None:
        """Takes the figures of a validation.

        Args:
            figures: Numbers by the columns of history.csv; a figure that is undefined is missing.
            step: Updates made so far; each is logged once, also where a run is gone on with.
        """

    def finish(self, figures: Mapping[str, float], end: End) -> None:
        """Takes the final figures and closes the run, for this process.

        Args:
            figures: Numbers by ``split/column``, such as ``test/kl``; none where the run isn't done.
            end: How the run ended; one that was interrupted may go on.
        """
