"""Holistic regularisation: posteriors from hidden and cell state after each word, their KLs averaged, z from the last.

Equation:
    ``loss = E_q[-log p(x|z_T)] + (1/T) sum_t KL(q(z_t|x_<=t) || N(0, I))``, q(z_t|x_<=t) from ``[h_t; c_t]``. The loss
    is that of `twr` over all steps; what differs is that the head reads the cell state as well, so here the encoder
    gives both, 2 F features instead of F, and walks through the sentence step by step, since the fused LSTM keeps no
    cell states.

Differs from the paper:
    One layer as everywhere in this program, where the paper has two and a z as large as all their states. The published
    figures decode from the mean, report the average and count padded steps.

Caveat:
    The trained term is no bound; what is reported is the bound with the KL of z.

References:
    Li et al. (2019).
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import torch

from vaecli.corpus.types import Batch
from vaecli.model.encoder import Encoding, LSTMEncoder
from vaecli.model.posterior import GaussianHead
from vaecli.model.vae import Parts
from vaecli.objective import Clock, Terms
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Need, Paper, Part, Remedy
from vaecli.remedies.shared.timestep import NEEDS, TimestepHead, with_step_kl


class CellLSTMEncoder(LSTMEncoder):
    """The LSTM encoder with its cell states: features and states are ``[h_t; c_t]``.

    Args:
        vocabulary_size: Word types V.
        embedding_size: Width of the word embeddings.
        hidden_size: Hidden units; the feature size is twice as many.
    """

    def __init__(self, vocabulary_size: int, embedding_size: int, hidden_size: int) -> None:
        super().__init__(vocabulary_size, embedding_size, hidden_size)
        self.feature_size = 2 * hidden_size

    def forward(self, batch: Batch) -> Encoding:
        """The state after each symbol, and the one after ``</s>`` as the features."""
        words = self.embedding(batch.tokens)
        state, seen = None, []
        for t in range(words.shape[1]):
            _, state = self.lstm(words[:, t : t + 1], state)
            seen.append(torch.cat(state, -1).squeeze(0))
        states = torch.stack(seen, 1)
        features = states[torch.arange(batch.size, device=states.device), batch.lengths]
        return Encoding(features, states, batch.lengths + 1)


class HR(Remedy):
    """HR-VAE."""

    name: ClassVar[str] = "hr"
    title: ClassVar[str] = "HR-VAE"
    paper: ClassVar[Paper] = Paper(
        "Li et al.",
        2019,
        "A Stable Variational Autoencoder for Text Modelling",
        "1911.05343",
    )
    equation: ClassVar[str] = "loss = rec(z_T) + (1/T) sum_t KL(q(z_t|h_t, c_t) || N(0, I))"
    recipe: ClassVar[Recipe | None] = Recipe(
        source="Li et al. 2019, arXiv:1911.05343, its code",
        optimizer="adam",
        learning_rate=1e-4,
        batch_size=128,
        left_out=("a weight decay of 1e-5, and two layers",),
        unconfirmed=("clip and length of training",),
    )
    owns: ClassVar[frozenset[Part]] = frozenset({Part.ENCODER, Part.POSTERIOR, Part.KL})
    needs: ClassVar[frozenset[Need]] = NEEDS
    deviations: ClassVar[tuple[str, ...]] = (
        "one layer, and a z of model.latent_size (published: two layers, a z as large as all their states)",
        "what is reported is the bound with a sample of z and its KL; the code decodes from the mean, reports the "
        "average KL and counts padded steps",
    )
    cost: ClassVar[float] = 1.8

    def build(self, parts: Parts) -> Parts:
        """An encoder with cell states and a head on both at every step."""
        m = parts.shape.model
        encoder = CellLSTMEncoder(parts.shape.vocabulary_size, m.embedding_size, m.encoder_size)
        head = TimestepHead(GaussianHead(encoder.feature_size, m.latent_size), portion=1.0)
        return replace(parts, encoder=encoder, head=head)

    def objective(self, terms: Terms, clock: Clock) -> Terms:
        """Replaces the KL by the average over the steps."""
        return with_step_kl(terms, self.name)
