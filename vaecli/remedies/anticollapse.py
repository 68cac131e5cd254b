"""The tax on what informs is lowered until the code informs enough; the tax on rate that says nothing stays.

Equation:
    ``E KL(q(z|x) || p(z)) = I_q(x; z) + KL(q(z) || p(z))``, so of the rate only the first part says something about the
    sentence, and the gap between kl and mi nothing. ``loss = rec + v (KL - I) + (1 - u) I``: information is free and
    the gap nearly so until the code is open, which it is once I, a running mean over batches, has been at c, or a first
    share of the run is over. From then v rises to the 1 that the gap has in the bound, over as large a share. With
    v = 1 it is the Lagrangian of the least neg_elbo subject to ``I >= c``, and u, 1 till then, ascends by
    ``u <- u + s (c - I)`` within [0, 1]. Where it settles I is c and u is the price of information,
    d neg_elbo / d mi; at u = 0 the VAE informs as much by itself.

Differs from the paper:
    There is none. Of others: a KL weight below 1 (`beta`, `control`, `soft_free_bits`) untaxes both parts alike, a
    floor of the KL (`free_bits`, `mdr`) is met by either, `mi_constraint` has a factor that is fixed where this one is
    found, and `info_kl` and `critic` have v = u = 1 from the first update to the last.

Caveat:
    I is estimated within a batch of B, from below and by at most log B (4.2 at 64): a target near that is never met,
    and u then stays at 1. What the estimate misses is taxed in full, so that the code informs by more than I says. The
    step is a nat and an update, and not rescaled to the length of a run: a u that is on its way when the run ends is no
    price. With a `warm_up` of half a run or more, a code that never opens is never taxed in full.

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
from vaecli.remedies.shared.feedback import Opening, steering


class InformationPrice(nn.Module):
    """The state: the running mean of the information, its price u, and since when the code is open.

    Args:
        target: c in nats.
        step: s, of u a nat and update.
        smoothing: Of the running mean.
    """

    value: Tensor

    def __init__(self, target: float, step: float, smoothing: float) -> None:
        super().__init__()
        self.target, self.step = target, step
        self.opening = Opening(target, smoothing)
        self.register_buffer("value", torch.ones(()))

    @torch.no_grad()
    def update(self, information: Tensor) -> None:
        """Moves the price by the () mean information of late batches: ``u <- u + s (c - I)`` within [0, 1]."""
        self.value.add_(self.step * (self.target - information)).clamp_(0, 1)


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
    version: ClassVar[int] = 2
    sensible: ClassVar[Mapping[str, Sensible]] = {"target": Span(0.5, 3.0)}

    target: float = Field(1.5, ge=0, description="c: least information, in nats per sentence; at most log B can be met")
    step: float = Field(3e-3, gt=0, le=1, description="s: how far a nat of missing information moves u in an update")
    start: float = Field(0.1, ge=0, le=1, description="weight of the gap until the code is open")
    warm_up: float = Field(
        0.25, ge=0, le=1, description="share of the run, with an open code, that the gap's tax takes"
    )
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
        ramp = self.warm_up * clock.total_steps
        gap = linear_weight(state.opening.steps_open(clock.step, ramp), ramp, self.start)
        taxed = replace(terms, kl=taxed_kl(terms.kl, information, gap, 1 - state.value))
        if steering(terms, clock, "kl"):
            mean = state.opening.update(information.detach().mean(), clock.step)
            # until the gap's tax is whole, information is free, or its own tax would shut what the gap's leaves open
            if gap == 1:
                state.update(mean)
        return taxed
