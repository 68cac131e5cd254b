"""Pushes the posteriors of a batch apart in every dimension, and makes all pairs about equally far apart.

Equation:
    ``loss = rec + KL + eta sum_d -log sigmoid(M_d) + gamma std(D)``, D_ij the KL of q(z|x_i) to q(z|x_j), M_d its mean
    over the pairs i != j in dimension d, and std over the pairs of D summed over the dimensions. With equal variances
    s^2, M_d is the unbiased variance of the means over s^2.

Differs from the paper:
    eta and gamma are 1 and 0.01, as in a published rerun; the code's own defaults are 0.

Caveat:
    The first term saturates: a collapsed dimension pays log 2, one with M_d = 4 nats only 0.02, so nothing pushes M_d
    much further. The mean over all pairs is at least the information within the batch, since the KL to a mixture is
    at most the mean KL to its parts.

References:
    Ma, Zhou & Hovy (2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import softplus

from vaecli.model.posterior import DiagonalGaussian
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.gaussian import diagonal_gaussian
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span


def pairwise_kl(posterior: DiagonalGaussian) -> Tensor:
    """(B, B, Z) ``KL(q_i || q_j)`` by dimension, in nats: ``(lv_j - lv_i + (v_i + (m_i - m_j)^2) / v_j - 1) / 2``."""
    mean, logvar = posterior.mean, posterior.logvar
    distance = (mean.unsqueeze(1) - mean.unsqueeze(0)).square()
    ratio = logvar.unsqueeze(1) - logvar.unsqueeze(0)
    return 0.5 * (ratio.exp() + distance * (-logvar).exp().unsqueeze(0) - ratio - 1)


def other_pairs(values: Tensor) -> Tensor:
    """(B (B - 1), ...) the entries of (B, B, ...) off the diagonal."""
    own = torch.eye(len(values), dtype=torch.bool, device=values.device)
    return values[~own]


class MutualPosteriorDivergence(Remedy):
    """MAE, the VAE with mutual posterior divergence."""

    name: ClassVar[str] = "mpd"
    title: ClassVar[str] = "mutual posterior divergence"
    paper: ClassVar[Paper] = Paper(
        "Ma, Zhou & Hovy",
        2019,
        "MAE: Mutual Posterior-Divergence Regularization for Variational AutoEncoders",
        "1901.01498",
    )
    equation: ClassVar[str] = "loss = rec + KL + eta sum_d -log sigmoid(M_d) + gamma std(D)"
    no_recipe: ClassVar[str] = "the training of Ma et al. was not obtained"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.TERM})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GAUSSIAN})
    deviations: ClassVar[tuple[str, ...]] = ("eta and gamma are those of a published rerun (the code's defaults: 0)",)
    cost: ClassVar[float] = 1.1
    sensible: ClassVar[Mapping[str, Sensible]] = {
        "diversity": Span(0.1, 10.0, log=True),
        "smoothness": Span(0.001, 0.1, log=True),
    }

    diversity: float = Field(1.0, ge=0, description="eta: factor on -log sigmoid of each dimension's mean divergence")
    smoothness: float = Field(0.01, ge=0, description="gamma: factor on the spread of the divergences over pairs")

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Adds both terms; a batch of one sentence has no pairs and gets none."""
        q = diagonal_gaussian(terms.context.posterior, self.name)
        if len(q.mean) < 2:
            return terms
        wide = q.map(lambda t: t.to(torch.promote_types(t.dtype, torch.float32)))
        divergence = other_pairs(pairwise_kl(wide))
        apart = softplus(-divergence.mean(0)).sum()
        spread = divergence.sum(-1).std()
        return terms.add((self.diversity * apart + self.smoothness * spread).to(terms.extra.dtype))
