"""KL weight rising over the first epochs, linearly unless another shape is asked for.

Equation:
    ``w(s) = min(1, start + s (1 - start) / S)``, S the steps of the warm-up. ``w(s) = start + (1 - start) f(s / S)``
    with the shapes f of the cyclical schedule, all at one half in the middle of the warm-up.

Caveat:
    One rule fits it to shorter runs: S is 10 epochs, but at most a share of the planned ones. `sigmoid_anneal` is the
    logistic curve in steps.

References:
    Bowman et al. (2016), in the form of He et al. (2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from vaecli.objective import Clock, Terms
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.recipes import LI, WARM_UP
from vaecli.remedies.shared.schedules import CURVES, Curve


def warmup_weight(step: float, warmup_steps: float, start: float, shape: Curve) -> float:
    """The weight at a step: from `start` at 0, exactly 1 from `warmup_steps` on, constant 1 without a warm-up."""
    if step >= warmup_steps:
        return 1.0
    return start + (1 - start) * CURVES[shape](step / warmup_steps)


def linear_weight(step: float, warmup_steps: float, start: float) -> float:
    """`warmup_weight` along a line."""
    return warmup_weight(step, warmup_steps, start, "linear")


def warmup_epochs(epochs: float, share: float, clock: Clock) -> float:
    """Length of a warm-up: the paper's number of epochs, but at most a share of the planned training.

    Published warm-ups of 10 epochs belong to runs of 40 to 100 epochs; in a run of 8 the weight would never arrive.
    """
    return min(epochs, share * clock.epochs)


def capped_warmup(epochs: float, share: float, planned: int) -> Mapping[str, str]:
    """Why the number of epochs of a warm-up changes nothing, where it doesn't; see `Remedy.idle`."""
    if epochs <= share * planned:
        return {}
    return {"epochs": f"share={share:g} of the {planned:,} planned epochs is less"}


class LinearAnneal(Remedy):
    """Linear KL annealing."""

    name: ClassVar[str] = "linear_anneal"
    title: ClassVar[str] = "linear KL annealing"
    paper: ClassVar[Paper] = Paper("Bowman et al.", 2016, "Generating Sentences from a Continuous Space", "1511.06349")
    equation: ClassVar[str] = "w(s) = min(1, start + s (1 - start) / S)"
    recipe: ClassVar[Recipe | None] = replace(
        LI, source="Li et al. 2019, arXiv:1909.00868, row VAE; Bowman et al. print no optimiser", hyper=WARM_UP
    )
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL_WEIGHT})
    deviations: ClassVar[tuple[str, ...]] = (
        "the warm-up takes at most a quarter of the planned epochs (published: 10 epochs of runs of tens)",
        "it starts at 0, as with Li et al. and Zhu et al. (He et al.: at 0.1)",
    )
    rate_only: ClassVar[bool] = True
    sensible: ClassVar[Mapping[str, Sensible]] = {"epochs": Span(2.0, 50.0, log=True), "share": Span(0.1, 0.9)}

    start: float = Field(0.0, ge=0, le=1, description="weight at the first step")
    epochs: float = Field(10.0, ge=0, description="epochs of the warm-up, as published")
    share: float = Field(0.25, ge=0, le=1, description="largest share of the planned epochs that the warm-up takes")
    shape: Curve = Field("linear", description="how the weight rises")

    def idle(self, epochs: int) -> Mapping[str, str]:
        """See `Remedy.idle`."""
        return capped_warmup(self.epochs, self.share, epochs)

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Sets the KL weight of this step."""
        steps = warmup_epochs(self.epochs, self.share, clock) * clock.steps_per_epoch
        return replace(terms, kl_weight=warmup_weight(clock.step, steps, self.start, self.shape))
