"""Two passes of the decoder, each with input words hidden at random, are pulled towards the same states.

Equation:
    ``loss = E[rec(x with mask m)] + KL + kappa E sum_t ||h_t(m_1) - h_t(m_2)||^2 / H`` with m, m_1 and m_2 independent
    masks that hide each input word with probability r, and h_t the H numbers that the output layer reads: the states,
    and z beside them where it reads z too (`skip`, ``model.decoder=lstm_output``), which makes H larger by Z. What two
    masks leave the same is what comes from z and from the words that both show.

Differs from the paper:
    r and kappa were not confirmed, and the squared difference is of states, where it may be of logits. The
    reconstruction has a mask of its own, which has the same expectation as one shared with a pass.

Caveat:
    With r = 0 and no dropout in the decoder the two passes are one, and the term is 0. A first stage that doesn't train
    the decoder (``fraternal+lm_pretrain``) is without it.

References:
    Petit & Corro (2021); Zolna et al. (2018), fraternal dropout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from vaecli.corpus.types import Batch
from vaecli.model.vae import VAE, Parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.word_dropout import UnknownWords


def decoder_states(model: VAE, z: Tensor, batch: Batch) -> Tensor:
    """(B, T, H) what the output layer reads, at a fresh mask and fresh dropout, in float32 or wider."""
    states = model.decoder.hidden(z, model.input_noise(batch.inputs))
    return states.to(torch.promote_types(states.dtype, torch.float32))


def squared_difference(one: Tensor, other: Tensor, batch: Batch) -> Tensor:
    """(B,) ``sum_t mean_h (one - other)^2`` over the steps that count, of (B, T, H) states."""
    return ((one - other).square().mean(-1) * batch.mask).sum(1)


class Fraternal(Remedy):
    """Fraternal dropout of the decoder."""

    name: ClassVar[str] = "fraternal"
    title: ClassVar[str] = "fraternal dropout"
    paper: ClassVar[Paper] = Paper(
        "Petit & Corro",
        2021,
        "Preventing Posterior Collapse in Variational Autoencoders for Text Generation via Decoder Regularization",
        "2110.14945",
    )
    equation: ClassVar[str] = "loss = rec(mask m) + KL + kappa sum_t ||h_t(m_1) - h_t(m_2)||^2 / H"
    no_recipe: ClassVar[str] = "the training of Petit & Corro was not obtained"
    version: ClassVar[int] = 2
    owns: ClassVar[frozenset[Part]] = frozenset({Part.DECODER_INPUT, Part.TERM})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.LATENT})
    deviations: ClassVar[tuple[str, ...]] = (
        "r and kappa were not confirmed from the paper",
        "the difference is of what the output layer reads, per unit: the states, and z where it reads z too",
        "the reconstruction has a mask of its own, of the same distribution as the two passes'",
    )
    cost: ClassVar[float] = 1.7
    sensible: ClassVar[Mapping[str, Sensible]] = {"rate": Span(0.1, 0.7), "weight": Span(0.1, 10.0, log=True)}

    rate: float = Field(0.4, ge=0, le=1, description="r: probability that an input word is hidden")
    weight: float = Field(1.0, ge=0, description="kappa: factor on the squared difference of the two passes")

    def build(self, parts: Parts) -> Parts:
        """Puts the masks before the decoder."""
        return replace(parts, input_noise=UnknownWords(self.rate))

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Adds the difference of two passes."""
        if "nll" in clock.without:
            return terms
        model, batch = terms.context.model, terms.context.batch
        assert model is not None
        one, other = (decoder_states(model, terms.z, batch) for _ in range(2))
        return terms.add(self.weight * squared_difference(one, other, batch))
