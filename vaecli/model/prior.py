"""Prior distributions p(z)."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from vaecli.model.paths import straight, swaps

if TYPE_CHECKING:
    from vaecli.model.posterior import Preimage


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

    def log_prob_from(self, z: Tensor, start: Callable[[], Preimage | None]) -> Tensor:
        """(...) `log_prob` of codes of which may be known where an invertible map of the posterior has taken them from.

        Args:
            z: (..., Z).
            start: Gives that, as `Posterior.start_of`; asked only by a prior that is made of the same map.
        """
        return self.log_prob(z)

    def code(self, mean: Tensor) -> Tensor:
        """(N, Z) the codes that posterior means stand for: themselves, or the nearest ones where means are no codes."""
        return mean

    def path(self, first: Tensor, last: Tensor, weights: Tensor) -> Tensor:
        """(S, Z) codes on the way between those that two (Z,) posterior means stand for.

        Args:
            first: Where the way begins, at weight 0.
            last: Where it ends, at weight 1.
            weights: (S,) from 0 to 1.
        """
        first, last = self.code(torch.stack([first, last]))
        return straight(first, last, weights)


class DiscretePrior(Prior):
    """A distribution over codes of M variables, each of which has one of K classes.

    Attributes:
        classes: K.
    """

    discrete: ClassVar[bool] = True
    classes: int

    @abstractmethod
    def index(self, mean: Tensor) -> Tensor:
        """(N, M) int64 classes that (N, Z) posterior means stand for: the most probable, or nearest, ones."""

    @abstractmethod
    def of_index(self, index: Tensor) -> Tensor:
        """(N, Z) the codes of (N, M) classes."""

    def code(self, mean: Tensor) -> Tensor:
        """See `Prior.code`."""
        return self.of_index(self.index(mean)).to(mean.dtype)

    def path(self, first: Tensor, last: Tensor, weights: Tensor) -> Tensor:
        """See `Prior.path`: the classes of one variable after the other are swapped."""
        start, end = self.index(torch.stack([first, last]))
        return self.of_index(swaps(start, end, weights)).to(first.dtype)


class StandardNormal(Prior):
    """N(0, I)."""

    def sample(self, noise: Tensor) -> Tensor:
        """The noise itself."""
        return noise

    def log_prob(self, z: Tensor) -> Tensor:
        """(...) log density of (..., Z)."""
        return -0.5 * (z.square().sum(-1) + z.shape[-1] * math.log(2 * math.pi))
