"""Rate against distortion and against information, as the page's charts need it: a point a row, with seeds and ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vaecli.metrics.ceilings import at_ceiling, ceiling_columns
from vaecli.metrics.verdict import NO_VERDICT, RULE
from vaecli.reporting.conclusions import frontier, joint_verdict
from vaecli.runs.groups import Group, finished_rows
from vaecli.runs.statistics import defined

if TYPE_CHECKING:
    import pandas as pd

AXES = ("kl", "rec", "mi")
DRAWABLE = 1e9
"""Nats from which on a figure is an accident that would press all others into a point."""
WORDS = ("informative", "collapsed", "fake-rate", "saturated", "unused", "worse than uniform", "diverged")
"""Verdicts that have a colour and a shape of their own."""


def plane_data(frame: pd.DataFrame, groups: Sequence[Group], settings: Sequence[str]) -> dict[str, Any] | None:
    """Points, reference lines and the frontier of one table.

    A method with a distortion and no rate, such as a language model, is a line in the first plane; one with information
    and no rate, such as an autoencoder, a line in the second.

    Args:
        frame: A row a trial.
        groups: Its rows.
        settings: Of each row, for whoever hovers.

    Returns:
        None where no row has a rate or a distortion.
    """
    points: list[dict[str, Any]] = []
    rec_lines: list[dict[str, Any]] = []
    mi_lines: list[dict[str, Any]] = []
    for number, (group, told) in enumerate(zip(groups, settings, strict=True)):
        figures = {name: _figure(group, name) for name in AXES}
        bounded = any(at_ceiling(row, "mi") for row in finished_rows(group.trials, ceiling_columns("mi")))
        if figures["kl"] is not None and figures["rec"] is not None:
            word = joint_verdict(group.trials)
            point = {"m": number, "label": group.label, "method": group.method, "settings": told}
            point |= {"verdict": word, "kind": row_kind(group), "bounded": bounded, "seeds": _seeds(group), **figures}
            points.append(point)
            continue
        for name, lines in (("rec", rec_lines), ("mi", mi_lines)):
            if (figure := figures[name]) is not None:
                lines.append({"label": group.label, "value": figure[0], "bounded": bounded and name == "mi"})
    if not points and not rec_lines:
        return None
    ceilings = set(defined(frame["mi_ceiling"])) if "mi_ceiling" in frame.columns else set()
    return {
        "points": points,
        "rec_lines": rec_lines,
        "mi_lines": mi_lines,
        "frontier": frontier(frame),
        "ceiling": ceilings.pop() if len(ceilings) == 1 else None,
        "rule": RULE,
    }


def _figure(group: Group, name: str) -> list[float | None] | None:
    """Mean and both ends of the 95 % interval of a figure; the ends are None without several seeds."""
    interval = group.summary(name)
    if interval is None or not abs(interval.mean) < DRAWABLE:
        return None
    ends = [end if end is not None and math.isfinite(end) else None for end in (interval.low, interval.high)]
    return [interval.mean, *ends]


def _seeds(group: Group) -> list[dict[str, float]]:
    """The figures of each seed that has a rate and a distortion."""
    figures = {name: group.by_seed(name) for name in AXES}
    shared = sorted(set(figures["kl"]) & set(figures["rec"]))
    rows = [{"seed": s, **{n: v[s] for n, v in figures.items() if s in v}} for s in shared]
    return [row for row in rows if all(abs(value) < DRAWABLE for value in row.values())]


def row_kind(group: Group) -> str:
    """The verdict of a row as colour and shape tell it."""
    word = joint_verdict(group.trials)
    return word if word in WORDS else "no verdict" if word == NO_VERDICT else "seeds disagree"
