"""Predicts a run's outcome from nearby trials: a kernel-weighted average, and calibrated intervals.

A trial counts with weight exp(-d^2 / 2h^2) (Nadaraya 1964, Watson 1964), d^2 being the squared distance of settings,
plus a fixed one for a trial of another method; for one of the same, plus that of the main knob, and all of it shrunk,
since a method's own trials tell of it from farther away. Bandwidth h, that fixed distance and that shrinking are those
of least squared error when each method's setting is left out. Intervals are the weighted
quantiles of the neighbours' outcomes, widened by the quantile of what held-out trials lay beyond theirs: conformalised
quantile regression (Romano, Patterson and Candes 2019, eq. 8) with scores of trials that were left out in groups.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from vaecli.atlas.distance import coordinates, squared

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEVEL = 0.8
"""Share of runs that an interval is to hold."""

KNOB_UNIT = 0.5
"""Units between neighbouring values of a main knob, of which a method has five at most."""

BANDWIDTHS = (0.7, 1.0, 1.4, 2.0, 2.8)
METHOD_GAPS = (0.0, 1.0, 2.0, 3.0, 5.0)
"""Units between two methods that are tried."""

OWN = (1.0, 2.0, 4.0)
"""How many times farther away a method's own trials tell of it, that are tried."""

MOST = 600
"""Trials that a kernel is chosen on; of more, evenly drawn ones."""


@dataclass(frozen=True)
class Points:
    """Where trials, or runs to be, are.

    Attributes:
        settings: (N, A) in units.
        methods: (N,) names.
        levels: (N,) of the main knob, 0 for a method without; of a value between two tried ones, between theirs.
    """

    settings: Floats
    methods: NDArray[np.str_]
    levels: Floats

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Points:
        """Of rows with the columns of `trials_table.read_trials`."""
        levels = frame["knob_level"].fillna(0.0).to_numpy(dtype=np.float64)
        return cls(coordinates(frame), frame["method"].to_numpy(dtype=str), levels)

    def where(self, kept: Bools) -> Points:
        """Some of them."""
        return Points(self.settings[kept], self.methods[kept], self.levels[kept])


@dataclass(frozen=True)
class TrialKernel:
    """How much a trial counts.

    Attributes:
        bandwidth: In units.
        method_gap: Units between two methods.
        own: By which distances between trials of one method are divided.
    """

    bandwidth: float
    method_gap: float
    own: float = 1.0

    def weights(self, runs: Points, trials: Points, left_out: Bools | None = None) -> Floats:
        """(M, N) of each trial for each run, the largest of a row 1.

        Args:
            runs: M of them.
            trials: N of them.
            left_out: (M, N) trials that don't count for a run.
        """
        return self.of(*gaps(runs, trials), left_out)

    def of(self, settings: Floats, same: Bools, levels: Floats, left_out: Bools | None = None) -> Floats:
        """`weights` of `gaps`."""
        total = np.where(same, (settings + levels) / self.own**2, settings + self.method_gap**2)
        if left_out is not None:
            total = np.where(left_out, np.inf, total)
        least = total.min(1, keepdims=True)
        weights: Floats = np.exp(-(total - np.where(np.isfinite(least), least, 0.0)) / (2 * self.bandwidth**2))
        return weights


def gaps(runs: Points, trials: Points) -> tuple[Floats, Bools, Floats]:
    """(M, N) squared distances of settings, whether methods are the same, and squared distances of main knobs."""
    same: Bools = runs.methods[:, None] == trials.methods[None, :]
    levels: Floats = (KNOB_UNIT * (runs.levels[:, None] - trials.levels[None, :])) ** 2
    return squared(runs.settings, trials.settings), same, levels


def average(weights: Floats, outcomes: Floats) -> Floats:
    """(M,) weighted means of (N,) outcomes; NaN where nothing counts."""
    total = weights.sum(1)
    means: Floats = np.divide(weights @ outcomes, total, out=np.full(len(total), np.nan), where=total > 0)
    return means


def quantiles(weights: Floats, outcomes: Floats, share: float) -> Floats:
    """(M,) weighted quantiles: the least outcome up to which that share of the weight lies."""
    order = np.argsort(outcomes, kind="stable")
    cumulative = np.cumsum(weights[:, order], axis=1)
    rank = (cumulative < share * cumulative[:, -1:] - 1e-12).sum(1)
    values: Floats = outcomes[order][np.minimum(rank, len(outcomes) - 1)]
    return values


def effective(weights: Floats) -> Floats:
    """(M,) numbers of equal weights that have the variance of these (Kish 1965)."""
    squares = (weights**2).sum(1)
    sizes: Floats = np.divide(weights.sum(1) ** 2, squares, out=np.zeros(len(squares)), where=squares > 0)
    return sizes


def groups_out(names: NDArray[np.str_]) -> Bools:
    """(N, N) trials of the same group, which are left out together."""
    same: Bools = names[:, None] == names[None, :]
    return same


def choose_kernel(trials: Points, outcomes: Floats, groups: NDArray[np.str_]) -> TrialKernel:
    """The kernel of least squared error on trials of left-out groups; of equal ones the narrowest.

    Args:
        trials: N of them.
        outcomes: (N,).
        groups: (N,) two at least.
    """
    kept = np.arange(len(outcomes)) % -(-len(outcomes) // MOST) == 0
    trials, outcomes, out = trials.where(kept), outcomes[kept], groups_out(groups[kept])
    distances, best = gaps(trials, trials), (math.inf, TrialKernel(BANDWIDTHS[0], METHOD_GAPS[0]))
    for bandwidth, gap, own in product(BANDWIDTHS, METHOD_GAPS, OWN):
        kernel = TrialKernel(bandwidth, gap, own)
        error = float(np.nanmean((average(kernel.of(*distances, out), outcomes) - outcomes) ** 2))
        if error < best[0] - 1e-12:
            best = error, kernel
    return best[1]


def tails(level: float = LEVEL) -> tuple[float, float]:
    """The shares below the ends of an interval."""
    return (1 - level) / 2, (1 + level) / 2


def scores(weights: Floats, outcomes: Floats, level: float = LEVEL) -> Floats:
    """(N,) how far held-out outcomes lie beyond the quantiles of their neighbours; negative ones lie within."""
    low, high = (quantiles(weights, outcomes, share) for share in tails(level))
    beyond: Floats = np.maximum(low - outcomes, outcomes - high)
    return beyond


def margin(held_out: Floats, level: float = LEVEL) -> float:
    """What intervals are widened by: the ceil((n + 1) level)-th of n scores; infinite where there are too few."""
    rank = math.ceil((len(held_out) + 1) * level)
    return math.inf if rank > len(held_out) else float(np.sort(held_out)[rank - 1])


@dataclass(frozen=True)
class Coverage:
    """How intervals and probabilities fare on trials whose group was left out.

    Attributes:
        within: (N,) whether the interval of a trial holds it.
        widths: (N,) of the intervals.
        methods: (N,) of the trials.
    """

    within: Bools
    widths: Floats
    methods: NDArray[np.str_]

    @property
    def held(self) -> int:
        """Trials within their intervals."""
        return int(self.within.sum())

    @property
    def total(self) -> int:
        """Of so many."""
        return len(self.within)

    @property
    def width(self) -> float:
        """The median width."""
        return float(np.median(self.widths))

    def where(self, kept: Bools) -> Coverage:
        """That of some of the trials."""
        return Coverage(self.within[kept], self.widths[kept], self.methods[kept])


def coverage(kernel: TrialKernel, trials: Points, outcomes: Floats, groups: NDArray[np.str_]) -> Coverage:
    """How often intervals hold the outcome when its whole group is left out, of the widening too.

    Args:
        kernel: See `choose_kernel`.
        trials: N of them.
        outcomes: (N,).
        groups: (N,) two at least.
    """
    weights = kernel.weights(trials, trials, groups_out(groups))
    beyond = scores(weights, outcomes)
    low, high = (quantiles(weights, outcomes, share) for share in tails())
    within, widths = np.zeros(len(outcomes), dtype=bool), np.zeros(len(outcomes))
    for name in np.unique(groups):
        own = groups == name
        widening = margin(beyond[~own])
        within[own] = beyond[own] <= widening
        widths[own] = np.maximum(high[own] - low[own] + 2 * widening, 0.0)
    return Coverage(within, widths, trials.methods)


def wilson(share: float, count: float, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval (1927) for a share of a number of trials, which may be an effective one."""
    if count <= 0:
        return 0.0, 1.0
    z = float(norm.ppf((1 + confidence) / 2))
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return max(centre - half, 0.0), min(centre + half, 1.0)
