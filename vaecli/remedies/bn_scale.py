"""Batch normalisation of posterior mean and standard deviation with a shared learned scale: q(z) has unit variance.

Equation:
    ``mean_hat = g_m BN(mean)``, ``s_hat = g_s BN(s)`` with ``g_m = sqrt(tau + (1 - tau) sigmoid(theta))`` and ``g_s =
    sqrt((1 - tau) sigmoid(-theta))``, so that per dimension ``E[mean_hat^2] + E[s_hat^2] = g_m^2 + g_s^2 = 1``. Hence
    ``E[KL] = -sum_i E[log s_hat_i^2] / 2``, at least ``(Z / 2) log(1 / (1 - tau))``.

Caveat:
    The floor is about twice that of `bn`: 5.5 nats at Z = 16 and 11.1 at Z = 32, where `bn` has 2.9 and 5.8, each at
    its default. Normalising the logarithm of the variance instead, as some ports do, breaks these identities. So does
    an eps near the variance of what is normalised, see `bn`; the default keeps well below it. The floor is one against
    N(0, I), see `bn`.

References:
    Su (2020).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from vaecli.model.encoder import Encoding
from vaecli.model.normalisation import BatchNorm
from vaecli.model.posterior import DiagonalGaussian, PosteriorHead
from vaecli.model.vae import Parts
from vaecli.remedies.core.remedy import Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.normal_floor import floor_beside

LEAST_VARIANCE = 1e-8
"""s_hat can pass through 0, where the logarithm of its square has no value."""


def scales(theta: Tensor, tau: float) -> tuple[Tensor, Tensor]:
    """(Z,) and (Z,): ``g_m`` and ``g_s``, whose squares sum to 1 for every theta."""
    mean_scale = (tau + (1 - tau) * torch.sigmoid(theta)).sqrt()
    deviation_scale = ((1 - tau) * torch.sigmoid(-theta)).sqrt()
    return mean_scale, deviation_scale


class ScaledHead(PosteriorHead):
    """Linear maps without bias to mean and standard deviation, both normalised and scaled.

    The sign of the standard deviation is free, since z is symmetric in it.

    Args:
        feature_size: Encoder features F.
        latent_size: Dimensions Z.
        tau: The least share of a dimension's variance that the mean has.
        eps: Of the normalisations.
    """

    def __init__(self, feature_size: int, latent_size: int, tau: float, eps: float) -> None:
        super().__init__()
        self.tau = tau
        self.mean = nn.Linear(feature_size, latent_size, bias=False)
        self.deviation = nn.Linear(feature_size, latent_size, bias=False)
        self.mean_norm = BatchNorm(latent_size, eps)
        self.deviation_norm = BatchNorm(latent_size, eps)
        self.theta = nn.Parameter(torch.zeros(latent_size))

    def reset_parameters(self) -> None:
        """Sets theta to 0."""
        nn.init.zeros_(self.theta)

    def forward(self, encoding: Encoding) -> DiagonalGaussian:
        """q(z|x) of the batch."""
        mean_scale, deviation_scale = scales(self.theta, self.tau)
        mean = mean_scale * self.mean_norm(self.mean(encoding.features))
        deviation = deviation_scale * self.deviation_norm(self.deviation(encoding.features))
        return DiagonalGaussian(mean, deviation.square().clamp_min(LEAST_VARIANCE).log())


class BNScale(Remedy):
    """BN on mean and standard deviation with a shared scale."""

    name: ClassVar[str] = "bn_scale"
    title: ClassVar[str] = "BN with shared scale"
    paper: ClassVar[Paper] = Paper(
        "Su",
        2020,
        "Variational Autoencoder (5): VAE + BN = Better VAE (kexue.fm/archives/7381, in Chinese)",
        equation="the scale of mean and standard deviation",
    )
    equation: ClassVar[str] = (
        "mean_hat = sqrt(tau + (1 - tau) sigmoid(theta)) BN(mean), s_hat = sqrt((1 - tau) sigmoid(-theta)) BN(s)"
    )
    no_recipe: ClassVar[str] = "its author describes the layer, not a training of text"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.POSTERIOR})
    deviations: ClassVar[tuple[str, ...]] = (
        "eps is 1e-12 (published: 1e-8), see bn",
        "evaluation normalises by the statistics of the whole train split",
    )
    sensible: ClassVar[Mapping[str, Sensible]] = {"tau": Span(0.2, 0.8)}

    tau: float = Field(0.5, ge=0, lt=1, description="least share of a dimension's variance that the mean has")
    eps: float = Field(1e-12, gt=0, le=1e-2, description="added to the variances (published: 1e-8)")

    def beside(self, other: Remedy) -> str:
        """See `Remedy.beside`."""
        return floor_beside(self, other)

    def build(self, parts: Parts) -> Parts:
        """A head of its own in place of the Gaussian one."""
        assert parts.encoder is not None
        head = ScaledHead(parts.encoder.feature_size, parts.shape.model.latent_size, self.tau, self.eps)
        return replace(parts, head=head)
