"""The table of docs/posterior_picture.md, from the figures that `vae reproduce he2019-toy` left beside its pictures."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from vaecli.reporting.pictures.posterior_spread import SPREAD

TOY = Path(__file__).resolve().parent / "papers" / "he2019-toy"
SHOWN = (50, 200, 400)
"""Updates of which the page shows figures."""


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
