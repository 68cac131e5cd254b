"""InfoVAE with maximum mean discrepancy: less KL per sentence, more agreement of q(z) with the prior.

``loss = E_q[-log p(x|z)] + (1 - alpha) KL + (alpha + lambda - 1) MMD^2(q(z), p(z))`` (Zhao et al. 2019). alpha = 0 and
lambda = 1 is the VAE; alpha = 1 is the WAE. Composes with KL weights, which act on the KL only, and with posteriors and
decoders of other remedies. MMD^2 is in no unit of information; lambda turns it into nats. The paper's values, up to
1,000, are for images; the default here is one at which the term starts at a few nats of a sentence. It is set by that
scale and not by the figures it gives: a large lambda holds q(z) to the prior before a text decoder has learned to use
z, and may itself bring about collapse.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from vaecli.model.prior import Prior
from vaecli.objective import Clock, Terms
from vaecli.remedies.base import Paper, Remedy, Slot
from vaecli.remedies.mmd import kernel, mmd_unbiased


def kl_factor(alpha: float) -> float:
    """``1 - alpha``, what the KL is multiplied by."""
    return 1 - alpha


def divergence_factor(alpha: float, scaling: float) -> float:
    """``alpha + lambda - 1``, what the divergence of q(z) from p(z) is multiplied by."""
    return alpha + scaling - 1


def prior_divergence(z: Tensor, prior: Prior, kind: str) -> Tensor:
    """() MMD^2 between (B, Z) codes and as many fresh samples of the prior, unbiased."""
    z = z if z.dtype == torch.float64 else z.float()
    noise = torch.randn(len(z), prior.noise_size, dtype=z.dtype, device=z.device)
    return mmd_unbiased(z, prior.sample(noise), kernel(kind, z.shape[1]))


class InfoMMD(Remedy):
    """InfoVAE with MMD."""

    name: ClassVar[str] = "info_mmd"
    title: ClassVar[str] = "InfoVAE (MMD)"
    paper: ClassVar[Paper] = Paper(
        "Zhao et al.",
        2019,
        "InfoVAE: Balancing Learning and Inference in Variational Autoencoders",
        "1706.02262",
    )
    equation: ClassVar[str] = "loss = rec + (1 - alpha) KL + (alpha + lambda - 1) MMD^2(q(z), p(z))"
    slots: ClassVar[frozenset[Slot]] = frozenset({Slot.KL, Slot.TERM})
    cost: ClassVar[float] = 1.05

    alpha: float = Field(0.9, le=1, description="alpha: share of the KL that is dropped; below 0 it is raised")
    scaling: float = Field(10.0, ge=0, description="lambda: nats per unit of MMD^2")
    kernel: Literal["imq", "rbf"] = Field("imq", description="inverse multiquadric mixture, or Gaussian")

    @model_validator(mode="after")
    def _pulls_towards_the_prior(self) -> Self:
        if divergence_factor(self.alpha, self.scaling) < 0:
            raise ValueError("alpha + scaling must be at least 1, else q(z) is pushed away from the prior")
        return self

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Scales the KL and adds the divergence."""
        scaled = replace(terms, kl=kl_factor(self.alpha) * terms.kl)
        factor = divergence_factor(self.alpha, self.scaling)
        if factor == 0:
            return scaled
        return scaled.add(factor * prior_divergence(terms.z, terms.context.prior, self.kernel))
