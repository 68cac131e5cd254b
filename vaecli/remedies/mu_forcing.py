"""A hinge that keeps the posterior means of a batch apart.

Equation:
    ``loss = E_q[-log p(x|z)] + KL + w max(0, v - s)``, ``s = 1/2 <||mean - m||^2>``, m the mean of the means and < >
    that over the batch, the form with sums over dimensions. s is what the spread of the means takes of the KL, so where
    the hinge is at rest the mean KL is at least v nats, whatever Z.

Differs from the paper:
    The published code averages over dimensions and tokens, which needs other numbers.

Caveat:
    Below the margin the gradient along mean - m is (KL weight - w) (mean - m): w = 1 against KL weight 1 only cancels
    the pull to the prior, so w has to be larger than the KL weight, and is 2 here. It acts beside a KL weight, not
    under it. v nats are a floor of the KL to N(0, I), and of no other prior.

References:
    Liu et al. (2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field
from torch import Tensor

from vaecli.objective import Clock, Terms
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.normal_floor import floor_beside


def spread(mean: Tensor) -> Tensor:
    """() ``1/2 <||mean - m||^2>`` of (B, Z) posterior means, in nats."""
    return 0.5 * (mean - mean.mean(0)).square().sum(-1).mean()


def hinge(mean: Tensor, margin: float) -> Tensor:
    """() ``max(0, v - spread)``; without a gradient from v on."""
    return (margin - spread(mean)).clamp_min(0)


class MuForcing(Remedy):
    """mu-forcing."""

    name: ClassVar[str] = "mu_forcing"
    title: ClassVar[str] = "mu-forcing"
    paper: ClassVar[Paper] = Paper(
        "Liu et al.",
        2019,
        "mu-Forcing: Training Variational Recurrent Autoencoders for Text Generation",
        "1905.10072",
        "the hinge on the spread of the means",
    )
    equation: ClassVar[str] = "loss = rec + KL + w max(0, v - 1/2 <||mean - m||^2>)"
    recipe: ClassVar[Recipe | None] = Recipe(
        source="Liu et al. 2019, arXiv:1905.10072, its code on short APRC",
        epochs=15,
        optimizer="adam",
        learning_rate=1e-3,
        batch_size=256,
        left_out=("its code raises the weight of the KL from epoch 5 to 15; the paper says none is needed",),
        unconfirmed=("that the optimiser is Adam", "clip"),
    )
    owns: ClassVar[frozenset[Part]] = frozenset({Part.TERM})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.LATENT, Need.MOVABLE_SPREAD})
    deviations: ClassVar[tuple[str, ...]] = (
        "spread and margin are sums over dimensions, in nats a sentence; the code averages over dimensions and tokens",
        "the weight is 2, since 1 only cancels the KL's pull on the means",
    )
    sensible: ClassVar[Mapping[str, Sensible]] = {"margin": Span(1.0, 10.0), "weight": Span(1.1, 5.0)}

    margin: float = Field(3.0, ge=0, description="v: least spread of the means, in nats per sentence")
    weight: float = Field(2.0, ge=0, description="w: factor on the hinge; above the KL weight, or it can't lift the KL")

    def beside(self, other: Remedy) -> str:
        """See `Remedy.beside`."""
        return floor_beside(self, other)

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Adds the hinge."""
        assert terms.context.posterior is not None
        return terms.add(self.weight * hinge(terms.context.posterior.mean, self.margin))
