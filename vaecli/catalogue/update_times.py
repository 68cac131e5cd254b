"""What an update of each method takes, as measured: ``update_times.csv``, a part of the package."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("update_times.csv")
"""Written by `python -m experiments.benchmarks.updates`."""


@dataclass(frozen=True)
class UpdateTime:
    """The time of an update at the sizes of the preset `quick`, on one CPU thread.

    Attributes:
        method: A remedy, with its defaults.
        ratio: Of processor time over an update of vanilla, the median of the pairs of runs.
        low: The least ratio of a pair.
        high: The largest.
        milliseconds: Of processor time, on the machine that measured.
        updates: Of each run.
        repeats: Pairs of runs.
    """

    method: str
    ratio: float
    low: float
    high: float
    milliseconds: float
    updates: int
    repeats: int

    @property
    def text(self) -> str:
        """``1.83 x vanilla's (1.79 to 1.88)``."""
        return f"{self.ratio:.3g} x vanilla's ({self.low:.3g} to {self.high:.3g})"


@cache
def load_update_times() -> Mapping[str, UpdateTime]:
    """The measured times by method; a method of another package, or one that is newer than the table, has none."""
    with open(PATH, encoding="utf-8", newline="") as file:
        return {row["method"]: _update_time(row) for row in csv.DictReader(file)}


def _update_time(row: Mapping[str, str]) -> UpdateTime:
    figures: dict[str, Any] = {name: float(row[name]) for name in ("ratio", "low", "high", "milliseconds")}
    return UpdateTime(row["method"], **figures, updates=int(row["updates"]), repeats=int(row["repeats"]))


def update_text(method: str, cost: float) -> str:
    """The time of an update in words: as measured, or as the remedy says where it wasn't.

    Args:
        method: A remedy.
        cost: What it says.
    """
    measured = load_update_times().get(method)
    return f"about {cost:g} x vanilla's, not measured" if measured is None else f"{measured.text}, measured"
