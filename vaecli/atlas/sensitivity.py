"""How much of a method's mi is due to its learning rate, its optimiser and its main knob: shares of variance.

The first-order share of a setting X is Var(E[mi | X]) / Var(mi) (Sobol 1993, eq. 3.2). E[mi | X] is taken as the mean
within a bin, and the squares between bins are rid of what bins of noise alone would have: epsilon squared (Kelley
1935),

    share = (SS_between - (K - 1) SS_within / (N - K)) / SS_total,

for K bins of N trials. What is left are the other settings, the corpus, the seed, and whatever settings do together.

Of the seed, the total share E[Var(mi | all settings)] / Var(mi) is estimated (Homma and Saltelli 1996): trials were
repeated with another seed, and half the mean square of the differences is the variance that the seed alone makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vaecli.atlas.trials_table import adam_rate, sound

Floats = NDArray[np.float64]

LEAST = 24
"""Trials of a method without which nothing is said: a share of nothing then varies by an eighth at most."""

LEAST_PAIRS = 3
"""Repeated trials of a method without which nothing is said of its seed."""

BINS = 4
"""Of the learning rate, of equally many trials each."""


@dataclass(frozen=True)
class Sensitivity:
    """Where a method's mi comes from.

    Attributes:
        method: The remedy.
        trials: Of it, with an mi that says something; see `trials_table.sound`.
        rate: Share of the learning rate, on Adam's scale; None with too few trials, or where all have one mi.
        optimizer: Share of Adam against SGD.
        knob: Share of the main knob; None for a method without, too.
        seed: Total share of the seed, which the rest holds too; None with too few repeats.
        pairs: Repeated trials that it is from.
    """

    method: str
    trials: int
    rate: float | None = None
    optimizer: float | None = None
    knob: float | None = None
    seed: float | None = None
    pairs: int = 0

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


def seed_share(mi: Floats, pairs: Floats) -> float | None:
    """The share of variance that is the seed's, from 0 to 1; None with too few pairs, or without variance.

    Args:
        mi: (N,) of trials.
        pairs: (P, 2) mi of trials and of their repeats.
    """
    total = float(mi.var(ddof=1)) if len(mi) > 1 else 0.0
    if len(pairs) < LEAST_PAIRS or total <= 1e-12 * max(float((mi**2).mean()), 1e-300):
        return None
    return min(float(((pairs[:, 0] - pairs[:, 1]) ** 2).mean()) / 2 / total, 1.0)


def sensitivity(frame: pd.DataFrame, method: str, repeats: pd.DataFrame | None = None) -> Sensitivity:
    """The shares of a method.

    Args:
        frame: Trials; see `trials_table.read_trials`.
        method: A remedy.
        repeats: Pairs; see `trials_table.read_repeats`. The share is of the variance on the corpora that have some.
    """
    own = sound(frame[(frame["method"] == method) & np.isfinite(frame["mi"])])
    if len(own) < LEAST:
        return Sensitivity(method, len(own))
    mi = own["mi"].to_numpy(dtype=np.float64)
    seed, pairs = None, np.empty((0, 2))
    if repeats is not None:
        twice = repeats[(repeats["method"] == method) & np.isfinite(repeats["mi"]) & np.isfinite(repeats["again"])]
        pairs = twice[["mi", "again"]].to_numpy(dtype=np.float64)
        on = own["corpus"].isin(frame.loc[frame["trial"].isin(repeats["trial"]), "corpus"])
        seed = seed_share(mi[on.to_numpy(dtype=bool)], pairs)
    has_knob = own["knob_level"].notna().all()
    return Sensitivity(
        method,
        len(own),
        first_order(mi, equal_bins(np.asarray(adam_rate(own), dtype=np.float64))),
        first_order(mi, list(own["optimizer"])),
        first_order(mi, list(own["knob_level"])) if has_knob else None,
        seed,
        len(pairs),
    )
