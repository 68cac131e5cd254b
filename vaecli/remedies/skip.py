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

from vaecli.model.decoder import LSTMOutputDecoder
from vaecli.model.vae import Parts
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Paper, Part, Remedy
from vaecli.remedies.shared.recipes import IN_ZHU


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
        decoder = LSTMOutputDecoder(
            parts.shape.vocabulary_size,
            m.embedding_size,
            m.decoder_size,
            m.latent_size,
            m.embedding_dropout,
            m.output_dropout,
            into_lstm=True,
        )
        return replace(parts, decoder=decoder)
