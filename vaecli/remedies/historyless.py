"""A decoder that reads no words at all: every input word is ``<unk>``, in training and in evaluation.

Equation:
    ``p(w_t | w_<t, z) = p(w_t | t, z)``, word dropout at rate 1 that stays on after training. What is left to the
    decoder is z and the position; ``<s>`` stays. The words are hidden where the decoder looks them up, so that scoring
    and generation alike see none.

Caveat:
    With `lm` it is the inputless language model of the same table.

References:
    Bowman et al. (2016), the inputless decoder of table 2.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from vaecli.model.vae import Parts
from vaecli.remedies.core.parts import unmet
from vaecli.remedies.core.remedy import Paper, Part, Remedy
from vaecli.remedies.word_dropout import drop_words


class HiddenWords(nn.Embedding):
    """Word embeddings that look every word up as ``<unk>``, whatever the mode."""

    def forward(self, input: Tensor) -> Tensor:
        """(..., E) embeddings of (...) ids."""
        return super().forward(drop_words(input, torch.ones_like(input, dtype=torch.bool)))


class Historyless(Remedy):
    """Inputless decoding."""

    name: ClassVar[str] = "historyless"
    title: ClassVar[str] = "inputless decoder"
    paper: ClassVar[Paper] = Paper(
        "Bowman et al.",
        2016,
        "Generating Sentences from a Continuous Space",
        "1511.06349",
        "table 2, the inputless decoder",
    )
    equation: ClassVar[str] = "p(w_t | w_<t, z) = p(w_t | t, z), in evaluation too"
    no_recipe: ClassVar[str] = "Bowman et al. print neither optimiser, learning rate nor batch size"
    owns: ClassVar[frozenset[Part]] = frozenset({Part.DECODER_INPUT})

    def build(self, parts: Parts) -> Parts:
        """Hides the words from the decoder.

        Raises:
            UsageError: The decoder, of another package, has no word embeddings.
        """
        words = getattr(parts.decoder, "embedding", None)
        if not isinstance(words, nn.Embedding):
            raise unmet(self.name, "a decoder with word embeddings", type(parts.decoder).__name__)
        decoder = copy.deepcopy(parts.decoder)
        decoder.embedding = HiddenWords(words.num_embeddings, words.embedding_dim, padding_idx=words.padding_idx)
        return replace(parts, decoder=decoder)
