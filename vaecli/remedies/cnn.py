"""A decoder that can't look far back, so that what is global has to come from z.

Equation:
    Residual blocks of a causal convolution of width 3 with growing dilations, between two of width 1, on word
    embeddings with z beside each. A state sees ``1 + 2 sum_i d_i`` inputs: 15, 63, 125 and 187 in the four published
    sizes. Channels are `decoder_size` outside the blocks and half of it inside.

Caveat:
    The encoder stays an LSTM.

References:
    Yang et al. (2017).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from vaecli.model.convolution import ConvolutionalDecoder
from vaecli.model.vae import Parts
from vaecli.remedies.core.remedy import Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible

Size = Literal["scnn", "mcnn", "lcnn", "vlcnn"]

DILATIONS: dict[Size, tuple[int, ...]] = {
    "scnn": (1, 2, 4),
    "mcnn": (1, 2, 4, 8, 16),
    "lcnn": (1, 2, 4, 8, 16) * 2,
    "vlcnn": (1, 2, 4, 8, 16) * 3,
}
"""Dilations of the blocks, by size."""


class CNN(Remedy):
    """Dilated-convolution decoder."""

    name: ClassVar[str] = "cnn"
    title: ClassVar[str] = "dilated CNN decoder"
    paper: ClassVar[Paper] = Paper(
        "Yang et al.",
        2017,
        "Improved Variational Autoencoders for Text Modeling using Dilated Convolutions",
        "1702.08139",
    )
    equation: ClassVar[str] = "p(w_t | w_<t, z) = p(w_t | the last 1 + 2 sum_i d_i inputs, z)"
    no_recipe: ClassVar[str] = "the training of Yang et al. was not obtained"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.DECODER})
    cost: ClassVar[float] = 1.3  # scnn; vlcnn takes about twice as long
    sensible: ClassVar[Mapping[str, Sensible]] = {"size": ("scnn", "mcnn", "lcnn", "vlcnn")}

    size: Size = Field("scnn", description="how far back it sees: scnn 15 inputs, mcnn 63, lcnn 125, vlcnn 187")

    def build(self, parts: Parts) -> Parts:
        """The convolutional decoder."""
        m = parts.shape.model
        decoder = ConvolutionalDecoder(
            parts.shape.vocabulary_size,
            m.embedding_size,
            m.decoder_size,
            m.latent_size,
            DILATIONS[self.size],
            m.embedding_dropout,
            m.output_dropout,
        )
        return replace(parts, decoder=decoder)
