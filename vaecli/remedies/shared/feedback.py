"""What remedies share that adapt to what they see: when they adapt, the KL of a batch, a running mean, an opening."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vaecli.model.posterior import kl_divergence
from vaecli.objective import BoundTerm, Clock, Terms


def adapting(terms: Terms) -> bool:
    """Whether the terms belong to an update, so that adaptive state moves: never in evaluation or without gradients."""
    return terms.context.training and torch.is_grad_enabled()


def steering(terms: Terms, clock: Clock, *trained: BoundTerm) -> bool:
    """Whether state moves that weighs the bound's terms by what becomes of them: `adapting`, where they are trained.

    In a first stage that leaves one out (`ae_pretrain`) it says nothing of any weight, and state that followed it would
    begin the next stage far from where it belongs.

    Args:
        terms: Of a batch.
        clock: Of the phase, which knows what it leaves out.
        trained: The terms that have to be trained.
    """
    return adapting(terms) and clock.without.isdisjoint(trained)


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


NEVER = -1
"""The update at which a code opened that hasn't: a number, since a checkpoint holds no infinity."""


class Opening(nn.Module):
    """Since when a code is open: from the first update at which the running mean of the information has been enough.

    A decoder learns its language first and the code later, the later the longer its sentences are. A tax that rises by
    the clock meets some corpora's codes before they are there, and none ever comes.

    Args:
        enough: Nats per sentence.
        smoothing: Of the running mean.
    """

    since: Tensor

    def __init__(self, enough: float, smoothing: float) -> None:
        super().__init__()
        self.enough = enough
        self.mean = RunningMean(smoothing)
        self.register_buffer("since", torch.tensor(NEVER))

    def steps_open(self, step: int, latest: float) -> float:
        """Updates since the code is open, or is held to be: at `latest` it counts as open, whatever it says.

        Args:
            step: Updates done in this phase; with fewer than at the opening, that was in an earlier one.
            latest: The update by which it counts as open.
        """
        since = self.since.item()
        opened = latest if since == NEVER else 0.0 if since > step else min(since, latest)
        return max(0.0, step - opened)

    @torch.no_grad()
    def update(self, information: Tensor, step: int) -> Tensor:
        """() the running mean with the () mean information of a batch taken in, at an update.

        Args:
            information: Of the batch.
            step: Updates done.
        """
        mean, since = self.mean.update(information), self.since.item()
        if since > step:
            self.since.zero_()  # the clock of a new phase, in which the code is open from the start
        elif since == NEVER and mean.item() >= self.enough:
            self.since.fill_(step)
        return mean
