"""The tax on what informs is lowered until the code informs enough; the tax on rate that says nothing stays.

Equation:
    ``E KL(q(z|x) || p(z)) = I_q(x; z) + KL(q(z) || p(z))``, so of the rate only the first part says something about the
    sentence. ``loss = rec + KL - u I``: the divergence of q(z) from the prior, the gap between kl and mi, has the
    weight 1 that it has in the bound, and information 1 - u. It is the Lagrangian of the least neg_elbo subject to
    ``I >= c``, and u ascends: ``u <- u + s (c - I)`` within [0, 1], I a running mean over batches. Where it settles, I
    is c and u is the price of information, d neg_elbo / d mi; at u = 0 the VAE informs as much by itself.

How others differ:
    A KL weight below 1 (`beta`, `control`, `soft_free_bits`) untaxes both parts alike, a floor of the KL (`free_bits`,
    `mdr`) is met by either, and `mi_constraint` has a factor that is fixed where this one is found.

Caveat:
    I is estimated within a batch of B, from below and by at most log B (4.2 at 64): of a target near that nothing is
    met, and above it u stays at 1. What the estimate misses is taxed in full, so that the code informs more than I
    says, and costs a little more than u. No constraint on I moves a u that is still on its way when the run ends: the
    step is a nat and an update, and not rescaled to the length of a run.

References:
    None; the identity is that of Hoffman & Johnson (2016).
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
from vaecli.remedies.shared.aggregate import discounted_kl, sentence_information
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
    paper: ClassVar[Paper] = Paper("ours", 2026, "no paper")
    equation: ClassVar[str] = "loss = rec + KL - u I(x; z), u <- u + s (c - I) within [0, 1]"
    no_recipe: ClassVar[str] = "ours, no paper"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.DENSITY})
    cost: ClassVar[float] = 1.1
    sensible: ClassVar[Mapping[str, Sensible]] = {"target": Span(0.5, 3.5)}

    target: float = Field(2.0, ge=0, description="c: least information, in nats per sentence; at most log B can be met")
    step: float = Field(3e-3, gt=0, le=1, description="s: how far a nat of missing information moves u in an update")
    smoothing: float = Field(0.9, ge=0, lt=1, description="a of the running mean of the information; 0 is the batch's")

    def build(self, parts: Parts) -> Parts:
        """The price's state beside the model."""
        state = InformationPrice(self.target, self.step, self.smoothing)
        return replace(parts, aux=put_aux(parts, self.name, state))

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Takes the information off the KL at its price, then moves the price by that of an update's batch."""
        state, posterior = terms.context.aux[self.name], terms.context.posterior
        assert isinstance(state, InformationPrice)
        assert posterior is not None
        information = sentence_information(posterior, terms.z)
        taxed = replace(terms, kl=discounted_kl(terms.kl, information, state.value.clone()))
        if adapting(terms):
            state.update(information.detach().mean())
        return taxed
