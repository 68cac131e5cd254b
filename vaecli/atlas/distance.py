"""How far settings are from each other, in units that are stated and not fitted.

A unit is a factor of two in what learning and capacity depend on directly, more of it where less depends on it: see
`AXES`. The distance is Euclidean over the axes. Main knobs and methods come in where trials are averaged, not here:
what was tried is asked of the settings alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """A setting, or a feature of a corpus, along which runs differ.

    Attributes:
        name: Of the column.
        title: In words.
        unit: What counts as one: of a logarithmic axis the factor, else the difference.
        log: Whether ratios count.
        way: What brings a run nearer, with ``{low}`` and ``{high}`` for what was tried; empty where nothing does.
    """

    name: str
    title: str
    unit: float
    log: bool
    way: str

    def coordinate(self, values: Any) -> Floats:
        """Values in units."""
        x: Floats = np.asarray(values, dtype=np.float64)
        return np.log(x) / math.log(self.unit) if self.log else x / self.unit


OPTIMIZER_GAP = 3.0
"""Units between Adam and SGD."""

AXES = (
    Axis("rate", "learning rate (of SGD a hundredth)", 2, True, "--learning-rate from {low} to {high}"),
    Axis("decoder_size", "decoder size", 2, True, "--decoder-size from {low} to {high}"),
    Axis("latent_size", "latent size", 2, True, "--latent-size from {low} to {high}"),
    Axis("updates", "updates", 2, True, "--epochs for {low} to {high} updates"),
    Axis("batch_size", "batch size", 4, True, "--set training.batch_size={low}"),
    Axis("train_sentences", "sentences of train", 10, True, ""),
    Axis("mean_length", "tokens a sentence", 2, True, ""),
    Axis("vocabulary", "word types", 4, True, "--max-vocab within {low} to {high}"),
    Axis("entropy", "entropy of words, nats", 0.5, False, ""),
)
CORPUS_AXES = ("train_sentences", "mean_length", "vocabulary", "entropy")

NEW_CORPUS = 0.25
"""Units along the axes of the corpus from which on a text is another than any that was tried."""


def coordinates(frame: pd.DataFrame) -> Floats:
    """(N, A + 1) settings in units, the optimiser last."""
    columns = [axis.coordinate(frame[axis.name]) for axis in AXES]
    return np.column_stack([*columns, OPTIMIZER_GAP * (frame["optimizer"] == "sgd").to_numpy(dtype=np.float64)])


LEAST_IN_REACH = 5
"""Trials of a corpus from which on it counts in the reach of a new one."""

AT_ONCE = 64
"""Runs whose differences along all axes are held in memory together."""


def squared(runs: Floats, trials: Floats) -> Floats:
    """(M, N) squared distances of (M, A) from (N, A)."""
    distances = np.empty((len(runs), len(trials)))
    for start in range(0, len(runs), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        distances[part] = ((runs[part, None, :] - trials[None, :, :]) ** 2).sum(-1)
    return distances


REACH = 0.95
"""Of the trials, the share that have another one within what counts as near."""


def nearest_others(points: Floats, groups: Any) -> Floats:
    """(N,) how far each point is from the nearest one of another group; infinite without any."""
    distances = np.empty(len(points))
    for n, point in enumerate(points):
        gaps = ((points - point) ** 2).sum(-1)
        distances[n] = math.sqrt(np.where(groups == groups[n], np.inf, gaps).min())
    return distances


def is_new(frame: pd.DataFrame, query: pd.DataFrame) -> bool:
    """Whether the text of a run is another than those of the trials; see `NEW_CORPUS`."""
    axes = [axis for axis in AXES if axis.name in CORPUS_AXES]
    own = np.array([float(axis.coordinate(query[axis.name].iloc[0])) for axis in axes])
    tried = np.column_stack([axis.coordinate(frame[axis.name]) for axis in axes])
    return bool(math.sqrt(float(((tried - own) ** 2).sum(-1).min())) > NEW_CORPUS)


def reach_of(frame: pd.DataFrame, new_corpus: bool) -> float:
    """What counts as near: within so much, `REACH` of the trials have another one, of another corpus for a new one.

    For a new corpus, all that have `LEAST_IN_REACH` trials count alike, however many they have: two that resemble each
    other and have most of the trials don't say how far a text may lie from those that were tried.
    """
    if not new_corpus or frame["corpus"].nunique() < 2:
        return float(np.quantile(nearest_others(coordinates(frame), np.arange(len(frame))), REACH))
    corpora = frame["corpus"].to_numpy(dtype=str)
    _, own, counts = np.unique(corpora, return_inverse=True, return_counts=True)
    counted = counts >= min(LEAST_IN_REACH, counts.max())
    weights = np.where(counted, 1 / counts, 0.0)[own]
    distances = nearest_others(coordinates(frame), corpora)
    order = np.argsort(distances, kind="stable")
    shares = np.cumsum(weights[order]) / weights.sum()
    return float(distances[order][np.searchsorted(shares, REACH - 1e-12)])


@dataclass(frozen=True)
class Nearness:
    """How near a run is to what was tried.

    Attributes:
        distance: To the nearest trial, in units.
        reach: What counts as near; see `reach_of`.
        trial: The nearest.
        gaps: Units along each axis between the two, by its title, the largest first; only those that are more than a
            tenth.
        ways: What brings the run nearer along the axes that lie outside of what was tried, else along the widest gap.
    """

    distance: float
    reach: float
    trial: int
    gaps: Mapping[str, tuple[float, str]]
    ways: tuple[str, ...]

    @property
    def far(self) -> bool:
        """Whether the run is farther than what counts as near."""
        return self.distance > self.reach


def nearness(frame: pd.DataFrame, query: pd.DataFrame, reach: float) -> Nearness:
    """How near a run is to trials.

    Args:
        frame: The trials, two at least.
        query: The run, a row with the same columns of settings.
        reach: What counts as near; see `reach_of`.
    """
    points, point = coordinates(frame), coordinates(query)[0]
    gaps = ((points - point) ** 2).sum(-1)
    at = int(gaps.argmin())
    own, theirs = query.iloc[0], frame.iloc[at]
    apart = {
        axis: float(abs(point[n] - points[at, n])) for n, axis in enumerate(AXES) if abs(point[n] - points[at, n]) > 0.1
    }
    told = {
        axis.title: (gap, f"{shown(own[axis.name])} for {shown(theirs[axis.name])}")
        for axis, gap in sorted(apart.items(), key=lambda item: -item[1])
    }
    if own["optimizer"] != theirs["optimizer"]:
        told["optimiser"] = (OPTIMIZER_GAP, f"{own['optimizer']} for {theirs['optimizer']}")
    outside = [
        axis for axis in apart if not frame[axis.name].min() * 0.999 <= own[axis.name] <= frame[axis.name].max() * 1.001
    ]
    outside.sort(key=lambda axis: -apart[axis])
    widest = sorted(apart, key=lambda axis: -apart[axis])[:1]
    ways = dict.fromkeys(
        axis.way.format(low=shown(frame[axis.name].min()), high=shown(frame[axis.name].max()))
        for axis in (outside or widest)
        if axis.way and not (axis.name == "vocabulary" and own[axis.name] < theirs[axis.name])  # it only takes away
    )
    return Nearness(math.sqrt(gaps[at]), reach, int(theirs["trial"]), told, tuple(ways))


def shown(value: float) -> str:
    """A number with three digits, whole ones whole: ``3,944``, ``0.0005``."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
