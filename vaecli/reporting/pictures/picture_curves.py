"""Training curves as small multiples: a panel a column of history.csv, a line a method, its seeds thin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vaecli.reporting.pictures.history_curves import MethodCurves, curve_columns
from vaecli.reporting.pictures.label_layout import FONT, literal
from vaecli.reporting.pictures.picture_style import CYCLE, DASHES, WIDTH, new_figure
from vaecli.reporting.pictures.plane_points import largest_shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

ACROSS = 3
"""Panels beside each other."""

PANEL = 2.1
"""Inches of a panel's height."""

LEGEND = 6
"""Names beside each other in the legend."""


def curves_figure(methods: Sequence[MethodCurves]) -> Figure:
    """A panel a column, in the colours and dashes that the legend below names."""
    columns = curve_columns(methods)
    rows = math.ceil(len(columns) / ACROSS)
    wide = min(LEGEND, max(2, int(100 / max(len(m.label) + 8 for m in methods))))
    figure = new_figure(WIDTH, PANEL * rows + 0.25 * math.ceil(len(methods) / wide) + 0.6)
    panels = list(figure.subplots(rows, ACROSS, squeeze=False, sharex=True).flat)
    for axes, column in zip(panels, columns, strict=False):
        _panel(axes, column, methods)
    for axes in panels[len(columns) :]:
        axes.set_visible(False)
    figure.suptitle("training curves: each seed, and thick their mean as far as all of them go", fontsize=10)
    figure.legend(
        handles=legend_lines([method.label for method in methods]),
        loc="outside lower center",
        ncols=wide,
        fontsize=FONT,
        frameon=False,
    )
    return figure


def line_style(number: int) -> tuple[str, Any]:
    """Colour and dashes of a method: neighbours in the table differ in both."""
    return CYCLE[number % len(CYCLE)], DASHES[(number + number // len(CYCLE)) % len(DASHES)]


def _panel(axes: Axes, column: str, methods: Sequence[MethodCurves]) -> None:
    from matplotlib.ticker import MaxNLocator

    figures = []
    for number, method in enumerate(methods):
        colour, dashes = line_style(number)
        for curve in method.seeds.get(column, {}).values():
            figures += [y for _, y in curve]
            if len(method.seeds[column]) > 1:
                axes.plot(*zip(*curve, strict=True), color=colour, linewidth=0.5, alpha=0.4)
        mean = method.mean.get(column, ())
        if mean:
            dot: dict[str, Any] = {"marker": "o", "markersize": 3} if len(mean) == 1 else {}
            axes.plot(*zip(*mean, strict=True), color=colour, linestyle=dashes, linewidth=1.3, **dot)
    top = largest_shown(figures)
    title = column
    if top < max(figures):
        span = max(top - min(figures), 1e-9)
        axes.set_ylim(min(figures) - 0.05 * span, top + 0.05 * span)
        title += f" (up to {max(figures):.3g})"
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.set_title(title, fontsize=9)
    axes.tick_params(labelsize=7, labelbottom=True)
    axes.set_xlabel("epoch", fontsize=7)
    axes.grid(alpha=0.25, linewidth=0.5)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def legend_lines(labels: Sequence[str]) -> list[Line2D]:
    """A line a method in its style, for a legend."""
    from matplotlib.lines import Line2D

    lines = []
    for number, label in enumerate(labels):
        colour, dashes = line_style(number)
        lines.append(Line2D([], [], color=colour, linestyle=dashes, linewidth=1.5, label=literal(label)))
    return lines
