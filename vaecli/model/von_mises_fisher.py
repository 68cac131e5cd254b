r"""The von Mises-Fisher distribution on the unit sphere in R^Z, and the uniform one.

Against the uniform distribution its density is :math:`\exp(\kappa\,\mu^T z) / S`, with :math:`S = {}_0F_1(; Z/2;
\kappa^2/4)`, the mean of the numerator over the sphere. S takes the place of the modified Bessel functions, of which
:math:`I_\nu(\kappa) = (\kappa/2)^\nu\,{}_0F_1(; \nu+1; \kappa^2/4) / \Gamma(\nu+1)`: its series has positive
terms only, so it is summed in log space without the underflow of I at large Z or the cancellation of leading factors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np
import torch
from scipy.special import gammaln, logsumexp, ndtri, xlogy
from torch import Tensor, nn

from vaecli.core.errors import UsageError
from vaecli.kernels.switch import fast
from vaecli.model.paths import great_circle
from vaecli.model.posterior import Posterior, pairwise_by_definition
from vaecli.model.prior import Prior

WIDEST = 8.5
"""Standard normal noise beyond this, of probability 2e-17, counts as this."""

KNOTS = 2**14
"""Places at which the angle is tabulated, evenly over the noise: a cell is 0.001 wide, its linear error about 1e-7."""

CELLS = 20_000
"""Cells that the density of the angle is integrated over."""


@cache
def log_mean_exp(kappa: float, size: int) -> float:
    r"""Log S, the log of the mean of :math:`\exp(\kappa\,\mu^T z)` over the unit sphere in R^size.

    Args:
        kappa: At least 0.
        size: Dimensions of the space; with size + 2 it gives the other function that the mean needs.
    """
    # the terms (kappa^2/4)^k / (k! (size/2)_k) rise while k (k + size/2 - 1) < kappa^2/4, then fall like a Gaussian
    peak = kappa * kappa / 2 / (size / 2 + math.sqrt(size * size / 4 + kappa * kappa))
    k = np.arange(int(peak + 12 * math.sqrt(peak + 1)) + 60)
    return float(logsumexp(xlogy(k, kappa * kappa / 4) - gammaln(k + 1) - gammaln(k + size / 2) + gammaln(size / 2)))


def mean_cosine(kappa: float, size: int) -> float:
    r"""E[w] of :math:`w = \mu^T z`: :math:`I_{Z/2}(\kappa) / I_{Z/2-1}(\kappa)`."""
    return kappa / size * math.exp(log_mean_exp(kappa, size + 2) - log_mean_exp(kappa, size))


def vmf_kl(kappa: float, size: int) -> float:
    r"""KL to the uniform distribution, :math:`\kappa E[w] - \log S` nats, whatever the direction."""
    return kappa * mean_cosine(kappa, size) - log_mean_exp(kappa, size)


def log_sphere_area(size: int) -> float:
    r"""Log of :math:`2 \pi^{Z/2} / \Gamma(Z/2)`, the area of the unit sphere in R^size."""
    return math.log(2) + size / 2 * math.log(math.pi) - math.lgamma(size / 2)


@cache
def angle_table(kappa: float, size: int) -> Tensor:
    r"""(KNOTS + 1,) float64 angles between mu and z at noise from -WIDEST to WIDEST: the angle's quantile function.

    The angle has density proportional to :math:`\exp(\kappa\cos\theta) \sin^{Z-2}\theta`, which, unlike that of its
    cosine, has no pole at Z = 2. As a function of a standard normal it is nearly straight, tails included.

    Args:
        kappa: At least 0.
        size: Z, at least 2.
    """

    def log_density(angle: np.ndarray) -> np.ndarray:
        return np.asarray(kappa * np.cos(angle) + xlogy(size - 2, np.sin(angle)))

    coarse = np.linspace(0, math.pi, 10_001)
    height = log_density(coarse)
    here = np.flatnonzero(height > height.max() - 60)  # the rest has less than 1e-25 of the mass
    edges = np.linspace(coarse[max(here[0] - 1, 0)], coarse[min(here[-1] + 1, 10_000)], CELLS + 1)
    nodes, weights = np.polynomial.legendre.leggauss(4)
    width = edges[1] - edges[0]
    inner = edges[:-1, None] + width / 2 * (nodes + 1)
    mass = np.exp(log_density(inner) - height.max()) @ weights
    below = np.cumsum(mass)[:-1]
    above = np.cumsum(mass[::-1])[::-1][1:]
    total = mass.sum()
    # each tail from its own end: 1 - p has no digits left where p is near 1
    noise = np.where(below < above, ndtri(below / total), -ndtri(above / total))
    return torch.from_numpy(np.interp(np.linspace(-WIDEST, WIDEST, KNOTS + 1), noise, edges[1:-1]))


def angles(noise: Tensor, table: Tensor) -> Tensor:
    """The angle of each standard normal number, increasing in it, in the dtype of the noise."""
    knot = (noise.double().clamp(-WIDEST, WIDEST) + WIDEST) * (KNOTS / (2 * WIDEST))
    left = knot.long().clamp(max=KNOTS - 1)
    return torch.lerp(table[left], table[left + 1], knot - left).to(noise.dtype)


@dataclass(frozen=True)
class Concentration:
    """What all sentences share: kappa, Z and what follows from them.

    Attributes:
        kappa: Above 0.
        size: Z.
        table: Of `angle_table`, on the device of the model.
    """

    kappa: float
    size: int
    table: Tensor

    @property
    def log_normaliser(self) -> float:
        """What is subtracted from ``kappa w`` for the log density on the sphere."""
        return log_mean_exp(self.kappa, self.size) + log_sphere_area(self.size)


class UniformSphere(Prior):
    """The uniform distribution on the unit sphere in R^Z; its density is with respect to area.

    Args:
        latent_size: Z, at least 2.

    Raises:
        UsageError: Z is 1.
    """

    def __init__(self, latent_size: int) -> None:
        if latent_size < 2:
            raise UsageError("'vmf' needs a sphere: model.latent_size is 1; make it 2 or more")
        super().__init__(latent_size)

    def sample(self, noise: Tensor) -> Tensor:
        """(..., Z) the noise at length 1."""
        return nn.functional.normalize(noise, dim=-1)

    def log_prob(self, z: Tensor) -> Tensor:
        """(...) minus the log area, wherever z is."""
        return z.new_full(z.shape[:-1], -log_sphere_area(self.latent_size))

    def code(self, mean: Tensor) -> Tensor:
        """See `Prior.code`: the direction, since a mean lies within the sphere."""
        return nn.functional.normalize(mean, dim=-1)

    def path(self, first: Tensor, last: Tensor, weights: Tensor) -> Tensor:
        """See `Prior.path`: along a great circle."""
        return great_circle(first, last, weights)


@dataclass(frozen=True)
class VonMisesFisher(Posterior):
    """The von Mises-Fisher distribution with one kappa for all sentences; its density is with respect to area.

    Attributes:
        mean: (B, Z) E_q[z|x], the direction times `mean_cosine`.
        concentration: Of all sentences.
    """

    concentration: Concentration

    @property
    def direction(self) -> Tensor:
        """(B, Z) the direction of the mean, of length 1 in the dtype of the mean."""
        return nn.functional.normalize(self.mean, dim=-1)

    @property
    def noise_size(self) -> int:
        """One number for the angle to the mean, Z for the direction around it."""
        return self.mean.shape[-1] + 1

    def sample(self, noise: Tensor) -> Tensor:
        r"""See `Posterior.sample`: :math:`\cos\theta\,\mu + \sin\theta\,v`; the gradient is that of mu and v.

        v is the noise without its part along mu, at length 1: uniform among the directions at a right angle to mu.
        """
        mu = self.direction
        angle = angles(noise[..., :1], self.concentration.table)
        around = noise[..., 1:] - (noise[..., 1:] * mu).sum(-1, keepdim=True) * mu
        return angle.cos() * mu + angle.sin() * nn.functional.normalize(around, dim=-1)

    def log_prob(self, z: Tensor) -> Tensor:
        """See `Posterior.log_prob`."""
        return self.concentration.kappa * (z * self.direction).sum(-1) - self.concentration.log_normaliser

    @fast(pairwise_by_definition)
    def pairwise_log_prob(self, z: Tensor) -> Tensor:
        """See `Posterior.pairwise_log_prob`."""
        return self.concentration.kappa * (z @ self.direction.T) - self.concentration.log_normaliser

    def kl(self, prior: Prior) -> Tensor | None:
        """(B, 1) the same constant for every sentence, without a gradient.

        Raises:
            UsageError: The prior is not the uniform distribution on the sphere.
        """
        if not isinstance(prior, UniformSphere):
            kind = type(prior).__name__
            raise UsageError(f"a posterior on the sphere has no KL to the prior {kind}; its prior is UniformSphere")
        value = vmf_kl(self.concentration.kappa, self.concentration.size)
        return self.mean.new_full((len(self.mean), 1), value)

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """See `Posterior.map`; what all sentences share stays."""
        return type(self)(function(self.mean), self.concentration)

    @classmethod
    def cat(cls, parts: Sequence[Posterior]) -> Posterior:
        """See `Posterior.cat`; the parts are of one model."""
        first = parts[0]
        assert isinstance(first, VonMisesFisher)
        return cls(torch.cat([part.mean for part in parts]), first.concentration)
