"""The tables of docs/posterior_picture.md, from what `vae reproduce he2019-toy` left beside its pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from vaecli.core.messages import counted
from vaecli.reporting.pictures.posterior_spread import SPREAD, last_looks

TOY = Path(__file__).resolve().parent / "papers" / "he2019-toy"
EVERY = TOY / "all"
"""What ``--rows all`` left."""

SHOWN = (50, 200, 400)
"""Updates of which the page shows figures."""

USED = 0.3
"""Deviation of the exact means from which on the decoder uses z: 9 % of the variance that the prior has."""

ORIGIN, DIAGONAL, LINE, BESIDE = (
    "at the origin",
    "on the diagonal",
    "on the horizontal line",
    "beside the diagonal",
)
RULES: Mapping[str, str] = {
    ORIGIN: f"the exact means deviate by less than {USED}: the decoder hardly uses z",
    DIAGONAL: "their distance is less than half of the exact deviation: the encoder says what the model means",
    LINE: "the encoder's deviation is less than half of the exact one: the decoder uses z, and the encoder lags",
    BESIDE: "the rest: the encoder tells sentences apart, at another scale or around another mean",
}
"""Where the sentences of a method lie after its last update, in the order in which the page has them."""


def spread_lines(frame: pd.DataFrame) -> str:
    """The table of the page, in Markdown, from the committed figures.

    Args:
        frame: As `vaecli.reporting.pictures.posterior_spread.spread_table` gives it, of one seed.
    """
    groups = [f"{name}, {updates:,}" for name in ("exact", "encoder", "distance") for updates in SHOWN]
    lines = ["| method | " + " | ".join(groups) + " |", "|---|" + "---:|" * len(groups)]
    for method, own in frame.groupby("method", sort=False):
        by = own.set_index("updates")
        cells = [f"{float(by[column][updates]):.2f}" for column in SPREAD for updates in SHOWN]
        lines.append(f"| `{method!s}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def position(exact_sd: float, encoder_sd: float, distance: float) -> str:
    """Where the sentences of a look lie, a key of `RULES`.

    Args:
        exact_sd: Standard deviation over sentences of the means of the exact p(z|x).
        encoder_sd: Of those of q(z|x).
        distance: Root mean square of their difference.
    """
    if exact_sd < USED:
        return ORIGIN
    if encoder_sd < exact_sd / 2:
        return LINE
    return DIAGONAL if distance < exact_sd / 2 else BESIDE


def positions(frame: pd.DataFrame) -> dict[str, str]:
    """Where each method's sentences lie at its last look.

    Args:
        frame: As `vaecli.reporting.pictures.posterior_spread.spread_table` gives it, of one seed.
    """
    last = last_looks(frame)
    return {
        str(method): position(*map(float, figures))
        for method, *figures in last[["method", *SPREAD]].itertuples(index=False)
    }


def every_lines(frame: pd.DataFrame, results: pd.DataFrame) -> str:
    """All methods by where their sentences lie, with the verdicts on them, in Markdown.

    Args:
        frame: As for `positions`.
        results: A row a trial, with its verdict.
    """
    verdicts = dict(zip(results["method"], results["verdict"].fillna("no verdict"), strict=True))
    lying = positions(frame)
    lines = ["| after the last update | methods | verdicts |", "|---|---|---|"]
    for name, rule in RULES.items():
        own = [method for method in lying if lying[method] == name]
        told = ", ".join(f"{verdict} {count}" for verdict, count in Counter(verdicts[m] for m in own).most_common())
        lines.append(f"| **{name}**: {rule} | {', '.join(f'`{m}`' for m in own)} | {told} |")
    seed, updates = int(frame["seed"].min()), int(frame["updates"].max())
    head = f"{counted(len(lying), 'method')}, seed {seed}, {updates:,} updates at most:"
    return "\n".join([head, "", *lines])
