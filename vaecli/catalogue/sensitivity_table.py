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
    Head("learning rate"),
    Head("optimiser"),
    Head("knob", numeric=False),
    Head("of knob"),
    Head("the rest"),
)


def sensitivity_view(names: Sequence[str], frame: pd.DataFrame) -> View:
    """A row a method, in their order.

    Args:
        names: Of remedies.
        frame: The trials of the atlas.
    """
    found = [(sensitivity(frame, name), knob_of(frame, name)) for name in names]
    few = sum(own.rest is None and own.trials < LEAST for own, _ in found)
    notes = [
        f"share of the variance of mi over {len(frame)} trials of the atlas, first order, less what noise alone has;",
        "  the rest: other settings, corpus, seed, and what settings do together",
    ]
    if few:
        notes.append(f"blank: fewer than {LEAST} trials, without which nothing is said ({counted(few, 'method')})")
    rows = tuple(tuple(map(Cell, _cells(own, knob))) for own, knob in found)
    return View("", HEADS, rows, tuple(record(own, knob) for own, knob in found), tuple(notes))


def knob_of(frame: pd.DataFrame, method: str) -> str:
    """The main knob that the trials of a method vary; empty without."""
    return next(iter(frame.loc[frame["method"] == method, "knob"]), "")


def _cells(own: Sensitivity, knob: str) -> list[str]:
    shares = [_share(value) for value in (own.rate, own.optimizer, own.knob, own.rest)]
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
        "rest": own.rest,
        "trials_needed": LEAST,
    }
