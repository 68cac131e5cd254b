"""Batch normalisation of the posterior mean with a fixed scale, which gives the mean KL a floor.

Equation:
    ``mean_hat = gamma (mean - m) / sqrt(v + eps) + b`` with gamma fixed and b learned, so that ``E[KL] >= (Z gamma^2 +
    |b|^2) / 2``.

Differs from the paper:
    Evaluation uses the statistics of the whole train split, so the floor holds over that split; over another, whose
    means spread a little more or less, the KL may be some per cent below it. The published code uses running averages.

Caveat:
    eps decides whether the floor holds at all: it is ``gamma^2 v / (v + eps)``, and nothing but eps ties the scale of
    the unnormalised mean to the loss. With the published 1e-5 an encoder that starts with a small v, as from weights
    within 0.01, is paid to shrink v under eps, and the KL vanishes as in the vanilla VAE. The default here leaves no
    such way out. The floor is one against N(0, I): a learned prior (`mog`, `vamp`, `flow_prior`) may come to where the
    posteriors are, and the KL below it.

References:
    Zhu et al. (2020).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import nn

from vaecli.model.encoder import Encoding
from vaecli.model.normalisation import BatchNorm
from vaecli.model.posterior import DiagonalGaussian, PosteriorHead
from vaecli.model.vae import Parts
from vaecli.remedies.core.gaussian import diagonal_gaussian
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.normal_floor import floor_beside
from vaecli.remedies.shared.recipes import IN_ZHU


class BatchNormHead(PosteriorHead):
    """A Gaussian head whose mean is batch-normalised; the logvar is left alone.

    Args:
        wrapped: Gives a `DiagonalGaussian`.
        latent_size: Dimensions Z.
        gamma: The scale: a constant, so no optimiser can shrink it and with it the floor.
        eps: Of the normalisation.
    """

    def __init__(self, wrapped: PosteriorHead, latent_size: int, gamma: float, eps: float) -> None:
        super().__init__()
        self.wrapped, self.gamma = wrapped, gamma
        self.norm = BatchNorm(latent_size, eps)
        self.shift = nn.Parameter(torch.zeros(latent_size))

    def reset_parameters(self) -> None:
        """Sets b to 0."""
        nn.init.zeros_(self.shift)

    def forward(self, encoding: Encoding) -> DiagonalGaussian:
        """q(z|x) of the batch.

        Raises:
            UsageError: The wrapped head gives no diagonal Gaussian.
        """
        posterior = diagonal_gaussian(self.wrapped(encoding), BN.name)
        return replace(posterior, mean=self.gamma * self.norm(posterior.mean) + self.shift)


class BN(Remedy):
    """BN-VAE."""

    name: ClassVar[str] = "bn"
    title: ClassVar[str] = "BN-VAE"
    paper: ClassVar[Paper] = Paper(
        "Zhu et al.",
        2020,
        "A Batch Normalized Inference Network Keeps the KL Vanishing Away",
        "2004.12585",
    )
    equation: ClassVar[str] = "mean_hat = gamma (mean - m) / sqrt(v + eps) + b, gamma fixed"
    recipe: ClassVar[Recipe | None] = IN_ZHU
    owns: ClassVar[frozenset[Part]] = frozenset({Part.POSTERIOR})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GAUSSIAN})
    takes: ClassVar[frozenset[Need]] = frozenset({Need.MOVABLE_SPREAD})
    deviations: ClassVar[tuple[str, ...]] = (
        "eps is 1e-12, so that no encoder with small means escapes the floor (published: 1e-5)",
        "evaluation normalises by the statistics of the whole train split, which keeps the floor there; the code by "
        "running averages",
    )
    sensible: ClassVar[Mapping[str, Sensible]] = {"gamma": Span(0.3, 1.0)}

    gamma: float = Field(
        0.6,
        gt=0,
        description="fixed scale; the KL of train stays above Z gamma^2 / 2; from 1 on q(z) is wider than p(z) "
        "(published: 0.3 to 0.7 for use, up to 1.8 to see it fail)",
    )
    eps: float = Field(
        1e-12,
        gt=0,
        le=1e-2,
        description="added to the variance v; the floor is lost where v nears it (published: 1e-5)",
    )

    def beside(self, other: Remedy) -> str:
        """See `Remedy.beside`."""
        return floor_beside(self, other)

    def build(self, parts: Parts) -> Parts:
        """The head wrapped in a normalisation of its mean."""
        assert parts.head is not None
        head = BatchNormHead(parts.head, parts.shape.model.latent_size, self.gamma, self.eps)
        return replace(parts, head=head)
