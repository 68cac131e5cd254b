"""A posterior confined to a KL of at least delta in every dimension, whatever the encoder says.

Equation:
    ``sigma = s_l + (s_u - s_l) sigmoid(a)``, ``mean = sqrt(2 delta + 1 + log sigma^2 - sigma^2 + max(0, m))`` with s_l
    < 1 < s_u the roots of ``log s^2 - s^2 + 2 delta + 1 = 0``, so that ``KL_i = delta + max(0, m_i) / 2``.

Differs from the paper:
    Their autoregressive prior gives way to N(0, I), as in the text benchmark of Zhu et al. (2020), whose printed form
    lacks the square root.

Caveat:
    The KL proves nothing here: where m <= 0 the mean is a function of sigma alone, so Z delta nats can come without any
    information. The floor is one against N(0, I): a learned prior can meet posteriors that are equal, at a KL of 0.

References:
    Razavi et al. (2019); Zhu et al. (2020).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from scipy.optimize import brentq
from torch import Tensor

from vaecli.model.encoder import Encoding
from vaecli.model.posterior import DiagonalGaussian, PosteriorHead
from vaecli.model.vae import Parts
from vaecli.remedies.core.gaussian import diagonal_gaussian
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.normal_floor import floor_beside
from vaecli.remedies.shared.recipes import IN_ZHU, WARM_UP

ROOT_EPS = 1e-6
"""Added to the squared mean: its root has no gradient at 0. The KL rises by half of it, so the floor holds."""


def sigma_bounds(delta: float) -> tuple[float, float]:
    """``s_l < 1 < s_u``, between which N(mean, sigma^2) can have a KL of delta to N(0, 1).

    With t = log s^2 the roots are those of ``e^t - 1 - t = 2 delta``, whose left side is convex with the least value 0
    at t = 0: one is in [-1 - 2 delta, 0] and, as ``e^t - 1 - t >= t^2 / 2`` for t > 0, one in [0, 2 sqrt(delta)].

    Args:
        delta: Nats, above 0.
    """

    def excess(t: float) -> float:
        return math.expm1(t) - t - 2 * delta

    lower, upper = (brentq(excess, *ends, xtol=1e-15) for ends in ((-1 - 2 * delta, 0.0), (0.0, 2 * math.sqrt(delta))))
    return math.exp(lower / 2), math.exp(upper / 2)


def committed(m: Tensor, a: Tensor, delta: float) -> DiagonalGaussian:
    """The posterior with ``KL_i = delta + max(0, m_i) / 2``.

    Args:
        m: (B, Z) twice the nats above delta; below 0 as 0.
        a: (B, Z) logits of how far sigma is between its bounds.
        delta: Nats per dimension.
    """
    lower, upper = sigma_bounds(delta)
    variance = (lower + (upper - lower) * torch.sigmoid(a)).square()
    logvar = variance.log()
    # at a bound the first term is 0, which rounding can make negative
    squared_mean = (2 * delta + 1 + logvar - variance).clamp(min=0) + m.relu()
    return DiagonalGaussian((squared_mean + ROOT_EPS).sqrt(), logvar)


class DeltaHead(PosteriorHead):
    """A head whose mean and logvar are read as m and a.

    Args:
        wrapped: Gives a `DiagonalGaussian`.
        delta: Nats per dimension.
    """

    def __init__(self, wrapped: PosteriorHead, delta: float) -> None:
        super().__init__()
        self.wrapped, self.delta = wrapped, delta

    def forward(self, encoding: Encoding) -> DiagonalGaussian:
        """q(z|x) of the batch, in float32 or wider.

        Raises:
            UsageError: The wrapped head gives no diagonal Gaussian.
        """
        free = diagonal_gaussian(self.wrapped(encoding), Delta.name)
        wide = torch.promote_types(free.mean.dtype, torch.float32)
        return committed(free.mean.to(wide), free.logvar.to(wide), self.delta)


class Delta(Remedy):
    """delta-VAE."""

    name: ClassVar[str] = "delta"
    title: ClassVar[str] = "delta-VAE"
    paper: ClassVar[Paper] = Paper(
        "Razavi et al.",
        2019,
        "Preventing Posterior Collapse with delta-VAEs",
        "1901.03416",
        "with an independent prior",
    )
    equation: ClassVar[str] = (
        "sigma = s_l + (s_u - s_l) sigmoid(a), mean = sqrt(2 delta + 1 + log sigma^2 - sigma^2 + max(0, m))"
    )
    recipe: ClassVar[Recipe | None] = replace(
        IN_ZHU,
        source="the row of Zhu et al. 2020, arXiv:2004.12585, and its code; Razavi et al. train other decoders",
        hyper={"delta": {"delta": 0.15}, **WARM_UP},
    )
    owns: ClassVar[frozenset[Part]] = frozenset({Part.POSTERIOR})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GAUSSIAN})
    deviations: ClassVar[tuple[str, ...]] = (
        "the prior is N(0, I), as in the text benchmark of Zhu et al. (published: autoregressive)",
        "the mean has the square root that the form printed by Zhu et al. lacks",
    )
    sensible: ClassVar[Mapping[str, Sensible]] = {"delta": Span(0.05, 0.5, log=True)}

    delta: float = Field(
        0.15, ge=1e-4, le=10, description="least KL in nats per dimension; published: 0.1 to 0.25 at Z = 32"
    )

    def beside(self, other: Remedy) -> str:
        """See `Remedy.beside`."""
        return floor_beside(self, other)

    def build(self, parts: Parts) -> Parts:
        """The head's outputs mapped into the family."""
        assert parts.head is not None
        return replace(parts, head=DeltaHead(parts.head, self.delta))
