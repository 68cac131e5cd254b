"""KL weight rising along a hyperbolic tangent.

Equation:
    ``w(s) = (tanh((s - s0) / r) + 1) / 2`` with s0 = 4500 and r = 1000. It is the logistic curve with k = 2 / r.

Differs from the paper:
    The published code stops updating the weight after 3,000 steps, at 0.047; here it goes on to 1.

Caveat:
    One rule fits it to shorter runs: s0 becomes min(s0, share of the planned steps), and s0 / r, 4.5 as published,
    stays as it is.

References:
    Bahuleyan et al. (2018), the schedule of the code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from vaecli.objective import Clock, Terms
from vaecli.remedies.core.remedy import Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.schedules import shortened_midpoint


def tanh_weight(step: float, midpoint: float, width: float) -> float:
    """The weight at a step: one half at `midpoint`, 0.88 at `width` steps after it."""
    return (math.tanh((step - midpoint) / width) + 1) / 2


class TanhAnneal(Remedy):
    """KL annealing along a hyperbolic tangent."""

    name: ClassVar[str] = "tanh_anneal"
    title: ClassVar[str] = "tanh KL annealing"
    paper: ClassVar[Paper] = Paper(
        "Bahuleyan et al.",
        2018,
        "Variational Attention for Sequence-to-Sequence Models",
        "1712.08207",
        "the schedule of its code",
    )
    equation: ClassVar[str] = "w(s) = (tanh((s - s0) / r) + 1) / 2"
    no_recipe: ClassVar[str] = "the schedule alone is known of its code, not the training"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL_WEIGHT})
    deviations: ClassVar[tuple[str, ...]] = (
        "s0 is at most 0.475 of the planned steps, s0 / r staying as it is",
        "the weight goes on to 1; the code leaves it at 0.047 after 3,000 steps",
    )
    rate_only: ClassVar[bool] = True
    sensible: ClassVar[Mapping[str, Sensible]] = {"midpoint": Span(500.0, 20_000.0, log=True), "share": Span(0.1, 0.9)}

    midpoint: float = Field(4500.0, ge=0, description="step s0 at which the weight is one half, as published")
    width: float = Field(1000.0, gt=0, description="r in steps, as published; shrinks as a short run lowers s0")
    share: float = Field(0.475, gt=0, le=1, description="largest share of the planned steps before s0")

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Sets the KL weight of this step."""
        midpoint = shortened_midpoint(self.midpoint, self.share, clock)
        width = self.width * midpoint / self.midpoint if self.midpoint > 0 else self.width
        return replace(terms, kl_weight=tanh_weight(clock.step, midpoint, width))
