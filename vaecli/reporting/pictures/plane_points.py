"""Every method in the plane of rate and distortion and in that of rate and information: what is drawn, not how."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vaecli.core.errors import UsageError
from vaecli.metrics.verdict import NO_VERDICT
from vaecli.reporting.conclusions import joint_verdict
from vaecli.reporting.side_by_side import OWN_PROTOCOL
from vaecli.reporting.table import ceilings
from vaecli.runs.groups import Group, grouped
from vaecli.runs.statistics import Interval

if TYPE_CHECKING:
    import pandas as pd

DRAWABLE = 1e9
"""Nats from which on a figure is an accident that would press all others into a point."""


@dataclass(frozen=True)
class Point:
    """A method in the picture, means over its finished seeds with their 95 % intervals.

    Attributes:
        method: Its name without its settings.
        label: Its name.
        protocol: Of several experiments that stand side by side, a digest of the settings that all methods of its
            experiment share; otherwise empty.
        kl: Rate.
        rec: Distortion.
        mi: Mutual information; None where it is undefined.
        verdict: What became of z; seeds that disagree are counted.
        mi_is_ceiling: Whether the truth of `mi` may be anything larger.
    """

    method: str
    label: str
    protocol: str
    kl: Interval
    rec: Interval
    mi: Interval | None
    verdict: str
    mi_is_ceiling: bool = False


@dataclass(frozen=True)
class Reference:
    """A method without a rate, so a line and no point: a language model's distortion, an autoencoder's.

    Attributes:
        label: Its name.
        rec: Its distortion.
        mi: Its mutual information; None where it has no code.
        mi_is_ceiling: Whether the truth of `mi` may be anything larger.
    """

    label: str
    rec: Interval
    mi: Interval | None
    mi_is_ceiling: bool = False


def plane_points(frame: pd.DataFrame) -> list[Point]:
    """The methods that have a rate and a distortion, none of them beyond `DRAWABLE`, in ascending order of kl.

    Args:
        frame: A row a trial, of one table.

    Raises:
        UsageError: No method has both.
    """
    points = []
    for group in grouped(frame):
        kl, rec = _figure(group, "kl"), _figure(group, "rec")
        if kl is not None and rec is not None:
            word, mi = joint_verdict(group.trials), _figure(group, "mi")
            most = ceilings([group], "mi")[0]
            points.append(Point(group.method, group.label, _protocol(group), kl, rec, mi, word, most))
    if not points:
        raise UsageError("--picture: no method has kl and rec, so there is no rate and no distortion to draw")
    return sorted(points, key=lambda p: (p.kl.mean, p.label))


def references(frame: pd.DataFrame) -> list[Reference]:
    """The methods that have a distortion and no rate, in ascending order of rec."""
    lines = []
    for group in grouped(frame):
        rec = _figure(group, "rec")
        if rec is not None and group.summary("kl") is None:
            lines.append(Reference(group.label, rec, _figure(group, "mi"), ceilings([group], "mi")[0]))
    return sorted(lines, key=lambda line: line.rec.mean)


def _figure(group: Group, name: str) -> Interval | None:
    """The mean of a column with its interval; None where it is undefined or can't be drawn."""
    interval = group.summary(name)
    return interval if interval is not None and abs(interval.mean) < DRAWABLE else None


def _protocol(group: Group) -> str:
    """The settings that a method shared with the others of its own experiment, where several stand side by side."""
    if OWN_PROTOCOL not in group.trials.columns:
        return ""
    return str(group.trials[OWN_PROTOCOL].iloc[0])


def variant_curves(shown: Sequence[Point]) -> list[list[Point]]:
    """The variants of each method that has several, in ascending order of kl: its rate-distortion curve.

    A curve goes over all experiments that share the other settings; of experiments with other settings each has a curve
    of its own, unless no method has two variants in any: then the experiments are the variants.
    """
    by_settings: dict[tuple[str, str], list[Point]] = {}
    by_method: dict[str, list[Point]] = {}
    for point in shown:
        by_settings.setdefault((point.method, point.protocol), []).append(point)
        by_method.setdefault(point.method, []).append(point)
    several = [curve for curve in by_settings.values() if len(curve) > 1]
    return several or [curve for curve in by_method.values() if len(curve) > 1]


def verdict_kind(word: str) -> str:
    """The word of a legend for a verdict over seeds: those that disagree have one of their own."""
    if word == NO_VERDICT:
        return "no verdict"
    return "seeds disagree" if ", " in word else word


def largest_shown(values: Sequence[float]) -> float:
    """The largest value shown in its place: few that lie far above all others would press these into a line.

    Args:
        values: As they lie on the axis; transformed where that is.
    """
    ordered = sorted(values)
    usual = ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]
    return min(ordered[-1], usual + 0.5 * (usual - ordered[0]))


def largest_rate(shown: Sequence[Point]) -> float:
    """The same for kl on its axis, which is that of asinh."""
    largest = max(p.kl.mean for p in shown)
    most = largest_shown([math.asinh(p.kl.mean) for p in shown])
    return largest if most >= math.asinh(largest) else math.sinh(most)
