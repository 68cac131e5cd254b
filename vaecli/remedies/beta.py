"""A constant KL weight.

Equation:
    ``loss = E_q[-log p(x|z)] + beta KL(q(z|x) || p(z))``

Caveat:
    Against collapse beta is below 1; at 0 it is an autoencoder that still samples.

References:
    Higgins et al. (2017).
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
from vaecli.remedies.shared.recipes import HE


class Beta(Remedy):
    """The beta-VAE."""

    name: ClassVar[str] = "beta"
    title: ClassVar[str] = "beta-VAE"
    paper: ClassVar[Paper] = Paper(
        "Higgins et al.",
        2017,
        "beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework",
    )
    equation: ClassVar[str] = "loss = E_q[-log p(x|z)] + beta KL(q(z|x) || p(z))"
    recipe: ClassVar[Recipe | None] = replace(
        HE, source="He et al. 2019, arXiv:1901.05534, rows beta-VAE; Higgins et al. train on images"
    )
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL_WEIGHT})
    deviations: ClassVar[tuple[str, ...]] = ("beta is below 1, against collapse (published: above 1, to disentangle)",)
    rate_only: ClassVar[bool] = True
    sensible: ClassVar[Mapping[str, Sensible]] = {"beta": Span(0.05, 1.0)}

    beta: float = Field(0.4, ge=0, description="KL weight from the first step to the last")

    @property
    def trains_prior(self) -> bool:
        """See `Remedy.trains_prior`."""
        return self.beta > 0

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Sets the KL weight."""
        return replace(terms, kl_weight=self.beta)
