"""A learned mixture of Gaussians as the prior, which need not pull every sentence's code to one place.

Equation:
    ``p(z) = sum_k w_k N(z; mean_k, diag(sigma_k^2))`` with all of it learned together with the decoder.

Differs from the paper:
    In the paper, which compares its prior with this mixture, w_k = 1 / K.

Caveat:
    The KL is estimated at the sample of z, since it has no closed form, so it isn't split by dimension. It doesn't
    forbid collapse: under a decoder that ignores z the prior meets the posterior. Where only samples of it are in the
    loss (``mog+wae``, ``mog+wae_s``, ``ivae+mog``, and ``info_mmd+mog`` at alpha = 1) the weights stay 1 / K.

References:
    Tomczak & Welling (2018).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from vaecli.model.mixture import MixtureOfGaussians
from vaecli.model.vae import Parts
from vaecli.remedies.core.remedy import Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span

SAMPLING = frozenset({"ivae", "wae", "wae_s"})
"""Remedies in whose loss p(z) is as samples alone, which means and variances move and the weights choose."""


class MoG(Remedy):
    """Mixture-of-Gaussians prior."""

    name: ClassVar[str] = "mog"
    title: ClassVar[str] = "mixture prior"
    paper: ClassVar[Paper] = Paper(
        "Tomczak & Welling",
        2018,
        "VAE with a VampPrior",
        "1705.07120",
        "the mixture of Gaussians that it compares with",
    )
    equation: ClassVar[str] = "p(z) = sum_k w_k N(z; mean_k, diag(sigma_k^2))"
    no_recipe: ClassVar[str] = "Tomczak & Welling train on images"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.PRIOR})
    deviations: ClassVar[tuple[str, ...]] = ("the weights are learned (published: all 1 / K)",)
    cost: ClassVar[float] = 1.05
    sensible: ClassVar[Mapping[str, Sensible]] = {"components": Span(5, 200, log=True)}

    components: int = Field(
        100, ge=1, le=1000, description="K: Gaussians in the mixture; 1 is a single Gaussian, learned"
    )

    def beside(self, other: Remedy) -> str:
        """See `Remedy.beside`."""
        if other.name not in SAMPLING and not (other.name == "info_mmd" and getattr(other, "alpha", 0) == 1):
            return ""
        return f"the weights of the mixture of {self.name!r} stay 1 / K: {other.name!r} sees samples of it alone"

    def build(self, parts: Parts) -> Parts:
        """The mixture as prior."""
        return replace(parts, prior=MixtureOfGaussians(parts.shape.model.latent_size, self.components))
