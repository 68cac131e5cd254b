r"""Bounds from K samples of each sentence's posterior, for the remedies whose objective needs more than one.

.. math:: -L_K = -\log \frac1K \sum_k w_k, \qquad w_k = p(x|z_k)\,p(z_k) / q(z_k|x), \qquad z_k \sim q(z|x)

The first sample is the one that the raw terms hold.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from vaecli.corpus.types import repeat_batch
from vaecli.objective import Terms
from vaecli.remedies.core.parts import Need
from vaecli.remedies.core.remedy import Part

OWNS = frozenset({Part.KL, Part.KL_WEIGHT})
"""The bound stands for KL and weight together: nothing of it may be weighed apart."""
NEEDS = frozenset({Need.DENSITY})


def further_samples(terms: Terms, count: int) -> Tensor:
    """(count, B, Z) fresh samples of the posterior of the terms."""
    posterior = terms.context.posterior
    assert posterior is not None
    noise = torch.randn(count, len(terms.z), posterior.noise_size, device=terms.z.device)
    return posterior.sample(noise)


def sampled_losses(terms: Terms, z: Tensor) -> Tensor:
    """(K, B) -log p(x|z) of (K, B, Z) codes, decoded as one batch, each with dropout and corruption of its own."""
    model, batch = terms.context.model, terms.context.batch
    assert model is not None
    if not len(z):
        return z.new_zeros(0, batch.size)
    return model.nll(z.flatten(0, 1), repeat_batch(batch, len(z))).view(len(z), batch.size)


def log_weights(terms: Terms, z: Tensor, nll: Tensor) -> Tensor:
    """(K, B) ``log w_k`` in float32 or wider.

    Args:
        terms: Give the prior and the posterior.
        z: (K, B, Z).
        nll: (K, B) of them.
    """
    posterior = terms.context.posterior
    assert posterior is not None
    log_prior = terms.context.prior.log_prob_from(z, partial(posterior.start_of, z))
    return log_ratio(log_prior, posterior.log_prob(z), nll)


def log_ratio(log_prior: Tensor, log_posterior: Tensor, nll: Tensor) -> Tensor:
    """(K, B) ``log w_k`` of its three parts, all (K, B), in float32 or wider."""
    wide = torch.promote_types(log_posterior.dtype, torch.float32)
    return log_prior.to(wide) - log_posterior.to(wide) - nll.to(wide)


def importance_weights(terms: Terms, samples: int) -> Tensor:
    """(K, B) ``log w_k``, with gradients through samples and density alike."""
    more = further_samples(terms, samples - 1)
    # one after the other: a flow knows the density of the sample that it drew last
    rest = log_weights(terms, more, sampled_losses(terms, more)) if samples > 1 else None
    first = log_weights(terms, terms.z.unsqueeze(0), terms.nll.unsqueeze(0))
    return first if rest is None else torch.cat([first, rest])


def neg_bound(log_weights: Tensor) -> Tensor:
    """(B,) ``-L_K`` in nats of (K, B) log weights."""
    return math.log(len(log_weights)) - log_weights.logsumexp(0)


def with_loss(terms: Terms, loss: Tensor) -> Terms:
    """The terms whose nll and KL, at weight 1, add up to a (B,) loss; the KL becomes what the loss lacks of the nll."""
    return replace(terms, kl=(loss - terms.nll).unsqueeze(-1), kl_weight=1.0, kl_alone=terms.kl)
