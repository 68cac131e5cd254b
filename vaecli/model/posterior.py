r"""Posterior distributions q(z|x) of a batch, and the heads that produce them.

Every posterior is a frozen set of tensors with the batch as first axis, and samples as a deterministic map of
standard normal noise, so a sentence's samples can be drawn from its own generator whatever batch it is in.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, partial
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from vaecli.kernels.switch import fast
from vaecli.model.encoder import Encoding
from vaecli.model.prior import Prior, StandardNormal

LOG_2PI = math.log(2 * math.pi)

ROUNDING = 1e-6
"""Nats that a log density from squares multiplied out may be off by; beyond it is computed from differences."""


@dataclass(frozen=True)
class Preimage:
    """Codes before an invertible map that all sentences share.

    What z tells of the sentence is what its start tells: the map takes nothing away and adds nothing.

    Attributes:
        z: (..., Z).
        log_determinant: (...) of the map's Jacobian there, which log densities after it lack.
    """

    z: Tensor
    log_determinant: Tensor

    def map(self, function: Callable[[Tensor], Tensor]) -> Preimage:
        """With a function applied to both tensors (detach, select, cast)."""
        return Preimage(function(self.z), function(self.log_determinant))


@dataclass(frozen=True)
class Posterior(ABC):
    """q(z|x) of B sentences, Z dimensions.

    Attributes:
        mean: (B, Z) E_q[z|x].
    """

    mean: Tensor
    has_density: ClassVar[bool] = True
    """Whether log q(z|x) is a density with respect to the prior's measure, so that a KL to it exists."""
    is_comparable: ClassVar[bool] = True
    """Whether log q(z|x) can be computed at all, so that sentences can be compared by it; False for samples alone."""

    @property
    def noise_size(self) -> int:
        """Standard normal numbers that one sample takes."""
        return self.mean.shape[-1]

    @abstractmethod
    def sample(self, noise: Tensor) -> Tensor:
        """(S, B, Z) reparameterised samples of (S, B, noise_size) standard normal noise."""

    @abstractmethod
    def log_prob(self, z: Tensor) -> Tensor:
        """(S, B) log q(z_s,b | x_b) of (S, B, Z)."""

    @abstractmethod
    def pairwise_log_prob(self, z: Tensor) -> Tensor:
        """(M, B) log q(z_m | x_b) of (M, Z), in the dtype of this posterior."""

    def batchwise_log_prob(self, z: Tensor, size: int) -> Tensor:
        """(B / size, size, size) log q(z_m | x_b) of (B, Z), within batches of sentences that follow one another."""
        return batch_by_batch(self, z, size)

    @property
    def start(self) -> Posterior:
        """q(z_0|x) before an invertible map that all sentences share; the posterior itself where there is no such."""
        return self

    def start_of(self, z: Tensor) -> Preimage | None:
        """Where (S, B, Z) or (B, Z) codes were before that map; None where there is no such."""
        return None

    def start_near(self, z: Tensor, start: Preimage | None) -> Preimage | None:
        """The start of (S, B, Z) codes as a function of them, at the numbers that are known; None where there are none.

        Args:
            z: Codes.
            start: Theirs, as `start_of` knew it of the samples that they are a copy of.
        """
        return None

    def log_prob_from(self, z: Tensor, start: Preimage | None) -> Tensor:
        """(S, B) as `log_prob`, its gradients too, but from the known start of the codes where there is one."""
        return self.log_prob(z)

    def kl(self, prior: Prior) -> Tensor | None:
        """(B, Z) exact KL(q(z|x) || p(z)) by dimension, (B, 1) where it doesn't factorise, None without one."""
        return None

    def kl_estimate(self, prior: Prior, z: Tensor) -> Tensor | None:
        """(B, 1) an estimate of the KL without a density, which bounds nothing; None without one.

        Args:
            prior: p(z).
            z: (B, Z) a sample of q, or (S, B, Z) several.
        """
        return None

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All that it is made of."""
        values = (getattr(self, f.name) for f in fields(self))
        return tuple(value for value in values if isinstance(value, Tensor))

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """The posterior with a function applied to each of its tensors (detach, select sentences, cast)."""
        return type(self)(**{f.name: function(getattr(self, f.name)) for f in fields(self)})

    @classmethod
    def cat(cls, parts: Sequence[Posterior]) -> Posterior:
        """Posteriors of several batches as one."""
        kind = type(parts[0])
        names = [f.name for f in fields(parts[0])]
        return kind(**{n: torch.cat([getattr(p, n) for p in parts]) for n in names})


def pairwise_by_definition(posterior: Posterior, z: Tensor) -> Tensor:
    """Plain twin of `Posterior.pairwise_log_prob`: each code's density under each sentence's posterior, one by one."""
    return posterior.log_prob(z.unsqueeze(1))


def batch_by_batch(posterior: Posterior, z: Tensor, size: int) -> Tensor:
    """Plain twin of `Posterior.batchwise_log_prob`: a batch after the other."""
    batches = torch.split(torch.arange(len(z), device=z.device), size)
    parts = [posterior.map(lambda t, index=index: t[index]) for index in batches]  # type: ignore[misc]
    tables = [part.pairwise_log_prob(z[index]) for part, index in zip(parts, batches, strict=True)]
    return torch.stack(tables)


@dataclass(frozen=True)
class DiagonalGaussian(Posterior):
    """N(mean, diag(exp(logvar))), the posterior of Kingma & Welling (2014).

    Attributes:
        logvar: (B, Z) log variances.
    """

    logvar: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """See `Posterior.sample`."""
        return self.mean + (0.5 * self.logvar).exp() * noise

    def log_prob_dimensions(self, z: Tensor) -> Tensor:
        """(S, B, Z) log density of each dimension."""
        return -0.5 * (LOG_2PI + self.logvar + (z - self.mean).square() * (-self.logvar).exp())

    def log_prob(self, z: Tensor) -> Tensor:
        """See `Posterior.log_prob`."""
        return self.log_prob_dimensions(z).sum(-1)

    @fast(pairwise_by_definition)
    def pairwise_log_prob(self, z: Tensor) -> Tensor:
        """See `Posterior.pairwise_log_prob`; one matrix product instead of an (M, B, Z) array.

        Of an estimator's posteriors that are too narrow for that, the differences are squared instead.
        """
        if cancels(z, self.mean, self.logvar):
            return log_prob_of_differences(z, self.mean, self.logvar)
        weights, constant = self._quadratic_form
        return torch.addmm(constant, torch.cat([z.square(), z], 1), weights)

    @fast(batch_by_batch)
    def batchwise_log_prob(self, z: Tensor, size: int) -> Tensor:
        """See `Posterior.batchwise_log_prob`; one product for all batches."""
        if cancels(z, self.mean, self.logvar):
            return batch_by_batch(self, z, size)
        weights, constant = self._quadratic_form
        powers = torch.cat([z.square(), z], 1).view(-1, size, weights.shape[0])
        return torch.baddbmm(constant.view(-1, 1, size), powers, weights.T.view_as(powers).transpose(1, 2))

    @cached_property
    def _quadratic_form(self) -> tuple[Tensor, Tensor]:
        """(2Z, B) weights of z^2 and z in the log densities, and the (B,) rest: the same for every chunk of z."""
        precision = (-self.logvar).exp()
        weights = torch.cat([-0.5 * precision, self.mean * precision], 1).T
        return weights, -0.5 * (LOG_2PI + self.logvar + self.mean.square() * precision).sum(-1)

    def kl(self, prior: Prior) -> Tensor | None:
        r"""(B, Z) closed form ``(mean^2 + exp(logvar) - logvar - 1) / 2`` against N(0, I)."""
        if not isinstance(prior, StandardNormal):
            return None
        return gaussian_kl(self.mean, self.logvar)


def cancels(z: Tensor, mean: Tensor, logvar: Tensor) -> bool:
    """Whether log densities from squares multiplied out may be off by more than `ROUNDING`, in an estimator.

    Training, whose products are in float32 or have a gradient, isn't asked: a GPU would wait for the answer.

    Args:
        z: (..., Z) codes.
        mean: (B, Z) of the Gaussians.
        logvar: (B, Z) of them.
    """
    if z.dtype != torch.float64 or not z.numel() or any(t.requires_grad for t in (z, mean, logvar)):
        return False
    largest = torch.maximum(z.abs().max(), mean.abs().max())
    return bool(z.shape[-1] * torch.finfo(z.dtype).eps * largest.square() * (-logvar.min()).exp() > ROUNDING)


def log_prob_of_differences(z: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    """(M, B) log densities of (M, Z) codes under (B, Z) Gaussians, from differences, a dimension after the other."""
    total = z.new_zeros(len(z), len(mean))
    for d in range(z.shape[1]):
        scaled = (z[:, d, None] - mean[:, d]).mul_((-0.5 * logvar[:, d]).exp())
        total.addcmul_(scaled, scaled)
    return total.add_((LOG_2PI + logvar).sum(-1)).mul_(-0.5)


@dataclass(frozen=True)
class PointMass(Posterior):
    """A deterministic code z = mean.

    Its density is taken with respect to the counting measure (0 at the code, -inf elsewhere), under which mutual
    information is the entropy of the codes; against a continuous prior no KL exists.
    """

    has_density: ClassVar[bool] = False
    tolerance: ClassVar[float] = 1e-5
    """Codes closer than this in every dimension are the same code: sums in another order differ by less."""

    def sample(self, noise: Tensor) -> Tensor:
        """The code, whatever the noise."""
        return self.mean.expand(noise.shape[0], *self.mean.shape)

    def log_prob(self, z: Tensor) -> Tensor:
        """See the class."""
        same = ((z - self.mean).abs() < self.tolerance).all(-1)
        return torch.zeros_like(z[..., 0]).masked_fill(~same, -math.inf)

    @fast(pairwise_by_definition)
    def pairwise_log_prob(self, z: Tensor) -> Tensor:
        """See the class; where few pairs are alike in the dimensions of largest spread, only these are looked at.

        What is made of these is no larger than the table.
        """
        order = (self.mean.amax(0) - self.mean.amin(0)).argsort(descending=True).tolist()
        same = torch.ones(len(z), len(self.mean), dtype=torch.bool, device=z.device)
        for looked_at, d in enumerate(order, 1):
            same &= (z[:, d, None] - self.mean[:, d]).abs_() < self.tolerance
            rest = order[looked_at:]
            if rest and 2 * len(rest) * int(same.sum()) < same.numel():
                rows, columns = same.nonzero(as_tuple=True)
                gaps = z[:, rest][rows].sub_(self.mean[:, rest][columns]).abs_()
                same[rows, columns] = (gaps < self.tolerance).all(-1)
                break
        return z.new_zeros(same.shape).masked_fill_(~same, -math.inf)


def gaussian_kl(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mean, exp(logvar)) || N(0, 1)) elementwise, in nats (Kingma & Welling 2014, appendix B)."""
    return 0.5 * (mean.square() + logvar.exp() - logvar - 1)


def kl_divergence(posterior: Posterior, prior: Prior, z: Tensor) -> Tensor:
    """KL(q(z|x) || p(z)): exact where there is a closed form, else the mean of log q - log p over samples.

    Args:
        posterior: q(z|x) of B sentences.
        prior: p(z).
        z: (B, Z) a sample of q, or (S, B, Z) several.

    Returns:
        (B, Z) by dimension, or (B, 1) where it doesn't factorise.
    """
    exact = posterior.kl(prior)
    if exact is not None:
        return exact
    log_prior = prior.log_prob_from(z, partial(posterior.start_of, z))
    if z.dim() == 2:
        return (posterior.log_prob(z.unsqueeze(0)).squeeze(0) - log_prior).unsqueeze(-1)
    return (posterior.log_prob(z) - log_prior).mean(0).unsqueeze(-1)


class PosteriorHead(nn.Module, ABC):
    """Maps an encoding to q(z|x)."""

    @abstractmethod
    def forward(self, encoding: Encoding) -> Posterior:
        """q(z|x) of the batch."""


class GaussianHead(PosteriorHead):
    """Linear maps without bias from the encoder's features to mean and logvar (He et al. 2019).

    Args:
        feature_size: Encoder features F.
        latent_size: Dimensions Z.
    """

    def __init__(self, feature_size: int, latent_size: int) -> None:
        super().__init__()
        self.mean = nn.Linear(feature_size, latent_size, bias=False)
        self.logvar = nn.Linear(feature_size, latent_size, bias=False)

    def forward(self, encoding: Encoding) -> DiagonalGaussian:
        """q(z|x) of the batch."""
        return DiagonalGaussian(self.mean(encoding.features), self.logvar(encoding.features))
