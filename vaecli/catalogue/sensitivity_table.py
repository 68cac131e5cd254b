"""The table of `vae methods --sensitivity`: how much of a method's mi is its learning rate, its knob, and the rest."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from vaecli.atlas.sensitivity import LEAST, Sensitivity, sensitivity
from vaecli.core.messages import counted
from vaecli.reporting.view import Cell, Head, Record, View

HEADS = (
    Head("method", numeric=False),
    Head("trials"),
    Head("rate"),
    Head("optim"),
    Head("knob", numeric=False),
    Head("of knob"),
    Head("seed"),
    Head("rest"),
)
ALWAYS = ("method", "trials")
"""Columns that are shown even where they are empty."""


def sensitivity_view(names: Sequence[str], frame: pd.DataFrame, repeats: pd.DataFrame | None = None) -> View:
    """A row a method, in their order, without the columns that are empty throughout.

    Args:
        names: Of remedies.
        frame: The trials of the atlas.
        repeats: Those that were run with another seed too.
    """
    shares = [(sensitivity(frame, name, repeats), knob_of(frame, name)) for name in names]
    cells = [_cells(own, knob) for own, knob in shares]
    shown = [n for n, head in enumerate(HEADS) if head.name in ALWAYS or any(row[n] for row in cells)]
    return View(
        "",
        tuple(HEADS[n] for n in shown),
        tuple(tuple(Cell(row[n]) for n in shown) for row in cells),
        tuple(record(own, knob) for own, knob in shares),
        _notes([own for own, _ in shares], len(frame)),
    )


def _notes(shares: Sequence[Sensitivity], trials: int) -> tuple[str, ...]:
    """What the shares are of, and why some or all are missing."""
    few = [own for own in shares if own.rest is None and own.trials < LEAST]
    if few and len(few) == len(shares):
        most = max(own.trials for own in few)
        whose = few[0].method if len(few) == 1 else "one at most"
        return (f"no shares: they need {LEAST} trials of a method, and the atlas has {most} of {whose}",)
    notes: tuple[str, ...] = (
        f"shares of the variance of mi over {trials} trials of the atlas, first order, less what noise alone has",
        "rate: of the learning rate; optim: of Adam against SGD",
        "rest: other settings, corpus, seed, and what settings do together",
    )
    if any(own.seed is not None for own in shares):
        most = max(own.pairs for own in shares)
        notes = (*notes, f"seed: of runs that differ in it alone, a rough figure: {most} pairs a method at most")
    blank = f"blank: fewer than {LEAST} trials, without which nothing is said ({counted(len(few), 'method')})"
    return (*notes, blank) if few else notes


def knob_of(frame: pd.DataFrame, method: str) -> str:
    """The main knob that the trials of a method vary; empty without."""
    return next(iter(frame.loc[frame["method"] == method, "knob"]), "")


def _cells(own: Sensitivity, knob: str) -> list[str]:
    shares = [_share(value) for value in (own.rate, own.optimizer, own.knob, own.seed, own.rest)]
    return [own.method, str(own.trials), *shares[:2], knob, *shares[2:]]


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def record(own: Sensitivity, knob: str) -> Record:
    """A row for machines, shares from 0 to 1."""
    return {
        "method": own.method,
        "trials": own.trials,
        "learning_rate": own.rate,
        "optimizer": own.optimizer,
        "knob": knob or None,
        "of_knob": own.knob,
        "seed": own.seed,
        "seed_pairs": own.pairs,
        "rest": own.rest,
        "trials_needed": LEAST,
    }
