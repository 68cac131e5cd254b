"""The encoder is first trained with a decoder that predicts words one by one, then frozen while a real one is trained.

Equation:
    Stage 1: ``loss = -sum_t log softmax(W z)_{w_t} + KL``, a decoder that knows no order, so that nothing but z can
    tell it the words. Stage 2: the encoder's weights stay bit for bit, ``loss = rec + KL`` trains the heads, the prior
    and the decoder, which stage 1 hasn't trained.

Differs from the paper:
    Both stages share the planned epochs; the heads go on learning in stage 2.

Caveat:
    What the heads have learned can still be unlearned in stage 2, since only the encoder is frozen; the paper trains
    with free bits: ``free_bits+uni_pretrain``. Other added terms are on in both stages, but for what
    trains the decoder.

References:
    Bosc & Vincent (2020).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from vaecli.corpus.types import Batch
from vaecli.model.vae import Parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.remedy import Need, Paper, Phase, put_aux
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.pretraining import PretrainedEncoder, Pretraining, TaskHead, bosc_and_vincent, learning


def unigram_nll(head: TaskHead, z: Tensor, batch: Batch) -> Tensor:
    """(B,) ``-sum_t log softmax(W z)_{w_t}`` in nats, ``</s>`` included.

    Args:
        head: W.
        z: (B, Z).
        batch: The sentences.
    """
    logits = head.output.logits(z)
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return -wide.log_softmax(-1).gather(1, batch.targets).masked_fill(~batch.mask, 0.0).sum(1)


class UniPretrain(Pretraining):
    """Unigram pretraining of the encoder."""

    name: ClassVar[str] = "uni_pretrain"
    title: ClassVar[str] = "unigram pretraining"
    paper: ClassVar[Paper] = bosc_and_vincent("PreUni")
    equation: ClassVar[str] = "stage 1: decoder softmax(W z) of every word; stage 2: loss = rec + KL, encoder frozen"
    needs: ClassVar[frozenset[Need]] = Pretraining.needs | {Need.LATENT_SIZE}
    deviations: ClassVar[tuple[str, ...]] = (
        "both stages share the planned epochs, so that it costs what other methods do (published: stage 1 until it "
        "converges)",
        "alone it is a part of the paper's method, which is free_bits+uni_pretrain",
    )
    cost: ClassVar[float] = 1.1
    sensible: ClassVar[Mapping[str, Sensible]] = {"share": Span(0.1, 0.7)}

    share: float = Field(0.5, gt=0, lt=1, description="share of the planned epochs that stage 1 takes")

    def build(self, parts: Parts) -> Parts:
        """The encoder wrapped, and the unigram decoder."""
        assert parts.encoder is not None
        head = TaskHead(parts.shape.model.latent_size, parts.shape.vocabulary_size)
        return replace(parts, encoder=PretrainedEncoder(parts.encoder), aux=put_aux(parts, self.name, head))

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Adds the unigram decoder's loss until the encoder is frozen."""
        if not learning(terms):
            return terms
        head = terms.context.aux[self.name]
        assert isinstance(head, TaskHead)
        return terms.add(unigram_nll(head, terms.z, terms.context.batch))

    def phases(self) -> tuple[Phase, ...]:
        """The unigram VAE, then the VAE."""
        return self.stages(self.share, keep_kl=True)
