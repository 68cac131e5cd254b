"""What the members of the InfoVAE family share: the two factors of their objective, and who owns which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar, Self

from pydantic import Field, model_validator
from torch import Tensor

from vaecli.objective import Terms
from vaecli.remedies.core.remedy import Paper, Part, Remedy

PAPER = Paper(
    "Zhao et al.", 2019, "InfoVAE: Balancing Learning and Inference in Variational Autoencoders", "1706.02262"
)


def kl_factor(alpha: float) -> float:
    """``1 - alpha``, what the KL is multiplied by."""
    return 1 - alpha


def divergence_factor(alpha: float, scaling: float) -> float:
    """``alpha + lambda - 1``, what the divergence of q(z) from p(z) is multiplied by."""
    return alpha + scaling - 1


class InfoVAE(Remedy):
    """``loss = rec + (1 - alpha) KL + (alpha + lambda - 1) D(q(z), p(z))`` (Zhao et al.); members say what D is."""

    paper: ClassVar[Paper] = PAPER
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL, Part.TERM})
    cost: ClassVar[float] = 1.05

    alpha: float = Field(0.9, le=1, description="alpha: share of the KL that is dropped; below 0 it is raised")
    scaling: float = Field(1.0, ge=0, description="lambda: with alpha, the factor alpha + lambda - 1 on the divergence")

    @model_validator(mode="after")
    def _pulls_towards_the_prior(self) -> Self:
        if divergence_factor(self.alpha, self.scaling) < 0:
            raise ValueError("alpha + scaling must be at least 1, else q(z) is pushed away from the prior")
        return self

    @property
    def trains_prior(self) -> bool:
        """See `Remedy.trains_prior`."""
        return kl_factor(self.alpha) > 0 or divergence_factor(self.alpha, self.scaling) > 0

    def beside(self, other: Remedy) -> str:
        """See `Remedy.beside`."""
        if kl_factor(self.alpha) > 0 or Part.KL_WEIGHT not in other.owns or Part.TERM not in self.owns:
            return ""
        return f"{other.name!r} changes nothing that is learned: at {self.name}.alpha=1 there is no KL to weigh"

    def with_divergence(self, terms: Terms, divergence: Callable[[], Tensor]) -> Terms:
        """The terms with the KL scaled and the (B,) or () divergence added; it isn't computed where its factor is 0."""
        scaled = replace(terms, kl=kl_factor(self.alpha) * terms.kl)
        factor = divergence_factor(self.alpha, self.scaling)
        return scaled if factor == 0 else scaled.add(factor * divergence())
