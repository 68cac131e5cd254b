"""What z is worth at each position of a sentence, run by run, as the page's chart and table need it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vaecli.reporting.page.page_curves import thinned_indices
from vaecli.reporting.page.page_trials import PageTrial
from vaecli.reporting.pictures.position_gains import OTHERS, gains_of

MOST = 40
"""Positions of a run that are drawn; those of longer sentences are thinned evenly."""


def gain_data(rows: Sequence[Sequence[PageTrial]]) -> dict[str, Any] | None:
    """The gains of each run that `vae evaluate --decoder-use` has measured.

    Args:
        rows: The trials of each row of the table.

    Returns:
        For each run the row it belongs to, its seed, positions from 1, and nats a token by the kind of the other code;
        the kinds that there are, in words; and how many runs were thinned. None where no run was measured.
    """
    runs: list[dict[str, Any]] = []
    thinned = 0
    for m, trials in enumerate(rows):
        for trial in trials:
            gains = {kind: curve for kind, curve in gains_of(trial.metrics.get("decoder_use")).items() if curve}
            if not gains:
                continue
            longest = max(map(len, gains.values()))
            kept = thinned_indices(longest, MOST)
            thinned += len(kept) < longest
            curves = {kind: [curve[n] for n in kept if n < len(curve)] for kind, curve in gains.items()}
            runs.append({"m": m, "seed": trial.seed, "positions": [n + 1 for n in kept], "gains": curves})
    kinds = {kind: words for kind, words in OTHERS.items() if any(kind in run["gains"] for run in runs)}
    return {"kinds": kinds, "runs": runs, "thinned": thinned} if runs else None


def gain_heads(data: dict[str, Any]) -> list[str]:
    """The positions that some run has, in ascending order."""
    return [str(n) for n in sorted({n for run in data["runs"] for n in run["positions"]})]


def gain_rows(data: dict[str, Any], labels: Sequence[str]) -> list[list[str]]:
    """A row a run and kind of other code: method, seed, the kind in words, and a cell for each of `gain_heads`.

    Args:
        data: See `gain_data`.
        labels: Of the table's rows.
    """
    heads, rows = gain_heads(data), []
    for run in data["runs"]:
        for kind, curve in run["gains"].items():
            known = {str(n): f"{value:.3g}" for n, value in zip(run["positions"], curve, strict=False)}
            cells = [known.get(head, "") for head in heads]
            seed = "" if run["seed"] is None else str(run["seed"])
            rows.append([labels[run["m"]], seed, data["kinds"][kind], *cells])
    return rows
