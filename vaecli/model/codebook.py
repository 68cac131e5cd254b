r"""Codes from a codebook (van den Oord et al. 2017): the encoder's vectors are replaced by the nearest entries.

The posterior is certain of one of K^M codes and the prior uniform over them, so that the KL is M log K for every
sentence, and the information is the entropy of the codes. Densities are probabilities.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from vaecli.model.posterior import PointMass
from vaecli.model.prior import DiscretePrior, Prior

SMOOTHING = 1e-5
"""Added to the counts of a codebook, so that an entry without vectors stays finite; once its count is below it,
the entry shrinks to zero."""


class Codebook(DiscretePrior):
    """K entries of Z / M dimensions, learned as running means, and the uniform distribution over codes of M of them.

    Args:
        latent_size: Z.
        positions: M, a divisor of Z.
        entries: K.
        decay: Of the running means.
    """

    codebook: Tensor
    counts: Tensor
    sums: Tensor

    def __init__(self, latent_size: int, positions: int, entries: int, decay: float) -> None:
        super().__init__(latent_size)
        self.positions, self.entries, self.decay = positions, entries, decay
        self.classes = entries
        size = latent_size // positions
        self.register_buffer("codebook", torch.zeros(entries, size))
        self.register_buffer("counts", torch.zeros(entries))
        self.register_buffer("sums", torch.zeros(entries, size))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Entries from U(-1/K, 1/K), each as if it were the mean of one vector."""
        nn.init.uniform_(self.codebook, -1 / self.entries, 1 / self.entries)
        self.counts.fill_(1)
        self.sums.copy_(self.codebook)

    @property
    def noise_size(self) -> int:
        """One number a position."""
        return self.positions

    @property
    def rate(self) -> float:
        """M log K, in nats."""
        return self.positions * math.log(self.entries)

    def nearest(self, h: Tensor) -> Tensor:
        """(B, M) int64 nearest entries of (B, Z) vectors."""
        return torch.cdist(self.split(h.detach()).to(self.codebook.dtype), self.codebook.unsqueeze(0)).argmin(-1)

    def split(self, h: Tensor) -> Tensor:
        """(B, M, Z / M) of (B, Z)."""
        return h.view(*h.shape[:-1], self.positions, self.codebook.shape[1])

    def entry(self, index: Tensor) -> Tensor:
        """(..., Z) the entries of (..., M) indices, one after the other."""
        return self.codebook[index].flatten(-2)

    def index(self, mean: Tensor) -> Tensor:
        """See `DiscretePrior.index`."""
        return self.nearest(mean)

    def of_index(self, index: Tensor) -> Tensor:
        """See `DiscretePrior.of_index`."""
        return self.entry(index)

    @torch.no_grad()
    def learn(self, h: Tensor, index: Tensor) -> None:
        """Takes (B, Z) vectors into the running means of their entries (B, M)."""
        flat, vectors = index.flatten(), self.split(h).flatten(0, 1).to(self.sums.dtype)
        count = torch.zeros_like(self.counts).index_add_(0, flat, torch.ones_like(vectors[:, 0]))
        total = torch.zeros_like(self.sums).index_add_(0, flat, vectors)
        self.counts.mul_(self.decay).add_(count, alpha=1 - self.decay)
        self.sums.mul_(self.decay).add_(total, alpha=1 - self.decay)
        whole = self.counts.sum()
        smoothed = (self.counts + SMOOTHING) / (whole + self.entries * SMOOTHING) * whole
        self.codebook.copy_(self.sums / smoothed.unsqueeze(1))

    def sample(self, noise: Tensor) -> Tensor:
        """See `Prior.sample`."""
        share = torch.special.ndtr(noise.double())
        index = (share * self.entries).long().clamp(max=self.entries - 1)
        return self.entry(index).to(noise.dtype)

    def log_prob(self, z: Tensor) -> Tensor:
        """(...) ``-M log K``, whatever the code."""
        return z.new_full(z.shape[:-1], -self.rate)


@dataclass(frozen=True)
class QuantisedCode(PointMass):
    """The code of each sentence.

    Attributes:
        mean: (B, Z) the entries, with the gradient of the vectors.
        unquantised: (B, Z) the encoder's vectors.
    """

    unquantised: Tensor
    has_density: ClassVar[bool] = True
    """Codes and prior are counted alike."""
    tolerance: ClassVar[float] = 1e-30
    """Equal codes are the same entry, number for number, and different entries may be close."""

    def kl(self, prior: Prior) -> Tensor | None:
        """(B, 1) M log K for every sentence, without a gradient."""
        return self.mean.new_full((len(self.mean), 1), prior.rate) if isinstance(prior, Codebook) else None
