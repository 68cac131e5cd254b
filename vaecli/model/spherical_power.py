r"""The power spherical distribution on the unit sphere in R^Z (De Cao & Aziz 2020).

Its density with respect to area is :math:`(1 + \mu^T z)^\kappa / N`, and :math:`(1 + \mu^T z) / 2` has the distribution
Beta((Z - 1)/2 + kappa, (Z - 1)/2), so that all of it is in closed form where the von Mises-Fisher has Bessel functions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from scipy.special import betaincinv, digamma, gammaln, ndtr
from torch import Tensor

from vaecli.core.errors import UsageError
from vaecli.kernels.switch import fast
from vaecli.model.posterior import pairwise_by_definition
from vaecli.model.prior import Prior
from vaecli.model.von_mises_fisher import KNOTS, WIDEST, UniformSphere, VonMisesFisher, log_sphere_area

ANTIPODE = 1e-12
"""Least 1 + mu^T z: at the antipode of mu the density is 0, whose logarithm has no value."""


def beta_parameters(kappa: float, size: int) -> tuple[float, float]:
    """The parameters of the distribution of ``(1 + mu^T z) / 2`` in R^size."""
    return (size - 1) / 2 + kappa, (size - 1) / 2


def log_power_normaliser(kappa: float, size: int) -> float:
    r"""Log N, :math:`N = 2^{a+b} \pi^b \Gamma(a) / \Gamma(a+b)` with a, b of `beta_parameters`."""
    a, b = beta_parameters(kappa, size)
    return float((a + b) * math.log(2) + b * math.log(math.pi) + gammaln(a) - gammaln(a + b))


def power_mean_cosine(kappa: float, size: int) -> float:
    """E[mu^T z] = kappa / (Z - 1 + kappa)."""
    return kappa / (size - 1 + kappa)


def power_kl(kappa: float, size: int) -> float:
    r"""KL to the uniform distribution, :math:`\kappa(\log 2 + \psi(a) - \psi(a+b)) - \log N + \log area`, in nats."""
    a, b = beta_parameters(kappa, size)
    mean_log = math.log(2) + float(digamma(a) - digamma(a + b))
    return kappa * mean_log - log_power_normaliser(kappa, size) + log_sphere_area(size)


@cache
def power_angle_table(kappa: float, size: int) -> Tensor:
    """(KNOTS + 1,) float64 angles between mu and z at noise from -WIDEST to WIDEST: the angle's quantile function.

    Args:
        kappa: At least 0.
        size: Z, at least 2.
    """
    a, b = beta_parameters(kappa, size)
    noise = np.linspace(-WIDEST, WIDEST, KNOTS + 1)
    # squared sine and cosine of half the angle, each from the end of its own distribution where it is small
    sine, cosine = betaincinv(b, a, ndtr(noise)), betaincinv(a, b, ndtr(-noise))
    low = sine < cosine
    sine, cosine = np.where(low, sine, 1 - cosine), np.where(low, 1 - sine, cosine)
    return torch.from_numpy(2 * np.arctan2(np.sqrt(sine), np.sqrt(cosine)))


@dataclass(frozen=True)
class PowerSphericalPosterior(VonMisesFisher):
    """The power spherical distribution with one kappa for all sentences; it samples as the von Mises-Fisher does.

    Attributes:
        mean: (B, Z) E_q[z|x], the direction times `power_mean_cosine`.
        concentration: Of all sentences, with the table of `power_angle_table`.
    """

    def _log_density(self, cosine: Tensor) -> Tensor:
        kappa, size = self.concentration.kappa, self.concentration.size
        return kappa * (1 + cosine).clamp_min(ANTIPODE).log() - log_power_normaliser(kappa, size)

    def log_prob(self, z: Tensor) -> Tensor:
        """See `Posterior.log_prob`."""
        return self._log_density((z * self.direction).sum(-1))

    @fast(pairwise_by_definition)
    def pairwise_log_prob(self, z: Tensor) -> Tensor:
        """See `Posterior.pairwise_log_prob`."""
        return self._log_density(z @ self.direction.T)

    def kl(self, prior: Prior) -> Tensor | None:
        """(B, 1) the same constant for every sentence, without a gradient.

        Raises:
            UsageError: The prior is not the uniform distribution on the sphere.
        """
        if not isinstance(prior, UniformSphere):
            kind = type(prior).__name__
            raise UsageError(f"a posterior on the sphere has no KL to the prior {kind}; its prior is UniformSphere")
        value = power_kl(self.concentration.kappa, self.concentration.size)
        return self.mean.new_full((len(self.mean), 1), value)
