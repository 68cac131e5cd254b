"""The picture of an experiment: distortion and information against rate, a point a method."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaecli.core.errors import UsageError
from vaecli.core.files import write_output
from vaecli.core.messages import printable
from vaecli.metrics.verdict import NO_VERDICT
from vaecli.reporting.conclusions import frontier, joint_verdict
from vaecli.runs.groups import grouped

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".png", ".svg", ".pdf")
COLOURS = {
    "diverged": "#000000",
    "worse than uniform": "#000000",
    "collapsed": "#9a9a9a",
    "unused": "#8c6d31",
    "fake-rate": "#d62728",
    "saturated": "#9467bd",
    "informative": "#1f77b4",
}
"""By verdict; black where the seeds disagree, or where there is nothing to say of z."""

MIXED = "#000000"
LINEAR = 1.0
"""Nats of kl up to which the axis is linear; beyond, it is logarithmic, for some methods pay ten times as much."""

TICKS = (0, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Of the axis of kl, in nats."""

WIDTH, HEIGHT = 52.0, 7.5
"""Points of the page that a name takes."""


DRAWABLE = 1e9
"""Nats from which on a figure is an accident that would press all others into a point."""


@dataclass(frozen=True)
class Point:
    """A method in the picture, means over its finished seeds.

    Attributes:
        method: Its name without its settings.
        label: Its name.
        kl: Rate.
        rec: Distortion.
        mi: Mutual information; None where it is undefined.
        verdict: What became of z; seeds that disagree are counted.
    """

    method: str
    label: str
    kl: float
    rec: float
    mi: float | None
    verdict: str


def curves(shown: Sequence[Point]) -> list[list[Point]]:
    """The variants of each method that has several, in ascending order of kl."""
    found: dict[str, list[Point]] = {}
    for point in shown:
        found.setdefault(point.method, []).append(point)
    return [variants for variants in found.values() if len(variants) > 1]


def points(frame: pd.DataFrame) -> list[Point]:
    """The methods that have a rate and a distortion, none of them beyond `DRAWABLE`, in ascending order of kl.

    Args:
        frame: A row a trial, of one experiment.

    Raises:
        UsageError: No method has both.
    """
    found = []
    for group in grouped(frame):
        values = {name: group.summary(name) for name in ("kl", "rec", "mi") if name in frame.columns}
        kl, rec, mi = (values.get(name) for name in ("kl", "rec", "mi"))
        if kl is not None and rec is not None and max(abs(kl.mean), abs(rec.mean)) < DRAWABLE:
            word = joint_verdict(group.trials)
            shown = mi is not None and abs(mi.mean) < DRAWABLE
            found.append(Point(group.method, group.label, kl.mean, rec.mean, mi.mean if mi and shown else None, word))
    if not found:
        raise UsageError("--picture: no method has kl and rec, so there is no rate and no distortion to draw")
    return sorted(found, key=lambda p: (p.kl, p.label))


def check_picture(path: Path) -> None:
    """Refuses a name whose suffix is no picture's, before any work.

    Raises:
        UsageError: It isn't one of `SUFFIXES`.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--picture {path}: the suffix decides the format; end it in {', '.join(SUFFIXES)}")


def draw(frame: pd.DataFrame, path: Path) -> None:
    """Writes the picture: rec against kl with the frontier, and mi against kl below the line where all rate informs.

    The variants of a method are joined by a line.

    Args:
        frame: A row a trial, of one experiment.
        path: Its suffix decides the format.

    Raises:
        UsageError: See `points` and `check_picture`.
    """
    check_picture(path)
    shown = points(frame)
    import matplotlib  # half a second, for those who draw

    matplotlib.use("Agg")
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator

    figure = Figure(figsize=(14, 9), layout="constrained")
    left, right = figure.subplots(1, 2)
    best = set(frontier(frame))
    edge = [p for p in shown if p.label in best]
    left.plot([p.kl for p in edge], [p.rec for p in edge], color="#1f77b4", linewidth=1, alpha=0.5, zorder=1)
    left.set(ylabel="rec = E[-log p(x|z)], nats per sentence", title="rate and distortion; the line is the frontier")
    informed = [(p, p.mi) for p in shown if p.mi is not None]
    largest = max((mi for _, mi in informed), default=1.0)
    diagonal = [1.05 * largest * n / 100 for n in range(101)]  # points, for on this axis the line is a curve
    right.plot(diagonal, diagonal, color="#444444", linewidth=1, linestyle=":", zorder=1)
    right.set(ylabel="mi = I_q(x; z), nats", title="rate and information; on the dotted line all rate is information")
    _legend(left, shown)
    for variants in curves(shown):
        informs = [p for p in variants if p.mi is not None]
        for axes, xs, ys in (
            (left, [p.kl for p in variants], [p.rec for p in variants]),
            (right, [p.kl for p in informs], [p.mi for p in informs]),
        ):
            axes.plot(xs, ys, color="#888888", linewidth=0.8, zorder=2)
    highest = top([p.rec for p in shown])
    placed = (
        (left, [(p, min(p.rec, highest)) for p in shown], best),
        (right, informed, {p.label for p, _ in informed}),
    )
    for axes, points_of, _ in placed:
        for p, y in points_of:
            beyond = axes is left and p.rec > highest
            axes.scatter(p.kl, y, s=28, marker="^" if beyond else "o", color=_colour(p.verdict), zorder=3)
        axes.set_xscale("symlog", linthresh=LINEAR)
        axes.set_xlim(-0.05, 2 * max(LINEAR, *(p.kl for p in shown)))
        axes.xaxis.set_major_locator(FixedLocator(TICKS))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel(f"kl = KL(q(z|x) || p(z)), nats per sentence (logarithmic from {LINEAR:g})")
        axes.grid(alpha=0.25)
    figure.draw_without_rendering()  # settles where a point is on the page
    for axes, points_of, dark in placed:
        _name(axes, points_of, dark)
    suffix = path.suffix.lower()
    drawn = io.BytesIO()
    figure.savefig(drawn, format=suffix[1:], dpi=130, metadata={"Date": None} if suffix == ".svg" else None)
    write_output(path, drawn.getvalue())


def top(values: Sequence[float]) -> float:
    """The largest value shown in its place: few that lie far above all others would press these into a line."""
    ordered = sorted(values)
    usual = ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]
    return min(ordered[-1], usual + 0.5 * (usual - ordered[0]))


def literal(name: str) -> str:
    """A name that matplotlib draws as it is, not as mathematics."""
    return printable(name).replace("$", r"\$")


def _colour(word: str) -> str:
    return COLOURS.get(word, MIXED)


def _legend_word(word: str) -> str:
    return word if word in COLOURS else "no verdict" if word == NO_VERDICT else "seeds disagree"


def _name(axes: Any, placed: list[tuple[Point, float]], dark: set[str]) -> None:
    """Writes names beside points, from the top, each as far down as those above it push it.

    Collapsed methods lie on one spot and are counted in the legend instead.
    """
    taken: list[tuple[float, float]] = []
    scale = 72 / axes.figure.dpi
    for p, y in sorted(placed, key=lambda item: -item[1]):
        if p.verdict == "collapsed":
            continue
        x_place, y_place = (float(v) * scale for v in axes.transData.transform((p.kl, y)))
        down = 0.0
        while any(abs(x_place - a) < WIDTH and abs(y_place - down - b) < HEIGHT for a, b in taken):
            down += 1
        taken.append((x_place, y_place - down))
        axes.annotate(
            literal(p.label) if y in (p.rec, p.mi) else f"{literal(p.label)} {p.rec:.1f}",
            (p.kl, y),
            xytext=(5, -2 - down),
            textcoords="offset points",
            fontsize=7,
            color="black" if p.label in dark else "#666666",
            arrowprops={"arrowstyle": "-", "linewidth": 0.4, "color": "#bbbbbb"} if down else None,
            zorder=4,
        )


def _legend(axes: Any, shown: list[Point]) -> None:
    """How many methods each colour stands for, and the names of the collapsed ones, which would cover each other."""
    for word, count in Counter(_legend_word(p.verdict) for p in shown).items():
        axes.scatter([], [], s=28, color=_colour(word), label=f"{word}: {count}")
    axes.legend(fontsize=8, loc="lower left")
