"""Which remedies are likely to inform on a corpus and budget, from the trials of the atlas that are near.

A row is a method at the value of its main knob that is surest to inform; nothing is said of a method with fewer than
`LEAST` trials, nor of a run that is farther from all trials than they are from each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vaecli.atlas.distance import Nearness, coordinates, is_new, nearness, reach_of
from vaecli.atlas.price import prices
from vaecli.atlas.smoother import (
    Coverage,
    Points,
    TrialKernel,
    average,
    choose_kernel,
    coverage,
    effective,
    gaps,
    groups_out,
    margin,
    quantiles,
    scores,
    tails,
    wilson,
)
from vaecli.atlas.trials_table import adam_rate, sound
from vaecli.core.errors import UsageError

Floats = NDArray[np.float64]

LEAST = 3
"""Trials of a method without which it gets no row."""

LEAST_CORPORA, LEAST_OF_CORPUS = 3, 20
"""Corpora, and trials of each, without which nobody can say how a corpus fares that was left out."""

NAMED = 3
"""Nearest trials that are named in a row."""

COUNTS = 0.1
"""Weight, the nearest trial's being 1, from which on a trial counts."""

INFORMATIVE = "informative"


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval.

    Attributes:
        value: The weighted median.
        low: End of the interval.
        high: Its other end; infinite where there are too few trials for one.
    """

    value: float
    low: float
    high: float

    def mapped(self, back: Callable[[float], float]) -> Estimate:
        """The same on the scale that an increasing function leads back to."""
        return Estimate(*(back(x) if math.isfinite(x) else x for x in (self.value, self.low, self.high)))


@dataclass(frozen=True)
class Row:
    """A method at one setting.

    Attributes:
        method: The remedy.
        knob: Its main setting; empty without.
        value: Of the knob, as it was tried; empty without.
        chance: Of the verdict informative.
        low: End of Wilson's 95 % interval, of as many trials as the weights of the method's own are worth.
        high: Its other end.
        mi: In nats.
        price: neg_elbo above that of an idle run, nats a sentence; None where there are too few idle trials.
        near: Trials of the method that count; see `COUNTS`.
        own: Trials of the method.
        worth: Trials that the weights of the method's own are worth.
        nearest: The numbers of its nearest trials.
        distance: Of its run, whose epochs may be its own, from the nearest trial of any method.
    """

    method: str
    knob: str
    value: str
    chance: float
    low: float
    high: float
    mi: Estimate
    price: Estimate | None
    near: int
    own: int
    worth: float
    nearest: tuple[int, ...]
    distance: float


@dataclass(frozen=True)
class TrialOutcome:
    """An outcome that intervals are made of, over the trials that have it.

    Attributes:
        points: The trials.
        outcomes: (N,) on the scale on which intervals are made.
        corpora: (N,) names.
        settings: (N,) method and value of the knob.
        kernel: How they count.
    """

    points: Points
    outcomes: Floats
    corpora: NDArray[np.str_]
    settings: NDArray[np.str_]
    kernel: TrialKernel

    @classmethod
    def of(cls, frame: pd.DataFrame, outcomes: Floats, kernel: TrialKernel | None = None) -> TrialOutcome:
        """Of the trials whose outcome is finite."""
        kept = np.isfinite(outcomes)
        own = frame[kept]
        points, settings = Points.of(own), setting_names(own)
        chosen = kernel or choose_kernel(points, outcomes[kept], settings)
        return cls(points, outcomes[kept], own["corpus"].to_numpy(dtype=str), settings, chosen)

    def groups(self, new_corpus: bool) -> NDArray[np.str_]:
        """What is left out together: corpora for a run on one that is new, where there are enough, else settings."""
        _, counts = np.unique(self.corpora, return_counts=True)
        enough = (counts >= LEAST_OF_CORPUS).sum() >= LEAST_CORPORA
        return self.corpora if new_corpus and enough else self.settings

    def margin(self, new_corpus: bool) -> float:
        """What intervals are widened by."""
        left_out = groups_out(self.groups(new_corpus))
        return margin(scores(self.kernel.weights(self.points, self.points, left_out), self.outcomes))

    def coverage(self, by_corpus: bool) -> Coverage | None:
        """How intervals fare on what is left out; None where there are too few corpora."""
        groups = self.groups(by_corpus)
        if by_corpus and groups is self.settings:
            return None
        return coverage(self.kernel, self.points, self.outcomes, groups)


def setting_names(frame: pd.DataFrame) -> NDArray[np.str_]:
    """(N,) method and value of its main knob."""
    return (frame["method"] + " " + frame["knob_value"]).to_numpy(dtype=str)


class Adviser:
    """What trials say of other runs.

    Args:
        frame: The trials, of `trials_table.read_trials`.

    Raises:
        UsageError: There are too few for any row.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        counts = frame["method"].value_counts()
        if not len(frame) or counts.max() < LEAST:
            raise UsageError(
                f"the atlas has {len(frame)} trials of {len(counts)} methods, and none has the {LEAST} without which "
                "nothing is said of it; `make atlas` adds trials, `vae compare` tries methods on your text"
            )
        self.frame = frame
        self.counts: Mapping[str, int] = {str(name): int(count) for name, count in counts.items()}

    @cached_property
    def mi(self) -> TrialOutcome:
        """log(1 + mi) of sound trials, so that an interval is wide where mi is large."""
        frame = sound(self.frame)
        return TrialOutcome.of(frame, np.log1p(np.maximum(frame["mi"].to_numpy(dtype=np.float64), 0.0)))

    @cached_property
    def price(self) -> TrialOutcome | None:
        """Arsinh of neg_elbo above an idle run's, for a few pay a hundred times what others do; None with too few."""
        nats = prices(self.frame)
        return None if nats is None else TrialOutcome.of(self.frame, np.arcsinh(nats))

    @cached_property
    def informative(self) -> TrialOutcome:
        """Whether the verdict is informative, 1 or 0."""
        informs: Floats = (self.frame["verdict"] == INFORMATIVE).to_numpy().astype(np.float64)
        return TrialOutcome.of(self.frame, informs)

    @cached_property
    def _reach(self) -> Callable[[bool], float]:
        """`reach_of` by whether a text is new, looked for once: it holds every trial against every other."""
        return cache(partial(reach_of, self.frame))

    @cached_property
    def _nearnesses(self) -> dict[bytes, Nearness]:
        """`nearness` by coordinates: the runs of all methods lie in a few points, one a number of epochs."""
        return {}

    def nearness(self, query: pd.DataFrame) -> Nearness:
        """How near a run is to the trials."""
        point = coordinates(query).tobytes()
        if point not in self._nearnesses:
            self._nearnesses[point] = nearness(self.frame, query, self._reach(is_new(self.frame, query)))
        return self._nearnesses[point]

    def nearest_runs(self, run_of: Callable[[int], pd.DataFrame], epochs: int) -> list[pd.DataFrame]:
        """Runs of up to so many epochs, among them the one that is nearest to any trial.

        Along the axis of updates a run is nearest to a trial at the numbers of epochs next to the trial's.

        Args:
            run_of: The run of a number of epochs.
            epochs: At most.
        """
        one = float(run_of(1)["updates"].iloc[0])
        wanted = self.frame["updates"].unique() / one
        counts = {int(count) for count in np.clip([np.floor(wanted), np.ceil(wanted)], 1, epochs).ravel()}
        return [run_of(count) for count in sorted({*counts, epochs})]

    def refuse_far(self, runs: Sequence[pd.DataFrame]) -> None:
        """Refuses runs that are all far from all trials.

        Args:
            runs: One at least, of one corpus.

        Raises:
            UsageError: They are; of the nearest it says along which axes, and the way out.
        """
        refuse_far(min(map(self.nearness, runs), key=lambda near: near.distance), len(self.frame))

    def rows(self, queries: Mapping[str, pd.DataFrame]) -> list[Row]:
        """A row a method, the surest to inform first: by the lower end of the interval of its chance.

        Args:
            queries: The run of each method, a row with the columns of settings; methods with too few trials are passed
                over.
        """
        names = [name for name in queries if self.counts.get(name, 0) >= LEAST]
        if not names:
            return []
        new = is_new(self.frame, next(iter(queries.values())))
        margins = {"mi": self.mi.margin(new), "price": self.price.margin(new) if self.price else math.inf}
        rows = [self._row(name, queries[name], margins) for name in names]
        return sorted(rows, key=lambda row: (-row.low, row.price.value if row.price else -row.mi.value))

    def few(self, names: Collection[str]) -> list[str]:
        """The methods that have too few trials for a row."""
        return [name for name in names if self.counts.get(name, 0) < LEAST]

    def _row(self, method: str, query: pd.DataFrame, margins: Mapping[str, float]) -> Row:
        """The row of a method at the value of its knob that has been tried and is surest to inform."""
        own = self.frame[self.frame["method"] == method]
        tried = own.drop_duplicates("knob_level")[["knob", "knob_value", "knob_level"]]
        runs = pd.concat([query] * len(tried), ignore_index=True).assign(
            method=method, knob_level=tried["knob_level"].to_numpy()
        )
        points = Points.of(runs)
        weights = self.informative.kernel.weights(points, self.informative.points)
        is_own = self.informative.points.methods == method
        chances, counts = average(weights, self.informative.outcomes), effective(weights[:, is_own])
        ends = [wilson(float(share), float(count)) for share, count in zip(chances, counts, strict=True)]
        surest = int(np.argmax([low for low, _ in ends]))
        best, (low, high) = points.where(np.arange(len(tried)) == surest), ends[surest]
        settings, _, levels = gaps(best, Points.of(own))
        order = np.argsort(settings[0] + levels[0], kind="stable")[:NAMED]
        price = None if self.price is None else estimate(self.price, best, margins["price"]).mapped(math.sinh)
        return Row(
            method=method,
            knob=str(tried["knob"].iloc[surest]),
            value=str(tried["knob_value"].iloc[surest]),
            chance=float(chances[surest]),
            low=low,
            high=high,
            mi=estimate(self.mi, best, margins["mi"]).mapped(lambda value: max(math.expm1(value), 0.0)),
            price=price,
            near=int((weights[surest][is_own] >= COUNTS).sum()),
            own=len(own),
            worth=float(counts[surest]),
            nearest=tuple(int(n) for n in own["trial"].to_numpy()[order]),
            distance=self.nearness(query).distance,
        )


def estimate(outcome: TrialOutcome, run: Points, widening: float) -> Estimate:
    """The weighted median of an outcome for a run, and its interval, widened at both ends."""
    weights = outcome.kernel.weights(run, outcome.points)
    low, middle, high = (float(quantiles(weights, outcome.outcomes, share)[0]) for share in _shares())
    return Estimate(middle, min(low - widening, middle), max(high + widening, middle))


def _shares() -> tuple[float, float, float]:
    low, high = tails()
    return low, 0.5, high


def refuse_far(near: Nearness, count: int) -> None:
    """Refuses a run that is far from all trials.

    Args:
        near: How near it is.
        count: Trials.

    Raises:
        UsageError: It is; says along which axes, and the way out.
    """
    if not near.far:
        return
    axes = "; ".join(f"{title}: {values} ({gap:.1f} units)" for title, (gap, values) in list(near.gaps.items())[:4])
    ways = ", and ".join(near.ways)
    nearer = f"nearer: {ways}; or" if ways else "the way out:"
    raise UsageError(
        f"far from all that the atlas tried: {near.distance:.1f} units from the nearest of {count} trials, "
        f"#{near.trial}, where {near.reach:.1f} are near\n  {axes}\n  {nearer} `vae compare`, which measures it"
    )


def query_of(settings: Mapping[str, Any], features: Mapping[str, float]) -> pd.DataFrame:
    """A run as a row with the columns of settings.

    Args:
        settings: ``learning_rate``, ``optimizer``, ``decoder_size``, ``latent_size``, ``updates`` and ``batch_size``.
        features: Of its corpus.
    """
    frame = pd.DataFrame([{**settings, **features, "method": "", "knob_level": math.nan}])
    return frame.assign(rate=adam_rate(frame))
