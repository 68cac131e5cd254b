"""Information at a price: free at first, then for so many nats of neg_elbo a nat.

Equation:
    ``loss = rec + KL - u(s) I``, I the information within the batch and u falling from 1 to the price u along half a
    cosine, over a share of the planned updates. At its minimum no nat of information is left that costs more than u
    nats of neg_elbo, or could be had for less: ``d neg_elbo / d mi = u``. u = 0 ends as the VAE, and what is left then
    is a minimum of the bound itself that holds a code.

How others differ:
    `anticollapse` is told how much is to be known and finds the price; here the price is told, in a unit that is the
    same for any corpus and model. An annealing (`linear_anneal`) begins with a free KL, and so with a q(z) far from the
    prior; here only what informs is free.

Caveat:
    I is estimated within a batch of B, from below and by at most log B (4.2 at 64), and what the estimate misses is
    taxed in full. A run too short for its share ends above its price.

References:
    None; the identity ``E KL(q(z|x) || p(z)) = I_q(x; z) + KL(q(z) || p(z))`` is that of Hoffman & Johnson (2016).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from vaecli.objective import Clock, Terms
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.aggregate import discounted_kl, sentence_information
from vaecli.remedies.shared.schedules import CURVES


def price_at(progress: float, price: float, share: float) -> float:
    """The price u after a share of the run: 1 at its start, `price` exactly from `share` on.

    Args:
        progress: Share of the planned updates done.
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
    paper: ClassVar[Paper] = Paper("ours", 2026, "no paper")
    equation: ClassVar[str] = "loss = rec + KL - u(s) I(x; z), u(s) falling from 1 to the price"
    no_recipe: ClassVar[str] = "ours, no paper"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.KL})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.DENSITY})
    cost: ClassVar[float] = 1.1
    sensible: ClassVar[Mapping[str, Sensible]] = {"price": Span(0.0, 0.8), "share": Span(0.3, 1.0)}

    price: float = Field(0.3, ge=0, le=1, description="u: nats of neg_elbo that a nat of information may cost")
    share: float = Field(0.75, ge=0, le=1, description="of the planned updates, that the fall from 1 to u takes")

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Takes the information off the KL at the price of this update."""
        posterior = terms.context.posterior
        assert posterior is not None
        price = price_at(clock.step / clock.total_steps, self.price, self.share)
        return replace(terms, kl=discounted_kl(terms.kl, sentence_information(posterior, terms.z), price))
