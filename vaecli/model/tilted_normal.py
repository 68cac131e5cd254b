r"""The exponentially tilted normal prior (Floto et al. 2021), whose KL to N(mean, I) is least on a sphere, not at 0.

.. math:: p(z) = e^{\tau |z|} N(z; 0, I) / Z_\tau, \qquad
          KL(N(m, I) \| p) = r^2/2 - \tau\,E|z| + \log Z_\tau, \qquad
          E|z| = \sqrt{\pi/2}\, L_{1/2}^{(Z/2-1)}(-r^2/2)

with r the length of m. E|z|, the mean of a noncentral chi variable, is tabulated with its slope and interpolated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from scipy.special import gammainc, gammaincc, gammaln, hyp1f1, logsumexp
from torch import Tensor, nn

from vaecli.model.paths import polar
from vaecli.model.posterior import LOG_2PI, DiagonalGaussian
from vaecli.model.prior import Prior

SPACING = 1 / 64
"""Distance of the knots of E|z|; a cubic between two of them is off by 1e-10."""
CELLS_RADIUS = 40_000
"""Cells that the density of |z| is integrated over."""


@dataclass(frozen=True)
class TiltedRadius:
    """The density of |z| of the tilted normal over a grid.

    Attributes:
        edges: (C + 1,) radii.
        below: (C + 1,) probability of less than each.
        above: (C + 1,) probability of more, with digits of its own where it is small.
        log_total: Log Z_tau.
    """

    edges: np.ndarray
    below: np.ndarray
    above: np.ndarray
    log_total: float


@cache
def tilted_radius(tau: float, size: int) -> TiltedRadius:
    """What follows from the density of |z|, proportional to ``r^(Z - 1) exp(tau r - r^2 / 2)``.

    Args:
        tau: At least 0.
        size: Z.
    """
    peak = (tau + math.sqrt(tau * tau + 4 * (size - 1))) / 2
    edges = np.linspace(max(0.0, peak - 12), peak + 12, CELLS_RADIUS + 1)
    nodes, weights = np.polynomial.legendre.leggauss(4)
    width = edges[1] - edges[0]
    inner = edges[:-1, None] + width / 2 * (nodes + 1)
    log_chi = (1 - size / 2) * math.log(2) - float(gammaln(size / 2))
    log_mass = log_chi + (size - 1) * np.log(inner) + tau * inner - inner**2 / 2
    log_total = float(logsumexp(log_mass + np.log(weights * width / 2)))
    mass = np.exp(log_mass - log_total) @ weights * width / 2
    below = np.concatenate([[0.0], np.cumsum(mass)])
    above = np.concatenate([np.cumsum(mass[::-1])[::-1], [0.0]])
    return TiltedRadius(edges, below, above, log_total)


@cache
def radius_quantiles(tau: float, size: int) -> tuple[Tensor, Tensor]:
    """(K,) float64 lengths of N(0, I) samples, and the lengths of the tilted normal with the same probabilities."""
    radial = tilted_radius(tau, size)
    keep = (radial.below > 1e-15) & (radial.above > 1e-15)
    edges, below, above = radial.edges[keep], radial.below[keep], radial.above[keep]
    grid = np.linspace(max(0.0, math.sqrt(size) - 9), math.sqrt(size) + 9, CELLS_RADIUS + 1)
    low, high = gammainc(size / 2, grid**2 / 2), gammaincc(size / 2, grid**2 / 2)
    lengths = np.where(low < 0.5, np.interp(low, below, edges), np.interp(-high, -above, edges))
    return torch.from_numpy(grid), torch.from_numpy(lengths)


def mean_norm_by_laplace(r: np.ndarray, size: int) -> np.ndarray:
    r"""(K,) E|z| of N(m, I) at (K,) lengths of m, from the Laplace transform of |z|^2, as a sum of positive terms.

    :math:`E|z| = \frac{1}{2\sqrt\pi} \int_0^\infty (1 - E e^{-s |z|^2})\, s^{-3/2} ds` with :math:`E e^{-s |z|^2} =
    (1 + 2s)^{-Z/2} e^{-r^2 s / (1 + 2s)}`; over log s the rule of equal steps is exact to rounding.

    Args:
        r: At least 0.
        size: Z.
    """
    step = 0.25
    log_s = np.arange(-80, 70, step)
    s = np.exp(log_s)
    log_transform = -(size / 2) * np.log1p(2 * s) - r[:, None] ** 2 * (s / (1 + 2 * s))
    integral: np.ndarray = -np.expm1(log_transform) @ np.exp(-log_s / 2) * step
    return integral / (2 * math.sqrt(math.pi))


@cache
def norm_table(size: int) -> Tensor:
    """(2, K) float64 E|z| of N(m, I) and its slope by r = |m|, at r = 0, SPACING, 2 SPACING, ..."""
    knots = np.arange(int(max(64.0, 8 * math.sqrt(size)) / SPACING) + 1) * SPACING
    x = -(knots**2) / 2
    scale = math.sqrt(2) * math.exp(gammaln((size + 1) / 2) - gammaln(size / 2))
    with np.errstate(invalid="ignore", over="ignore"):
        values = scale * hyp1f1(-0.5, size / 2, x)
    lost = ~np.isfinite(values)  # scipy's series overflows from about Z = 95 on where r is near 10
    values[lost] = mean_norm_by_laplace(knots[lost], size)
    slopes = scale * knots / size * hyp1f1(0.5, size / 2 + 1, x)
    return torch.from_numpy(np.stack([values, slopes]))


def mean_norm(r: Tensor, table: Tensor) -> Tensor:
    """E|z| at (...) lengths of the mean, differentiable; past the table along ``sqrt(r^2 + Z - 1)``, its asymptote.

    Args:
        r: At least 0.
        table: Of `norm_table`, on the device of r.
    """
    last = table.shape[1] - 1
    end = last * SPACING
    inside = r.clamp(max=end) / SPACING
    knot = inside.detach().long().clamp(max=last - 1)
    t = inside - knot
    left, right = table[0, knot], table[0, knot + 1]
    slope, next_slope = table[1, knot] * SPACING, table[1, knot + 1] * SPACING
    squared, cubed = t.square(), t**3
    value = (
        (2 * cubed - 3 * squared + 1) * left
        + (cubed - 2 * squared + t) * slope
        + (3 * squared - 2 * cubed) * right
        + (cubed - squared) * next_slope
    )
    size_less_1 = (table[0, last] ** 2 - end**2).clamp_min(0)
    return torch.where(r > end, (r.square() + size_less_1).sqrt(), value)


class TiltedNormal(Prior):
    """``exp(tau |z|) N(z; 0, I) / Z_tau``.

    Args:
        latent_size: Z.
        tau: The tilt, at least 0; 0 is N(0, I).
    """

    lengths: Tensor
    tilted_lengths: Tensor
    norms: Tensor

    def __init__(self, latent_size: int, tau: float) -> None:
        super().__init__(latent_size)
        self.tau, self.log_normaliser = tau, tilted_radius(tau, latent_size).log_total
        lengths, tilted_lengths = radius_quantiles(tau, latent_size)
        self.register_buffer("lengths", lengths, persistent=False)
        self.register_buffer("tilted_lengths", tilted_lengths, persistent=False)
        self.register_buffer("norms", norm_table(latent_size), persistent=False)

    def sample(self, noise: Tensor) -> Tensor:
        """(..., Z) the noise, its length mapped to that of the tilted normal of the same probability."""
        wide = noise.double()
        length = wide.norm(dim=-1, keepdim=True)
        grid, tilted = self.lengths.double(), self.tilted_lengths.double()
        position = (length - grid[0]) / (grid[1] - grid[0])
        knot = position.long().clamp(0, len(grid) - 2)
        mapped = torch.lerp(tilted[knot], tilted[knot + 1], (position - knot).clamp(0, 1))
        return (nn.functional.normalize(wide, dim=-1) * mapped).to(noise.dtype)

    def log_prob(self, z: Tensor) -> Tensor:
        """(...) log density of (..., Z)."""
        squared = z.square().sum(-1)
        return self.tau * squared.sqrt() - 0.5 * (squared + z.shape[-1] * LOG_2PI) - self.log_normaliser

    def path(self, first: Tensor, last: Tensor, weights: Tensor) -> Tensor:
        """See `Prior.path`: along a great circle, since the straight way leads through where the density is low."""
        return polar(first, last, weights)

    def kl_to(self, mean: Tensor) -> Tensor:
        """(B, 1) ``KL(N(mean, I) || p)`` of (B, Z) means, in nats, in float32 or wider."""
        wide = mean.to(torch.promote_types(mean.dtype, torch.float32))
        squared = wide.square().sum(-1, keepdim=True)
        r = squared.clamp_min(torch.finfo(wide.dtype).tiny).sqrt()
        return squared / 2 - self.tau * mean_norm(r, self.norms.to(wide.dtype)) + self.log_normaliser


@dataclass(frozen=True)
class UnitGaussian(DiagonalGaussian):
    """N(mean, I), which has a closed KL to the tilted normal; a refinement can move its mean alone."""

    def sample(self, noise: Tensor) -> Tensor:
        """See `Posterior.sample`; without a gradient by the log variances, which so stay 0."""
        return self.mean + noise

    def kl(self, prior: Prior) -> Tensor | None:
        """(B, 1) against the tilted normal; see `DiagonalGaussian.kl` for others."""
        return prior.kl_to(self.mean) if isinstance(prior, TiltedNormal) else super().kl(prior)
