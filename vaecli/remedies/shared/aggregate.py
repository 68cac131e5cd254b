"""The aggregate posterior q(z) of a batch, for the remedies that compare it with the prior or with q(z|x)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vaecli.model.posterior import Posterior


def batch_densities(posterior: Posterior, z: Tensor) -> tuple[Tensor, Tensor]:
    """(B,), (B,): log q(z_b|x_b) and the batch's log q(z_b), at one sample of each sentence, in float64 nats.

    ``q(z) = (1/B) sum_j q(z|x_j)``, the sentence's own density included, so the first is at most log B above the
    second. In float64: the densities of narrow posteriors are differences of large numbers.

    Args:
        posterior: q(z|x) of B sentences.
        z: (B, Z) a sample of each.
    """
    pairs = posterior.map(Tensor.double).pairwise_log_prob(z.double())
    return pairs.diagonal(), torch.logsumexp(pairs, dim=1) - math.log(len(pairs))
