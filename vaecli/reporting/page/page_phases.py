"""Phase diagrams of a designed table, as the atlas is: verdicts over learning rate and main knob, a panel a method."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vaecli.metrics.verdict import NO_VERDICT, verdict
from vaecli.training.early_rule import SGD_FACTOR

if TYPE_CHECKING:
    import pandas as pd

NEEDED = ("method", "learning_rate", "optimizer", "knob", "knob_value", "knob_level")
"""Columns without which a table has no phases."""

LEAST = 5
"""Trials of a method without which it gets no panel."""

WIDTH, HEIGHT, MARGIN = 150.0, 90.0, 12.0
"""Of a panel, and what is left free within."""

MARKS = {
    "informative": ("M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0Z", "#2f7fd1"),
    "collapsed": ("M-3-3L3 3M3-3L-3 3", "#858585"),
    "fake-rate": ("M-2.7-2.7h5.4v5.4h-5.4Z", "#d9503f"),
    "saturated": ("M0-3.6L3.6 0L0 3.6L-3.6 0Z", "#9a6fd6"),
    "unused": ("M0-3.4L3.2 2.6H-3.2Z", "#8f7a1f"),
    "worse than uniform": ("M0 3.4L3.2-2.6H-3.2Z", "#cc5fa5"),
    "diverged": ("M3.4 0L-2.6 3.2V-3.2Z", "#c9720f"),
}
"""Path round the origin and colour of a verdict; the colours are those of the page's charts."""


@dataclass(frozen=True)
class PhaseMark:
    """A trial in a panel.

    Attributes:
        x: From the left.
        y: From the top.
        word: Its verdict.
        told: What is said of it where a pointer rests.
    """

    x: float
    y: float
    word: str
    told: str

    @property
    def shape(self) -> str:
        """A path round the origin."""
        return MARKS[self.word][0]

    @property
    def colour(self) -> str:
        """As CSS has it."""
        return MARKS[self.word][1]


@dataclass(frozen=True)
class PhasePanel:
    """A method.

    Attributes:
        method: Its name.
        knob: Its main setting, with the least and the largest value tried; empty without.
        marks: Its trials.
    """

    method: str
    knob: str
    marks: tuple[PhaseMark, ...]


def phase_panels(frame: pd.DataFrame) -> list[PhasePanel]:
    """A panel for each method with enough trials; none for a table that isn't designed so.

    Args:
        frame: A row a trial.
    """
    if not set(NEEDED) <= set(frame.columns):
        return []
    rows = [row for row in frame.to_dict("records") if _word(row) in MARKS and _rate(row) is not None]
    rates = [math.log(rate) for row in rows if (rate := _rate(row)) is not None]
    panels = []
    for method in dict.fromkeys(str(row["method"]) for row in rows):
        own = [row for row in rows if row["method"] == method]
        if len(own) >= LEAST:
            panels.append(_panel(method, own, min(rates), max(rates)))
    return panels


def _panel(method: str, rows: list[dict[Any, Any]], least: float, most: float) -> PhasePanel:
    levels = [_level(row) for row in rows]
    top = max(levels) or 1.0
    marks = []
    for row, level in zip(rows, levels, strict=True):
        rate = _rate(row) or 1.0
        across = (math.log(rate) - least) / ((most - least) or 1.0)
        x = MARGIN + across * (WIDTH - 2 * MARGIN)
        y = HEIGHT - MARGIN - level / top * (HEIGHT - 2 * MARGIN)
        marks.append(PhaseMark(round(x, 1), round(y, 1), _word(row), _told(row)))
    ends = [str(row["knob_value"]) for _, row in sorted(zip(levels, rows, strict=True), key=lambda pair: pair[0])]
    knob = row["knob"] if (row := rows[0])["knob"] else ""
    return PhasePanel(method, f"{knob} {ends[0]} to {ends[-1]}" if knob and ends[0] != ends[-1] else "", tuple(marks))


def _word(row: Mapping[Any, Any]) -> str:
    """The verdict as the table has it, else by its figures."""
    told = row.get("verdict")
    return told if isinstance(told, str) and told not in ("", NO_VERDICT) else verdict(row)


def _rate(row: Mapping[Any, Any]) -> float | None:
    """The learning rate on Adam's scale; None where there is none."""
    rate = _number(row["learning_rate"])
    if rate is None or rate <= 0:
        return None
    return rate / SGD_FACTOR if row["optimizer"] == "sgd" else rate


def _level(row: Mapping[Any, Any]) -> float:
    return _number(row["knob_level"]) or 0.0


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _told(row: Mapping[Any, Any]) -> str:
    knob = f", {row['knob']} {row['knob_value']}" if row["knob"] else ""
    return f"{row['method']}: {_word(row)}; {row['optimizer']} {row['learning_rate']}{knob}"
