"""Prior distributions p(z)."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn


class Prior(nn.Module, ABC):
    """p(z) over Z dimensions.

    Args:
        latent_size: Z.

    Attributes:
        discrete: Whether it counts codes, so that nothing can be integrated over z.
    """

    discrete: ClassVar[bool] = False

    def __init__(self, latent_size: int) -> None:
        super().__init__()
        self.latent_size = latent_size

    @property
    def noise_size(self) -> int:
        """Standard normal numbers that one sample takes."""
        return self.latent_size

    @abstractmethod
    def sample(self, noise: Tensor) -> Tensor:
        """(..., Z) samples of (..., noise_size) standard normal noise."""

    @abstractmethod
    def log_prob(self, z: Tensor) -> Tensor:
        """(...) log p(z) of (..., Z)."""


class StandardNormal(Prior):
    """N(0, I)."""

    def sample(self, noise: Tensor) -> Tensor:
        """The noise itself."""
        return noise

    def log_prob(self, z: Tensor) -> Tensor:
        """(...) log density of (..., Z)."""
        return -0.5 * (z.square().sum(-1) + z.shape[-1] * math.log(2 * math.pi))
