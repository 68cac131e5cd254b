"""The density gap: in each dimension, the mixture of several sentences' posteriors is held to the prior.

Equation:
    ``K = sum_d KL(q_b(z_d) || p(z_d))``, q_b the mixture of the posteriors of a subset b of the batch. A subset of 1 is
    the VAE. The larger it is, the less K: the KL is convex, so posteriors that are apart but together fill the prior
    cost nothing.

Caveat:
    Only marginals are compared, so a mixture that is right in each dimension but not in all together costs nothing
    either. Subsets are consecutive sentences of the batch, the last may be smaller; each has its own estimate from M
    samples of every posterior in it, n M of a mixture of n, which is unbiased. The prior is N(0, I).

References:
    Zhang et al. (2022).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from vaecli.model.posterior import gaussian_kl
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.gaussian import diagonal_gaussian
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.recipes import LI


def density_gap(mean: Tensor, logvar: Tensor, samples: int) -> Tensor:
    """(Z,) ``KL((1/n) sum_j N(mean_jd, exp(logvar_jd)) || N(0, 1))`` of each dimension d, in nats.

    Exact for one component. For more, the mean of log q - log p over M samples of each component (n M of the mixture),
    which is unbiased and has less variance than drawing the components too.

    Args:
        mean: (n, Z) of the components.
        logvar: (n, Z) of the components.
        samples: Monte Carlo samples M of each component.
    """
    size, latent_size = mean.shape
    if size == 1:
        return gaussian_kl(mean, logvar).squeeze(0)
    noise = torch.randn(latent_size, size, samples, dtype=mean.dtype, device=mean.device)
    # samples last and all of it contiguous: sums over the components then run along rows of memory
    centre, log_variance = (x.t().contiguous().unsqueeze(-1) for x in (mean, logvar))  # (Z, n, 1)
    z = (centre + (0.5 * log_variance).exp() * noise).view(latent_size, 1, size * samples)
    # the constant log(2 pi) / 2 cancels in log q - log p; (Z, n, n M)
    densities = (z - centre).square() * (-0.5 * (-log_variance).exp()) - 0.5 * log_variance
    log_mixture = densities.logsumexp(1) - math.log(size)
    return (log_mixture + 0.5 * z.squeeze(1).square()).mean(1)


def grouped_density_gap(mean: Tensor, logvar: Tensor, subset: int, samples: int) -> Tensor:
    """(B, Z) the density gap of each sentence's subset, so that the mean over sentences weighs subsets by size.

    Args:
        mean: (B, Z).
        logvar: (B, Z).
        subset: Sentences a mixture.
        samples: Of each posterior.
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
    recipe: ClassVar[Recipe | None] = replace(
        LI,
        source="Zhang et al. 2022, arXiv:2211.00321, whose code goes back to that of Li et al.",
        hyper={"dg": {"subset": 32, "samples": 32}},
        unconfirmed=("learning rate and patience, taken from Li et al., and whether the weight of the KL rises",),
    )
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GAUSSIAN, Need.STANDARD_PRIOR})
    version: ClassVar[int] = 3
    deviations: ClassVar[tuple[str, ...]] = (
        "the mixture is over a subset of 32 sentences whatever the batch size (published: over the batch, of 32)",
        "where the subset does not divide the batch the last mixture is smaller; the code then mixes the whole batch",
        "a subset of one sentence has its exact KL, without samples",
    )
    cost: ClassVar[float] = 2.9
    sensible: ClassVar[Mapping[str, Sensible]] = {"subset": Span(2, 32, log=True)}

    subset: int = Field(32, ge=1, description="sentences whose posteriors are mixed; 1 is the VAE")
    samples: int = Field(
        32, ge=1, description="M: Monte Carlo samples of each posterior, as in the authors' code; 1,024 of 32 mixed"
    )

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Replaces the KL by the density gap.

        Raises:
            UsageError: The posterior is no diagonal Gaussian.
        """
        posterior = diagonal_gaussian(terms.context.posterior, self.name)
        # in bf16 a sample of a narrow posterior is rounded by as much as it is away from the mean
        posterior = posterior.map(lambda t: t.to(torch.promote_types(t.dtype, torch.float32)))
        return replace(terms, kl=grouped_density_gap(posterior.mean, posterior.logvar, self.subset, self.samples))
