"""Tiny splits, batches, shapes and terms, for tests of a remedy that take milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from vaecli.config import ModelConfig
from vaecli.corpus.types import Batch, Split, collate
from vaecli.model.encoder import Encoding
from vaecli.model.posterior import DiagonalGaussian, Posterior
from vaecli.model.prior import Prior, StandardNormal
from vaecli.model.vae import Shape
from vaecli.objective import Clock, Context, Terms

VOCABULARY_SIZE = 12
"""Word types of the tiny corpora: the four special symbols and ids 4 to 11."""


def tiny_split(n: int = 8, seed: int = 0, vocabulary_size: int = VOCABULARY_SIZE, longest: int = 6) -> Split:
    """N random sentences of 1 to `longest` words, without special symbols."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, longest + 1, (n,), generator=generator)
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
    tokens = torch.randint(4, vocabulary_size, (int(offsets[-1]),), generator=generator, dtype=torch.int32)
    return Split("train", tokens, offsets, raw_words=float(len(tokens)))


def tiny_batch(n: int = 4, seed: int = 0, split: Split | None = None) -> Batch:
    """All sentences of a split, by default of `tiny_split(n, seed)`, as one batch."""
    split = tiny_split(n, seed) if split is None else split
    return collate(split, torch.arange(len(split)))


def tiny_shape(latent_size: int = 4, vocabulary_size: int = VOCABULARY_SIZE, **model: Any) -> Shape:
    """Sizes for a model with layers of a few units; `model` sets further fields of `ModelConfig`."""
    sizes: dict[str, Any] = {
        "embedding_size": 5,
        "encoder_size": 6,
        "decoder_size": 7,
        "latent_size": latent_size,
        **model,
    }
    return Shape(vocabulary_size, train_sentences=100, model=ModelConfig(**sizes))


def make_terms(
    kl: Any = None,
    nll: Any = None,
    posterior: Posterior | None = None,
    *,
    z: Tensor | None = None,
    kl_weight: float = 1.0,
    batch: Batch | None = None,
    encoding: Encoding | None = None,
    prior: Prior | None = None,
    aux: Mapping[str, nn.Module] | None = None,
    train_sentences: int = 100,
    training: bool = True,
) -> Terms:
    """Terms with the values that are told and the least context that holds them.

    Args:
        kl: (B, Z), by default that of `posterior`, else ones (2, 3).
        nll: (B,), by default zeros.
        posterior: By default N(0, I).
        z: (B, Z), by default the posterior's mean, else zeros.
        kl_weight: Before the objective.
        batch: Of B sentences, by default those of `tiny_batch`.
        encoding: What the encoder gave, if the objective reads it.
        prior: By default N(0, I).
        aux: The remedies' own modules, by remedy.
        train_sentences: Of the corpus.
        training: Whether the terms are of an update.
    """
    if kl is None:
        kl = posterior.kl(StandardNormal(posterior.mean.shape[1])) if posterior is not None else torch.ones(2, 3)
    kl = torch.as_tensor(kl)
    size = len(kl)
    if posterior is None:
        posterior = DiagonalGaussian(torch.zeros_like(kl), torch.zeros_like(kl))
    latent_size = posterior.mean.shape[1]
    nll = torch.zeros(size, dtype=kl.dtype) if nll is None else torch.as_tensor(nll)
    return Terms(
        nll=nll,
        kl=kl,
        kl_weight=kl_weight,
        extra=torch.zeros_like(nll),
        z=posterior.mean if z is None else z,
        context=Context(
            batch=tiny_batch(size) if batch is None else batch,
            encoding=encoding,
            posterior=posterior,
            prior=StandardNormal(latent_size) if prior is None else prior,
            aux=aux or {},
            train_sentences=train_sentences,
            training=training,
        ),
    )


def clock(step: int = 0, steps_per_epoch: int = 10, epochs: int = 4) -> Clock:
    """Where training stands."""
    return Clock(step, steps_per_epoch, epochs)
