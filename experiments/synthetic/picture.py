"""Excess NLL against information captured: a panel a corpus, a colour a decoder, a shape a protocol."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from experiments.atlas.table import sound
from experiments.synthetic.design import CORPORA
from experiments.synthetic.summary import Truth, decoders_of, judged, with_truth
from experiments.synthetic.truth import most_information, read_truth
from vaecli.reporting.pictures.picture_style import CYCLE, WIDTH, new_figure, save
from vaecli.settings.protocols import PUBLISHED, SHARED

HEIGHT = 3.6
SHAPES = {SHARED: "o", PUBLISHED: "^"}
LINEAR = 1.0
"""Nats up to which the axis of the excess is about linear; at 0 a model is the truth."""
TICKS = (-0.5, 0, 0.5, 1, 2, 5, 10, 20, 50, 100)


def draw(frame: pd.DataFrame, path: Path, truth: Truth | None = None) -> Path:
    """Draws the picture.

    Args:
        frame: The table.
        path: Of the file, whose suffix decides its format.
        truth: What is known of the corpora; the committed one without.
    """
    from matplotlib.lines import Line2D
    from matplotlib.ticker import FixedLocator, NullLocator

    known = read_truth() if truth is None else truth
    trials = sound(with_truth(judged(frame), known))
    trials = trials[np.isfinite(trials["mi"]) & np.isfinite(trials["excess_nll"])]
    sizes = decoders_of(trials)
    figure = new_figure(WIDTH, HEIGHT)
    for axes, corpus in zip(figure.subplots(1, len(CORPORA), squeeze=False)[0], CORPORA, strict=True):
        own = trials[trials["corpus"] == corpus]
        for size, colour in zip(sizes, CYCLE, strict=False):
            for protocol, shape in SHAPES.items():
                part = own[(own["decoder_size"] == size) & (own["training_protocol"] == protocol)]
                axes.scatter(part["mi"], part["excess_nll"], c=colour, marker=shape, s=16, alpha=0.7, linewidths=0)
        axes.axvline(known[most_information(corpus)][0], color="#777777", linestyle="--", linewidth=1)
        axes.set_yscale("asinh", linear_width=LINEAR)
        axes.yaxis.set_major_locator(FixedLocator(TICKS))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylim(min(0.0, float(trials["excess_nll"].min())), 1.2 * float(trials["excess_nll"].max()))
        axes.set_title(f"{corpus} ({len(own)})", fontsize=9)
        axes.set_xlabel("mi, nats", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.25, linewidth=0.5)
    figure.axes[0].set_ylabel("excess_nll, nats", fontsize=8)
    handles = [
        Line2D([], [], marker="s", linestyle="", color=c, label=f"{s} units")
        for s, c in zip(sizes, CYCLE, strict=False)
    ]
    handles += [Line2D([], [], marker=m, linestyle="", color="#555555", label=name) for name, m in SHAPES.items()]
    handles.append(Line2D([], [], linestyle="--", color="#777777", label="I(x; factors)"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8, frameon=False)
    path.unlink(missing_ok=True)
    save(figure, path)
    return path
