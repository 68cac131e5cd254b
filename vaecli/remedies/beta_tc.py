"""The KL split into mutual information, total correlation and dimension-wise KL, each with a weight of its own.

Equation:
    ``loss = E_q[-log p(x|z)] + a I(x; z) + b TC(z) + c sum_d KL(q(z_d) || p(z_d))``

Differs from the paper:
    The paper has a = c = 1 and b above 1 (6 on its images) for disentangled dimensions; b above 1 penalises information
    as well and makes collapse worse. What helps against collapse is a below 1, so here a = 0 and b = c = 1: the KL of
    the aggregate posterior alone.

Caveat:
    The densities of q(z) come from the batch, by minibatch-weighted sampling, which leaves up to log B nats of
    information free in batches of B, or by stratified sampling, up to log N of N sentences. A KL weight acts on the
    whole.

References:
    Chen et al. (2018).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from vaecli.model.posterior import Posterior
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.gaussian import diagonal_gaussian
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span


def weighted_sampling(size: int, population: int) -> Tensor:
    """(B, B) log weights of minibatch-weighted sampling, all ``-log(B N)`` (Chen et al. 2018).

    It underestimates q(z): by a factor N where all densities are alike, by B where a sentence's own is the only one
    that counts, which is what leaves up to log B nats of information free. Weights that are all equal shift I, TC and
    the dimension-wise KL by constants that cancel in their sum, so gradients are unaffected by N but single values mean
    nothing.
    """
    return torch.full((size, size), -math.log(size * population), dtype=torch.float64)


def stratified_sampling(size: int, population: int) -> Tensor:
    """(B, B) log weights of minibatch stratified sampling, unbiased for q(z) (Chen et al. 2018).

    With M = B - 1: 1 / N for a sentence's own density, (N - M) / (N M) for one other, the next in the batch, and 1 / M
    for the rest; a row sums to 1. Common implementations put 1 / N in the first column instead of on the diagonal.
    """
    if size == 1:
        return torch.zeros(1, 1, dtype=torch.float64)
    others = size - 1
    weights = torch.full((size, size), 1 / others, dtype=torch.float64)
    row = torch.arange(size)
    weights[row, row] = 1 / population
    weights[row, (row + 1) % size] = (population - others) / (population * others)
    return weights.log()


def decompose(pairs: Tensor, log_prior: Tensor, log_weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(B,), (B,), (B,): index-code MI, total correlation and dimension-wise KL at one sample a sentence, in nats.

    Their sum telescopes to ``log q(z|x) - log p(z)`` for any weights.

    Args:
        pairs: (B, B, Z) ``log q(z_d,i | x_j)``, sample i along the first axis.
        log_prior: (B,) log p(z_i).
        log_weights: (B, B) of density j in the estimate of q(z_i).
    """
    own = pairs.sum(-1).diagonal()
    joint = torch.logsumexp(pairs.sum(-1) + log_weights, dim=1)
    marginals = torch.logsumexp(pairs + log_weights.unsqueeze(-1), dim=1).sum(-1)
    return own - joint, joint - marginals, marginals - log_prior


def gaussian_pairs(posterior: Posterior, z: Tensor) -> Tensor:
    """(B, B, Z) log density of each dimension of each sample under each sentence's posterior, in float64.

    Raises:
        UsageError: The posterior has no density by dimension.
    """
    return diagonal_gaussian(posterior, BetaTC.name).map(Tensor.double).log_prob_dimensions(z.double().unsqueeze(1))


class BetaTC(Remedy):
    """beta-TCVAE."""

    name: ClassVar[str] = "beta_tc"
    title: ClassVar[str] = "beta-TCVAE"
    paper: ClassVar[Paper] = Paper(
        "Chen et al.",
        2018,
        "Isolating Sources of Disentanglement in Variational Autoencoders",
        "1802.04942",
    )
    equation: ClassVar[str] = "loss = rec + a I(x; z) + b TC(z) + c sum_d KL(q(z_d) || p(z_d))"
    no_recipe: ClassVar[str] = "Chen et al. train on images"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GAUSSIAN})
    deviations: ClassVar[tuple[str, ...]] = (
        "a = 0 and b = c = 1, which frees information (published: a = c = 1 and b above 1, which holds it down)",
        "stratified sampling weighs a code's own posterior by 1 / N; the published code gives that weight to the "
        "first of the batch",
    )
    cost: ClassVar[float] = 1.15
    sensible: ClassVar[Mapping[str, Sensible]] = {
        "information": Span(0.0, 1.0),
        "correlation": Span(0.5, 2.0),
        "dimension": Span(0.1, 1.0),
    }

    information: float = Field(0.0, ge=0, description="a, the paper's alpha: weight of the mutual information")
    correlation: float = Field(1.0, ge=0, description="b, the paper's beta: weight of the total correlation")
    dimension: float = Field(1.0, ge=0, description="c, the paper's gamma: weight of the dimension-wise KL")
    sampling: Literal["weighted", "stratified"] = Field(
        "weighted", description="how q(z) is estimated from a batch: MWS, or MSS, which is unbiased"
    )

    @property
    def trains_prior(self) -> bool:
        """See `Remedy.trains_prior`."""
        return self.dimension > 0

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Replaces the KL by the weighted parts, (B, 1)."""
        context, z = terms.context, terms.z
        assert context.posterior is not None
        size = len(z)
        weigh = weighted_sampling if self.sampling == "weighted" else stratified_sampling
        # a batch that is larger than the split it is said to come from would have negative weights
        log_weights = weigh(size, max(size, context.train_sentences)).to(z.device)
        log_prior = context.prior.log_prob(z.double())
        parts = decompose(gaussian_pairs(context.posterior, z), log_prior, log_weights)
        weights = (self.information, self.correlation, self.dimension)
        total = torch.stack([w * part for w, part in zip(weights, parts, strict=True)]).sum(0)
        return replace(terms, kl=total.to(torch.promote_types(z.dtype, torch.float32)).unsqueeze(-1))
