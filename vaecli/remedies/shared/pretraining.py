"""An encoder that is trained on a task of its own first and then kept: `lm_pretrain` and `uni_pretrain`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from vaecli.corpus.types import Batch
from vaecli.kernels.output import OutputLayer
from vaecli.model.encoder import Encoder, Encoding
from vaecli.model.frozen import held
from vaecli.model.vae import VAE
from vaecli.objective import BoundTerm, Terms
from vaecli.remedies.core.recipe import Recipe
from vaecli.remedies.core.remedy import Need, Paper, Part, Phase, Remedy


class PretrainedEncoder(Encoder):
    """An encoder that stops learning once it is `frozen`; until then it is the one that it wraps.

    The switch is a buffer, so that a run that goes on from a checkpoint has it as it was.

    Args:
        wrapped: The encoder.
    """

    frozen: Tensor

    def __init__(self, wrapped: Encoder) -> None:
        super().__init__()
        self.wrapped, self.feature_size = wrapped, wrapped.feature_size
        self._weights = tuple(wrapped.parameters())
        self.register_buffer("frozen", torch.zeros((), dtype=torch.bool))

    def forward(self, batch: Batch) -> Encoding:
        """The encoding of the batch, without a graph to the encoder's weights once it is frozen.

        What stands in for one of them, as the pseudo-inputs of `vamp` do for the word embeddings, goes on learning.
        """
        with held(self._weights) if bool(self.frozen) else nullcontext():
            learns = any(p.requires_grad for p in self.wrapped.parameters())
            with torch.set_grad_enabled(torch.is_grad_enabled() and learns):
                encoding: Encoding = self.wrapped(batch)
        return encoding


class TaskHead(nn.Module):
    """The output layer of the task that the encoder is trained on first.

    Args:
        size: Width of what it reads.
        vocabulary_size: V.
    """

    def __init__(self, size: int, vocabulary_size: int) -> None:
        super().__init__()
        self.output = OutputLayer(size, vocabulary_size)


def task_alone(keep_kl: bool) -> Callable[[Terms], Terms]:
    """The objective of the first stage: without the decoder, and without the KL unless it is kept."""

    def objective(terms: Terms) -> Terms:
        weight = terms.kl_weight if keep_kl else 0.0
        # a bound of several samples is one of the decoder, which this stage has none of: its KL alone is kept
        kl = terms.kl if terms.kl_alone is None else terms.kl_alone
        return replace(terms, nll=torch.zeros_like(terms.nll), kl=kl, kl_weight=weight)

    return objective


def freeze_encoder(model: VAE, seed: int) -> None:
    """Ends the encoder's training; the decoder, which nothing has trained, starts as it is."""
    assert isinstance(model.encoder, PretrainedEncoder)
    model.encoder.frozen.fill_(True)


def bosc_and_vincent(row: str) -> Paper:
    """The paper of both, by the row of its tables."""
    title = "Do Sequence-to-sequence VAEs Learn Global Features of Sentences?"
    return Paper("Bosc & Vincent", 2020, title, "2004.07683", row)


class Pretraining(Remedy):
    """What both have in common: a first stage of the encoder on a task, a second one of all but the encoder."""

    recipe: ClassVar[Recipe | None] = Recipe(
        source="Bosc & Vincent 2020, arXiv:2004.07683, its code",
        optimizer="sgd",
        learning_rate=0.5,
        clip=5.0,
        batch_size=64,
    )
    version: ClassVar[int] = 2
    owns: ClassVar[frozenset[Part]] = frozenset({Part.TERM, Part.PHASES})
    needs: ClassVar[frozenset[Need]] = frozenset({Need.ENCODER, Need.LAST_STATE})

    def stages(self, share: float, keep_kl: bool) -> tuple[Phase, ...]:
        """The two stages.

        Args:
            share: Of the planned epochs that the first takes.
            keep_kl: Whether the first has the KL in its loss.
        """
        without: frozenset[BoundTerm] = frozenset({"nll"}) if keep_kl else frozenset({"nll", "kl"})
        return (
            Phase("task", share, objective=task_alone(keep_kl), figure="train_loss", without=without),
            Phase("vae", 1 - share, start=freeze_encoder),
        )


def learning(terms: Terms) -> bool:
    """Whether the encoder is in its first stage, so that the task is a part of the loss."""
    model = terms.context.model
    assert model is not None
    return isinstance(model.encoder, PretrainedEncoder) and not bool(model.encoder.frozen)
