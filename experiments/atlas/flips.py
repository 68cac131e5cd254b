"""Where what a method does turns into its opposite along one axis of the atlas, and what print had one expect of it.

Every axis is cut in two, an ordered one between any two of its values and another as each value against the rest, and
the method's informative trials are counted on both sides. It flips there if most trials inform on one side and most
don't on the other, and if this is more than chance by Fisher's exact test (1922), which is corrected for the number of
cuts of an axis (Bonferroni); the false discoveries among all axes of all methods are held at `DISCOVERIES` (Benjamini
and Hochberg 1995). All other settings vary on both sides alike, for the design is space-filling; an axis on which
nothing flips may still matter beside another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, fisher_exact

from experiments.atlas.design import CORPORA, METHODS
from experiments.atlas.early import Rate
from vaecli.atlas.adviser import INFORMATIVE
from vaecli.atlas.trials_table import adam_rate
from vaecli.reporting.predictions import read_predictions

LITERATURE = Path(__file__).parents[1] / "predictions" / "literature.csv"

LEAST = 8
"""Trials on either side of a cut."""

DISCOVERIES = 0.05
"""Expected share of flips that are chance."""

RATE_CUTS = (1e-3, 2e-3, 4e-3, 8e-3)
"""Of Adam's learning rates, and of a hundredth of SGD's."""

ORDERED = ("decoder_size", "latent_size", "epochs")
UNORDERED = ("optimizer", "corpus")
SHARED = ("learning rate", *ORDERED, *UNORDERED, "noise")
"""Axes of all methods; any other is the main knob of one."""

SHOWN = 2
"""Flips of a method that are shown, the surest first."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Cut:
    """An axis cut in two.

    Attributes:
        method: Whose trials they are.
        axis: Of the design.
        here: The side on which more of the trials inform, in words.
        there: The other side.
        informs: Informative trials of those on the side `here`.
        rest: Those on the other.
        chance: The two-sided p-value of Fisher's exact test.
    """

    method: str
    axis: str
    here: str
    there: str
    informs: Rate
    rest: Rate
    chance: float

    @property
    def flips(self) -> bool:
        """Whether most inform on one side, and most don't on the other."""
        return self.informs.share > 0.5 > self.rest.share


def sides(own: pd.DataFrame) -> Iterator[tuple[str, str, str, Mask]]:
    """Every way to cut a method's trials: axis, the side in words, the other in words, which trials are on the first.

    Args:
        own: The method's trials.
    """
    rates = adam_rate(own).to_numpy(dtype=np.float64)
    for cut in RATE_CUTS:
        yield "learning rate", f"below {cut:g}", f"from {cut:g}", rates < cut
    for axis in ORDERED:
        yield from _between(axis, own[axis].to_numpy(dtype=np.float64))
    knob, values = str(own["knob"].iloc[0]), own["knob_value"].astype(str)
    if knob:
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
        yield from _each(knob, values) if np.isnan(numbers).any() else _between(knob, numbers)
    for axis in UNORDERED:
        yield from _each(axis, own[axis].astype(str))


def _between(axis: str, values: NDArray[np.float64]) -> Iterator[tuple[str, str, str, Mask]]:
    levels = np.unique(values)
    for low, high in pairwise(levels):
        yield axis, f"up to {low:g}", f"from {high:g}", values <= low


def _each(axis: str, values: pd.Series[str]) -> Iterator[tuple[str, str, str, Mask]]:
    levels = sorted(set(values))
    for level in levels[:1] if len(levels) == 2 else levels:
        others = [other for other in levels if other != level]
        yield axis, level, " or ".join(others), (values == level).to_numpy(dtype=bool)


def cuts(frame: pd.DataFrame) -> list[Cut]:
    """Every cut of every method that leaves enough trials on both sides.

    Args:
        frame: Trials that have a verdict.
    """
    wide_cuts = []
    for method in METHODS:
        own = frame[frame["method"] == method]
        if not len(own):
            continue
        embedded = own[own["corpus"].isin(CORPORA)]  # those of which some have noise
        for part, ways in ((own, sides(own)), (embedded, _between("noise", embedded["noise"].to_numpy()))):
            informs = (part["verdict"] == INFORMATIVE).to_numpy(dtype=bool)
            for axis, one, other, mask in ways:
                if min(mask.sum(), (~mask).sum()) >= LEAST:
                    wide_cuts.append(_cut(method, axis, (one, informs[mask]), (other, informs[~mask])))
    return wide_cuts


def _cut(method: str, axis: str, one: tuple[str, Mask], other: tuple[str, Mask]) -> Cut:
    (here, informs), (there, rest) = sorted((one, other), key=lambda side: -float(side[1].mean()))
    first, second = (Rate(int(side.sum()), len(side)) for side in (informs, rest))
    table = np.array([[rate.count, rate.total - rate.count] for rate in (first, second)])
    return Cut(method, axis, here, there, first, second, float(fisher_exact(table).pvalue))


def flips(every: Sequence[Cut]) -> list[Cut]:
    """The cuts at which a method flips, of each axis the surest, by method and then the surest first.

    A cut that doesn't turn over counts as one of no evidence, however sure its difference is: other differences don't
    vouch for a flip.

    Args:
        every: Cuts of all methods; see `cuts`.
    """
    axes: dict[tuple[str, str], list[Cut]] = {}
    for cut in every:
        axes.setdefault((cut.method, cut.axis), []).append(cut)
    if not axes:
        return []
    surest = [min(own, key=_chance_of_a_flip) for own in axes.values()]
    chances = [min(_chance_of_a_flip(cut) * len(own), 1.0) for cut, own in zip(surest, axes.values(), strict=True)]
    shares = false_discovery_control(chances)
    sure = [cut for cut, share in zip(surest, shares, strict=True) if cut.flips and share <= DISCOVERIES]
    return sorted(sure, key=lambda cut: (METHODS.index(cut.method), cut.chance))


def _chance_of_a_flip(cut: Cut) -> float:
    return cut.chance if cut.flips else 1.0


def told(cut: Cut) -> str:
    """``learning rate below 0.002: 17 of 20, from 0.002: 3 of 25``."""
    here, there = (f"{rate.count} of {rate.total}" for rate in (cut.informs, cut.rest))
    return f"{cut.axis} {cut.here}: {here}; {cut.there}: {there}"


def flips_table(frame: pd.DataFrame, printed: Path = LITERATURE) -> str:
    """What print has one expect of each method, what the atlas says, and where that flips, in Markdown.

    Args:
        frame: Trials that have a verdict.
        printed: A file of predictions.
    """
    expected = {guess.method: guess.verdict for guess in read_predictions(printed)}
    every, by_method = cuts(frame), dict[str, list[Cut]]()
    flipping_cuts = flips(every)
    for cut in flipping_cuts:
        by_method.setdefault(cut.method, []).append(cut)
    named = [name for name in METHODS if name in by_method or (name in expected and (frame["method"] == name).any())]
    lines = ["| method | in print | informs in the atlas | flips at |", "|---|---|---|---|"]
    for name in named:
        words = frame.loc[frame["method"] == name, "verdict"]
        rate = Rate(int((words == INFORMATIVE).sum()), len(words))
        shown = "<br>".join(map(told, by_method.get(name, [])[:SHOWN]))
        lines.append(f"| `{name}` | {expected.get(name, '')} | {rate} | {shown} |")
    return "\n".join([head(frame, every, flipping_cuts, expected), "", *lines])


def head(frame: pd.DataFrame, every: Sequence[Cut], flipping_cuts: Sequence[Cut], expected: Mapping[str, str]) -> str:
    """How many methods flip of those that could, and how many do what print has one expect in most of their trials."""
    axes = [cut.axis if cut.axis in SHARED else "main knob" for cut in flipping_cuts]
    counts = ", ".join(f"{axis} {axes.count(axis)}" for axis in sorted(set(axes), key=lambda a: (-axes.count(a), a)))
    tried = [name for name in expected if (frame["method"] == name).any()]
    held = [name for name in tried if _share(frame, name, expected[name]) > 0.5]
    methods, could = (len({cut.method for cut in some}) for some in (flipping_cuts, every))
    lines = f"{methods} of {could} methods with {LEAST} trials on either side of a cut flip along an axis"
    return (
        f"{lines}{f' ({counts})' if counts else ''}. Of {len(tried)} methods whose verdict print has one expect, "
        f"{len(held)} have it in most of their trials{': ' if held else ''}{', '.join(f'`{name}`' for name in held)}."
    )


def _share(frame: pd.DataFrame, method: str, verdict: str) -> float:
    own = frame.loc[frame["method"] == method, "verdict"]
    return float((own == verdict).mean())
