"""ELBO under a constraint on mutual information: a hinge lifts the KL while the information is below a minimum.

Equation:
    ``loss = E_q[-log p(x|z)] + beta <KL> + lambda max(0, c - I)``, <.> the batch mean: the Lagrangian of minimising the
    -ELBO subject to ``I(x; z) >= c``.

Differs from the paper:
    Phuong et al. pose the problem with an equality; the hinge on the KL follows an unsigned note.

Caveat:
    With ``mi = kl``, I is the batch mean of the KL. That is an upper bound: a posterior far from the prior but the same
    for all sentences satisfies it without information, so ``mi = aggregate`` estimates I itself, at most log B in
    batches of B. Below c the KL term has the factor beta - lambda, so it lifts the KL only for lambda > beta. A KL
    weight acts on beta <KL> and not on the hinge. A first stage without KL (``ae_pretrain+mi_constraint``) is without a
    hinge on it too; one on the estimate of I is in both.

References:
    Phuong et al. (2018).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from vaecli.model.posterior import Posterior
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.game import CELLS, Cells, Game, GameMeasures
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.aggregate import batch_densities


def hinge(information: Tensor, minimum: float, multiplier: float) -> Tensor:
    """``lambda max(0, c - I)``; without a gradient from c on."""
    return multiplier * (minimum - information).clamp_min(0)


def batch_information(posterior: Posterior, z: Tensor) -> Tensor:
    """() estimate of I_q(x; z) from a batch, both densities at the same samples, in nats.

    The mean of ``log q(z_b|x_b) - log (1/B) sum_j q(z_b|x_j)``, at most log B since a sentence's own density is one of
    the B. In float64: the densities of narrow posteriors are differences of large numbers.

    Args:
        posterior: q(z|x) of B sentences.
        z: (B, Z) a sample of each.
    """
    own, aggregate = batch_densities(posterior, z)
    return (own - aggregate).mean().to(torch.promote_types(z.dtype, torch.float32))


class MIConstraint(Remedy):
    """The ELBO with a hinge on mutual information."""

    name: ClassVar[str] = "mi_constraint"
    title: ClassVar[str] = "MI constraint"
    paper: ClassVar[Paper] = Paper(
        "Phuong et al.",
        2018,
        "The Mutual Autoencoder: Controlling Information in Latent Code Representations",
        equation="the constraint as an equality; the hinge is of an unsigned note",
    )
    equation: ClassVar[str] = "loss = rec + beta <KL> + lambda max(0, c - I)"
    no_recipe: ClassVar[str] = "its source is a note without experiments"
    version: ClassVar[int] = 2
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL, Part.TERM})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.DENSITY})
    deviations: ClassVar[tuple[str, ...]] = (
        "the hinge on the KL is of an unsigned note; Phuong et al. constrain the information to a value",
    )
    sensible: ClassVar[Mapping[str, Sensible]] = {"multiplier": Span(0.5, 5.0), "minimum": Span(1.0, 10.0)}

    multiplier: float = Field(2.0, ge=0, description="lambda: nats of loss per nat of missing information")
    minimum: float = Field(5.0, ge=0, description="c: least information, in nats per sentence")
    beta: float = Field(1.0, ge=1, description="beta: factor on the KL")
    mi: Literal["kl", "aggregate"] = Field(
        "kl", description="I as the batch mean of the KL, an upper bound, or estimated against the batch's q(z)"
    )

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Scales the KL and adds the hinge."""
        scaled = replace(terms, kl=self.beta * terms.kl)
        if self.mi == "aggregate":
            assert terms.context.posterior is not None
            information = batch_information(terms.context.posterior, terms.z)
        elif "kl" in clock.without:
            return scaled
        else:
            information = terms.kl.sum(-1).mean()
        return scaled.add(hinge(information, self.minimum, self.multiplier))

    def payoffs(self, game: Game, measures: GameMeasures) -> Game:
        """The rows become less information than the minimum, and enough."""
        rows = (f"I(x, z) < {self.minimum:g}", f"I(x, z) >= {self.minimum:g}")
        mean = float(self.constrained_information(measures).mean())
        row = rows[mean >= self.minimum]
        note = f"log p(x) is taken off every cell; the model's I is {mean:z.3f}, so it is in the row {row}"
        return Game(self.cells(measures), rows, (*game.notes, note))

    def constrained_information(self, measures: GameMeasures) -> Tensor:
        """(N,) terms of the I that the hinge looks at."""
        return measures.kl if self.mi == "kl" else measures.information

    def cells(self, measures: GameMeasures) -> Cells:
        """The cells of the Lagrangian of a minimum c of information, less log p(x).

        In the row below the minimum the hinge costs ``lambda (c - I)``, I being 0 for q(z|x) = p(z); a measured I above
        c costs nothing there, where it cannot be. beta and the KL weight stand before the KL of the right-hand column.
        """
        missing = self.minimum - self.constrained_information(measures)
        shortfall = missing if float(missing.mean()) > 0 else torch.zeros_like(missing)
        equal = measures.prior - measures.log_prob
        different = -(measures.rec + measures.kl_weight * self.beta * measures.kl) - measures.log_prob
        below = (equal - self.multiplier * self.minimum, different - self.multiplier * shortfall)
        return dict(zip(CELLS, (*below, equal, different), strict=True))
