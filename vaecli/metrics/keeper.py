"""Who keeps the results of a long evaluation while it goes on."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Keeper(Protocol):
    """Where results are kept; `vaecli.runs.partial_evaluation` has that of a run's folder."""

    def read(self, key: str) -> Tensor | None:
        """What was kept by a key."""

    def write(self, key: str, results: Tensor) -> None:
        """Keeps results, on disk when the keeper thinks it is time."""


class Forgetful:
    """Keeps nothing."""

    def read(self, key: str) -> Tensor | None:
        """Nothing."""
        return None

    def write(self, key: str, results: Tensor) -> None:
        """Forgets them."""


FORGETFUL = Forgetful()
