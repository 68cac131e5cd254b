r"""An implicit posterior (Fang et al. 2019): samples of a network of the sentence and noise, without a density.

Its KL has a dual form (Fenchel), which a network nu of the sentence and the code bounds from below:

.. math:: KL(q(z|x) \| p(z)) = \max_\nu E_q[\nu(x, z)] - E_p[e^{\nu(x, z)}] + 1

with the maximum at :math:`\nu = \log q(z|x) - \log p(z)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from vaecli.core.errors import UsageError
from vaecli.model.encoder import Encoding
from vaecli.model.flow import antithetic_noise
from vaecli.model.posterior import Posterior, PosteriorHead
from vaecli.model.prior import Prior

LARGEST_RATIO = 20.0
"""nu counts as at most this: e^20 from one sample of the prior would decide an update."""

MEAN_PAIRS = 64
"""Pairs of noise that the posterior mean, and the expectation over the prior, are averaged over in evaluation."""


class RatioNetwork(nn.Module):
    """nu, two layers of tanh units; it starts near 0.

    Args:
        feature_size: Encoder features F; 0 for a nu of the code alone.
        latent_size: Z.
        hidden: Units of each layer.
    """

    own_optimizer: ClassVar[bool] = True
    """The groups of the main optimisers, and their clipping, leave it out."""

    def __init__(self, feature_size: int, latent_size: int, hidden: int) -> None:
        super().__init__()
        self.feature_size = feature_size
        self.layers = nn.Sequential(
            nn.Linear(feature_size + latent_size, hidden),
            nn.Tanh(),
            nn.Linear(hidden, hidden),
            nn.Tanh(),
            nn.Linear(hidden, 1),
        )

    def forward(self, features: Tensor, z: Tensor) -> Tensor:
        """(..., B) values of (B, F) features and (..., B, Z) codes."""
        dtype = next(self.parameters()).dtype
        seen = z.to(dtype)
        if self.feature_size:
            seen = torch.cat([features.to(dtype).expand(*z.shape[:-1], -1), seen], -1)
        values: Tensor = self.layers(seen).squeeze(-1)
        return values


def dual(at_codes: Tensor, at_prior: Tensor) -> Tensor:
    """``nu(q) - mean_j exp nu(p_j) + 1``: 0 at nu = 0, the KL in expectation at the log ratio, else below it.

    Args:
        at_codes: (..., B) nu at samples of q.
        at_prior: (J, B) nu at samples of p, of which the exponentials are averaged.
    """
    return at_codes - at_prior.clamp(max=LARGEST_RATIO).exp().mean(0) + 1


def held_still(network: nn.Module, features: Tensor, z: Tensor) -> Tensor:
    """A network's values with a gradient by its inputs and none by its weights."""
    weights = {name: value.detach() for name, value in network.named_parameters()}
    values: Tensor = torch.func.functional_call(network, weights, (features, z))
    return values


@dataclass(frozen=True)
class Sampler:
    """What all sentences share.

    Attributes:
        network: Maps features and noise, beside each other, to codes.
        noise_size: E.
        ratio: nu, where the posterior estimates its KL by it.
        fresh: Whether the estimate draws a sample of the prior a sentence, as in training, or takes fixed ones.
    """

    network: nn.Module
    noise_size: int
    ratio: RatioNetwork | None
    fresh: bool

    def codes(self, features: Tensor, noise: Tensor) -> Tensor:
        """(S, B, Z) codes of (B, F) features and (S, B, E) noise, in the dtype of the noise."""
        dtype = next(self.network.parameters()).dtype
        seen = torch.cat([features.to(dtype).expand(len(noise), -1, -1), noise.to(dtype)], -1)
        z: Tensor = self.network(seen)
        return z.to(noise.dtype)


@dataclass(frozen=True)
class ImplicitPosterior(Posterior):
    """Codes that a network makes of a sentence and noise.

    Attributes:
        mean: (B, Z) E_q[z|x], an average over fixed noises in evaluation and the code at noise 0 in training.
        features: (B, F) of the encoder.
        sampler: Of all sentences.
    """

    features: Tensor
    sampler: Sampler
    has_density: ClassVar[bool] = False
    is_comparable: ClassVar[bool] = False

    @property
    def noise_size(self) -> int:
        """E."""
        return self.sampler.noise_size

    def sample(self, noise: Tensor) -> Tensor:
        """See `Posterior.sample`."""
        return self.sampler.codes(self.features, noise)

    def log_prob(self, z: Tensor) -> Tensor:
        """There is none.

        Raises:
            UsageError: Always.
        """
        raise UsageError("an implicit posterior has no density")

    def pairwise_log_prob(self, z: Tensor) -> Tensor:
        """There is none; see `log_prob`."""
        return self.log_prob(z)

    def kl_estimate(self, prior: Prior, z: Tensor) -> Tensor | None:
        """(B, 1) the dual form at nu, whose weights stay fixed: at most the KL in expectation; None without a nu."""
        if self.sampler.ratio is None:
            return None
        codes = z.unsqueeze(0) if z.dim() == 2 else z
        if self.sampler.fresh:
            noise = torch.randn(1, len(self.mean), prior.noise_size, device=z.device, dtype=z.dtype)
        else:
            noise = antithetic_noise(MEAN_PAIRS, prior.noise_size).to(z).expand(-1, len(self.mean), -1)
        at_codes = held_still(self.sampler.ratio, self.features, codes).mean(0)
        at_prior = held_still(self.sampler.ratio, self.features, prior.sample(noise))
        return dual(at_codes, at_prior).to(z.dtype).unsqueeze(-1)

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """See `Posterior.map`; what all sentences share stays."""
        return type(self)(function(self.mean), function(self.features), self.sampler)

    @classmethod
    def cat(cls, parts: Sequence[Posterior]) -> Posterior:
        """See `Posterior.cat`; the parts are of one model."""
        kinds = [part for part in parts if isinstance(part, ImplicitPosterior)]
        mean, features = (torch.cat([getattr(part, name) for part in kinds]) for name in ("mean", "features"))
        return cls(mean, features, kinds[0].sampler)


class ImplicitHead(PosteriorHead):
    """A network of the encoder's features and noise.

    Args:
        feature_size: Encoder features F.
        latent_size: Z; noise has as many numbers.
        hidden: Units of its two layers.
        ratio: nu, an auxiliary module, where the posterior estimates its KL.
    """

    noise: Tensor

    def __init__(self, feature_size: int, latent_size: int, hidden: int, ratio: RatioNetwork | None) -> None:
        super().__init__()
        self.latent_size = latent_size
        self.network = nn.Sequential(
            nn.Linear(feature_size + latent_size, hidden), nn.Tanh(), nn.Linear(hidden, latent_size)
        )
        self._ratio = (ratio,)  # the auxiliary modules own it
        self.register_buffer("noise", antithetic_noise(MEAN_PAIRS, latent_size), persistent=False)

    def forward(self, encoding: Encoding) -> ImplicitPosterior:
        """q(z|x) of the batch."""
        features = encoding.features.to(torch.promote_types(encoding.features.dtype, torch.float32))
        (ratio,) = self._ratio
        sampler = Sampler(self.network, self.latent_size, ratio, self.training)
        fixed = torch.zeros_like(self.noise[:1]) if self.training else self.noise
        mean = sampler.codes(features, fixed.to(features.dtype).expand(-1, len(features), -1)).mean(0)
        return ImplicitPosterior(mean, features, sampler)
