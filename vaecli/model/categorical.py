r"""Discrete codes: M independent variables of C classes each, as one-hot vectors in one vector of M C dimensions.

Densities are probabilities, those of the posterior and of the uniform prior alike, so that the KL, the
importance-weighted bound and mutual information mean what they do for densities. A sample is the class with the largest
:math:`\log q + g`, g Gumbel noise; its gradient is that of the softmax of the same at a temperature (straight-through,
Jang et al. 2017).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from vaecli.kernels.switch import fast
from vaecli.model.posterior import Posterior, pairwise_by_definition
from vaecli.model.prior import DiscretePrior, Prior


@dataclass(frozen=True)
class Classes:
    """What all sentences share.

    Attributes:
        variables: M.
        classes: C.
        temperature: Of the softmax whose gradient samples have.
    """

    variables: int
    classes: int
    temperature: float

    def split(self, x: Tensor) -> Tensor:
        """(..., M, C) of (..., M C)."""
        return x.reshape(*x.shape[:-1], self.variables, self.classes)


def one_hot_of_largest(scores: Tensor) -> Tensor:
    """(..., C) 1 at the largest of (..., C) scores, else 0."""
    return torch.zeros_like(scores).scatter(-1, scores.argmax(-1, keepdim=True), 1.0)


def gumbel(noise: Tensor) -> Tensor:
    """Gumbel noise of the same probability as standard normal noise, in its dtype."""
    wide = noise.double()
    value: Tensor = -(-torch.special.log_ndtr(wide)).log()
    return value.to(noise.dtype)


def kl_to_uniform(log_probs: Tensor) -> Tensor:
    """(...) KL of (..., C) log probabilities to the uniform distribution: ``log C`` less the entropy, in nats."""
    return (log_probs.exp() * log_probs).sum(-1) + math.log(log_probs.shape[-1])


class UniformClasses(DiscretePrior):
    """The uniform distribution over all C^M codes.

    Args:
        layout: Variables and classes.
    """

    def __init__(self, layout: Classes) -> None:
        super().__init__(layout.variables * layout.classes)
        self.layout, self.classes = layout, layout.classes

    def sample(self, noise: Tensor) -> Tensor:
        """See `Prior.sample`."""
        return one_hot_of_largest(self.layout.split(noise)).flatten(-2)

    def index(self, mean: Tensor) -> Tensor:
        """See `DiscretePrior.index`."""
        return self.layout.split(mean).argmax(-1)

    def of_index(self, index: Tensor) -> Tensor:
        """See `DiscretePrior.of_index`; one-hot."""
        return nn.functional.one_hot(index, self.classes).flatten(-2)

    def log_prob(self, z: Tensor) -> Tensor:
        """(...) ``-M log C``, whatever the code."""
        return z.new_full(z.shape[:-1], -self.layout.variables * math.log(self.layout.classes))


@dataclass(frozen=True)
class CategoricalPosterior(Posterior):
    """M independent categorical variables for every sentence.

    Attributes:
        mean: (B, M C) their probabilities, which are E_q[z|x].
        log_probs: (B, M C) logarithms.
        layout: Of all sentences.
    """

    log_probs: Tensor
    layout: Classes

    def sample(self, noise: Tensor) -> Tensor:
        """See `Posterior.sample`; one-hot, with the gradient of the softmax at the temperature."""
        scores = self.layout.split(self.log_probs + gumbel(noise))
        hard = one_hot_of_largest(scores.detach())
        if scores.requires_grad:
            soft = (scores / self.layout.temperature).softmax(-1)
            hard = hard + (soft - soft.detach())
        return hard.flatten(-2)

    def log_prob(self, z: Tensor) -> Tensor:
        """See `Posterior.log_prob`."""
        return (z * self.log_probs).sum(-1)

    @fast(pairwise_by_definition)
    def pairwise_log_prob(self, z: Tensor) -> Tensor:
        """See `Posterior.pairwise_log_prob`."""
        return z @ self.log_probs.T

    def kl(self, prior: Prior) -> Tensor | None:
        """(B, M) by variable, against the uniform distribution."""
        return kl_to_uniform(self.layout.split(self.log_probs)) if isinstance(prior, UniformClasses) else None

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """See `Posterior.map`; what all sentences share stays."""
        return type(self)(function(self.mean), function(self.log_probs), self.layout)

    @classmethod
    def cat(cls, parts: Sequence[Posterior]) -> Posterior:
        """See `Posterior.cat`; the parts are of one model."""
        kinds = [part for part in parts if isinstance(part, CategoricalPosterior)]
        return cls(
            torch.cat([part.mean for part in kinds]), torch.cat([part.log_probs for part in kinds]), kinds[0].layout
        )
