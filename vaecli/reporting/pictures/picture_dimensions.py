"""The KL of each dimension as a heat map: a row a method, the most costly dimension first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vaecli.reporting.pictures.dimension_costs import DimensionCosts
from vaecli.reporting.pictures.label_layout import FONT, literal
from vaecli.reporting.pictures.picture_style import WIDTH, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW = 0.24
"""Inches of a row's height."""

WRITTEN = 20
"""Dimensions up to which each cell bears its figure."""


def dimensions_figure(rows: Sequence[DimensionCosts]) -> Figure:
    """Light is 0, dark is much, so that a copy without colour reads the same; a method without figures says why."""
    import numpy as np
    from matplotlib.colors import AsinhNorm
    from matplotlib.ticker import MaxNLocator

    size = max(len(row.kl) for row in rows)
    cells = np.full((len(rows), size), np.nan)
    for n, row in enumerate(rows):
        cells[n, : len(row.kl)] = row.kl
    figure = new_figure(WIDTH, 1.3 + ROW * len(rows))
    axes = figure.subplots()
    largest = max(float(np.nanmax(cells)), 0.1)
    norm = AsinhNorm(0.1, vmin=0.0, vmax=largest)
    extent = (0.5, size + 0.5, len(rows) - 0.5, -0.5)
    image = axes.imshow(cells, cmap="Blues", norm=norm, aspect="auto", extent=extent, interpolation="nearest")
    axes.set_yticks(range(len(rows)), [literal(row.label) for row in rows], fontsize=FONT)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=20, integer=True, min_n_ticks=1))
    axes.set_xlabel("dimension of z, the most costly first", fontsize=9)
    axes.set_title("KL of each dimension, nats per sentence, mean over seeds", fontsize=10)
    for n, row in enumerate(rows):
        if row.missing:
            axes.axhspan(n - 0.5, n + 0.5, color="#eeeeee", zorder=2)
            axes.text(0.7, n, row.missing, fontsize=FONT, va="center", style="italic", color="#333333", zorder=3)
        elif size <= WRITTEN:
            for i, value in enumerate(row.kl):
                colour = "white" if norm(value) > 0.55 else "black"
                shown = f"{max(value, 0.0):.2f}"
                axes.text(i + 1, n, shown, fontsize=6.5, ha="center", va="center", color=colour)
    axes.tick_params(length=0, labelsize=FONT)
    bar = figure.colorbar(image, ax=axes, pad=0.01, aspect=max(20, 2 * len(rows)))
    bar.set_ticks([tick for tick in (0, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if tick <= largest])
    bar.minorticks_off()
    bar.ax.tick_params(labelsize=FONT)
    bar.ax.yaxis.set_major_formatter("{x:g}")
    return figure
