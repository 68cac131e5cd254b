"""A table before it has a format: headings, cells with their display text, machine values and notes."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from vaecli.metrics.schema import COLUMNS, Direction

UNDEFINED = "-"
"""Shown where a figure has no definition; files for machines leave it empty."""

AT_LEAST = "≥"
"""Before a figure at its ceiling."""

Value = int | float | str | None
Record = dict[str, Any]


@dataclass(frozen=True)
class Head:
    """Heading of a column.

    Attributes:
        name: The column.
        direction: Which way is better, drawn as an arrow.
        numeric: Whether its cells are aligned to the right.
    """

    name: str
    direction: Direction | None = None
    numeric: bool = True


@dataclass(frozen=True)
class Cell:
    """What a table shows in one cell.

    Attributes:
        text: The figure or label.
        spread: Half of the 95 % interval, empty where there is none.
        best: Whether it is the best of its column.
        rank: Its rank in the column from 1 for the best, ``2.5`` for a tie of 2 and 3; empty where none is shown.
        at_least: Whether it is at its ceiling, so that the truth may be anything larger.
    """

    text: str
    spread: str = ""
    best: bool = False
    rank: str = ""
    at_least: bool = False

    @property
    def rank_text(self) -> str:
        """The rank as it stands behind a figure in every format: `` (2.5)``, or nothing."""
        return f" ({self.rank})" if self.rank else ""


@dataclass(frozen=True)
class View:
    """One table.

    Attributes:
        title: What it is of.
        heads: Its columns.
        rows: Cells in the order of the columns.
        records: The same rows for machines, unrounded, None where undefined.
        notes: Lines that stand below it.
        droppable: Whether columns may be left out where a terminal is too narrow: nobody named them.
        leads: How many of the first columns say what a row is of, and stand in every part of a table that is continued.
    """

    title: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    records: tuple[Record, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()
    droppable: bool = False
    leads: int = 1


def decimals(values: Sequence[float], halves: Sequence[float], name: str) -> int:
    """Decimals for all cells of a column.

    Two significant digits of the median half-interval where there are intervals, of the lower of two in the middle;
    otherwise none for counts, three for shares, or two digits of the largest if that is small, and two for other
    figures, fewer where most are large: one run that went astray takes no digits from the others.

    Args:
        values: Defined figures of the column.
        halves: Half-intervals of those that have one.
        name: The column; the schema knows which hold counts.
    """
    spreads = [half for half in halves if half > 0 and math.isfinite(half)]
    if spreads:
        return min(max(1 - math.floor(math.log10(statistics.median_low(spreads))), 0), 3)
    finite = [abs(value) for value in values if math.isfinite(value)]
    counts = name not in COLUMNS or COLUMNS[name].kind == "int"
    if counts and all(value == round(value) for value in finite):
        return 0
    if name in COLUMNS and COLUMNS[name].unit == "share":
        largest = max(finite, default=0.0)
        return max(3, 1 - math.floor(math.log10(largest))) if 0 < largest < 1 else 3
    usual = statistics.median_low(finite) if finite else 0.0
    return 2 if usual < 1_000 else 1 if usual < 10_000 else 0


def number(value: float, places: int) -> str:
    """A figure with a fixed number of decimals; powers of ten where that would be a row of digits; never ``-0``."""
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= 1e12 or (abs(value) >= 1e7 and value != round(value)):
        return f"{value:.3g}"
    return f"{value:z.{places}f}"


def gap_text(value: float, places: int = 2) -> str:
    """A difference with its sign, ``+`` for none."""
    text = number(value, places)
    return text if text.startswith("-") else f"+{text}"
