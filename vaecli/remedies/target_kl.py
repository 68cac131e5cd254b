"""The distance of the KL from a target in place of the KL.

Equation:
    ``loss = E_q[-log p(x|z)] + b |<KL> - C(s)|``, < > the mean over the batch and C(s) rising linearly from 0 to C.
    Below the target the KL is pushed up with the factor b, above it down.

Differs from the paper:
    The absolute value of each sentence's KL, which some code takes, is another objective, at least as large. The ramp
    is 2 epochs as in the published code, but at most a share of the planned ones, the rule of the annealings.

Caveat:
    A KL weight multiplies the distance, so an annealing delays the pull to C as it would delay the KL.

References:
    Burgess et al. (2018); for text Prokhorov et al. (2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from pydantic import Field
from torch import Tensor

from vaecli.objective import Clock, Terms
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.linear_anneal import capped_warmup, linear_weight, warmup_epochs


def distance(kl: Tensor, target: float) -> Tensor:
    """(B, 1) ``|<KL> - C|`` for every sentence; its gradient is 0 where the two are equal.

    Args:
        kl: (B, Z) KL by dimension; (B, 1) where it doesn't factorise.
        target: C in nats per sentence.
    """
    return (kl.sum(-1).mean() - target).abs().expand(len(kl), 1)


class TargetKL(Remedy):
    """The VAE with a target KL."""

    name: ClassVar[str] = "target_kl"
    title: ClassVar[str] = "target KL"
    paper: ClassVar[Paper] = Paper(
        "Prokhorov et al.",
        2019,
        "On the Importance of the Kullback-Leibler Divergence Term in Variational Autoencoders for Text Generation",
        "1909.13668",
        "the objective with |KL - C|",
    )
    equation: ClassVar[str] = "K = b |<KL> - C(s)|"
    recipe: ClassVar[Recipe | None] = Recipe(
        source="Prokhorov et al. 2019, arXiv:1909.13668, its code",
        optimizer="adam",
        learning_rate=7.5e-4,
        batch_size=128,
        hyper={"target_kl": {"weight": 1.0}},
        unconfirmed=("the values of C, the clip and the length of training",),
    )
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL})
    deviations: ClassVar[tuple[str, ...]] = (
        "the target rises over at most a quarter of the planned epochs (published: over 2 epochs)",
    )
    rate_only: ClassVar[bool] = True
    sensible: ClassVar[Mapping[str, Sensible]] = {"target": Span(1.0, 15.0), "weight": Span(0.5, 5.0)}

    target: float = Field(5.0, ge=0, description="C: KL to reach, in nats per sentence")
    weight: float = Field(1.0, ge=0, description="b: nats of loss per nat of distance; too small can't hold C")
    epochs: float = Field(2.0, ge=0, description="epochs in which C(s) rises, as published")
    share: float = Field(0.25, ge=0, le=1, description="largest share of the planned epochs that the rise takes")

    def idle(self, epochs: int) -> Mapping[str, str]:
        """See `Remedy.idle`."""
        return capped_warmup(self.epochs, self.share, epochs)

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Replaces the KL term."""
        steps = warmup_epochs(self.epochs, self.share, clock) * clock.steps_per_epoch
        target = self.target * linear_weight(clock.step, steps, 0.0)
        return replace(terms, kl=self.weight * distance(terms.kl, target))
