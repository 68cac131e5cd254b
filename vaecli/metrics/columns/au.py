"""Active units (Burda et al. 2016, section 5.2); of discrete codes, active variables."""

from __future__ import annotations

import math

from torch import Tensor

from vaecli.metrics.columns.discrete import variable_information
from vaecli.model.posterior import Posterior
from vaecli.model.prior import Prior

THRESHOLD = 0.01
"""A dimension is active when the variance of its mean is strictly above this."""

INFORMATION = -0.5 * math.log1p(-THRESHOLD)
"""A variable of a discrete code is active when it tells strictly more than this about the sentence: 0.005 nats, what a
Gaussian dimension of variance 1 tells whose mean has a variance of `THRESHOLD`."""


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


def active(posterior: Posterior, prior: Prior) -> int | None:
    """`au` of the posteriors of N sentences: of dimensions, or of a discrete code's variables; None for N = 1.

    Args:
        posterior: q(z|x), in float64.
        prior: p(z).
    """
    information = variable_information(posterior, prior)
    if information is None or len(posterior.mean) == 1:
        return active_units(posterior.mean)
    return int((information > INFORMATION).sum())
