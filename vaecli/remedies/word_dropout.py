"""Decoder input words replaced by ``<unk>`` at random, so that the decoder has to rely on z.

Equation:
    In training, each word w_t that the decoder reads becomes ``<unk>`` with probability r; ``<s>`` stays, and so do the
    targets and what the encoder reads.

References:
    Bowman et al. (2016).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from vaecli.corpus.types import BOS, EOS, PAD, UNK
from vaecli.model.vae import Parts
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span


def drop_words(inputs: Tensor, drop: Tensor) -> Tensor:
    """The inputs with words replaced by ``<unk>``; ``<s>``, ``</s>`` and padding stay.

    Args:
        inputs: (B, T) int64; not changed.
        drop: (B, T) True where a word goes.
    """
    special = (inputs == BOS) | (inputs == EOS) | (inputs == PAD)
    return inputs.masked_fill(drop & ~special, UNK)


class UnknownWords(nn.Module):
    """Word dropout on the decoder's input, in training mode only.

    It draws from torch's global generator, and nothing at rate 0.

    Args:
        rate: Probability that a word is replaced.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, T) corrupted input."""
        if not self.training or self.rate == 0:
            return inputs
        return drop_words(inputs, torch.rand(inputs.shape, device=inputs.device) < self.rate)


class WordDropout(Remedy):
    """Word dropout on the decoder's input."""

    name: ClassVar[str] = "word_dropout"
    title: ClassVar[str] = "word dropout"
    paper: ClassVar[Paper] = Paper("Bowman et al.", 2016, "Generating Sentences from a Continuous Space", "1511.06349")
    equation: ClassVar[str] = "input word t = <unk> with probability r, else w_t (training only)"
    recipe: ClassVar[Recipe | None] = Recipe(
        source="Bowman et al. 2016, arXiv:1511.06349, table 2, standard VAE",
        companions=("sigmoid_anneal",),
        hyper={"word_dropout": {"rate": 0.38}},
        unconfirmed=(
            "optimiser, learning rate, clip and batch size, which the paper doesn't print",
            "middle and steepness of the schedule, which were tuned for each run",
        ),
    )
    owns: ClassVar[frozenset[Part]] = frozenset({Part.DECODER_INPUT})
    sensible: ClassVar[Mapping[str, Sensible]] = {"rate": Span(0.1, 0.9)}

    rate: float = Field(0.38, ge=0, le=1, description="probability r that a word is replaced (keep rate 1 - r)")

    def build(self, parts: Parts) -> Parts:
        """Puts the corruption before the decoder."""
        return replace(parts, input_noise=UnknownWords(self.rate))
