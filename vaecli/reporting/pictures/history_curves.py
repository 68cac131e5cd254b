"""Training curves: every column of ``history.csv`` over the epochs, a curve a method."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vaecli.core.errors import UsageError
from vaecli.reporting.pictures.run_paths import MethodRuns
from vaecli.runs.folder import RunFolder

Curve = tuple[tuple[float, float], ...]
"""Pairs of epoch and figure, in the order of the epochs."""

LEADING = ("neg_elbo", "rec", "kl", "mi", "kl_weight", "au", "marginal_kl", "train_loss")
"""Columns that are drawn first; the others follow as they stand in the files."""

POSITIONS = ("epoch", "steps", "best", "train_seconds")
"""Columns that say where a row stands, and no figure."""


@dataclass(frozen=True)
class MethodCurves:
    """The training curves of a method.

    Attributes:
        label: Its name.
        seeds: By column and seed.
        mean: By column, over the epochs that all its seeds have.
    """

    label: str
    seeds: Mapping[str, Mapping[int, Curve]]
    mean: Mapping[str, Curve]


def history_curves(runs: Sequence[MethodRuns]) -> list[MethodCurves]:
    """The curves of all methods that have any, trials that are still running included.

    Args:
        runs: Of the rows of a table.

    Raises:
        UsageError: No run has a row of history yet.
        DataError: A file can't be read.
    """
    methods = []
    for method in runs:
        by_column: dict[str, dict[int, Curve]] = {}
        for seed, path in method.paths.items():
            for column, curve in run_curves(RunFolder(path).history()).items():
                by_column.setdefault(column, {})[seed] = curve
        if by_column:
            mean = {column: mean_curve(list(curves.values())) for column, curves in by_column.items()}
            methods.append(MethodCurves(method.label, by_column, mean))
    if not methods:
        raise UsageError("--kind curves: no run here has finished an epoch yet, so there is no curve to draw")
    return methods


def run_curves(rows: Sequence[Mapping[str, object]]) -> dict[str, Curve]:
    """The figures of one run by column; what is undefined or infinite is left out of a curve.

    Args:
        rows: Of its history.
    """
    points: dict[str, list[tuple[float, float]]] = {}
    for number, row in enumerate(rows, 1):
        epoch = row.get("epoch")
        x = float(epoch) if isinstance(epoch, int | float) else float(number)
        for name, value in row.items():
            if name not in POSITIONS and isinstance(value, int | float) and math.isfinite(value):
                points.setdefault(name, []).append((x, float(value)))
    return {name: tuple(pairs) for name, pairs in points.items()}


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """The mean over seeds at the epochs that all of them have: one that goes on longer alone is no mean."""
    tables = [dict(curve) for curve in curves]
    shared = [x for x in tables[0] if all(x in table for table in tables)]
    return tuple((x, math.fsum(table[x] for table in tables) / len(tables)) for x in shared)


def curve_columns(methods: Sequence[MethodCurves]) -> list[str]:
    """The columns that any method has, the leading ones first."""
    columns = dict.fromkeys(column for method in methods for column in method.seeds)
    return [name for name in LEADING if name in columns] + [name for name in columns if name not in LEADING]
