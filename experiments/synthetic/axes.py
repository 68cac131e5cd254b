"""Collapse along each axis of the embedded corpora, by pairs of trials that differ in that axis alone.

The same methods stand at each value of an axis, so shares of collapses aren't independent of one another, nor are the
trials of a method. Pairs are compared (McNemar 1947), and a method is one draw: the standard error of a difference is
by methods (Obuchowski 1998), and the test counts methods and not trials.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import stdtrit
from scipy.stats import binomtest

from experiments.synthetic.design import KEYS
from vaecli.runs.statistics import LEVEL, holm

AXES = ("corpus", "training_protocol", "decoder_size", "latent_size")
HEADS = (
    *("axis", "first, second", "pairs", "methods", "both collapsed", "first alone", "second alone"),
    *("second less first, points", "methods less, more", "p"),
)


@dataclass(frozen=True)
class Pairs:
    """Trials at two values of an axis that differ in nothing else.

    Attributes:
        axis: Which.
        values: The two.
        first: (N,) whether the trial at the first value collapsed.
        second: (N,) whether the one at the second did.
        methods: (N,) of both.
    """

    axis: str
    values: tuple[str, str]
    first: np.ndarray
    second: np.ndarray
    methods: Sequence[str]

    @property
    def by_method(self) -> pd.Series[float]:
        """Of each method the collapses at the second value less those at the first."""
        return pd.Series(self.second.astype(float) - self.first).groupby(np.asarray(self.methods)).sum()

    @property
    def difference(self) -> float:
        """Of the shares of collapses."""
        return float(self.second.mean() - self.first.mean())

    @property
    def half(self) -> float | None:
        """Half the 95 % interval of the difference for further methods; None where no methods differ.

        By G / (G - 1) sum_g (D_g - n_g d)^2 / N^2, D_g the sum of a method's n_g differences and d the mean of all N;
        with the quantile of a t distribution of G - 1 degrees of freedom.
        """
        sums = self.by_method
        sizes = pd.Series(np.ones(len(self.first))).groupby(np.asarray(self.methods)).sum()
        count = len(sums)
        if count < 2:
            return None
        squares = float(((sums - sizes * self.difference) ** 2).sum())
        error = math.sqrt(count / (count - 1) * squares) / len(self.first)
        return float(stdtrit(count - 1, (1 + LEVEL) / 2)) * error or None

    @property
    def moved(self) -> tuple[int, int]:
        """How many methods collapse less at the second value, and how many more."""
        sums = self.by_method
        return int((sums < 0).sum()), int((sums > 0).sum())

    @property
    def p_value(self) -> float | None:
        """Of a two-sided sign test over the methods that moved; None where the pairs are of one method."""
        less, more = self.moved
        if len(set(self.methods)) < 2:
            return None
        return float(binomtest(less, less + more).pvalue) if less + more else 1.0


def pairs(frame: pd.DataFrame) -> list[Pairs]:
    """Those of each two values of each axis that have any.

    Args:
        frame: Trials with a verdict.
    """
    collapsed = frame.assign(collapsed=(frame["verdict"] == "collapsed").astype(float))
    parts = []
    for axis in AXES:
        others = [name for name in KEYS if name != axis]
        wide = collapsed.set_index([*others, axis])["collapsed"].unstack(axis)
        for values in combinations(wide.columns, 2):
            both = wide[list(values)].dropna()
            if len(both):
                sides = [both[value].to_numpy(dtype=bool) for value in values]
                names = list(map(str, both.index.get_level_values("method")))
                parts.append(Pairs(axis, (str(values[0]), str(values[1])), sides[0], sides[1], names))
    return parts


def axes_table(frame: pd.DataFrame) -> str:
    """A row for each two values of an axis: pairs, who collapsed where, the difference and its test by methods.

    Args:
        frame: Trials with a verdict.
    """
    rows = pairs(frame)
    tested = [p for row in rows if (p := row.p_value) is not None]
    adjusted = iter(holm(tested))
    lines = ["| " + " | ".join(HEADS) + " |", "|---|---|" + "---:|" * (len(HEADS) - 2)]
    for row in rows:
        p = None if row.p_value is None else next(adjusted)
        half, (less, more) = row.half, row.moved
        shown = f"{100 * row.difference:+z.0f}" + ("" if half is None else f" ±{100 * half:.0f}")
        figures = [len(row.first), len(set(row.methods)), int((row.first & row.second).sum())]
        figures += [int((row.first & ~row.second).sum()), int((row.second & ~row.first).sum())]
        cells = [row.axis, f"{row.values[0]}, {row.values[1]}", *map(str, figures), shown, f"{less}, {more}"]
        lines.append("| " + " | ".join([*cells, "" if p is None else shown_p(p)]) + " |")
    return "\n".join(lines)


def shown_p(p: float) -> str:
    """Two digits, or that it is below a thousandth."""
    return f"{p:.2g}" if p >= 0.001 else "< 0.001"
