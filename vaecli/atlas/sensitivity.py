"""How much of a method's mi is due to its learning rate, its optimiser and its main knob: shares of variance.

The first-order share of a setting X is Var(E[mi | X]) / Var(mi) (Sobol 1993, eq. 3.2). E[mi | X] is taken as the mean
within a bin, and the squares between bins are rid of what bins of noise alone would have: epsilon squared (Kelley
1935),

    share = (SS_between - (K - 1) SS_within / (N - K)) / SS_total,

for K bins of N trials. What is left are the other settings, the corpus, the seed, and whatever settings do together; as
no two trials of the atlas differ in the seed alone, it has no share of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vaecli.atlas.trials_table import adam_rate

Floats = NDArray[np.float64]

LEAST = 24
"""Trials of a method without which nothing is said: a share of nothing then varies by an eighth at most."""

BINS = 4
"""Of the learning rate, of equally many trials each."""


@dataclass(frozen=True)
class Sensitivity:
    """Where a method's mi comes from.

    Attributes:
        method: The remedy.
        trials: Of it, with a finite mi.
        rate: Share of the learning rate, on Adam's scale; None with too few trials, or where all have one mi.
        optimizer: Share of Adam against SGD.
        knob: Share of the main knob; None for a method without, too.
    """

    method: str
    trials: int
    rate: float | None = None
    optimizer: float | None = None
    knob: float | None = None

    @property
    def rest(self) -> float | None:
        """What these leave: other settings, corpus, seed, and what settings do together."""
        shares = [share for share in (self.rate, self.optimizer, self.knob) if share is not None]
        return max(1.0 - sum(shares), 0.0) if shares else None


def first_order(outcomes: Floats, bins: Sequence[object] | NDArray[np.int64]) -> float | None:
    """The share of variance that lies between bins, from 0 to 1; None where there is no variance.

    Args:
        outcomes: (N,).
        bins: (N,) the bin of each; more trials than bins.
    """
    groups = pd.Series(outcomes).groupby(np.asarray(bins), sort=False)
    count, kinds = len(outcomes), groups.ngroups
    total = float(((outcomes - outcomes.mean()) ** 2).sum())
    if total <= 1e-12 * max(float((outcomes**2).sum()), 1e-300) or count <= kinds:
        return None
    within = float(((outcomes - groups.transform("mean").to_numpy()) ** 2).sum())
    share = (total - within - (kinds - 1) * within / (count - kinds)) / total
    return min(max(share, 0.0), 1.0)


def equal_bins(values: Floats, count: int = BINS) -> NDArray[np.int64]:
    """(N,) in which of so many bins of equally many values each lies; equal values share one."""
    ends = np.quantile(values, np.arange(1, count) / count)
    return np.searchsorted(ends, values, side="left").astype(np.int64)


def sensitivity(frame: pd.DataFrame, method: str) -> Sensitivity:
    """The shares of a method.

    Args:
        frame: Trials; see `trials_table.read_trials`.
        method: A remedy.
    """
    own = frame[(frame["method"] == method) & np.isfinite(frame["mi"])]
    if len(own) < LEAST:
        return Sensitivity(method, len(own))
    mi = own["mi"].to_numpy(dtype=np.float64)
    has_knob = own["knob_level"].notna().all()
    return Sensitivity(
        method,
        len(own),
        first_order(mi, equal_bins(np.asarray(adam_rate(own), dtype=np.float64))),
        first_order(mi, list(own["optimizer"])),
        first_order(mi, list(own["knob_level"])) if has_knob else None,
    )
