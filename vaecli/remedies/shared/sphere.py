"""The head of `vmf` and `power_spherical`: directions on a sphere, with one concentration for all sentences."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vaecli.model.encoder import Encoding
from vaecli.model.posterior import PosteriorHead
from vaecli.model.von_mises_fisher import Concentration, VonMisesFisher


class SphereHead(PosteriorHead):
    """Linear map without bias from the encoder's features to the direction; `GaussianHead` without its logvar.

    Args:
        feature_size: Encoder features F.
        concentration: Of all sentences.
        mean_cosine: E[direction^T z] at that concentration.
        kind: The distribution.
    """

    table: Tensor

    def __init__(
        self, feature_size: int, concentration: Concentration, mean_cosine: float, kind: type[VonMisesFisher]
    ) -> None:
        super().__init__()
        self.kappa, self.latent_size = concentration.kappa, concentration.size
        self.mean_cosine, self.kind = mean_cosine, kind
        self.mean = nn.Linear(feature_size, concentration.size, bias=False)
        self.register_buffer("table", concentration.table, persistent=False)

    def forward(self, encoding: Encoding) -> VonMisesFisher:
        """q(z|x) of the batch, in float32 or wider."""
        free = self.mean(encoding.features)
        wide = free.to(torch.promote_types(free.dtype, torch.float32))
        mean = self.mean_cosine * nn.functional.normalize(wide, dim=-1)
        return self.kind(mean, Concentration(self.kappa, self.latent_size, self.table.double()))
