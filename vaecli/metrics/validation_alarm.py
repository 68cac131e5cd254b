"""What the validations of a run say of its code while it trains: that it collapsed, or that little of it informs.

The rule of `vaecli.metrics.verdict` on rows of history.csv, and two things more, since a model at work is no result:

- A state is announced once `PATIENCE` validations in a row show it, or the last planned one does. At its first
  validation many a model that ends well has no information in z yet, or less than it pays for.
- A validation whose KL weight is still rising towards 1 announces nothing, nor does one at weight 0, where nothing
  presses on the rate: what such a model pays says little of what it will pay. The same weight twice, as that of `beta`,
  is not rising.

Whether the decoder uses what an informative code tells isn't measured by validations, but by ``vae evaluate
--decoder-use``. This module imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from vaecli.metrics.ceilings import figure
from vaecli.metrics.verdict import COLLAPSED, NO_VERDICT, verdict

State = Literal["informative", "collapsed", "ignored"]

PATIENCE: Mapping[State, int] = {"informative": 2, "collapsed": 2, "ignored": 3}
"""Validations in a row that show a state before it is announced; a rate is learnt before what it is good for."""


@dataclass(frozen=True)
class Alarm:
    """A change of state.

    Attributes:
        state: ``collapsed`` (no rate), ``ignored`` (a rate of which little or nothing informs about the sentence), or
            ``informative`` after one of these.
        epoch: Whose validation has decided it, from 1.
        kl: In nats per sentence.
        mi: In nats; None where it is undefined.
    """

    state: State
    epoch: int
    kl: float
    mi: float | None


def state_of(row: Mapping[str, Any], sentences: int | None = None) -> State | None:
    """What one validation shows; None where the method has no KL or the figures don't tell.

    Args:
        row: Of history.csv.
        sentences: Of the validation split, whose logarithm is the ceiling of `mi`; None where it isn't known.
    """
    known = {"sentences": sentences} if sentences else {}
    word, kl, mi = verdict({**row, **known}), figure(row, "kl"), figure(row, "mi")
    if word == NO_VERDICT or kl is None:
        return None
    if word == "collapsed":
        return "ignored" if kl >= COLLAPSED and mi is not None else "collapsed"
    return "ignored" if word in ("fake-rate", "unused") else "informative"


def alarms(rows: Sequence[Mapping[str, Any]], sentences: int | None = None, epochs: int = 0) -> list[Alarm]:
    """The changes of state that a run's validations show, in their order; none for one that was informative throughout.

    Args:
        rows: Of history.csv, all so far.
        sentences: See `state_of`.
        epochs: Planned; the last one's validation decides alone.
    """
    raised: list[Alarm] = []
    announced: State = "informative"
    shown: State | None = None
    streak = 0
    for number, row in enumerate(rows):
        state = state_of(row, sentences)
        streak = streak + 1 if state == shown else 1
        shown = state
        epoch = int(figure(row, "epoch") or number + 1)
        decided = state is not None and (streak >= PATIENCE[state] or epoch >= epochs > 0)
        if state is None or state == announced or not decided or _warms_up(row, rows[number - 1] if number else None):
            continue
        announced = state
        raised.append(Alarm(state, epoch, figure(row, "kl") or 0.0, figure(row, "mi")))
    return raised


def _warms_up(row: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool:
    """Whether the KL weight of a validation is 0, or on its way up to 1."""
    weight = figure(row, "kl_weight")
    earlier = None if before is None else figure(before, "kl_weight")
    if weight is None:
        return False
    return weight == 0 or (earlier is not None and earlier < weight < 1)
