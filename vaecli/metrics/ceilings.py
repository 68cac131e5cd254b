"""The most that an estimate can be, whatever the truth: a figure there is a ceiling and no measurement.

Mutual information against N sentences is never above log N, against batches never above the mean of theirs. This module
imports nothing heavy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

BATCH = 32
"""Sentences of a batch of `mi_batch`, whose ceiling is log 32 = 3.47 nats."""

SHARE = 0.95
"""Share of its ceiling above which an estimate says only that the truth is large."""

BOUNDED = ("mi", "mi_batch")
"""Columns of such estimates."""


def ceiling_columns(name: str) -> tuple[str, ...]:
    """What `at_ceiling` looks at, of a figure."""
    return (name, "sentences", "mi_ceiling")


def figure(row: Mapping[str, Any], name: str) -> float | None:
    """A figure of a row; None where it is undefined: missing, None, NaN or no number."""
    try:
        value = float(row[name])
    except (KeyError, TypeError, ValueError):
        return None
    return None if math.isnan(value) else value


def ceiling(row: Mapping[str, Any], name: str) -> float | None:
    """The ceiling of a figure in nats, from the other figures of its row; None where there is none.

    Args:
        row: Figures by column, of one trial.
        name: The column.
    """
    sentences = figure(row, "sentences")
    if name == "mi":
        stated = figure(row, "mi_ceiling")
        return math.log(sentences) if stated is None and sentences else stated
    if name == "mi_batch":
        return math.log(BATCH) if not sentences else batch_ceiling(int(sentences))
    return None


def batch_ceiling(n: int, size: int = BATCH) -> float:
    """Nats that `mi_batch` can be over n sentences: the mean of log(batch) over sentences, the last batch smaller."""
    whole, rest = divmod(n, size)
    return (whole * size * math.log(size) + (rest * math.log(rest) if rest else 0.0)) / n


def at_ceiling(row: Mapping[str, Any], name: str) -> bool:
    """Whether a figure is so near its ceiling that the truth may be anything larger; False for other columns."""
    value, most = figure(row, name), ceiling(row, name)
    return value is not None and most is not None and most > 0 and value > SHARE * most
