"""Looks at the first updates of a run: what its loss, rate and information do before anything else is known of it.

It sees the terms of the updates and nothing else, so it draws nothing, moves nothing and names no remedy. Figures are
of training batches, in training mode, nats per sentence. Collapse mostly happens in the first updates of a run, so what
they show is a warning that costs nothing; how good a one is a matter of measurement.
"""

from __future__ import annotations

import math
from statistics import fmean
from typing import NamedTuple

from vaecli.metrics.columns.mi import mutual_information
from vaecli.objective import Terms
from vaecli.training.progress import Progress, Row

UPDATES = 100
"""Updates that are looked at."""

WINDOW = 10
"""Updates that a figure is averaged over."""


class Look(NamedTuple):
    """An update.

    Attributes:
        loss: As trained.
        nll: -log p(x|z).
        kl: Summed over dimensions, as trained before its weight.
        extra: Added terms.
        top: KL of the dimension that has most; 0 without dimensions.
        mi: I_q(x; z) within the batch, at most the logarithm of its size; 0 without posteriors, NaN where these are
            samples alone.
        kl_weight: w(t).
    """

    loss: float
    nll: float
    kl: float
    extra: float
    top: float
    mi: float
    kl_weight: float


def look_at(terms: Terms) -> Look:
    """What an update shows."""
    kl, posterior, mi = terms.kl.detach(), terms.context.posterior, 0.0
    if posterior is not None and not posterior.is_comparable:
        mi = math.nan
    elif posterior is not None:
        start = posterior.start_of(terms.z)
        wide = posterior.map(lambda t: t.detach().double())
        still = None if start is None else start.map(lambda t: t.detach().double())
        mi = mutual_information(wide, terms.z.detach().double(), still).value
    return Look(
        loss=float(terms.loss.detach()),
        nll=float(terms.nll.detach().mean()),
        kl=float(kl.sum(-1).mean()),
        extra=float(terms.extra.detach().mean()),
        top=float(kl.mean(0).max()) if kl.shape[-1] else 0.0,
        mi=mi,
        kl_weight=float(terms.kl_weight),
    )


class EarlyWatch:
    """An observer of a run's first updates.

    Args:
        updates: How many.
        window: Updates that a figure is averaged over.
        whole: Whether it looks at all of them, as the most that the KL has been takes; else at the windows alone.
    """

    def __init__(self, updates: int = UPDATES, window: int = WINDOW, whole: bool = True) -> None:
        self.updates, self.window, self.whole = updates, window, whole
        self.starts = {"first": 0, "middle": (updates - window) // 2, "last": updates - window}
        self.looks: dict[int, Look] = {}
        self.passed = 0

    def step(self, progress: Progress, terms: Terms) -> None:
        """After an update; later ones, and those of a run that goes on, are passed over."""
        if progress.total_steps != self.passed + 1 or self.passed >= self.updates:
            return
        if self.whole or any(start <= self.passed < start + self.window for start in self.starts.values()):
            self.looks[self.passed] = look_at(terms)
        self.passed += 1

    def evaluated(self, row: Row) -> None:
        """A validation says nothing of single updates."""

    @property
    def complete(self) -> bool:
        """Whether all of them have passed before it."""
        return self.passed == self.updates

    def figures(self) -> dict[str, float]:
        """By name: means over the first, the middle and the last window, and the most that the KL has been of all.

        Without a complete look there is none.
        """
        if not self.complete:
            return {}
        figures = {"kl_most": max(look.kl for look in self.looks.values())} if self.whole else {}
        for part, start in self.starts.items():
            looks = [self.looks[n] for n in range(start, start + self.window)]
            figures |= {f"{name}_{part}": fmean(getattr(look, name) for look in looks) for name in Look._fields}
        return figures


FIGURES = ("kl_most", *(f"{name}_{part}" for part in ("first", "middle", "last") for name in Look._fields))
"""The names of `EarlyWatch.figures`, in their order."""
