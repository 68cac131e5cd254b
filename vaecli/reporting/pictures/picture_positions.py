"""What z is worth at each position: a panel a kind of other code, a line a method."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vaecli.reporting.pictures.label_layout import FONT
from vaecli.reporting.pictures.picture_curves import legend_lines, line_style
from vaecli.reporting.pictures.picture_style import WIDTH, new_figure
from vaecli.reporting.pictures.position_gains import OTHERS, PositionGains

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT = 3.2
"""Inches of the panels."""

LINEAR = 0.2
"""Nats up to which the axis is about linear."""

TICKS = (0, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)

LEGEND = 6
"""Names beside each other in the legend at most."""


def positions_figure(methods: Sequence[PositionGains]) -> Figure:
    """The gains by position; methods without figures are named in the legend with the reason."""
    from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

    labels = [method.label + (f" ({method.missing})" if method.missing else "") for method in methods]
    wide = min(LEGEND, max(1, int(100 / max(len(label) + 8 for label in labels))))
    figure = new_figure(WIDTH, HEIGHT + 0.25 * math.ceil(len(labels) / wide) + 0.6)
    for axes, (kind, words) in zip(figure.subplots(1, len(OTHERS), squeeze=False)[0], OTHERS.items(), strict=True):
        for number, method in enumerate(methods):
            curve = method.gains.get(kind, ())
            colour, dashes = line_style(number)
            axes.plot(range(1, len(curve) + 1), curve, color=colour, linestyle=dashes, linewidth=1.3)
        axes.axhline(0, color="#999999", linewidth=0.6)
        # linear about 0 and logarithmic far from it: the first words may be worth ten times what the others are
        axes.set_yscale("asinh", linear_width=LINEAR)
        axes.yaxis.set_major_locator(FixedLocator(_ticks(axes.get_ylim())))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_title(f"against a code of {words}", fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True))
        axes.set_xlabel("position in the sentence", fontsize=FONT)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.25, linewidth=0.5)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    figure.suptitle("what z is worth to the decoder, nats a token, mean over seeds", fontsize=10)
    figure.legend(handles=legend_lines(labels), loc="outside lower center", ncols=wide, fontsize=FONT, frameon=False)
    return figure


def _ticks(limits: tuple[float, float]) -> list[float]:
    """Those of `TICKS`, on both sides of 0, that an axis has in sight."""
    both = sorted({*TICKS, *(-tick for tick in TICKS)})
    return [tick for tick in both if limits[0] <= tick <= limits[1]]
