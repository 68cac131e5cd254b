"""The density gap: in each dimension, the mixture of several sentences' posteriors is held to the prior.

``K = sum_d KL(q_b(z_d) || p(z_d))``, q_b the mixture of the posteriors of a subset b of the batch (Zhang et al. 2022).
A subset of 1 is the VAE. The larger it is, the less K: the KL is convex, so posteriors that are apart but together fill
the prior cost nothing. Only marginals are compared, so a mixture that is right in each dimension but not in all
together costs nothing either. Subsets are consecutive sentences of the batch, the last may be smaller; each has its own
estimate from a few samples of every dimension, which is noisy but unbiased. Composes with KL weights and with remedies
whose posterior is a diagonal Gaussian; the prior is N(0, I).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from vaecli.errors import UsageError
from vaecli.model.posterior import DiagonalGaussian, gaussian_kl
from vaecli.objective import Clock, Terms
from vaecli.remedies.base import Paper, Remedy, Slot


def density_gap(mean: Tensor, logvar: Tensor, samples: int) -> Tensor:
    """(Z,) ``KL((1/n) sum_j N(mean_jd, exp(logvar_jd)) || N(0, 1))`` of each dimension d, in nats.

    Exact for one component. For more, the mean of log q - log p over samples of the mixture, spread over the components
    in a random order as evenly as their number allows, which is unbiased and has less variance than drawing them.

    Args:
        mean: (n, Z) of the components.
        logvar: (n, Z) of the components.
        samples: Monte Carlo samples S.
    """
    size, latent_size = mean.shape
    if size == 1:
        return gaussian_kl(mean, logvar).squeeze(0)
    order = torch.randperm(size, device=mean.device)
    component = order[torch.arange(samples, device=mean.device) % size]
    noise = torch.randn(samples, latent_size, dtype=mean.dtype, device=mean.device)
    z = mean[component] + (0.5 * logvar[component]).exp() * noise
    # the constant log(2 pi) / 2 cancels in log q - log p; (S, n, Z)
    densities = -0.5 * (logvar + (z.unsqueeze(1) - mean).square() * (-logvar).exp())
    log_mixture = densities.logsumexp(1) - math.log(size)
    return (log_mixture + 0.5 * z.square()).mean(0)


def grouped_density_gap(mean: Tensor, logvar: Tensor, subset: int, samples: int) -> Tensor:
    """(B, Z) the density gap of each sentence's subset, so that the mean over sentences weighs subsets by size.

    Args:
        mean: (B, Z).
        logvar: (B, Z).
        subset: Sentences a mixture.
        samples: Of each mixture.
    """
    parts = zip(torch.split(mean, subset), torch.split(logvar, subset), strict=True)
    return torch.cat([density_gap(m, v, samples).expand_as(m) for m, v in parts])


class DG(Remedy):
    """DG-VAE with marginal density gaps."""

    name: ClassVar[str] = "dg"
    title: ClassVar[str] = "density gap"
    paper: ClassVar[Paper] = Paper(
        "Zhang et al.",
        2022,
        "Improving Variational Autoencoders with Density Gap-based Regularization",
        "2211.00321",
        "marginal regularisation by the density gap",
    )
    equation: ClassVar[str] = "K = sum_d KL(q_b(z_d) || p(z_d)), q_b the mixture over a subset of the batch"
    slots: ClassVar[frozenset[Slot]] = frozenset({Slot.PRIOR, Slot.KL, Slot.GAUSSIAN})
    cost: ClassVar[float] = 1.1

    subset: int = Field(32, ge=1, description="sentences whose posteriors are mixed; 1 is the VAE")
    samples: int = Field(32, ge=1, description="Monte Carlo samples of each mixture")

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Replaces the KL by the density gap.

        Raises:
            UsageError: The posterior is no diagonal Gaussian.
        """
        posterior = terms.context.posterior
        if not isinstance(posterior, DiagonalGaussian):
            kind = type(posterior).__name__
            raise UsageError(f"'dg' needs a diagonal Gaussian posterior, got {kind}; leave it out")
        return replace(terms, kl=grouped_density_gap(posterior.mean, posterior.logvar, self.subset, self.samples))
