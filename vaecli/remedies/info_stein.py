"""InfoVAE with a Stein discrepancy: q(z) is held to the prior by the prior's score, without samples of the prior.

Equation:
    ``loss = E_q[-log p(x|z)] + (1 - alpha) KL + (alpha + lambda - 1) D(q(z), p(z))``. In form `ksd`, D is the squared
    kernelised Stein discrepancy of the batch's codes, unbiased. In form `svgd`, which the paper uses, codes move along
    the Stein variational direction phi instead: the term is ``-<stop(phi_i) . z_i>``.

Caveat:
    In form `svgd` the gradient is right and the value means nothing, so the loss in the history says little. D is in no
    unit of information; lambda turns it into nats. A Gaussian kernel hardly sees anything in tens of dimensions. A KL
    weight acts on the KL only.

References:
    Zhao et al. (2019); Liu, Lee & Jordan (2016), `ksd`; Liu & Wang (2016), `svgd`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from vaecli.model.prior import Prior
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.infovae import InfoVAE
from vaecli.remedies.shared.stein import KernelName, default_width, ksd, score, svgd_direction


def stein_term(z: Tensor, prior: Prior, form: Literal["ksd", "svgd"], kernel: KernelName) -> Tensor:
    """() the squared discrepancy of (B, Z) codes, or the surrogate whose gradient by z_i is ``-phi_i / B``."""
    z = z if z.dtype == torch.float64 else z.float()
    width = default_width(kernel, z.shape[1])
    scores = score(prior, z)
    if form == "ksd":
        return ksd(z, scores, kernel, width)
    return -(svgd_direction(z, scores, kernel, width) * z).sum(-1).mean()


class InfoStein(InfoVAE):
    """InfoVAE with a Stein discrepancy."""

    name: ClassVar[str] = "info_stein"
    title: ClassVar[str] = "InfoVAE (Stein)"
    equation: ClassVar[str] = "loss = rec + (1 - alpha) KL + (alpha + lambda - 1) KSD^2(q(z), p(z))"
    no_recipe: ClassVar[str] = "Zhao et al. train on images"
    deviations: ClassVar[tuple[str, ...]] = (
        "the default is the discrepancy itself (published: the Stein variational direction, form svgd)",
    )
    sensible: ClassVar[Mapping[str, Sensible]] = {"alpha": Span(0.0, 1.0), "scaling": Span(0.1, 10.0, log=True)}

    form: Literal["ksd", "svgd"] = Field("ksd", description="the discrepancy itself, or the direction that lowers KL")
    kernel: KernelName = Field("imq", description="inverse multiquadric, or Gaussian")

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Scales the KL and adds the discrepancy."""
        prior = terms.context.prior
        return self.with_divergence(terms, lambda: stein_term(terms.z, prior, self.form, self.kernel))
