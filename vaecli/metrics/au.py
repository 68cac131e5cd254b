"""Active units (Burda et al. 2016, section 5.2)."""

from __future__ import annotations

import torch
from torch import Tensor

THRESHOLD = 0.01
"""A dimension is active when the variance of its mean is strictly above this."""


def mean_variance(mean: Tensor) -> Tensor:
    """Var_x(E_q[z|x]) of each dimension, unbiased (divided by N - 1).

    Args:
        mean: (N, Z) posterior means of a split.

    Returns:
        (Z,) float64; 0 for a single sentence.
    """
    wide = mean.double()
    return wide.var(0) if len(wide) > 1 else torch.zeros_like(wide[0])


def active_units(mean: Tensor, threshold: float = THRESHOLD) -> int:
    """Number of dimensions of (N, Z) posterior means with ``mean_variance > threshold``, strictly."""
    return int((mean_variance(mean) > threshold).sum())
