"""Posterior means in two dimensions, a panel a method, coloured and shaped by the labels of the sentences."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vaecli.reporting.pictures.code_positions import OTHER, CodePositions
from vaecli.reporting.pictures.label_layout import FONT, literal
from vaecli.reporting.pictures.picture_style import CYCLE, SHAPES, WIDTH, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACROSS = 3
"""Panels beside each other."""

TITLE = 38
"""Characters of a line of a panel's title."""


def codes_figure(field: str, panels: Sequence[CodePositions]) -> Figure:
    """Both axes of a panel have one unit, so that distances are those of the codes; panels have each their own.

    Args:
        field: Of the labels; empty without.
        panels: One a method.
    """
    from matplotlib.lines import Line2D

    names = sorted({label for panel in panels for label in panel.labels}, key=lambda name: (name == OTHER, name))
    across = min(ACROSS, len(panels))
    rows = math.ceil(len(panels) / across)
    side = WIDTH / across
    figure = new_figure(WIDTH, side * rows + 0.9)
    drawn = figure.subplots(rows, across, squeeze=False)
    for axes, panel in zip(drawn.flat, panels, strict=False):
        _code_panel(axes, panel, names)
    for axes in list(drawn.flat)[len(panels) :]:
        axes.set_visible(False)
    told = f", by {literal(field)}" if field else "; the corpus has no labels"
    figure.suptitle(f"posterior means on their first two principal components{told}", fontsize=10)
    handles = [
        Line2D([], [], linestyle="", marker=shape, color=colour, markersize=5, label=literal(name))
        for name, (shape, colour) in _styles(names).items()
    ]
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=5, fontsize=FONT, frameon=False)
    return figure


def _styles(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Shape and colour of each label."""
    return {name: (SHAPES[n % len(SHAPES)], CYCLE[n % len(CYCLE)]) for n, name in enumerate(names)}


def _code_panel(axes: Axes, panel: CodePositions, names: Sequence[str]) -> None:
    from matplotlib.ticker import MaxNLocator

    title = textwrap.wrap(f"{literal(panel.label)}, seed {panel.seed}", TITLE)
    axes.set_title("\n".join(title), fontsize=9)
    axes.tick_params(labelsize=7)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=5))
    if panel.missing:
        axes.set_axis_off()
        words = "\n".join(textwrap.wrap(literal(panel.missing), 38))
        axes.text(0.5, 0.5, words, fontsize=7, ha="center", va="center", transform=axes.transAxes)
        return
    for name, (shape, colour) in (_styles(names) or {"": ("o", CYCLE[0])}).items():
        mine = [xy for n, xy in enumerate(panel.positions) if not panel.labels or panel.labels[n] == name]
        if mine:
            x, y = zip(*mine, strict=True)
            axes.scatter(x, y, s=9, marker=shape, color=colour, alpha=0.7, linewidth=0)
    largest = max(max(map(abs, xy)) for xy in panel.positions) * 1.08
    axes.set(xlim=(-largest or -1, largest or 1), ylim=(-largest or -1, largest or 1), aspect="equal")
    axes.set_xlabel(f"{100 * panel.explained:.0f} % of their variance", fontsize=7)
    axes.grid(alpha=0.2, linewidth=0.5)
