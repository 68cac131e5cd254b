"""Information at a price: free at first, then for so many nats of neg_elbo a nat.

Equation:
    ``loss = rec + v (KL - I) + (1 - u) I``, I the information within the batch. Information is free and the gap nearly
    so until the code is open: until a running mean of I has been at a nat, or a first share of the planned updates is
    over. From then the gap's weight v rises to the bound's 1 over as large a share, and u falls from 1 to the price
    along half a cosine over a larger one. At the minimum no nat of information is left that costs more than the price
    in nats of neg_elbo, or could be had for less: ``d neg_elbo / d mi = u``. At u = 0 the end is the VAE's own
    objective, and what is left is a minimum of the bound itself that holds a code.

Differs from the paper:
    There is none. `anticollapse` is told how much is to be known and finds the price; here the price is told, in a
    unit that is the same for any corpus and model. An annealing (`linear_anneal`, v = 1 - u) takes both parts of the
    KL to weight 1 at once; here, once a code is there, the gap is closed before information costs anything.

Caveat:
    I is estimated within a batch of B, from below and by at most log B (4.2 at 64), and what the estimate misses is
    taxed in full. A minimum is local, and runs are short: the price is what is paid for the last nat, not the mean. A
    code that opens late needs ``warm_up + share`` of at most 1, or the run ends before u is at the price.

References:
    Ours (2026), without a paper; the identity is that of Hoffman & Johnson (2016).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from vaecli.model.vae import Parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy, put_aux
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.linear_anneal import linear_weight
from vaecli.remedies.shared.aggregate import sentence_information, taxed_kl
from vaecli.remedies.shared.feedback import Opening, steering
from vaecli.remedies.shared.schedules import CURVES


def price_at(progress: float, price: float, share: float) -> float:
    """The price u after a share of the run with an open code: 1 at its start, `price` exactly from `share` on.

    Args:
        progress: Share of the planned updates done since the code is open.
        price: Last u.
        share: Of the run, that the descent takes.
    """
    if progress >= share:
        return price
    return 1 - (1 - price) * CURVES["cosine"](progress / share)


class InfoPrice(Remedy):
    """Information at a price that is told."""

    name: ClassVar[str] = "info_price"
    title: ClassVar[str] = "information at a price"
    paper: ClassVar[Paper] = Paper("Ours", 2026, "no paper")
    equation: ClassVar[str] = "loss = rec + v (KL - I) + (1 - u) I, v rising to 1, u falling from 1 to the price"
    no_recipe: ClassVar[str] = "ours, no paper"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.DENSITY})
    cost: ClassVar[float] = 1.1
    version: ClassVar[int] = 2
    sensible: ClassVar[Mapping[str, Sensible]] = {"price": Span(0.0, 0.8), "share": Span(0.3, 1.0)}

    price: float = Field(0.3, ge=0, le=1, description="u: nats of neg_elbo that a nat of information may cost")
    opening: float = Field(1.0, ge=0, description="nats of information at which the code counts as open")
    start: float = Field(0.1, ge=0, le=1, description="weight of the gap until the code is open")
    warm_up: float = Field(
        0.25, ge=0, le=1, description="share of the run, with an open code, that the gap's tax takes"
    )
    share: float = Field(0.75, ge=0, le=1, description="of the planned updates, that the fall from 1 to u takes")
    smoothing: float = Field(0.9, ge=0, lt=1, description="a of the running mean of the information; 0 is the batch's")

    def build(self, parts: Parts) -> Parts:
        """What is known of the code's opening beside the model."""
        return replace(parts, aux=put_aux(parts, self.name, Opening(self.opening, self.smoothing)))

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Taxes the two parts of the KL at the weights of this update, and takes in what the batch's code says."""
        state, posterior = terms.context.aux[self.name], terms.context.posterior
        assert isinstance(state, Opening)
        assert posterior is not None
        information = sentence_information(posterior, terms.z)
        ramp = self.warm_up * clock.total_steps
        steps = state.steps_open(clock.step, ramp)
        price = price_at(steps / clock.total_steps, self.price, self.share)
        taxed = replace(terms, kl=taxed_kl(terms.kl, information, linear_weight(steps, ramp, self.start), 1 - price))
        if steering(terms, clock, "kl"):
            state.update(information.detach().mean(), clock.step)
        return taxed
