"""The trials of a search: what each gave, and what they are worth together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

from vaecli.config import GROUPS
from vaecli.core.nested import merge, nested
from vaecli.settings.resolve import Settings


@dataclass(frozen=True)
class Candidate:
    """A trial of a search.

    Attributes:
        method: That is tuned.
        values: Of the settings that are searched, by key.
        status: ``done``, ``pruned``, ``diverged`` or ``failed``.
        figures: Of its best validation, by column; empty without one.
        epochs: That it took.
        path: Of its run.
    """

    method: str
    values: Mapping[str, Any]
    status: str
    figures: Mapping[str, float]
    epochs: int
    path: Path


def best_figures(history: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The finite figures of the best validation, by column."""
    rows = [row for row in history if row.get("best")]
    last = rows[-1] if rows else {}
    names = ("rec", "kl", "neg_elbo", "mi", "marginal_kl", "au")
    figures = {name: last.get(name) for name in names}
    return {name: float(value) for name, value in figures.items() if isinstance(value, int | float) and isfinite(value)}


def front(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The finished trials of which none has less rate and less distortion than another, in ascending order of rate."""
    done = [c for c in candidates if c.status == "done" and {"kl", "rec"} <= set(c.figures)]
    best: list[Candidate] = []
    for candidate in sorted(done, key=lambda c: (c.figures["kl"], c.figures["rec"])):
        if not best or candidate.figures["rec"] < best[-1].figures["rec"]:
            best.append(candidate)
    return best


def hypervolume(candidates: Sequence[Candidate], corner: tuple[float, float]) -> float:
    """The area, in nats squared, of rates and distortions below a corner that some trial doesn't exceed.

    Args:
        candidates: See `front`.
        corner: Rate and distortion beyond which nothing counts.
    """
    area, distortion = 0.0, corner[1]
    for candidate in front(candidates):
        rate, rec = candidate.figures["kl"], candidate.figures["rec"]
        if rate < corner[0] and rec < distortion:
            area += (corner[0] - rate) * (distortion - rec)
            distortion = rec
    return area


def tuned_settings(settings: Settings, candidate: Candidate) -> Settings:
    """The settings of a search with those of one trial, for more seeds of it."""
    method, values = candidate.method, candidate.values
    own = {owner: table for owner, table in nested(values).items() if owner not in GROUPS}
    shared = settings.override(method, values)
    return replace(
        settings,
        methods=(method,),
        hyper=merge({name: dict(table) for name, table in settings.hyper.items() if name in method.split("+")}, own),
        overrides={method: shared} if shared else {},
    )
