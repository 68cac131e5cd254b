"""What remedies share that adapt to the KL they see: when they adapt, the KL of a batch, and a running mean of it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vaecli.model.posterior import kl_divergence
from vaecli.objective import Terms


def adapting(terms: Terms) -> bool:
    """Whether the terms belong to an update, so that adaptive state moves: never in evaluation or without gradients."""
    return terms.context.training and torch.is_grad_enabled()


@torch.no_grad()
def batch_kl(terms: Terms) -> Tensor:
    """() mean KL(q(z|x) || p(z)) of the batch in nats per sentence, whatever KL term a remedy trains with.

    Of a posterior without a density, which has no such KL, it is the mean of the term that stands for it.
    """
    posterior = terms.context.posterior
    assert posterior is not None
    if not posterior.has_density:
        return terms.kl.float().sum(-1).mean()
    return kl_divergence(posterior, terms.context.prior, terms.z).float().sum(-1).mean()


class RunningMean(nn.Module):
    """Exponential moving average whose weights sum to 1 from the first value on.

    Args:
        smoothing: a in ``m <- a m + (1 - a) value``; at 0 the mean is the last value.
    """

    total: Tensor
    weight: Tensor

    def __init__(self, smoothing: float) -> None:
        super().__init__()
        self.smoothing = smoothing
        self.register_buffer("total", torch.zeros(()))
        self.register_buffer("weight", torch.zeros(()))

    @torch.no_grad()
    def update(self, value: Tensor) -> Tensor:
        """() the mean with a () value taken in."""
        self.total.mul_(self.smoothing).add_((1 - self.smoothing) * value)
        self.weight.mul_(self.smoothing).add_(1 - self.smoothing)
        return self.total / self.weight
