"""InfoVAE with the KL divergence: q(z) as a whole is held to the prior, and information about the sentence is free.

Equation:
    ``loss = E_q[-log p(x|z)] + (1 - alpha) KL(q(z|x) || p(z)) + (alpha + lambda - 1) KL(q(z) || p(z))``. q(z) is the
    mixture of the batch's posteriors, taken at the same samples as q(z|x), so that exactly ``log q(z|x) - log p(z) =
    [log q(z|x) - log q(z)] + [log q(z) - log p(z)]``: the KL is MI plus divergence, and alpha = lambda = 1 drops the MI
    alone. alpha = 0 and lambda = 1 is the VAE.

Caveat:
    A batch of B shows at most log B nats of MI (4.2 at 64): what the KL has above that counts as divergence and is
    pushed down, so information is free up to log B only. A KL weight acts on the whole, since both parts are KL
    divergences.

References:
    Zhao et al. (2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from vaecli.model.posterior import Posterior, Preimage
from vaecli.model.prior import Prior
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.remedy import Need, Part
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.aggregate import batch_densities
from vaecli.remedies.shared.infovae import InfoVAE, divergence_factor, kl_factor


def marginal_kl(posterior: Posterior, prior: Prior, z: Tensor) -> Tensor:
    """(B,) ``log q(z_b) - log p(z_b)``, whose mean estimates KL(q(z) || p(z)), in nats.

    It is 0 in every sample when all posteriors equal the prior, and in the mean at least KL(q(z|x) || p(z)) - log B.

    Args:
        posterior: q(z|x) of B sentences.
        prior: p(z).
        z: (B, Z) a sample of each.
    """
    _, aggregate = batch_densities(posterior, z)

    def start() -> Preimage | None:
        known = posterior.start_of(z)
        return None if known is None else known.map(Tensor.double)

    log_prior = prior.log_prob_from(z.double(), start)
    return (aggregate - log_prior).to(torch.promote_types(z.dtype, torch.float32))


class InfoKL(InfoVAE):
    """InfoVAE with KL(q(z) || p(z))."""

    name: ClassVar[str] = "info_kl"
    title: ClassVar[str] = "InfoVAE (KL)"
    equation: ClassVar[str] = "loss = rec + (1 - alpha) KL + (alpha + lambda - 1) KL(q(z) || p(z))"
    no_recipe: ClassVar[str] = "Zhao et al. train on images"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.DENSITY})
    sensible: ClassVar[Mapping[str, Sensible]] = {"alpha": Span(0.0, 1.0), "scaling": Span(0.5, 5.0, log=True)}

    alpha: float = Field(1.0, le=1, description="alpha: share of the KL that is dropped; below 0 it is raised")

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Replaces the KL by the two parts, (B, 1)."""
        posterior = terms.context.posterior
        assert posterior is not None
        factor = divergence_factor(self.alpha, self.scaling)
        kept = kl_factor(self.alpha) * terms.kl
        if factor == 0:
            return replace(terms, kl=kept)
        divergence = marginal_kl(posterior, terms.context.prior, terms.z).unsqueeze(-1)
        return replace(terms, kl=kept.sum(-1, keepdim=True) + factor * divergence)
