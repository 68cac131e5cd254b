"""A decoder whose output layer sees z directly, past the LSTM.

Equation:
    ``logits_t = W [h_t; z]``, in addition to z in the initial state and every input.

Differs from the paper:
    The paper has a skip connection from z to every hidden layer; here is one, into the layer before the softmax, where
    the published text model has its most direct one.

References:
    Dieng et al. (2019).
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor

from vaecli.kernels.output import OutputLayer
from vaecli.model.decoder import LSTMDecoder
from vaecli.model.vae import Parts
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Paper, Part, Remedy
from vaecli.remedies.shared.recipes import IN_ZHU


class SkipDecoder(LSTMDecoder):
    """The LSTM decoder with z beside every state that the output layer reads; z is never dropped.

    Args:
        vocabulary_size: Word types V.
        embedding_size: Width of the word embeddings.
        hidden_size: Hidden units H.
        latent_size: Z, at least 1.
        embedding_dropout: Dropout on the word embeddings.
        output_dropout: Dropout on the hidden states.
    """

    def __init__(
        self,
        vocabulary_size: int,
        embedding_size: int,
        hidden_size: int,
        latent_size: int,
        embedding_dropout: float = 0.0,
        output_dropout: float = 0.0,
    ) -> None:
        super().__init__(vocabulary_size, embedding_size, hidden_size, latent_size, embedding_dropout, output_dropout)
        self.output = OutputLayer(hidden_size + latent_size, vocabulary_size)

    def hidden(self, z: Tensor, inputs: Tensor) -> Tensor:
        """(B, T, H + Z) ``[h_t; z]``; see `Decoder.hidden`."""
        states = super().hidden(z, inputs)
        return torch.cat([states, z.unsqueeze(1).expand(-1, states.shape[1], -1).to(states.dtype)], -1)


class Skip(Remedy):
    """Skip-VAE."""

    name: ClassVar[str] = "skip"
    title: ClassVar[str] = "Skip-VAE"
    paper: ClassVar[Paper] = Paper(
        "Dieng et al.", 2019, "Avoiding Latent Variable Collapse with Generative Skip Models", "1807.04863"
    )
    equation: ClassVar[str] = "logits_t = W [h_t; z]"
    recipe: ClassVar[Recipe | None] = replace(
        IN_ZHU,
        source="the row of Zhang et al. 2022, arXiv:2211.00321, in the protocol of Zhu et al. 2020, arXiv:2004.12585",
        unconfirmed=("Dieng et al.'s own training was not obtained",),
    )
    owns: ClassVar[frozenset[Part]] = frozenset({Part.DECODER})
    deviations: ClassVar[tuple[str, ...]] = (
        "one connection, from z into the output layer (published: into every layer)",
    )
    cost: ClassVar[float] = 1.1

    def build(self, parts: Parts) -> Parts:
        """The decoder with the skip connection."""
        m = parts.shape.model
        decoder = SkipDecoder(
            parts.shape.vocabulary_size,
            m.embedding_size,
            m.decoder_size,
            m.latent_size,
            m.embedding_dropout,
            m.output_dropout,
        )
        return replace(parts, decoder=decoder)
