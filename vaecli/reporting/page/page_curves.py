"""Training curves and the KL of every dimension, as the page's charts need them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from vaecli.metrics.schema import COLUMNS
from vaecli.reporting.page.page_trials import PageTrial
from vaecli.runs.history import Cell

ABSCISSAS = ("epoch", "steps", "train_seconds")
"""Columns of history.csv that a curve may be drawn over."""
CELLS = 110_000
"""Figures of all curves of a table that a page holds; longer histories are thinned."""
MOST_ROWS, FEWEST_ROWS = 100, 10
"""Rows of a history that are kept."""
WORDS = {
    "steps": "updates done",
    "train_seconds": "seconds of updates so far",
    "epoch": "passes over train done, in all phases",
    "learning_rate": "learning rate",
    "best": "1 where the checkpoint is the best so far",
    "train_loss": "what is minimised, mean over the epoch's training sentences",
    "train_nll": "-log p(x|z), mean over the epoch's training sentences",
    "train_kl": "KL of the objective, mean over the epoch's training sentences",
    "train_extra": "added terms of the objective, mean over the epoch's training sentences",
    "kl_weight": "weight of the KL term in the last update before the validation",
}
"""What columns are that the schema of results doesn't say."""


def curve_data(rows: Sequence[Sequence[PageTrial]]) -> dict[str, Any] | None:
    """Every column of figures of every history.

    Args:
        rows: The trials of each row of the table.

    Returns:
        For each trial the row it belongs to, its seed, and a list a column, with None where a figure is undefined; None
        where there is no history.
    """
    trials = [(m, trial) for m, group in enumerate(rows) for trial in group if trial.history]
    if not trials:
        return None
    names = list(dict.fromkeys(name for _, t in trials for row in t.history for name in row))
    columns = [
        name for name in names if any(_number(row.get(name)) is not None for _, t in trials for row in t.history)
    ]
    most = min(MOST_ROWS, max(FEWEST_ROWS, CELLS // (len(trials) * max(1, len(columns)))))
    curves, thinned = [], 0
    for m, trial in trials:
        kept = [trial.history[n] for n in thinned_indices(len(trial.history), most)]
        thinned += len(kept) < len(trial.history)
        values = {name: [_number(row.get(name)) for row in kept] for name in columns}
        phases = [str(row.get("phase") or "") for row in kept]
        told = {"phase": phases} if len(set(phases)) > 1 else {}
        curves.append({"m": m, "seed": trial.seed, **told, "values": _compact(values)})
    meanings = {name: WORDS.get(name) or (COLUMNS[name].meaning if name in COLUMNS else "") for name in columns}
    xs = [name for name in ABSCISSAS if name in columns]
    return {"columns": columns, "meanings": meanings, "xs": xs, "trials": curves, "thinned": thinned, "most": most}


def _number(value: Cell) -> float | None:
    """A finite figure."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _compact(values: dict[str, list[float | None]]) -> dict[str, Any]:
    """Columns that the trial has, one that stays the same as one figure."""
    kept: dict[str, Any] = {}
    for name, column in values.items():
        if any(value is not None for value in column):
            kept[name] = column[0] if len(set(column)) == 1 else column
    return kept


def thinned_indices(count: int, most: int) -> list[int]:
    """Indices of at most so many of `count` rows, evenly spread, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(n * (count - 1) / (most - 1)) for n in range(most)})


def dimension_data(rows: Sequence[Sequence[PageTrial]]) -> list[dict[str, Any]]:
    """The KL of the dimensions of each row that has them, the largest first.

    Dimensions of two seeds have nothing to do with each other, so the mean over seeds is that of the largest, of the
    second, and so on.

    Returns:
        For each row its number, how many seeds, and the means in nats.
    """
    methods = []
    for m, trials in enumerate(rows):
        parts = [kl for trial in trials if (kl := _dimension_kl(trial))]
        sizes = {len(kl) for kl in parts}
        if len(sizes) == 1:
            means = [sum(column) / len(parts) for column in zip(*parts, strict=True)]
            methods.append({"m": m, "seeds": len(parts), "kl": means})
    return methods


def _dimension_kl(trial: PageTrial) -> list[float]:
    """The KL of each dimension in descending order; empty where the run doesn't say."""
    kl = (trial.metrics.get("per_dimension") or {}).get("kl")
    if not isinstance(kl, list) or not all(isinstance(v, int | float) and math.isfinite(v) for v in kl):
        return []
    return sorted(map(float, kl), reverse=True)
