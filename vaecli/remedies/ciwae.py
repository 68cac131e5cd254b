"""A mixture of the ELBO and the importance-weighted bound, which gives the encoder's gradient back some of its signal.

Equation:
    ``loss = beta (-ELBO) + (1 - beta) (-L_K)`` with L_K the bound of `iwae`; beta = 1 is the vanilla VAE and 0 is
    `iwae`.

Caveat:
    The ELBO is at the first of the K samples, with the KL in closed form where there is one.

References:
    Rainforth et al. (2018).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from vaecli.objective import Clock, Terms
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.multisample import NEEDS, OWNS, importance_weights, neg_bound, with_loss


class CIWAE(Remedy):
    """The combination IWAE."""

    name: ClassVar[str] = "ciwae"
    title: ClassVar[str] = "CIWAE"
    paper: ClassVar[Paper] = Paper(
        "Rainforth et al.", 2018, "Tighter Variational Bounds are Not Necessarily Better", "1802.04537", "CIWAE"
    )
    equation: ClassVar[str] = "loss = beta (-ELBO) + (1 - beta) (-L_K)"
    no_recipe: ClassVar[str] = "Rainforth et al. train on images"
    owns: ClassVar[frozenset[Part]] = OWNS
    needs: ClassVar[frozenset[Need]] = NEEDS
    deviations: ClassVar[tuple[str, ...]] = ("K is 10 (published: 64, for images)",)
    cost: ClassVar[float] = 7.5
    sensible: ClassVar[Mapping[str, Sensible]] = {"samples": Span(2, 50, log=True), "beta": Span(0.05, 0.95)}

    samples: int = Field(10, ge=1, le=1000, description="K: samples a sentence")
    beta: float = Field(0.5, ge=0, le=1, description="beta: share of the ELBO, as published")

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Replaces KL and weight so that the loss is the mixture."""
        neg_elbo = terms.nll + terms.kl.sum(-1)
        bound = neg_bound(importance_weights(terms, self.samples))
        return with_loss(terms, self.beta * neg_elbo + (1 - self.beta) * bound)
