"""The encoder is first trained as a language model, then frozen while the heads and the decoder are trained.

Equation:
    Stage 1: ``loss = -sum_t log p(w_t | w_<t)`` from the encoder's states and an output layer of its own. Stage 2: the
    encoder's weights stay bit for bit, ``loss = rec + KL`` trains the heads, the prior and the decoder.

Differs from the paper:
    Both stages share the planned epochs, so that methods of one experiment cost about the same; in the paper the
    language model is trained until it converges.

Caveat:
    Stage 1 decays the learning rate by its own training loss, since no validation figure of the VAE means anything
    there. Other added terms are on in both stages, but for what trains the
    decoder.

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
from vaecli.remedies.core.remedy import Paper, Phase, put_aux
from vaecli.remedies.core.sensible import Sensible, Span
from vaecli.remedies.shared.pretraining import PretrainedEncoder, Pretraining, TaskHead, bosc_and_vincent, learning


def language_model_nll(head: TaskHead, states: Tensor, batch: Batch) -> Tensor:
    """(B,) ``-sum_t log p(w_t | w_<t)`` in nats, ``</s>`` included.

    Args:
        head: The output layer on the states.
        states: (B, T + 1, F) after each symbol from ``<s>`` on; state t predicts symbol t + 1.
        batch: The sentences.
    """
    rows = states[:, :-1].flatten(0, 1)[batch.rows]
    nll = head.output.nll(rows, batch.targets.flatten()[batch.rows])
    sentence = batch.rows // batch.targets.shape[1]
    return torch.zeros(batch.size, dtype=nll.dtype, device=nll.device).index_add(0, sentence, nll)


class LMPretrain(Pretraining):
    """Language-model pretraining of the encoder."""

    name: ClassVar[str] = "lm_pretrain"
    title: ClassVar[str] = "language-model pretraining"
    paper: ClassVar[Paper] = bosc_and_vincent("PreLM")
    equation: ClassVar[str] = "stage 1: the encoder as a language model; stage 2: loss = rec + KL, encoder frozen"
    deviations: ClassVar[tuple[str, ...]] = (
        "both stages share the planned epochs, so that it costs what other methods do (published: stage 1 until it "
        "converges)",
        "alone it is a part of the paper's method, which is free_bits+lm_pretrain",
    )
    cost: ClassVar[float] = 1.3
    sensible: ClassVar[Mapping[str, Sensible]] = {"share": Span(0.1, 0.7)}

    share: float = Field(0.5, gt=0, lt=1, description="share of the planned epochs that stage 1 takes")

    def build(self, parts: Parts) -> Parts:
        """The encoder wrapped, and the language model's output layer."""
        assert parts.encoder is not None
        head = TaskHead(parts.encoder.feature_size, parts.shape.vocabulary_size)
        return replace(parts, encoder=PretrainedEncoder(parts.encoder), aux=put_aux(parts, self.name, head))

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Adds the language model's loss until the encoder is frozen."""
        if not learning(terms):
            return terms
        context = terms.context
        encoding, model, head = context.encoding, context.model, context.aux[self.name]
        assert encoding is not None
        assert model is not None
        assert isinstance(head, TaskHead)
        if model.encoder_noise is not None:  # the language model reads the sentences themselves, not corrupted ones
            assert model.encoder is not None
            encoding = model.encoder(context.batch)
        return terms.add(language_model_nll(head, encoding.states, context.batch))

    def phases(self) -> tuple[Phase, ...]:
        """The language model, then the VAE."""
        return self.stages(self.share, keep_kl=False)
