"""KL weight rising along a logistic curve.

Equation:
    ``w(s) = 1 / (1 + exp(-k (s - s0)))``

Differs from the paper:
    The paper draws the curve; k = 0.0025 and s0 = 2500 are those of the PyTorch implementation in wide use, whose run
    on Penn Treebank takes 5,260 updates.

Caveat:
    One rule fits it to shorter runs: s0 becomes min(s0, share of the planned steps), and k s0, 6.25 as published, stays
    as it is.

References:
    Bowman et al. (2016).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from vaecli.objective import Clock, Terms
from vaecli.remedies.core.remedy import Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.schedules import logistic, shortened_midpoint


def sigmoid_weight(step: float, midpoint: float, steepness: float) -> float:
    """The weight at a step: one half at `midpoint`, with slope ``steepness / 4`` there."""
    return logistic(steepness * (step - midpoint))


class SigmoidAnneal(Remedy):
    """Logistic KL annealing."""

    name: ClassVar[str] = "sigmoid_anneal"
    title: ClassVar[str] = "sigmoid KL annealing"
    paper: ClassVar[Paper] = Paper("Bowman et al.", 2016, "Generating Sentences from a Continuous Space", "1511.06349")
    equation: ClassVar[str] = "w(s) = 1 / (1 + exp(-k (s - s0)))"
    no_recipe: ClassVar[str] = (
        "Bowman et al. print neither optimiser nor rate nor batch size, and only draw the schedule"
    )
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL_WEIGHT})
    deviations: ClassVar[tuple[str, ...]] = (
        "s0 is at most 0.475 of the planned steps, k s0 staying as it is (published: a run of 5,260 updates)",
        "k and s0 are those of an implementation in wide use; the paper draws the curve and prints neither",
    )
    rate_only: ClassVar[bool] = True
    sensible: ClassVar[Mapping[str, Sensible]] = {"midpoint": Span(500.0, 20_000.0, log=True), "share": Span(0.1, 0.9)}

    midpoint: float = Field(2500.0, ge=0, description="step s0 at which the weight is one half, as published")
    steepness: float = Field(0.0025, gt=0, description="k per step, as published; grows as a short run lowers s0")
    share: float = Field(0.475, gt=0, le=1, description="largest share of the planned steps before s0")

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Sets the KL weight of this step."""
        midpoint = shortened_midpoint(self.midpoint, self.share, clock)
        steepness = self.steepness * self.midpoint / midpoint if midpoint > 0 else self.steepness
        return replace(terms, kl_weight=sigmoid_weight(clock.step, midpoint, steepness))
