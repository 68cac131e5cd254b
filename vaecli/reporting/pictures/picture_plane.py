"""The plane: distortion against rate, and information against rate, a point a method with its intervals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vaecli.reporting.conclusions import frontier
from vaecli.reporting.pictures.label_layout import FONT, literal, name_points
from vaecli.reporting.pictures.picture_style import MARKERS, WIDTH, new_figure
from vaecli.reporting.pictures.plane_points import (
    Point,
    Reference,
    largest_rate,
    largest_shown,
    plane_points,
    references,
    variant_curves,
    verdict_kind,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    from vaecli.runs.statistics import Interval

TICKS = (0, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, *(10**n for n in range(4, 10)))
"""Of the axes of kl and mi, in nats; those too near to the one before are left out."""

APART = 0.03
"""Least distance of two ticks, as a share of their axis."""

WITHOUT_RATE: dict[str, Any] = {"color": "#555555", "linewidth": 0.9}
"""How a reference line is drawn."""

HEIGHT = 10.6
"""Inches of both planes together."""


@dataclass(frozen=True)
class Panel:
    """One of the two planes.

    Attributes:
        axes: Where it is drawn.
        shown: Its points.
        height: The figure of a point that is drawn upwards.
        right: Largest kl drawn in its place; beyond it a point stands at the edge, with its figure.
        top: The same of `height`.
    """

    axes: Axes
    shown: Sequence[Point]
    height: Callable[[Point], Interval]
    right: float
    top: float

    def position(self, point: Point) -> tuple[float, float]:
        """Where a point is drawn."""
        return min(point.kl.mean, self.right), min(self.height(point).mean, self.top)

    def name(self, point: Point) -> str:
        """A point's name, with the figures that are beyond the edges."""
        kl, height = point.kl.mean, self.height(point).mean
        far = [f"→ {kl:.1f}"] if kl > self.right else []
        far += [f"↑ {height:.1f}"] if height > self.top else []
        return " ".join([literal(point.label), *far])


def plane_figure(frame: pd.DataFrame) -> Figure:
    """Both planes, one above the other.

    Args:
        frame: A row a trial, of one table.

    Raises:
        UsageError: See `plane_points`.
    """
    shown, lines = plane_points(frame), references(frame)
    figure = new_figure(WIDTH, HEIGHT)
    above, below = figure.subplots(2, 1)
    right = largest_rate(shown)
    distortion = Panel(above, shown, lambda p: p.rec, right, largest_shown([p.rec.mean for p in shown]))
    informed = [p for p in shown if p.mi is not None]
    information = Panel(below, informed, _information, right, math.inf)
    _distortion_axes(distortion, lines, set(frontier(frame)))
    _information_axes(information, lines)
    for panel in (distortion, information):
        _draw_points(panel)
        _rate_axis(panel)
    _legend(figure, shown, lines)
    figure.draw_without_rendering()  # settles where a point is on the page
    figure.set_layout_engine("none")
    for panel, ends in ((distortion, _rec_names(above, lines)), (information, _mi_names(below, lines))):
        if panel.shown:
            name_points(
                panel.axes, [panel.position(p) for p in panel.shown], [panel.name(p) for p in panel.shown], ends
            )
    return figure


def _information(point: Point) -> Interval:
    assert point.mi is not None
    return point.mi


def _distortion_axes(panel: Panel, lines: Sequence[Reference], best: set[str]) -> None:
    """Title, frontier and reference lines of the upper plane."""
    axes = panel.axes
    axes.set_title("rate and distortion", fontsize=11)
    axes.set_ylabel("rec = E[-log p(x|z)], nats per sentence")
    edge = [panel.position(p) for p in panel.shown if p.label in best]
    axes.plot(*zip(*edge, strict=True), color="#0072b2", linewidth=1.4, alpha=0.55, zorder=1, label="frontier")
    for line in lines:
        axes.axhline(line.rec.mean, linestyle=(0, (5, 3)), zorder=1, **WITHOUT_RATE)
    heights = [panel.position(p)[1] for p in panel.shown] + [line.rec.mean for line in lines]
    margin = max(0.06 * (max(heights) - min(heights)), 0.01)
    axes.set_ylim(min(heights) - margin, max(heights) + margin)
    axes.ticklabel_format(axis="y", useOffset=False)


def _information_axes(panel: Panel, lines: Sequence[Reference]) -> None:
    """Title, reference lines and the line of pure information of the lower plane.

    Both axes are those of asinh, so that this line is straight: smooth from the linear part near 0, which collapsed
    methods need, to the logarithmic one, for some methods pay ten times as much as others.
    """
    axes = panel.axes
    axes.set_title("rate and information", fontsize=11)
    axes.set_ylabel("mi = I_q(x; z), nats")
    heights = [panel.position(p)[1] for p in panel.shown] + [line.mi.mean for line in lines if line.mi]
    largest = max([*heights, 0.5])
    axes.set_yscale("asinh", linear_width=1.0)
    ends = min(largest, panel.right * 1.2)
    axes.plot([0, ends], [0, ends], color="#222222", linewidth=1, linestyle=":", zorder=1, label="mi = kl")
    for line in lines:
        if line.mi is not None:
            axes.axhline(line.mi.mean, linestyle=(0, (5, 3)), zorder=1, **WITHOUT_RATE)
    least = math.asinh(min([*heights, 0.0]))
    span = math.asinh(largest) - least
    axes.set_ylim(math.sinh(least - 0.08 * span), math.sinh(math.asinh(largest) + 0.08 * span))
    _ticks(axes.yaxis, *axes.get_ylim())


def _rate_axis(panel: Panel) -> None:
    axes, most = panel.axes, math.asinh(panel.right)
    axes.set_xscale("asinh", linear_width=1.0)
    least = math.asinh(min([0.0, *(p.kl.mean for p in panel.shown)]))  # estimates may lie below 0
    span = max(most - least, 0.2)
    axes.set_xlim(math.sinh(least - 0.05 * span), math.sinh(least + 1.08 * span))
    _ticks(axes.xaxis, *axes.get_xlim())
    axes.set_xlabel("kl = KL(q(z|x) || p(z)), nats per sentence")
    axes.grid(alpha=0.25, linewidth=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def spaced_ticks(low: float, high: float) -> list[float]:
    """Those of `TICKS` that lie between two ends of an axis of asinh and far enough apart."""
    span = math.asinh(high) - math.asinh(low)
    kept: list[float] = []
    for tick in TICKS:
        near = kept and math.asinh(tick) - math.asinh(kept[-1]) < APART * span
        if low <= tick <= high and not near:
            kept.append(tick)
    return kept


def _ticks(axis: Axis, low: float, high: float) -> None:
    from matplotlib.ticker import FixedLocator, NullLocator

    axis.set_major_locator(FixedLocator(spaced_ticks(low, high)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter("{x:g}")


def _draw_points(panel: Panel) -> None:
    """Markers by verdict, intervals over seeds, and the curves of variants."""
    axes = panel.axes
    for curve in variant_curves(panel.shown):
        axes.plot(*zip(*map(panel.position, curve), strict=True), color="#666666", linewidth=1.1, zorder=2)
    for p in panel.shown:
        x, y = panel.position(p)
        shape, colour, filled = MARKERS[verdict_kind(p.verdict)]
        face = colour if filled else "white"
        axes.scatter(x, y, s=30, marker=shape, facecolor=face, edgecolor=colour, linewidth=1.1, zorder=4)
        beyond = p.kl.mean > panel.right or panel.height(p).mean > panel.top
        for figure, across in ((p.kl, True), (panel.height(p), False)):
            if figure.low is not None and figure.high is not None and not beyond:
                low, high = max(figure.low, min(x, 0.0)) if across else figure.low, figure.high
                ends = ([low, high], [y, y]) if across else ([x, x], [low, high])
                axes.plot(*ends, color=colour, alpha=0.25, linewidth=0.8, zorder=1.5, scalex=False, scaley=False)


def _rec_names(axes: Axes, lines: Sequence[Reference]) -> list[Text]:
    return [_line_name(axes, line.rec.mean, f"{literal(line.label)} {line.rec.mean:.2f}") for line in lines]


def _mi_names(axes: Axes, lines: Sequence[Reference]) -> list[Text]:
    names = []
    for line in lines:
        if line.mi is not None:
            sign = "≥ " if line.mi_is_ceiling else ""
            names.append(_line_name(axes, line.mi.mean, f"{literal(line.label)} {sign}{line.mi.mean:z.2f}"))
    return names


def _line_name(axes: Axes, y: float, name: str) -> Text:
    """The name of a reference line at its right end, above it."""
    x = axes.get_xlim()[1]
    return axes.text(x, y, name, fontsize=FONT, style="italic", ha="right", va="bottom", zorder=5)


def _legend(figure: Figure, shown: Sequence[Point], lines: Sequence[Reference]) -> None:
    """What shapes, colours and lines stand for, and how many methods bear each verdict."""
    from matplotlib.lines import Line2D

    counts = Counter(verdict_kind(p.verdict) for p in shown)
    entries = []
    for kind, (shape, colour, filled) in MARKERS.items():
        if kind in counts:
            face = colour if filled else "white"
            style: dict[str, Any] = {
                "marker": shape,
                "markerfacecolor": face,
                "markeredgecolor": colour,
                "markersize": 6,
            }
            entries.append(Line2D([], [], linestyle="", label=f"{kind}: {counts[kind]}", **style))
    entries.append(Line2D([], [], color="#0072b2", alpha=0.55, linewidth=1.4, label="rate-distortion frontier"))
    entries.append(Line2D([], [], color="#222222", linewidth=1, linestyle=":", label="all rate is information"))
    if lines:
        entries.append(Line2D([], [], linestyle=(0, (5, 3)), label="method without a rate", **WITHOUT_RATE))
    if any(p.rec.low is not None for p in shown):
        entries.append(Line2D([], [], color="#555555", alpha=0.4, linewidth=0.8, label="95 % interval over seeds"))
    figure.legend(handles=entries, loc="outside lower center", ncols=4, fontsize=FONT, frameon=False)
