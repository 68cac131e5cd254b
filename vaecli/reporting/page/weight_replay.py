"""The KL weight over all updates of a run, for schedules that depend on the clock alone.

``history.csv`` has the weight at each validation only, between which a cyclical schedule may rise and fall. A schedule
is replayed by asking the method for its weight at each step; a weight that follows the KL can't be replayed. A replay
that misses any weight in the history is dropped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from vaecli.corpus.types import Split, collate
from vaecli.model.prior import StandardNormal
from vaecli.objective import Clock, Context, Terms
from vaecli.remedies.core.parts import Part
from vaecli.remedies.core.remedy import Remedy
from vaecli.runs.history import Row

if TYPE_CHECKING:
    from vaecli.remedies.core.compose import Method

POINTS = 200
"""Updates that are asked for."""
CLOSE = 1e-6


@dataclass(frozen=True)
class Replay:
    """A schedule.

    Attributes:
        steps: Updates done.
        weights: Of the KL in the last of them.
    """

    steps: tuple[int, ...]
    weights: tuple[float, ...]


def replayed_weights(method: Method, history: Sequence[Row], epochs: int) -> Replay | None:
    """The schedule of a method over the updates of a run.

    Args:
        method: Of the run.
        history: A row a validation.
        epochs: Planned passes over train.

    Returns:
        None where the weight isn't a schedule of the clock, or the run had several phases.
    """
    owners = [remedy for remedy in method.remedies if Part.KL_WEIGHT in remedy.owns]
    told = [(_whole(row.get("steps")), row.get("kl_weight"), _whole(row.get("epoch"))) for row in history]
    known = [(s, float(w), e) for s, w, e in told if s and e and isinstance(w, int | float)]
    plain = all(owner.rate_only and type(owner).build is Remedy.build for owner in owners)
    if not owners or not known or not plain or len(method.phases()) > 1:
        return None
    last, _, epoch = known[-1]
    a_epoch = last // epoch
    if a_epoch < 1:
        return None
    steps = sorted({max(1, round(n * last / POINTS)) for n in range(1, POINTS + 1)} | {s for s, _, _ in known})
    weights = {step: _weight(owners, Clock(step - 1, a_epoch, epochs)) for step in steps}
    if any(not math.isclose(weights[step], weight, rel_tol=CLOSE, abs_tol=CLOSE) for step, weight, _ in known):
        return None
    return Replay(tuple(steps), tuple(weights.values()))


def _weight(owners: Sequence[Remedy], clock: Clock) -> float:
    """The weight of one update, from terms of one sentence whose KL and nll are 0."""
    sentence = collate(Split("train", torch.tensor([4], dtype=torch.int32), torch.tensor([0, 1])), torch.tensor([0]))
    context = Context(sentence, None, None, StandardNormal(1), {}, 1, True)
    terms = Terms(torch.zeros(1), torch.zeros(1, 1), 1.0, torch.zeros(1), torch.zeros(1, 1), context)
    for owner in owners:
        terms = owner.objective(terms, clock)
    return float(terms.kl_weight)


def _whole(value: object) -> int:
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else 0
