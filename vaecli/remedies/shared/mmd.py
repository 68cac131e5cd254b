"""Maximum mean discrepancy between two sets of samples, for the remedies that compare q(z) with p(z)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

IMQ_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Widths of the mixture of Tolstikhin et al. (2018), relative to the distance of two prior samples."""

IMQ_BASE = 2.0
"""Width per dimension that the scales multiply: 2 Z is the mean squared distance of two samples of N(0, I)."""

Kernel = Callable[[Tensor], Tensor]
"""Maps squared distances to similarities, elementwise."""


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """(M, N) ``||a_m - b_n||^2`` of (M, Z) and (N, Z), from differences: exactly 0 for equal rows."""
    return (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(-1)


def rbf(squared: Tensor, bandwidth: float) -> Tensor:
    """``exp(-d^2 / (2 h))``, h the bandwidth."""
    return torch.exp(-squared / (2 * bandwidth))


def imq(squared: Tensor, width: float) -> Tensor:
    """Inverse multiquadric ``C / (C + d^2)``, C the width."""
    return width / (width + squared)


def kernel(name: str, latent_size: int, base: float = IMQ_BASE) -> Kernel:
    """The kernel of a name for Z dimensions: ``rbf`` with h = Z, ``imq`` the sum over widths C = base Z s.

    The mixture keeps power at several distances, where one wide kernel barely tells a batch of equal codes from a
    sample of the prior.

    Args:
        name: ``rbf`` or ``imq``.
        latent_size: Dimensions Z.
        base: Of `imq`.
    """
    if name == "rbf":
        return lambda squared: rbf(squared, latent_size)
    return lambda squared: torch.stack([imq(squared, base * latent_size * s) for s in IMQ_SCALES]).sum(0)


def mmd_unbiased(a: Tensor, b: Tensor, kernel: Kernel) -> Tensor:
    r"""() the U-statistic of MMD^2 (Gretton et al. 2012), unbiased and so at times negative.

    .. math:: \frac{\sum_{i \ne j} k(a_i, a_j)}{M (M - 1)} + \frac{\sum_{i \ne j} k(b_i, b_j)}{N (N - 1)}
              - \frac{2 \sum_{i, j} k(a_i, b_j)}{M N}

    Args:
        a: (M, Z) samples.
        b: (N, Z) samples.
        kernel: Of squared distances.

    Returns:
        0 where a set has one sample only, of which the statistic has no value.
    """
    if len(a) < 2 or len(b) < 2:
        return (a.sum() + b.sum()) * 0
    return _within(a, kernel) + _within(b, kernel) - 2 * kernel(squared_distances(a, b)).mean()


def _within(a: Tensor, kernel: Kernel) -> Tensor:
    """() mean similarity of two different samples."""
    similarities = kernel(squared_distances(a, a))
    return (similarities.sum() - similarities.diagonal().sum()) / (len(a) * (len(a) - 1))
