"""Phase diagrams: a panel a method, learning rate across, main knob up, a colour a verdict."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

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


def _panel(axis: object, method: str, own: pd.DataFrame) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axis, Axes)
    values = values_of(method)
    rates, levels = adam_rate(own), own["knob_level"].fillna(0.0)
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
