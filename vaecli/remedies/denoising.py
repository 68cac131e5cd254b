"""Denoising: the encoder reads a corrupted sentence, the decoder reconstructs the clean one.

Equation:
    ``loss = E_c(x'|x) E_q(z|x')[-log p(x|z)] + KL(q(z|x') || p(z))``, where the corruption c deletes each word with one
    probability and replaces each that is left by ``<unk>`` with another, in training only. Sentences that are close
    share corrupted forms, so they get close codes.

Differs from the paper:
    A sentence keeps at least one word, in which it differs from the published code.

Caveat:
    Alone this is the denoising VAE; with `info_js` it is the paper's DAAE, the adversarial autoencoder with this
    corruption.

References:
    Shen et al. (2020).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from vaecli.corpus.types import BOS, EOS, PAD, UNK, Batch
from vaecli.model.vae import Parts
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Paper, Part, Remedy
from vaecli.remedies.core.sensible import Sensible, Span


def is_word(tokens: Tensor) -> Tensor:
    """True where a token is neither ``<s>`` nor ``</s>`` nor padding; ``<unk>`` stands for a word."""
    return (tokens != BOS) & (tokens != EOS) & (tokens != PAD)


def substitute_words(batch: Batch, hit: Tensor) -> Batch:
    """The batch with ``<unk>`` for the words that are hit.

    Args:
        batch: Not changed.
        hit: (B, T + 1) True where a word is to be replaced; other tokens stay.
    """
    return replace(batch, tokens=batch.tokens.masked_fill(hit & is_word(batch.tokens), UNK))


def delete_words(batch: Batch, draws: Tensor, rate: float) -> Batch:
    """The batch without the words whose draw is below the rate; each sentence keeps its word of the highest draw.

    Args:
        batch: Not changed.
        draws: (B, T + 1) in [0, 1), one a token; those of other tokens than words don't matter.
        rate: Probability that a word goes, if draws are uniform.

    Returns:
        Shorter sentences in their old order, with lengths and rows that fit them.
    """
    word = is_word(batch.tokens)
    keep = word & (draws >= rate)
    keep.scatter_(1, draws.masked_fill(~word, -1.0).argmax(1, keepdim=True), True)
    keep |= (batch.tokens == BOS) | (batch.tokens == EOS)
    lengths = keep.sum(1) - 1
    # a stable sort brings what is kept to the front in its old order
    order = torch.argsort(~keep, dim=1, stable=True)
    steps = torch.arange(batch.tokens.shape[1], device=batch.tokens.device)
    tokens = batch.tokens.gather(1, order).masked_fill(steps > lengths.unsqueeze(1), PAD)
    tokens = tokens[:, : int(lengths.max()) + 1]
    rows = (steps[: tokens.shape[1] - 1] < lengths.unsqueeze(1)).flatten().nonzero().squeeze(1)
    return Batch(tokens, lengths, batch.index, rows)


class Corruption(nn.Module):
    """Deletion, then substitution, in training mode only.

    It draws from torch's global generator, and nothing for a rate of 0.

    Args:
        deletion: Probability that a word is deleted.
        substitution: Probability that a word that is left becomes ``<unk>``.
    """

    def __init__(self, deletion: float, substitution: float) -> None:
        super().__init__()
        self.deletion, self.substitution = deletion, substitution

    def forward(self, batch: Batch) -> Batch:
        """The batch as the encoder reads it."""
        if not self.training:
            return batch
        if self.deletion > 0:
            batch = delete_words(batch, torch.rand(batch.tokens.shape, device=batch.tokens.device), self.deletion)
        if self.substitution > 0:
            draws = torch.rand(batch.tokens.shape, device=batch.tokens.device)
            batch = substitute_words(batch, draws < self.substitution)
        return batch


class Denoising(Remedy):
    """Corruption of the encoder's input."""

    name: ClassVar[str] = "denoising"
    title: ClassVar[str] = "denoising"
    paper: ClassVar[Paper] = Paper(
        "Shen et al.",
        2020,
        "Educating Text Autoencoders: Latent Representation Guidance via Denoising",
        "1905.12777",
    )
    equation: ClassVar[str] = "loss = E_c(x'|x) E_q(z|x')[-log p(x|z)] + KL(q(z|x') || p(z))"
    recipe: ClassVar[Recipe | None] = Recipe(
        source="Shen et al. 2020, arXiv:1905.12777, DAAE, its code",
        epochs=50,
        optimizer="adam",
        learning_rate=5e-4,
        batch_size=256,
        companions=("info_js",),
        hyper={
            "denoising": {"deletion": 0.3, "substitution": 0.0},
            "info_js": {"scaling": 10.0, "hidden": 512, "learning_rate": 0.0},
        },
        left_out=("Adam's first moments decay by 0.5 and not by 0.9",),
        unconfirmed=("clip",),
    )
    owns: ClassVar[frozenset[Part]] = frozenset({Part.ENCODER_INPUT})
    deviations: ClassVar[tuple[str, ...]] = ("a sentence keeps at least one word; the code may delete all",)
    sensible: ClassVar[Mapping[str, Sensible]] = {"deletion": Span(0.1, 0.6), "substitution": Span(0.0, 0.4)}

    deletion: float = Field(0.3, ge=0, le=1, description="probability that a word is deleted; one always stays")
    substitution: float = Field(0.0, ge=0, le=1, description="probability that a word that is left becomes <unk>")

    def build(self, parts: Parts) -> Parts:
        """Puts the corruption before the encoder."""
        return replace(parts, encoder_noise=Corruption(self.deletion, self.substitution))
