"""Phase diagrams: a panel a method, learning rate across, main knob up, a colour a verdict.

The ground of a panel has the colour of the verdict that most of the trials around have, each by a Gaussian weight of
its distance of one octave of learning rate and one value of the knob (Nadaraya 1964, Watson 1964). The points are the
trials themselves, over all other settings, so that a ground of one colour may hold points of another.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.atlas.design import LEVELS, METHODS, RATES, values_of
from experiments.atlas.table import judged
from vaecli.atlas.trials_table import adam_rate

VERDICTS = ("collapsed", "fake-rate", "unused", "saturated", "informative", "worse than uniform", "diverged")
COLOURS = ("#b0b0b0", "#d95f02", "#e6ab02", "#7570b3", "#1b9e77", "#e7298a", "#000000")
MARKERS = {"adam": "o", "sgd": "^"}
ACROSS = 7
"""Panels in a row."""

LEAST = 5
"""Trials of a method without which it gets no panel."""

GROUND = 60
"""Learning rates at which the ground of a panel is coloured."""

PICTURE = Path(__file__).parent / "phases.png"


def shown_methods(frame: pd.DataFrame, least: int = LEAST) -> list[str]:
    """The methods with enough trials that have a verdict, in the order of the design."""
    counts = judged(frame)["method"].value_counts()
    return [method for method in METHODS if counts.get(method, 0) >= least]


def draw_phases(frame: pd.DataFrame, folder: Path, least: int = LEAST) -> Path | None:
    """Draws the panels of all methods with enough trials into ``phases.png``; None, and nothing drawn, without any.

    Args:
        frame: The table.
        folder: Must exist.
        least: Trials of a method.
    """
    known, methods = judged(frame), shown_methods(frame, least)
    if not methods:
        return None
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.lines import Line2D

    rows = -(-len(methods) // ACROSS)
    figure, axes = plt.subplots(rows, ACROSS, figsize=(12, 1.55 * rows + 0.8), squeeze=False, sharex=True)
    for n, axis in enumerate(axes.flat):
        if n >= len(methods):
            axis.set_axis_off()
            continue
        _panel(axis, methods[n], known[known["method"] == methods[n]])
        axis.tick_params(labelbottom=n + ACROSS >= len(methods))  # nothing stands below the last of a column
    shown = [(word, colour) for word, colour in zip(VERDICTS, COLOURS, strict=True) if (known["verdict"] == word).any()]
    handles = [Line2D([], [], marker="s", linestyle="", color=colour, label=word) for word, colour in shown]
    handles += [
        Line2D([], [], marker=m, linestyle="", color="none", markeredgecolor="k", label=n) for n, m in MARKERS.items()
    ]
    figure.legend(handles=handles, loc="upper center", ncols=len(handles), frameon=False, fontsize=8)
    figure.supxlabel(f"learning rate (of SGD a hundredth); {len(known)} trials", fontsize=8)
    figure.supylabel("main knob", fontsize=8)
    figure.tight_layout(rect=(0, 0, 1, 1 - 0.5 / figure.get_figheight()), pad=0.4)
    target = folder / "phases.png"
    figure.savefig(target, dpi=110)
    plt.close(figure)
    return target


def ground(
    rates: NDArray[np.float64],
    levels: NDArray[np.float64],
    verdicts: NDArray[np.str_],
    at: NDArray[np.float64],
    rows: int,
) -> NDArray[np.int64]:
    """The verdict around each learning rate and value of the knob, as its number in `VERDICTS`.

    Args:
        rates: (N,) learning rates of the trials.
        levels: (N,) numbers of their knobs' values.
        verdicts: (N,) words.
        at: (G,) learning rates.
        rows: Values of the knob.

    Returns:
        (rows, G).
    """
    octaves = np.log2(at)[None, :, None] - np.log2(rates)[None, None, :]
    steps = np.arange(rows)[:, None, None] - levels[None, None, :]
    weights = np.exp(-(octaves**2 + steps**2) / 2)
    sums = [(weights * (verdicts == word)).sum(-1) for word in VERDICTS]
    most: NDArray[np.int64] = np.argmax(sums, axis=0)
    return most


def _panel(axis: object, method: str, own: pd.DataFrame) -> None:
    from matplotlib.axes import Axes
    from matplotlib.colors import ListedColormap

    assert isinstance(axis, Axes)
    values = values_of(method)
    rates, levels = adam_rate(own), own["knob_level"].fillna(0.0)
    rows = max(len(values), 1)
    edges: NDArray[np.float64] = np.geomspace(RATES[0] * 0.8, RATES[1] * 1.25, GROUND + 1, dtype=np.float64)
    around = ground(
        np.asarray(rates, dtype=np.float64),
        np.asarray(levels, dtype=np.float64),
        own["verdict"].to_numpy(dtype=str),
        np.sqrt(edges[1:] * edges[:-1]).astype(np.float64),
        rows,
    )
    axis.pcolormesh(
        edges,
        np.arange(rows + 1) - 0.5,
        around,
        cmap=ListedColormap(COLOURS),
        vmin=-0.5,
        vmax=len(COLOURS) - 0.5,
        alpha=0.22,
        linewidth=0,
        rasterized=True,
    )
    for word, colour in zip(VERDICTS, COLOURS, strict=True):
        for optimizer, marker in MARKERS.items():
            chosen = (own["verdict"] == word) & (own["optimizer"] == optimizer)
            axis.scatter(rates[chosen], levels[chosen], c=colour, marker=marker, s=22, linewidths=0)
    axis.set_xscale("log")
    axis.set_xlim(RATES[0] * 0.8, RATES[1] * 1.25)
    axis.set_ylim(-0.6, max(len(values), LEVELS) - 0.4)
    ends = [0, len(values) - 1] if len(values) > 1 else []
    axis.set_yticks(ends, [f"{values[n]:g}" if not isinstance(values[n], str) else str(values[n]) for n in ends])
    axis.tick_params(labelsize=6, length=2)
    axis.set_title(method, fontsize=7, pad=2)
