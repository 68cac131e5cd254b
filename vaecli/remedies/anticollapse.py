"""The tax on what informs is lowered until the code informs enough; the tax on rate that says nothing stays.

Equation:
    ``E KL(q(z|x) || p(z)) = I_q(x; z) + KL(q(z) || p(z))``, so of the rate only the first part says something about the
    sentence, and the gap between kl and mi nothing. ``loss = rec + v (KL - I) + (1 - u) I``: the gap has the weight 1
    that it has in the bound, once v has risen from 0 over a first share of the run, and information 1 - u. With v = 1
    it is the Lagrangian of the least neg_elbo subject to ``I >= c``, and u, 1 till then, ascends by ``u <- u + s (c -
    I)`` within [0, 1], I a running mean over batches. Where it settles I is c and u is the price of information,
    d neg_elbo / d mi; at u = 0 the VAE informs as much by itself.

Differs from the paper:
    There is none. Of others: a KL weight below 1 (`beta`, `control`, `soft_free_bits`) untaxes both parts alike, a
    floor of the KL (`free_bits`, `mdr`) is met by either, `mi_constraint` has a factor that is fixed where this one is
    found, and `info_kl` and `critic` have v = u = 1 from the first update to the last.

Caveat:
    I is estimated within a batch of B, from below and by at most log B (4.2 at 64): a target near that is never met,
    and u then stays at 1. What the estimate misses is taxed in full, so that the code informs by more than I says. The
    step is a nat and an update, and not rescaled to the length of a run: a u that is on its way when the run ends is no
    price.

References:
    Ours (2026), without a paper; the identity is that of Hoffman & Johnson (2016).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from vaecli.model.vae import Parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy, put_aux
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.linear_anneal import linear_weight
from vaecli.remedies.shared.aggregate import sentence_information, taxed_kl
from vaecli.remedies.shared.feedback import RunningMean, adapting


class InformationPrice(nn.Module):
    """The state: the running mean of the information, and its price u.

    Args:
        target: c in nats.
        step: s, of u a nat and update.
        smoothing: Of the running mean.
    """

    value: Tensor

    def __init__(self, target: float, step: float, smoothing: float) -> None:
        super().__init__()
        self.target, self.step = target, step
        self.information = RunningMean(smoothing)
        self.register_buffer("value", torch.ones(()))

    @torch.no_grad()
    def update(self, information: Tensor) -> None:
        """Takes in the () mean information of a batch: ``u <- u + s (c - I)`` within [0, 1]."""
        missing = self.target - self.information.update(information)
        self.value.add_(self.step * missing).clamp_(0, 1)


class AntiCollapse(Remedy):
    """Least neg_elbo under a minimum of information."""

    name: ClassVar[str] = "anticollapse"
    title: ClassVar[str] = "tax on the gap between kl and mi"
    paper: ClassVar[Paper] = Paper("Ours", 2026, "no paper")
    equation: ClassVar[str] = "loss = rec + v (KL - I) + (1 - u) I, u <- u + s (c - I) within [0, 1]"
    no_recipe: ClassVar[str] = "ours, no paper"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.DENSITY})
    cost: ClassVar[float] = 1.1
    sensible: ClassVar[Mapping[str, Sensible]] = {"target": Span(0.5, 3.0)}

    target: float = Field(1.5, ge=0, description="c: least information, in nats per sentence; at most log B can be met")
    step: float = Field(3e-3, gt=0, le=1, description="s: how far a nat of missing information moves u in an update")
    warm_up: float = Field(0.25, ge=0, le=1, description="share of the planned updates in which the gap's tax rises")
    smoothing: float = Field(0.9, ge=0, lt=1, description="a of the running mean of the information; 0 is the batch's")

    def build(self, parts: Parts) -> Parts:
        """The price's state beside the model."""
        state = InformationPrice(self.target, self.step, self.smoothing)
        return replace(parts, aux=put_aux(parts, self.name, state))

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Taxes the two parts of the KL, then moves the price by the information of an update's batch."""
        state, posterior = terms.context.aux[self.name], terms.context.posterior
        assert isinstance(state, InformationPrice)
        assert posterior is not None
        information = sentence_information(posterior, terms.z)
        gap = linear_weight(clock.step, self.warm_up * clock.total_steps, 0.0)
        taxed = replace(terms, kl=taxed_kl(terms.kl, information, gap, 1 - state.value))
        # until the gap's tax is whole, information is free, or its own tax would shut what the gap's leaves open
        if gap == 1 and adapting(terms):
            state.update(information.detach().mean())
        return taxed
