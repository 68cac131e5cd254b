"""Diversity and uncertainty: batch-normalised means, and a floor and dropout on the variances.

Equation:
    ``mean_hat = g_d BN(mean) + b`` with g_d and b learned and g_d rescaled so that ``sqrt(mean_d g_d^2) = gamma``;
    ``sigma^2_hat = d2 + dropout_p(sigma^2)`` with ``d2 = alpha / (2 pi e)``. The spread of the mean keeps the KL above
    Z gamma^2 / 2, however the dimensions share it, and the floor keeps the entropy of every dimension above
    ``log(alpha) / 2``.

Differs from the paper:
    Evaluation has no dropout and uses the statistics of the whole train split, so the floor of the KL holds over it.
    For eps see `bn`.

Caveat:
    Dropout is on in training after an update at KL weight 1, as in the published code, and off where the weight is
    below. A dropped variance falls to d2, not to 0: its KL jumps, as intended. The floor of the KL is one against
    N(0, I), see `bn`.

References:
    Shen et al. (2021).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from vaecli.corpus.types import Batch
from vaecli.model.encoder import Encoding
from vaecli.model.normalisation import BatchNorm
from vaecli.model.posterior import DiagonalGaussian, PosteriorHead
from vaecli.model.vae import Parts
from vaecli.objective import Terms
from vaecli.remedies.core.gaussian import diagonal_gaussian
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy, Session, Step
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.normal_floor import floor_beside
from vaecli.remedies.shared.recipes import ANNEALED, HE, WARM_UP

FULL_WEIGHT = 1 - 1e-6
"""A KL weight from here on counts as 1: a curve may come near it without reaching it."""


def variance_floor(alpha: float) -> float:
    """``d2 = alpha / (2 pi e)``, the variance of a Gaussian whose entropy is ``log(alpha) / 2``."""
    return alpha / (2 * math.pi * math.e)


def rescaled(scale: Tensor, gamma: float) -> Tensor:
    """(Z,) the scales times the factor that makes their root mean square gamma."""
    return gamma * scale * scale.square().mean().rsqrt()


class VarianceDropout(nn.Module):
    """Drops variances to 0 with probability p and scales the others by 1 / (1 - p), in training while switched on.

    The switch is a buffer, so a resumed run has it as it was, and is read without waiting for a GPU.

    Args:
        p: Probability.
    """

    on: Tensor

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.register_buffer("on", torch.zeros((), dtype=torch.bool))

    def reset_parameters(self) -> None:
        """Switches it off."""
        self.on.fill_(False)

    def forward(self, variance: Tensor) -> Tensor:
        """(B, Z) with some entries dropped."""
        if not self.training or self.p == 0:
            return variance
        return torch.where(self.on, nn.functional.dropout(variance, self.p), variance)


class DUHead(PosteriorHead):
    """A Gaussian head with a normalised mean and a variance that has a floor and dropout.

    Args:
        wrapped: Gives a `DiagonalGaussian`.
        latent_size: Dimensions Z.
        gamma: Root mean square of the scales.
        alpha: Sets the floor of the variance.
        dropout: Probability that a variance is dropped to the floor.
        eps: Of the normalisation.
    """

    def __init__(
        self, wrapped: PosteriorHead, latent_size: int, gamma: float, alpha: float, dropout: float, eps: float
    ) -> None:
        super().__init__()
        self.wrapped, self.gamma, self.floor = wrapped, gamma, variance_floor(alpha)
        self.norm = BatchNorm(latent_size, eps)
        self.dropout = VarianceDropout(dropout)
        self.scale = nn.Parameter(torch.ones(latent_size))
        self.shift = nn.Parameter(torch.zeros(latent_size))

    def reset_parameters(self) -> None:
        """Sets all scales equal and b to 0."""
        nn.init.ones_(self.scale)
        nn.init.zeros_(self.shift)

    def forward(self, encoding: Encoding) -> DiagonalGaussian:
        """q(z|x) of the batch, in float32 or wider.

        Raises:
            UsageError: The wrapped head gives no diagonal Gaussian, or the batch is one sentence in training.
        """
        q = diagonal_gaussian(self.wrapped(encoding), DU.name)
        mean = rescaled(self.scale, self.gamma) * self.norm(q.mean) + self.shift
        variance = self.floor + self.dropout(q.logvar.to(mean.dtype).exp())
        return DiagonalGaussian(mean, variance.log())


class DU(Remedy):
    """DU-VAE."""

    name: ClassVar[str] = "du"
    title: ClassVar[str] = "DU-VAE"
    paper: ClassVar[Paper] = Paper(
        "Shen et al.",
        2021,
        "Regularizing Variational Autoencoder with Diversity and Uncertainty Awareness",
        "2110.12381",
    )
    equation: ClassVar[str] = (
        "mean_hat = g_d BN(mean) + b, sqrt(mean_d g_d^2) = gamma, sigma^2_hat = d2 + dropout_p(sigma^2)"
    )
    recipe: ClassVar[Recipe | None] = replace(
        HE,
        source="Shen et al. 2021, arXiv:2110.12381, and its code",
        patience=5,
        companions=ANNEALED,
        hyper={"du": {"gamma": 0.5, "dropout": 0.2, "alpha": 1.0}, **WARM_UP},
        unconfirmed=("the learning rate, 1.0 or 0.5 by data set",),
    )
    owns: ClassVar[frozenset[Part]] = frozenset({Part.POSTERIOR, Part.STEP})
    adds_to: ClassVar[frozenset[Part]] = frozenset({Part.STEP})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GAUSSIAN, Need.PLAIN_STEP})
    takes: ClassVar[frozenset[Need]] = frozenset({Need.MOVABLE_SPREAD})
    deviations: ClassVar[tuple[str, ...]] = (
        "eps is 1e-12 (published: 1e-5), see bn",
        "evaluation normalises by the statistics of the whole train split; the code by running averages",
    )
    sensible: ClassVar[Mapping[str, Sensible]] = {"gamma": Span(0.3, 1.0), "dropout": Span(0.0, 0.5)}

    gamma: float = Field(
        0.5,
        gt=0,
        description="root mean square of the scales; the KL of train stays above Z gamma^2 / 2; "
        "from 1 on q(z) is wider",
    )
    alpha: float = Field(
        1.0, ge=0, le=17, description="variances stay above alpha / (2 pi e), entropies above log(alpha) / 2"
    )
    dropout: float = Field(0.2, ge=0, lt=1, description="p: probability that a variance falls to its floor in training")
    eps: float = Field(
        1e-12,
        gt=0,
        le=1e-2,
        description="added to the variance of the mean; the floor is lost where it nears it (published: 1e-5)",
    )

    @model_validator(mode="after")
    def _dropped_variances_are_positive(self) -> Self:
        if self.alpha == 0 and self.dropout > 0:
            raise ValueError("dropout without a floor makes variances 0; set alpha above 0 or dropout to 0")
        return self

    def beside(self, other: Remedy) -> str:
        """See `Remedy.beside`."""
        return floor_beside(self, other)

    def build(self, parts: Parts) -> Parts:
        """The head wrapped."""
        assert parts.head is not None
        size = parts.shape.model.latent_size
        return replace(parts, head=DUHead(parts.head, size, self.gamma, self.alpha, self.dropout, self.eps))

    def wrap_step(self, step: Step, session: Session) -> Step:
        """Switches the dropout of the next update by the KL weight of this one."""
        switches = [module for module in session.model.modules() if isinstance(module, VarianceDropout)]

        def watched(batch: Batch) -> Terms:
            terms = step(batch)
            for module in switches:
                module.on.copy_(torch.as_tensor(terms.kl_weight).detach() >= FULL_WEIGHT)
            return terms

        return watched
