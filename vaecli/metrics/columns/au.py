"""Active units (Burda et al. 2016, section 5.2)."""

from __future__ import annotations

from torch import Tensor

THRESHOLD = 0.01
"""A dimension is active when the variance of its mean is strictly above this."""


def mean_variance(mean: Tensor) -> Tensor | None:
    """Var_x(E_q[z|x]) of each dimension, unbiased (divided by N - 1).

    Args:
        mean: (N, Z) posterior means of a split.

    Returns:
        (Z,) float64; None for a single sentence, of which there is no variance.
    """
    return mean.double().var(0) if len(mean) > 1 else None


def active_units(mean: Tensor, threshold: float = THRESHOLD) -> int | None:
    """Number of dimensions of (N, Z) posterior means with ``mean_variance > threshold``, strictly; None for N = 1."""
    variance = mean_variance(mean)
    return None if variance is None else int((variance > threshold).sum())
