r"""The importance-weighted bound with an encoder gradient whose signal doesn't fade with K.

Equation:
    The loss is that of `iwae`. The decoder's gradient too, ``sum_k v_k d log w_k`` with ``v_k = w_k / sum w``; that of
    the encoder is ``sum_k v_k^2 (d log w_k / d z_k) (d z_k / d phi)``, log q(z|x) differentiated by z alone. The two
    have one expectation.

Differs from the paper:
    The K samples are decoded beside the one that all methods draw, so an update has one pass more than that of `iwae`.

Caveat:
    As for `iwae`: a collapsed posterior is an optimum of this objective as well.

References:
    Tucker et al. (2019).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from vaecli.model.posterior import Posterior, Preimage
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.multisample import (
    NEEDS,
    OWNS,
    further_samples,
    log_ratio,
    neg_bound,
    sampled_losses,
    with_loss,
)


def doubly_reparameterised(terms: Terms, z: Tensor, start: Preimage | None = None) -> Tensor:
    """(B,) ``-L_K`` at (K, B, Z) samples, whose gradient by what made the samples is the doubly reparameterised one.

    Args:
        terms: Give posterior, prior and model.
        z: With a gradient to the posterior.
        start: Where the samples were before a flow; without it the densities take the inverse.
    """
    posterior = terms.context.posterior
    assert posterior is not None
    codes = z.clone()
    # by z alone: a copy of the posterior has no gradient
    log_posterior = posterior.map(Tensor.detach).log_prob_from(codes, start)
    log_prior = terms.context.prior.log_prob_from(codes, partial(posterior.start_near, codes, start))
    log_w = log_ratio(log_prior, log_posterior, sampled_losses(terms, codes))
    share = log_w.detach().softmax(0).unsqueeze(-1)
    if codes.requires_grad:
        codes.register_hook(lambda gradient: gradient * share.to(gradient.dtype))  # type: ignore[no-untyped-call]
    return neg_bound(log_w)


def joined_start(posterior: Posterior, parts: Sequence[Tensor]) -> Preimage | None:
    """Where several draws, each (S, B, Z), were before a flow, one after the other; None where there is none."""
    starts = [start for start in map(posterior.start_of, parts) if start is not None]
    if not starts:
        return None
    return Preimage(torch.cat([s.z for s in starts]), torch.cat([s.log_determinant for s in starts]))


class DReG(Remedy):
    """IWAE with the doubly reparameterised gradient."""

    name: ClassVar[str] = "dreg"
    title: ClassVar[str] = "IWAE-DReG"
    paper: ClassVar[Paper] = Paper(
        "Tucker et al.",
        2019,
        "Doubly Reparameterized Gradient Estimators for Monte Carlo Objectives",
        "1810.04152",
        "equation 8",
    )
    equation: ClassVar[str] = "loss = -L_K, encoder's gradient sum_k v_k^2 (d log w_k / d z_k) (d z_k / d phi)"
    no_recipe: ClassVar[str] = "Tucker et al. train on images"
    owns: ClassVar[frozenset[Part]] = OWNS
    needs: ClassVar[frozenset[Need]] = NEEDS
    deviations: ClassVar[tuple[str, ...]] = ("K is 10 (published: 64, for images)",)
    cost: ClassVar[float] = 8.0
    sensible: ClassVar[Mapping[str, Sensible]] = {"samples": Span(2, 50, log=True)}

    samples: int = Field(10, ge=1, le=1000, description="K: samples a sentence")

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Replaces KL and weight so that the loss is the bound."""
        assert terms.context.posterior is not None
        draws = [terms.z.unsqueeze(0), further_samples(terms, self.samples - 1)]
        start = joined_start(terms.context.posterior, draws)
        return with_loss(terms, doubly_reparameterised(terms, torch.cat(draws), start))
