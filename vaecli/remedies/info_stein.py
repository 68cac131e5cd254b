"""InfoVAE with a Stein discrepancy: q(z) is held to the prior by the prior's score, without samples of the prior.

``loss = E_q[-log p(x|z)] + (1 - alpha) KL + (alpha + lambda - 1) D(q(z), p(z))`` (Zhao et al. 2019). In form `ksd`, D
is the squared kernelised Stein discrepancy of the batch's codes (Liu, Lee & Jordan 2016), unbiased. In form `svgd`,
which the paper uses, codes move along the Stein variational direction phi of Liu & Wang (2016) instead: the term is
``-<stop(phi_i) . z_i>``, whose gradient is right and whose value means nothing, so the loss in the history says little.
D is in no unit of information; lambda turns it into nats. A Gaussian kernel hardly sees anything in tens of dimensions.
Composes with KL weights, which act on the KL only, and with posteriors and decoders of other remedies.
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
from vaecli.remedies.info_mmd import divergence_factor, kl_factor
from vaecli.remedies.stein import KernelName, default_width, ksd, score, svgd_direction


def stein_term(z: Tensor, prior: Prior, form: Literal["ksd", "svgd"], kernel: KernelName) -> Tensor:
    """() the squared discrepancy of (B, Z) codes, or the surrogate whose gradient by z_i is ``-phi_i / B``."""
    z = z if z.dtype == torch.float64 else z.float()
    width = default_width(kernel, z.shape[1])
    scores = score(prior, z)
    if form == "ksd":
        return ksd(z, scores, kernel, width)
    return -(svgd_direction(z, scores, kernel, width) * z).sum(-1).mean()


class InfoStein(Remedy):
    """InfoVAE with a Stein discrepancy."""

    name: ClassVar[str] = "info_stein"
    title: ClassVar[str] = "InfoVAE (Stein)"
    paper: ClassVar[Paper] = Paper(
        "Zhao et al.",
        2019,
        "InfoVAE: Balancing Learning and Inference in Variational Autoencoders",
        "1706.02262",
    )
    equation: ClassVar[str] = "loss = rec + (1 - alpha) KL + (alpha + lambda - 1) KSD^2(q(z), p(z))"
    slots: ClassVar[frozenset[Slot]] = frozenset({Slot.KL, Slot.TERM})
    cost: ClassVar[float] = 1.05

    alpha: float = Field(0.9, le=1, description="alpha: share of the KL that is dropped; below 0 it is raised")
    scaling: float = Field(
        1.0, ge=0, description="lambda: with alpha, the factor alpha + lambda - 1 on the discrepancy"
    )
    form: Literal["ksd", "svgd"] = Field("ksd", description="the discrepancy itself, or the direction that lowers KL")
    kernel: KernelName = Field("imq", description="inverse multiquadric, or Gaussian")

    @model_validator(mode="after")
    def _pulls_towards_the_prior(self) -> Self:
        if divergence_factor(self.alpha, self.scaling) < 0:
            raise ValueError("alpha + scaling must be at least 1, else q(z) is pushed away from the prior")
        return self

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Scales the KL and adds the discrepancy."""
        scaled = replace(terms, kl=kl_factor(self.alpha) * terms.kl)
        factor = divergence_factor(self.alpha, self.scaling)
        if factor == 0:
            return scaled
        return scaled.add(factor * stein_term(terms.z, terms.context.prior, self.form, self.kernel))
