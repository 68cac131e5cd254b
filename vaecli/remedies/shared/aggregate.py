"""The aggregate posterior q(z) of a batch, for the remedies that compare it with the prior or with q(z|x)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vaecli.model.posterior import Posterior


def pairwise_densities(posterior: Posterior, z: Tensor) -> Tensor:
    """(B, B) ``log q(z_b|x_c)`` in float64 nats: from the samples' start where there is one, so no flow is inverted.

    Args:
        posterior: q(z|x) of B sentences.
        z: (B, Z) a sample of each.
    """
    start = posterior.start_of(z)
    if start is None:
        return posterior.map(Tensor.double).pairwise_log_prob(z.double())
    pairs = posterior.start.map(Tensor.double).pairwise_log_prob(start.z.double())
    return pairs - start.log_determinant.double().unsqueeze(1)


def batch_densities(posterior: Posterior, z: Tensor) -> tuple[Tensor, Tensor]:
    """(B,), (B,): log q(z_b|x_b) and the batch's log q(z_b), at one sample of each sentence, in float64 nats.

    ``q(z) = (1/B) sum_j q(z|x_j)``, the sentence's own density included, so the first is at most log B above the
    second. In float64: the densities of narrow posteriors are differences of large numbers.

    Args:
        posterior: q(z|x) of B sentences.
        z: (B, Z) a sample of each.
    """
    pairs = pairwise_densities(posterior, z)
    return pairs.diagonal(), torch.logsumexp(pairs, dim=1) - math.log(len(pairs))


def sentence_information(posterior: Posterior, z: Tensor) -> Tensor:
    """(B,) ``log q(z_b|x_b) - log q(z_b)`` within the batch, in nats: each at most log B, the mean an estimate of I.

    In expectation the mean is at most I_q(x; z), and so is log B: a sentence's own density is in q(z), more of it than
    its share of all sentences (the bound of van den Oord et al. 2018, with log q(z|x) for its critic).

    Args:
        posterior: q(z|x) of B sentences.
        z: (B, Z) a sample of each.
    """
    own, aggregate = batch_densities(posterior, z)
    return (own - aggregate).to(torch.promote_types(z.dtype, torch.float32))


def taxed_kl(kl: Tensor, information: Tensor, gap_tax: float, information_tax: float | Tensor) -> Tensor:
    """(B, 1) ``v (KL - I) + t I`` by sentence: what informs, and what doesn't, each at a weight of its own.

    Args:
        kl: (B, Z) KL by dimension; (B, 1) where it doesn't factorise.
        information: (B,) of each sentence, `sentence_information`.
        gap_tax: v; in the bound it is 1.
        information_tax: t; in the bound it is 1.
    """
    return (gap_tax * (kl.sum(-1) - information) + information_tax * information).unsqueeze(-1)
